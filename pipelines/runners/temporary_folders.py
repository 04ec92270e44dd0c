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
"""File of such a folder that is locked for as long as its job lives. The system lets go of it however that ends, which
the id of a process would not tell: ids are given anew, and mean nothing in another container."""
SHORT = "/tmp"  # noqa: S108 - private folders are made in it
"""Where temporary folders have short paths."""
_VARIABLE = "TMPDIR"
"""By which processes that are started know where temporary files go."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def temporary_folder(parent: str | None = None) -> Iterator[Path]:
    """A folder that only this user may enter, for as long as the block lasts.

    Args:
        parent: Where it is, None for where temporary files are ($TMPDIR).

    Raises:
        OSError: It cannot be made.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        with cleanup_on_signal(remove), _marked(folder):
            yield folder
    finally:
        remove()


@contextmanager
def private_temporary_files() -> Iterator[None]:
    """Has all temporary files in a folder of the job, also those of libraries, which forget them when it is ended.

    What jobs of this user left that died before they could remove it is removed first.
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


def remove_abandoned_folders(parent: str) -> None:
    """Removes the folders there of jobs of this user that died before they could.

    Of others nothing is touched: a folder has our form of name, belongs to this user, is no link, lets nobody else in,
    and has our marker, which nobody holds.
    """
    try:
        with os.scandir(parent) as entries:
            abandoned = [entry.path for entry in entries if _NAME.fullmatch(entry.name) and _is_abandoned(entry)]
    except OSError:  # there is none, or nobody may look into it
        return
    for path in abandoned:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    unlocked = folder / f"{_MARKER}.new"
    with unlocked.open("x") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(f"{os.getpid()}\n")  # for a person who wonders
        stream.flush()
        unlocked.rename(folder / _MARKER)  # none is ever seen without its lock
        yield


def _is_abandoned(entry: "os.DirEntry[str]") -> bool:
    try:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            return False
        marker = os.open(os.path.join(entry.path, _MARKER), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # noqa: PTH118 - beside os.open
    except OSError:  # it has no marker, or has gone
        return False
    try:
        fcntl.flock(marker, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return stat.S_ISREG(os.fstat(marker).st_mode)
    except OSError:  # its job lives
        return False
    finally:
        os.close(marker)
