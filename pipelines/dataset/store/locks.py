"""Locks files between processes of one machine; the system releases a lock when its process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def exclusive(path: Path | str, *, wait: bool = False, folder: int | None = None) -> Iterator[int]:
    """Locks a file during the block, making it if it does not exist; yields its descriptor.

    Args:
        path: Of the file.
        wait: Whether to wait until another process releases it.
        folder: Descriptor of the directory that a relative path starts from.

    Raises:
        BlockingIOError: Another process has locked it, and `wait` is not set.
        OSError: The file is a link, or cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPENED, 0o666, dir_fd=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path | str, *, folder: int | None = None) -> bool:
    """Whether a process has locked a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _OPENED, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
