"""Reads and writes whole files through Beam's file systems, with the same calls for local paths and `gs://`."""

import errno
import hashlib
import mmap
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from apache_beam.internal.gcp import auth
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError

Piece = bytes | memoryview
_WRITE_BYTES = 1 << 20
"""Bytes of one write: few enough for the bytes that were just hashed to be still in the cache of the processor."""
FETCH_BYTES = 2 * 1024 * 1024
"""Minimum bytes of one request to a bucket: a byte range of an export begins and ends with short reads."""


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
    """Exceptions of the bucket libraries that are loaded: loading them takes long, and few jobs need them."""
    loaded = sys.modules.get("google.cloud.storage.exceptions")
    return (GoogleAPIError, GoogleAuthError, *(() if loaded is None else (loaded.InvalidResponse,)))


def open_to_read(uri: str) -> BinaryIO:
    """Opens a file for its stored bytes: no extension makes Beam decompress them."""
    stream = FileSystems.open(uri, compression_type=CompressionTypes.UNCOMPRESSED)
    if hasattr(stream, "_chunk_size"):
        stream._chunk_size = FETCH_BYTES  # noqa: SLF001 - Beam's 16 MiB, which it has no option for, is 4 times a byte range
    return cast("BinaryIO", stream)


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
    uri = FileSystems.join(root, *path.split("/"))
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
    return FileSystems.get_scheme(uri) in (None, "file")


def readable(uri: str) -> str:
    r"""A URI as text that can be published: bytes of a file name that are not UTF-8 stand as `\xff`."""
    return uri.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def refusal(error: Exception) -> str:
    """The reason of a refused request in one line; of an error of Beam the innermost exception."""
    details: dict[object, object] = getattr(error, "exception_details", None) or {}
    return f"{next(iter(details.values()), error)}".partition("\n")[0]


@contextmanager
def _as_on_a_disk(uri: str) -> Iterator[None]:
    """Turns exceptions of buckets into those of a local disk, so that callers handle one kind."""
    try:
        yield
    except NotFound as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), uri) from error
    except _of_buckets() as error:
        raise OSError(f"{uri}: {error}") from error


def _write_pieces(uri: str, pieces: Iterable[Piece]) -> None:
    if is_local(uri):
        temporary = f"{uri}.{uuid.uuid4().hex}.tmp"
        _write(temporary, pieces)
        FileSystems.rename([temporary], [uri])
    else:
        with _as_on_a_disk(uri):
            _write(uri, pieces)


def _write(uri: str, pieces: Iterable[Piece]) -> None:
    parent, _ = FileSystems.split(uri)
    if is_local(uri) and not FileSystems.exists(parent):
        try:
            FileSystems.mkdirs(parent)
        except OSError:  # another worker made it meanwhile
            if not FileSystems.exists(parent):
                raise
    with FileSystems.create(uri, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        for piece in pieces:
            stream.write(piece)


_look_up_credentials = auth.get_service_credentials


def _credentials(options: PipelineOptions) -> object:
    """The credentials of Beam's file system for buckets; None, which sends no credentials, for an emulator.

    Beam searches for credentials even for an emulator that needs none, for 20 seconds in each process, with or without
    its flag `--no_auth`.
    """
    return None if os.environ.get("STORAGE_EMULATOR_HOST") else _look_up_credentials(options)


# Patched here, because every process that reads or writes a file imports this module first.
auth.get_service_credentials = _credentials
