"""Reads and writes whole files wherever they are: local or `gs://`, the same calls."""

import hashlib
import mmap
import os
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import BinaryIO

Piece = bytes | memoryview
BASES = "state/base/"
"""Folder in a version, by group: the base files of the state files (deltas) with the same numbers."""
_SCHEME = re.compile(r"([A-Za-z][-A-Za-z0-9+.]*)://")
_WILDCARDS = re.compile(r"[][*?]")
_WRITE_BYTES = 1 << 20
"""Bytes of one write: few enough for the bytes that were just hashed to be still in the cache of the processor."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a job wrote.

    Attributes:
        uri: Where it is.
        path: Its path in a version, relative to the folder of the version, with slashes.
        records: Rows in it.
        bytes: Its size.
        sha256: Hex digest of its bytes.
        base: The base file, if this file is a delta (`kernels.batch.state_files`).
    """

    uri: str
    path: str
    records: int
    bytes: int
    sha256: str
    base: "StoredFile | None" = None

    @property
    def files(self) -> "tuple[StoredFile, ...]":
        """The file itself and its base, if it has one."""
        return (self,) if self.base is None else (self, self.base)


def refusals() -> tuple[type[Exception], ...]:
    """Exceptions of file systems that refuse a request. Beam's own error is an OSError."""
    return (OSError, *_of_buckets(), NotImplementedError)


def _of_buckets() -> tuple[type[Exception], ...]:
    """Exceptions of the bucket libraries, if they are loaded: loading them takes long, and few jobs need them."""
    loaded = sys.modules.get("transforms.storage.buckets")
    return () if loaded is None else loaded.errors()


def open_to_read(uri: str) -> BinaryIO:
    """Opens a file for its stored bytes, whatever its extension."""
    return open(uri, "rb") if is_local(uri) else _buckets().open_to_read(uri)  # noqa: PTH123 - a Path for each of thousands takes longer


def exists(uri: str) -> bool:
    """Whether there is such a file."""
    return os.path.exists(uri) if is_local(uri) else _buckets().exists(uri)  # noqa: PTH110 - as above


def files_named(folder: str, pattern: str) -> list[str]:
    """URIs of the files of a folder whose names match a pattern (`part-*`), by name; none if there is no folder."""
    if not is_local(folder):
        return sorted(_sizes(join(folder, ""), pattern))
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as above
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [join(folder, name) for name in sorted(names) if fnmatchcase(name, pattern)]


def files_below(folder: str) -> list[str]:
    """URIs of all files below a folder, symbolic links to folders among them, which are not followed."""
    if not is_local(folder):
        return sorted(object_sizes(folder))
    found = []
    for place, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(join(place, name))]  # noqa: PTH114 - as above
        found += [join(place, name) for name in (*names, *links)]
    return sorted(found)


def object_sizes(folder: str) -> dict[str, int]:
    """URI to size in bytes of all objects below a folder of a bucket, in one listing."""
    return _sizes(join(folder, ""), "**")


def _sizes(start: str, pattern: str) -> dict[str, int]:
    """URI to size of the objects whose URIs are `start`, as it is, and what matches a pattern."""
    # Patterns of Beam have no escape: a wildcard for one character stands for each, and other objects are left out.
    found: dict[str, int] = _buckets().sizes(_WILDCARDS.sub("?", start) + pattern)
    return {uri: size for uri, size in found.items() if uri.startswith(start)}


def object_size(uri: str) -> int:
    """The size of an object; 0 if there is none."""
    return _sizes(uri, "").get(uri, 0)


def object_checksum(uri: str) -> str | None:
    """The checksum that a store keeps of an object."""
    checksum: str | None = _buckets().checksum(uri)
    return checksum


def join(root: str, *parts: str) -> str:
    """Joins a root, local or `gs://`, and parts of a path with slashes."""
    names = [name for part in parts for name in part.split("/")]
    return os.path.join(root, *names) if is_local(root) else "/".join([root.rstrip("/"), *names])  # noqa: PTH118


def content_encoding(stream: BinaryIO) -> str | None:
    """The Content-Encoding of an object that `open_to_read` opened; None where there is none, and of a local file.

    A bucket may decompress `gzip` in transit, and then returns more bytes than the object's size. Beam requests the
    stored bytes, so the reader has to decompress them.
    """
    # Beam has fetched the metadata of the object by now, and its stream has no public access to it.
    encoding: str | None = getattr(getattr(stream, "_blob", None), "content_encoding", None)
    return encoding


def read_bytes(uri: str) -> bytes:
    """All bytes of a file.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It cannot be read.
    """
    with _as_on_a_disk(uri), open_to_read(uri) as stream:
        return stream.read()


