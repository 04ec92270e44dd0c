"""Checks a directory before anything is written: it is a dataset, or free to become one (P6)."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.dataset.documents.paths import PRIVATE
from pipelines.dataset.store.folders import TEMPORARY, Folder
from pipelines.dataset.store.marker import MARKER
from pipelines.dataset.store.names import is_system_file, listed
from pipelines.errors import UsageError

LOCK = ".lock"
MARKER_NAME = MARKER.rpartition("/")[2]


def no_dataset_message(root: Folder) -> str:
    """The message for a directory without a marker."""
    with suppress(OSError):
        if (status := root.status(PRIVATE)) is not None and not stat.S_ISDIR(status.st_mode):
            return obstacle_message(root, PRIVATE, status)
    return f"{root.path} is no dataset: it has no {MARKER}; name a dataset, or an empty directory"


def marker(root: Folder) -> bytes | None:
    """The bytes of the marker of a dataset; None if there is none, or only through a link."""
    try:
        with root.inner(PRIVATE) as private:
            return private.read(MARKER_NAME)
    except OSError:
        return None


def check_free(root: Folder) -> None:
    """Raises UsageError if a directory has no marker and contains foreign files."""
    found = [name for name in root.names() if name not in (LOCK, PRIVATE) and not is_system_file(name)]
    if (status := root.status(PRIVATE)) is not None:
        if not stat.S_ISDIR(status.st_mode):
            raise UsageError(obstacle_message(root, PRIVATE, status))
        with suppress(OSError), root.inner(PRIVATE) as private:
            found += [f"{PRIVATE}/{name}" for name in private.names() if not name.endswith(TEMPORARY)]
    if found and marker(root) is None:  # looked for afterwards: another job may have made it a dataset
        raise UsageError(
            f"{root.path} has files but is no dataset ({listed(found)}; there is no {MARKER}): name an empty or a new "
            "directory; these files are left as they are"
        )


@contextmanager
def opened_area(parent: Folder, name: str) -> Iterator[Folder]:
    """Opens a folder of the dataset; raises UsageError if its name is taken by something else."""
    status = parent.status(name)
    if status is not None and not stat.S_ISDIR(status.st_mode):
        raise UsageError(obstacle_message(parent, name, status))
    with parent.inner(name) as folder:
        yield folder


def obstacle_message(parent: Folder, name: str, status: os.stat_result) -> str:
    """The message for something that takes the name of a folder of the dataset."""
    what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no directory"
    return (
        f"{parent.path / name} is {what}: nothing is written or removed through it; move it out of the way, put the "
        "directory itself there (or link to the whole dataset), and run this again"
    )


def check_regular(root: Folder, name: str) -> None:
    """Raises UsageError if something other than a file has the name of a file that will be replaced."""
    status = root.status(name)
    if status is not None and not stat.S_ISREG(status.st_mode):
        what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        raise UsageError(f"{root.path / name} is {what}: it would be overwritten; move it out of the way")


def make_directory(root: Path) -> None:
    """Makes the directory of a dataset, and flushes its name to the disk."""
    if root.exists():
        if not root.is_dir():
            raise UsageError(f"--dataset expects a directory, got the file {root}")
        return
    root.mkdir(parents=True, exist_ok=True)
    with Folder.opened(root.parent) as parent:
        parent.fsync()
