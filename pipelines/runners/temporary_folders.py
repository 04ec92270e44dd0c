"""Makes private temporary folders for a job; the next job removes those of a job that was killed."""

import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pipelines.runners.interrupts import cleanup_on_signal

_PREFIX = "metadata-etl-"
_NAME = re.compile(re.escape(_PREFIX) + "[a-z0-9_]{8}")  # as mkdtemp ends names
_MARKER = ".metadata-etl-temporary"
"""File in such a folder that its job keeps locked. The system releases the lock however the job ends. A process id
would not do: ids are reused, and mean nothing in another container."""
SHORT = "/tmp"  # noqa: S108 - private folders are made in it
"""Where temporary folders have short paths."""
_VARIABLE = "TMPDIR"
"""Tells child processes where temporary files go."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def temporary_folder(parent: str | None = None) -> Iterator[Path]:
    """Makes a folder that only this user may enter, and removes it after the block.

    Args:
        parent: Folder to make it in; None for $TMPDIR.

    Raises:
        OSError: The folder cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        with cleanup_on_signal(remove), marked(folder):
            yield folder
    finally:
        remove()


@contextmanager
def private_temporary_files() -> Iterator[None]:
    """Puts all temporary files of the block into one folder, also those of libraries that do not clean up when killed.

    Folders that jobs of this user abandoned are removed first.
    """
    for parent in {tempfile.gettempdir(), SHORT}:
        remove_abandoned_folders(parent)
    with temporary_folder() as folder:
        variable, known = os.environ.get(_VARIABLE), tempfile.tempdir
        os.environ[_VARIABLE] = tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = known
            if variable is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = variable


def remove_abandoned_folders(parent: str, names: re.Pattern[str] = _NAME, *, private: bool = True) -> None:
    """Removes the temporary folders in `parent` whose jobs, of this user, died before they could.

    Nothing else is touched: such a folder has our form of name, belongs to this user, is no link, is closed to other
    users, and contains our marker, which no process has locked.

    Args:
        parent: Where they are.
        names: The form of their names.
        private: Whether a folder that others may enter is none of them.
    """
    try:
        with os.scandir(parent) as entries:
            found = [entry for entry in entries if names.fullmatch(entry.name)]
        abandoned = [entry.path for entry in found if _is_abandoned(entry, _OTHERS if private else 0)]
    except OSError:  # there is no such folder, or it cannot be read
        return
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """Marks a folder as that of a job that is alive as long as the block; the marker is gone after it."""
    unlocked = folder / f"{_MARKER}.new"
    with unlocked.open("x") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(f"{os.getpid()}\n")  # for a person who looks at it
        stream.flush()
        unlocked.rename(folder / _MARKER)  # the marker is never visible without its lock
        yield
        (folder / _MARKER).unlink(missing_ok=True)


def _is_abandoned(entry: "os.DirEntry[str]", forbidden: int) -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & forbidden:
            return False
        marker = os.open(os.path.join(entry.path, _MARKER), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # noqa: PTH118 - beside os.open
    except OSError:  # it has no marker, or was removed
        return False
    try:
        fcntl.flock(marker, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return stat.S_ISREG(os.fstat(marker).st_mode)
    except OSError:  # its job is alive
        return False
    finally:
        os.close(marker)
