"""Whole files through Beam's file systems: local or `gs://`, the same calls."""

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
"""Written at once: so little that what was just hashed is still in the cache of the processor."""
FETCH_BYTES = 2 * 1024 * 1024
"""The least that one request to a bucket asks for: a stretch of an export begins and ends with short reads."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a job wrote.

    Attributes:
        uri: Where it is.
        path: Of it in a version, relative to the version's folder, with slashes.
        records: Rows in it.
        bytes: Its size.
        sha256: Hex digest of its bytes.
        base: The file that it is laid over, if it is (`kernels.state_files`).
    """

    uri: str
    path: str
    records: int
    bytes: int
    sha256: str
    base: "StoredFile | None" = None

    @property
    def files(self) -> "tuple[StoredFile, ...]":
        """It, and the one that it is laid over."""
        return (self,) if self.base is None else (self, self.base)


def refusals() -> tuple[type[Exception], ...]:
    """What a file system raises where it does not give what it is asked for. Beam's own error is an OSError."""
    return (OSError, *_of_buckets(), NotImplementedError)


def _of_buckets() -> tuple[type[Exception], ...]:
    """What the libraries of buckets raise, as far as they are loaded: one takes long, and is for who sees a bucket."""
    loaded = sys.modules.get("google.cloud.storage.exceptions")
    return (GoogleAPIError, GoogleAuthError, *(() if loaded is None else (loaded.InvalidResponse,)))


def open_to_read(uri: str) -> BinaryIO:
    """The bytes of a file as they are stored, whatever its extension says."""
    stream = FileSystems.open(uri, compression_type=CompressionTypes.UNCOMPRESSED)
    if hasattr(stream, "_chunk_size"):
        stream._chunk_size = FETCH_BYTES  # noqa: SLF001 - Beam's 16 MiB, which it has no option for, is 4 times a stretch
    return cast("BinaryIO", stream)


def content_encoding(stream: BinaryIO) -> str | None:
    """The Content-Encoding of an object that `open_to_read` opened; None where there is none, and of a local file.

    A bucket undoes `gzip` on the way if it is let, and then gives more bytes than it says the object has. Beam asks for
    the bytes as they are stored, and so it is for the reader to undo it.
    """
    # Beam has fetched the metadata of the object by now, to which its stream has no other door.
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
    """All bytes of a file that nobody changes any more; of one on a disk only those that are looked at are read.

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
    """All bytes of a file, None where there is none; raises OSError where it cannot be read."""
    try:
        return read_bytes(uri)
    except FileNotFoundError:
        return None


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file in one step: it is there with all its bytes, or not at all.

    An object in a bucket appears when its upload ends. On a local disk the bytes go to a name of their own first, so
    that a bundle that is tried twice never leaves half a file under the name that counts.

    Raises:
        OSError: It cannot be written.
    """
    _write_pieces(uri, (data,))


def store(root: str, path: str, data: Piece | Iterable[Piece], *, records: int) -> StoredFile:
    """Writes a file below a root, whole or piece by piece, and says what was written."""
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
    """The same bytes in stretches of about _WRITE_BYTES."""
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
    """Why a file was not given, in one line: of an error of Beam what is at its bottom."""
    details: dict[object, object] = getattr(error, "exception_details", None) or {}
    return f"{next(iter(details.values()), error)}".partition("\n")[0]


@contextmanager
def _as_on_a_disk(uri: str) -> Iterator[None]:
    """Says what a bucket refuses as a disk says it, for all who read and write files wherever they are."""
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
    """What Beam's file system for buckets signs its requests with; None, which is nothing, for an emulator.

    Beam looks for credentials even for an emulator that takes none, for 20 seconds in each process, whether or not its
    flag `--no_auth` is given.
    """
    return None if os.environ.get("STORAGE_EMULATOR_HOST") else _look_up_credentials(options)


# Here, because every process that reads or writes a file imports this module first.
auth.get_service_credentials = _credentials
