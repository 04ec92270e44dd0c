"""Reads files of a dataset and verifies their size and digest against the version's description of them (P7)."""

import errno
import hashlib
import mmap
import os
import stat

from transforms.damage import damaged_file, digests_differ
from transforms.storage.stored_files import Piece, StoredFile, is_local, read_bytes

_BROKEN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO, errno.ENXIO}
"""Error numbers of a missing or replaced file; any other is an error of the system, which may be temporary."""
_MOST_KNOWN = 100_000
_Identity = tuple[str, str, int, int, int, int, int]
_known: set[_Identity] = set()
"""Files that this process has verified: each is hashed once, as long as its status does not change."""


class _FaultError(Exception):
    """The fault of a file, in the words of an error message."""


def verified(file: StoredFile) -> Piece:
    """All bytes of a file; a local file is memory-mapped, and hashed at the first access of this process.

    Raises:
        DamagedFileError: The bytes are not those that were written, or the file does not exist.
        OSError: It cannot be read.
    """
    try:
        return _read(file)
    except _FaultError as error:
        raise damaged_file(file.uri, f"{error}") from error


def fault_of(file: StoredFile) -> str | None:
    """The fault of a file; None if its bytes are those that were written.

    Raises:
        OSError: It cannot be read.
    """
    try:
        _read(file)
    except _FaultError as error:
        return f"{error}"
    return None


def size_fault(file: StoredFile, size: int | None) -> str | None:
    """The fault of a file that has this size (None if it does not exist); None if it is the expected one."""
    if size is None:
        return "it is not there"
    return None if size == file.bytes else f"expected {file.bytes} bytes, got {size}"


def _read(file: StoredFile) -> Piece:
    if not is_local(file.uri):
        try:
            data: Piece = read_bytes(file.uri)
        except FileNotFoundError as error:
            raise _FaultError("it is not there") from error
        _check(file, data)
        return data
    try:
        # No symbolic link is followed, since a version has none, and a pipe is not waited for.
        descriptor = os.open(file.uri, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _mapped(file, descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _BROKEN:
            raise _FaultError(_why(error)) from error
        raise


def _mapped(file: StoredFile, descriptor: int) -> Piece:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise _FaultError("expected a file, got something else")
    if (fault := size_fault(file, found.st_size)) is not None:
        raise _FaultError(fault)
    data: Piece = b""
    if found.st_size:
        data = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    times = (found.st_mtime_ns, found.st_ctime_ns)
    identity = (file.uri, file.sha256, found.st_dev, found.st_ino, found.st_size, *times)
    if identity not in _known:
        _check(file, data)
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known.add(identity)
    return data


def _check(file: StoredFile, data: Piece) -> None:
    if (fault := size_fault(file, len(data))) is not None:
        raise _FaultError(fault)
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise _FaultError(digests_differ(file.sha256, found))


def _why(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "it is not there"
    if error.errno == errno.ELOOP:
        return "expected a file, got a symbolic link"
    return (error.strerror or f"{error}").lower()
