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
"""Non-blocking, so that a pipe in place of a file does not wait for its other end."""
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
TEMPORARY = ".tmp"
_NO_SUCH_CALL = (errno.EINVAL, errno.ENOTSUP)


@dataclass(frozen=True, slots=True)
class Folder:
    """An open directory.

    Attributes:
        descriptor: Its file descriptor.
        path: Its path when it was opened, for messages and for calls that need a path.
    """

    descriptor: int
    path: Path

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """Opens the directory that a person names; symbolic links in this path are followed."""
        descriptor = os.open(path, _FOLDER)
        try:
            yield cls(descriptor, path)
        finally:
            os.close(descriptor)

    @contextmanager
    def inner(self, name: str) -> Iterator[Self]:
        """Opens a directory in this one.

        Raises:
            OSError: It does not exist, is a link or no directory, or may not be read.
        """
        descriptor = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.descriptor)
        try:
            yield type(self)(descriptor, self.path / name)
        finally:
            os.close(descriptor)

    def names(self) -> list[str]:
        """The names of its entries, sorted."""
        return sorted(os.listdir(self.descriptor))  # noqa: PTH208 - a descriptor

    def paths(self, start: str = "") -> Iterator[str]:
        """Paths of all files in it; other entries and empty directories get a path that no file can have."""
        for name in self.names():
            status = self.status(name)
            if status is None:
                continue
            path = f"{start}{name}"
            if not stat.S_ISDIR(status.st_mode):
                yield path if stat.S_ISREG(status.st_mode) else f"{path}@"
                continue
            try:
                with self.inner(name) as inner:
                    if not inner.names():
                        yield f"{path}/"
                    yield from inner.paths(f"{path}/")
            except OSError:  # it cannot be read
                yield f"{path}/"

    def status(self, name: str | None = None) -> os.stat_result | None:
        """Status of an entry (of a link itself, not of its target) or of the directory; None if there is no entry."""
        if name is None:
            return os.fstat(self.descriptor)
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        """Whether there is an entry of this name."""
        return self.status(name) is not None

    def read(self, name: str) -> bytes | None:
        """The bytes of a regular file; None if there is none."""
        status = self.status(name)
        if status is None or not stat.S_ISREG(status.st_mode):
            return None
        with open(os.open(name, _FILE, dir_fd=self.descriptor), "rb") as stream:  # noqa: PTH123 - a descriptor
            return stream.read()

    def write(self, name: str, data: bytes = b"", *, fsync: bool = False) -> None:
        """Writes a file atomically, replacing one of the same name.

        With `fsync` its content is flushed to the disk; flushing its name needs `fsync` of the folder.
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
        """Makes a directory in it, if it does not exist."""
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=self.descriptor)

    def move(self, name: str, to: "Folder", new: str) -> None:
        """Moves an entry to a directory under a new name, replacing a file of that name."""
        os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=to.descriptor)

    def remove(self, name: str) -> None:
        """Removes a file or a link, if it exists."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def remove_empty(self, name: str) -> None:
        """Removes a directory, if it exists and is empty."""
        try:
            os.rmdir(name, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                raise

    def remove_tree(self, name: str) -> None:
        """Removes a file, a link, or a directory with everything in it; links are not followed.

        Raises:
            OSError: Another file system is mounted in it, whose files are kept.
        """
        status = self.status(name)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            self.remove(name)
            return
        if status.st_dev != os.fstat(self.descriptor).st_dev:
            raise OSError(errno.EXDEV, "another file system is mounted here", str(self.path / name))
        with suppress(FileNotFoundError):  # another process removes it too
            with self.inner(name) as inner:
                for each in inner.names():
                    inner.remove_tree(each)
            os.rmdir(name, dir_fd=self.descriptor)

    def fsync(self) -> None:
        """Flushes its entries to the disk."""
        fsync_folder(self.descriptor)


def fsync_folder(descriptor: int) -> None:
    """Flushes the entries of a directory to the disk, if the file system supports that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def read_regular(path: Path) -> bytes | None:
    """The bytes of a file, following links; None if there is none.

    Raises:
        OSError: It is not a regular file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "expected a regular file", str(path))
        with open(os.open(path, _FILE & ~os.O_NOFOLLOW), "rb") as stream:  # noqa: PTH123 - a descriptor
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
