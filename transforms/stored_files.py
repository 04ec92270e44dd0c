"""Whole files through Beam's file systems: local or `gs://`, the same calls."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import BinaryIO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a job wrote.

    Attributes:
        path: Relative to the root of what the job writes, with slashes.
        records: Rows in it.
        bytes: Its size.
        sha256: Hex digest of its bytes.
    """

    path: str
    records: int
    bytes: int
    sha256: str


def open_to_read(uri: str) -> BinaryIO:
    """The bytes of a file as they are stored, whatever its extension says."""
    stream: BinaryIO = FileSystems.open(uri, compression_type=CompressionTypes.UNCOMPRESSED)
    return stream


def read_bytes(uri: str) -> bytes:
    """All bytes of a file."""
    with open_to_read(uri) as stream:
        return stream.read()


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file in one step: it is there with all its bytes, or not at all.

    An object in a bucket appears when its upload ends. On a local disk the bytes go to a name of their own first, so
    that a bundle that is tried twice never leaves half a file under the name that counts.
    """
    if is_local(uri):
        temporary = f"{uri}.{uuid.uuid4().hex}.tmp"
        _write(temporary, data)
        FileSystems.rename([temporary], [uri])
    else:
        _write(uri, data)


def store(root: str, path: str, data: bytes, *, records: int) -> StoredFile:
    """Writes a file below a root and says what was written."""
    write_bytes(FileSystems.join(root, *path.split("/")), data)
    return StoredFile(path, records, len(data), hashlib.sha256(data).hexdigest())


def part_path(folder: str, number: int, count: int, extension: str) -> str:
    """Path of a part file: part-00003-of-00008.avro."""
    return f"{folder}/part-{number:05d}-of-{count:05d}.{extension}"


def is_local(uri: str) -> bool:
    """Whether a path is one of the local file system."""
    return FileSystems.get_scheme(uri) in (None, "file")


def _write(uri: str, data: bytes) -> None:
    parent, _ = FileSystems.split(uri)
    if is_local(uri) and not FileSystems.exists(parent):
        try:
            FileSystems.mkdirs(parent)
        except OSError:  # another worker made it meanwhile
            if not FileSystems.exists(parent):
                raise
    with FileSystems.create(uri, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        stream.write(data)
