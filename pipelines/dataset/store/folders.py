"""Wraps open directory descriptors: no symbolic link is followed, no directory is swapped during use (P6)."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Nobody waits for the other end of a pipe that has the name of a file."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
TEMPORARY = ".tmp"
_NO_SUCH_CALL = (errno.EINVAL, errno.ENOTSUP)


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory that is open.

    Attributes:
        path: Where it was found: for messages, and for what takes paths alone.
    """

    descriptor: int
    path: Path

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """The directory that a person names: links on the way there are meant."""
        descriptor = os.open(path, _FOLDER)
        try:
            yield cls(descriptor, path)
        finally:
            os.close(descriptor)

    @contextmanager
    def inner(self, name: str) -> Iterator[Self]:
        """A directory in this one.

        Raises:
            OSError: It is not there, is a link or something else than a directory, or may not be read.
        """
        descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        try:
            yield type(self)(descriptor, self.path / name)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """What is in it, in order."""
        return sorted(os.listdir(self.descriptor))  # noqa: PTH208 - a descriptor

    def status(self, name: str | None = None) -> os.stat_result | None:
        """Of what is in it, or of itself: of a link that of the link. None where there is nothing."""
        if name is None:
            return os.fstat(self.descriptor)
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """Whether there is anything of that name."""
        return self.status(name) is not None

    def read(self, name: str) -> bytes | None:
        """The bytes of a regular file; None where there is none."""
        status = self.status(name)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        with open(os.open(name, _FILE, dir_fd=self.descriptor), "rb") as stream:  # noqa: PTH123 - a descriptor
            return stream.read()

    def write(self, name: str, data: bytes = b"", *, fsync: bool = False) -> None:
        """Puts a file there in one step, in the place of one that is there already.

        With `fsync` its bytes are on the disk; that its name is, is for `fsync` of the folder.
        """
        temporary = f"{name}.{secrets.token_hex(4)}{TEMPORARY}"
        try:
            with open(os.open(temporary, _NEW_FILE, 0o666, dir_fd=self.descriptor), "wb") as stream:  # noqa: PTH123 - a descriptor
                stream.write(data)
                stream.flush()
                if fsync:
                    os.fsync(stream.fileno())
            self.move(temporary, self, name)
        except BaseException:
            self.remove(temporary)
            raise

    def make(self, name: str) -> None:
        """Makes a directory in it, if it is not there."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self.descriptor)

    def move(self, name: str, to: "Folder", new: str) -> None:
        """Renames what is in it, in the place of a file of the new name."""
        os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def remove(self, name: str) -> None:
        """Removes a file, or a link as it is, if it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def remove_empty(self, name: str) -> None:
        """Removes a directory if it is there, and there is nothing in it."""
        try:
            os.rmdir(name, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def remove_tree(self, name: str) -> None:
        """Removes a file, a link as it is, or a directory with all that is in it.

        Raises:
            OSError: Another file system is mounted in it: what is in that one stays.
        """
        status = self.status(name)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            self.remove(name)
            return
        if status.st_dev != os.fstat(self.descriptor).st_dev:
            raise OSError(errno.EXDEV, "another file system is mounted here", str(self.path / name))
        with suppress(FileNotFoundError):  # somebody else removes it as well
            with self.inner(name) as inner:
                for each in inner.names():
                    inner.remove_tree(each)
            os.rmdir(name, dir_fd=self.descriptor)

    def fsync(self) -> None:
        """Has the names that are in it on the disk."""
        fsync_folder(self.descriptor)


def fsync_folder(descriptor: int) -> None:
    """Has the names in a directory on the disk, where the file system knows such a call for directories."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def read_regular(path: Path) -> bytes | None:
    """The bytes of a file, through links; None where there is none.

    Raises:
        OSError: It is no regular file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
        with open(os.open(path, _FILE & ~os.O_NOFOLLOW), "rb") as stream:  # noqa: PTH123 - a descriptor
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