def read_span(uri: str, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a file from one offset to another, in blocks.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It cannot be read, or is shorter.
    """
    with _as_on_a_disk(uri), open_to_read(uri) as stream:
        stream.seek(start)
        while start < stop:
            block = stream.read(min(stop - start, _WRITE_BYTES))
            if not block:
                raise OSError(f"{uri}: expected {stop - start:,} more bytes at {start:,}, got the end of the file")
            start += len(block)
            yield block


def remove_folder(folder: str) -> None:
    """Removes all files below a folder, and the folder, if they are there.

    Raises:
        OSError: A file cannot be removed.
    """
    if is_local(folder):
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
    elif found := list(object_sizes(folder)):
        with _as_on_a_disk(folder):
            _buckets().remove(found)


def mapped(uri: str) -> Piece:
    """All bytes of a file that does not change any more; a local file is memory-mapped, and read on access.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It cannot be read.
    """
    if not is_local(uri):
        return read_bytes(uri)
    with open(uri, "rb") as file:  # noqa: PTH123 - as Beam's file system opens it
        if not os.fstat(file.fileno()).st_size:
            return b""
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def read_if_there(uri: str) -> bytes | None:
    """All bytes of a file, None if it does not exist; raises OSError if it cannot be read."""
    try:
        return read_bytes(uri)
    except FileNotFoundError:
        return None


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file atomically: it exists with all its bytes, or not at all.

    An object in a bucket appears at the end of its upload. On a local disk the bytes are written to a temporary name
    first, so that a retried bundle never leaves half a file under the final name.

    Raises:
        OSError: It cannot be written.
    """
    _write_pieces(uri, (data,))


def store(root: str, path: str, data: Piece | Iterable[Piece], *, records: int) -> StoredFile:
    """Writes a file below a root, whole or piece by piece, and returns its description with size and digest."""
    uri = join(root, path)
    digest, size = hashlib.sha256(), 0

    def hashed() -> Iterator[Piece]:
        nonlocal size
        for piece in _blocks((data,) if isinstance(data, Piece) else data):
            digest.update(piece)
            size += len(piece)
            yield piece

    _write_pieces(uri, hashed())
    return StoredFile(uri, path, records, size, digest.hexdigest())


def _blocks(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same bytes in blocks of about _WRITE_BYTES."""
    small: list[Piece] = []
    gathered = 0
    for piece in pieces:
        if len(piece) >= _WRITE_BYTES:
            if small:
                yield b"".join(small)
                small, gathered = [], 0
            view = memoryview(piece)
            yield from (view[start : start + _WRITE_BYTES] for start in range(0, len(view), _WRITE_BYTES))
            continue
        small.append(piece)
        gathered += len(piece)
        if gathered >= _WRITE_BYTES:
            yield b"".join(small)
            small, gathered = [], 0
    if small:
        yield b"".join(small)


def part_path(folder: str, number: int, count: int, extension: str) -> str:
    """Path of a part file: part-00003-of-00008.avro."""
    return f"{folder}/part-{number:05d}-of-{count:05d}.{extension}"


def is_local(uri: str) -> bool:
    """Whether a path is one of the local file system."""
    scheme = _SCHEME.match(uri)
    return scheme is None or scheme[1] == "file"


def local_path(path: str) -> str:
    """A local path without the `file://` of a URI, which no call of the operating system understands."""
    return path.removeprefix("file://")


def readable(uri: str) -> str:
    r"""A URI as text that can be published: bytes of a file name that are not UTF-8 stand as `\xff`."""
    return uri.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def refusal(error: Exception) -> str:
    """The reason of a refused request in one line; of an error of Beam the innermost exception."""
    details: dict[object, object] = getattr(error, "exception_details", None) or {}
    return f"{next(iter(details.values()), error)}".partition("\n")[0]


def _buckets() -> ModuleType:
    from transforms.storage import buckets  # noqa: PLC0415 - takes long, and few jobs need it

    return buckets


def _as_on_a_disk(uri: str) -> AbstractContextManager[None]:
    return nullcontext() if is_local(uri) else _buckets().as_on_a_disk(uri)


def _write_pieces(uri: str, pieces: Iterable[Piece]) -> None:
    if not is_local(uri):
        with _as_on_a_disk(uri):
            _buckets().write(uri, pieces)
        return
    temporary = f"{uri}.{uuid.uuid4().hex}.tmp"
    os.makedirs(os.path.dirname(uri) or ".", exist_ok=True)  # noqa: PTH103, PTH120 - as above
    try:
        with open(temporary, "wb") as stream:  # noqa: PTH123 - a Path for each of thousands takes longer
            stream.writelines(pieces)
        os.replace(temporary, uri)  # noqa: PTH105 - likewise
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108 - likewise
        raise
