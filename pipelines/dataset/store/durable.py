"""Flushes files and folders to the disk before a version becomes current (P7)."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.dataset.store.folders import fsync_folder

_AT_ONCE = 8
"""Threads; a journalling file system commits concurrent requests together."""


def fsync_files(paths: Iterable[Path]) -> None:
    """Flushes the content of files to the disk."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_fsync_file, paths))


def fsync_folders(paths: Iterable[Path]) -> None:
    """Flushes the entries of folders to the disk."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_fsync_folder, paths))


def _fsync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fsync_folder(descriptor)
    finally:
        os.close(descriptor)
