"""Defines what a map is for the stages: a reader of exports of another format, whose chunks have raw records (R1).

A map turns each record of a source into a raw record as `FORMATS` has them, in JSON text, and everything after that is
the way of a native export. It never loses a record: what it cannot read is in `Chunk.refused` with its fault, what it
leaves aside is counted by name in `Chunk.set_aside`.
"""

import io
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from transforms.formats.chunks import Chunk
from transforms.formats.compression import decompressed, is_compressed
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Code
from transforms.storage.stored_files import content_encoding, open_to_read

_BUFFER_BYTES = 1024 * 1024
IMAGES_OPTION = "images=s3://BUCKET/FOLDER"
"""The option of presets that says where relative paths are, as messages give it."""
_IN_MEMORY_BYTES = 64 * 1024 * 1024
"""Decompressed bytes up to which a file that has to be entered in the middle stays in memory."""


def with_option(name: str, option: str) -> str:
    """How a preset is given with an option more; `advised` says the same to a person.

    >>> with_option("manifest", "url=photo"), with_option("manifest:encoding=latin-1", "delimiter=;")
    ('manifest:url=photo', 'manifest:encoding=latin-1,delimiter=;')
    """
    return f"{name}{',' if ':' in name else ':'}{option}"


def advised(name: str, option: str) -> str:
    """The flag that gives a preset with an option more, in quotes for a shell where it needs them.

    >>> advised("manifest:encoding=latin-1", "delimiter=;")
    "--map 'manifest:encoding=latin-1,delimiter=;'"
    """
    return f"--map {shlex.quote(with_option(name, option))}"


class MapError(ValueError):
    """A map is wrong; the text is one line that names the place in it, and says what to do."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a map reads, or the byte range of one.

    Attributes:
        uri: Where it is, local or `gs://`.
        size: Bytes as stored.
        start: First byte of the byte range. A reader that cannot enter a file in the middle gives all records for the
            range that starts at 0, and none for others.
        stop: Byte after the range.
    """

    uri: str
    size: int
    start: int
    stop: int

    @classmethod
    def whole(cls, uri: str) -> "SourceFile":
        """All of a file, whose size is not known."""
        return cls(uri, sys.maxsize, 0, sys.maxsize)

    def open(self) -> BinaryIO:
        """The decompressed bytes of the whole file, from their start; it may be opened several times.

        Reading raises `transforms.formats.chunks.Unreadable` in front of a fault of the compression (R2).

        Raises:
            OSError: The file cannot be opened (or another of `transforms.storage.stored_files.refusals`).
        """
        return open_source(self.uri)

    def open_to_seek(self) -> BinaryIO:
        """As `open`, for readers that enter a file in the middle; a compressed one is decompressed to a temporary file.

        Raises:
            Unreadable: A compressed file is truncated or corrupt.
        """
        stream = self.open()
        if stream.seekable():
            return stream
        whole = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - returned
        with stream:
            while block := stream.read(_BUFFER_BYTES):
                whole.write(block)
        whole.seek(0)
        return whole  # type: ignore[return-value] # a file of bytes


def open_source(uri: str) -> BinaryIO:
    """The decompressed bytes of a file, from their start: of an export, or of another file that a map needs."""
    stream = open_to_read(uri)
    name = "stored.gz" if content_encoding(stream) == "gzip" else uri
    if not is_compressed(name):
        return stream
    # Not in a buffer, which would drop bytes in front of a fault.
    return _Owned(decompressed(stream, name), stream)  # type: ignore[return-value] # a stream of bytes that is read


class _Owned(io.RawIOBase):
    """A decompressed stream that closes the stream below it."""

    def __init__(self, stream: BinaryIO, below: BinaryIO) -> None:
        super().__init__()
        self._stream, self._below = stream, below

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # io gives it one of these
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        return self._stream.read(-1 if size is None else size)

    def close(self) -> None:
        self._below.close()
        super().close()


@dataclass(frozen=True, slots=True)
class Given:
    """An export of the job, for maps that look at theirs before it begins, or need another one beside it.

    Attributes:
        map: Its map; None for a native one.
    """

    group: Group
    uri: str
    map: "Map | None" = None


class Map(Protocol):
    """A map as the stages use it. It is part of each `Export`, so it is small, and pickled by its values."""

    @property
    def name(self) -> str:
        """How the map was given, for messages and the manifest: `manifest:delimiter=;`, or the path of a file."""

    @property
    def identity(self) -> str:
        """Text that is different for maps that may make different records of a source."""

    @property
    def groups(self) -> Sequence[Group]:
        """The groups that it has records of; another group is wrong usage."""

    def completed(self, group: Group, exports: Sequence[Given]) -> "Map":
        """The map for exports of a group, once all exports of the job are known; most return themselves.

        Raises:
            MapError: It needs an export, or an option, that is not there.
        """

    def chunks(self, source: SourceFile, group: Group) -> Iterator[Chunk]:
        """The records of a source, or of the byte range of one, in order.

        In its chunks `records` are raw records of the group, `sources` their bytes in the source, `lines` the line or
        number of each in the source, from 1, with 0 as `first_line`; `offsets` ascend and say where a record is, once
        for all chunks: its byte, or its number from 0.

        Raises:
            Unreadable: The remainder cannot be read; all in front of it was yielded (R2).
        """

    def typed(self, group: Group, types: Mapping[str, str]) -> "Map":
        """The map with declared types of fields: name of each to `number`, `boolean` or `json` (D1)."""

    def place(self, group: Group, offset: int) -> str | None:
        """The path of the record at an offset in its document, such as `images[17]`; None if its line says enough."""

    def hint(self, code: Code) -> str | None:
        """What to change in the map if the rules reject a record of it with this code; None if it may be right."""
