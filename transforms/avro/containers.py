"""Avro object container files: the header, and blocks of encoded records (RULES R2, R8)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from transforms.avro.codecs import BlockError, decompress_block, is_known, known_codecs
from transforms.avro.numbers import MORE, MOST_BYTES, EncodingError, long
from transforms.avro.types import AvroType, SchemaError, parse_schema
from transforms.rules.limits import MAX_BLOCK_BYTES, MAX_HEADER_BYTES, MIB

_MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16
_READ_BYTES: Final = 1 * MIB


class ContainerError(ValueError):
    """The file is no Avro container, is truncated or exceeds a limit; `str()` says which.

    Attributes:
        lost: How many records the damaged block has by its header, 0 if that cannot be read.
    """

    def __init__(self, message: str, lost: int = 0) -> None:
        super().__init__(message, lost)
        self.message, self.lost = message, lost

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says of its records."""

    avro_type: AvroType
    codec: str
    sync: bytes


@dataclass(frozen=True, slots=True)
class Block:
    """Encoded records.

    Attributes:
        count: How many these are, as the block says.
        data: Their encodings, decompressed.
        fault: Why nothing behind the block can be read, if so.
    """

    count: int
    data: bytes
    fault: str | None


class ByteSource:
    """A stream that gives as many bytes as are asked for, and counts them."""

    def __init__(self, stream: BinaryIO) -> None:
        """Takes a stream that may give fewer bytes than are asked for before its end."""
        self._stream = stream
        self._taken = 0

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end. No more memory is taken than there are bytes."""
        pieces = []
        while size > 0 and (piece := self._stream.read(min(size, _READ_BYTES))):
            pieces.append(piece)
            size -= len(piece)
            self._taken += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def exactly(self, size: int, what: str) -> bytes:
        """So many bytes.

        Raises:
            ContainerError: There are fewer; `what` is named.
        """
        data = self.read(size)
        if len(data) < size:
            raise ContainerError(f"the end of the file in {what}")
        return data

    def long(self, what: str, begun: bytes = b"") -> int:
        """A number, of which the first byte may have been read.

        Raises:
            ContainerError: There is none; `what` is named.
        """
        data = begun or self.exactly(1, what)
        while data[-1] >= MORE and len(data) < MOST_BYTES:
            data += self.exactly(1, what)
        try:
            return long(data, 0)[0]
        except (EncodingError, IndexError) as error:
            raise ContainerError(f"a number of more than 64 bits in {what}") from error

    def taken(self) -> int:
        """How many bytes were read since this was last asked."""
        taken, self._taken = self._taken, 0
        return taken


def read_header(source: ByteSource) -> Header:
    """The header of the file, with which it begins.

    Raises:
        ContainerError: It is none, or beyond a limit.
    """
    magic = source.read(len(_MAGIC))
    if magic != _MAGIC:
        raise ContainerError(f"a file that begins with {magic.hex(' ') or 'nothing'}, not with {_MAGIC.hex(' ')}")
    found = _metadata(source)
    sync = source.exactly(_SYNC_BYTES, "its header")
    if b"avro.schema" not in found:
        raise ContainerError("a header without a schema")
    name = found.get(b"avro.codec", b"null").decode("utf-8", "backslashreplace")
    if not is_known(name):
        raise ContainerError(
            f"the codec {name!r}, which is not known: write the file again with one of {known_codecs()}"
        )
    try:
        avro_type = parse_schema(found[b"avro.schema"])
    except SchemaError as error:
        raise ContainerError(str(error)) from error
    return Header(avro_type, name, sync)


def _metadata(source: ByteSource) -> dict[bytes, bytes]:
    """The metadata of the header: keys and values of bytes, in blocks."""
    found: dict[bytes, bytes] = {}
    left = MAX_HEADER_BYTES
    while count := source.long("its header"):
        if count < 0:
            count = -count
            source.long("its header")
        for _ in range(count):
            pair = []
            for _ in range(2):
                length = source.long("its header")
                left -= length + 1
                if length < 0 or left < 0:
                    said = "less than nothing" if length < 0 else "more"
                    raise ContainerError(
                        f"a header that should have at most {MAX_HEADER_BYTES // MIB} MiB and has {said}"
                    )
                pair.append(source.exactly(length, "its header"))
            found[pair[0]] = pair[1]
    return found


def read_blocks(source: ByteSource, header: Header, least_bytes: int) -> Iterator[Block]:
    """The blocks of the file behind its header; `least_bytes` is what one record has.

    Raises:
        ContainerError: A block is damaged, cut off, or beyond a limit. Blocks in front of it were given.
    """
    while first := source.read(1):
        count = source.long("the head of a block", first)
        what = f"a block of {count:,} records"
        try:
            size = _size(source, count, what)
            data = decompress_block(source.exactly(size, what), header.codec)
        except BlockError as error:
            raise ContainerError(f"{what} with {error}", max(count, 0)) from error
        except ContainerError as error:
            raise ContainerError(str(error), max(count, 0)) from error
        if count > (len(data) // least_bytes if least_bytes else math.inf):
            raise ContainerError(f"{what} in {len(data):,} bytes, each of at least {least_bytes:,}", count)
        sync = source.read(_SYNC_BYTES)
        fault = None
        if len(sync) < _SYNC_BYTES:
            fault = "the end of the file where the marker behind a block should stand"
        elif sync != header.sync:
            fault = "other bytes where the marker behind a block should stand"
        yield Block(count, data, fault)
        if fault is not None:
            raise ContainerError(fault)


def _size(source: ByteSource, count: int, what: str) -> int:
    """How many bytes the next block has."""
    size = source.long(what)
    if count < 0 or size < 0:
        raise ContainerError(f"a block of {count:,} records in {size:,} bytes")
    if size > MAX_BLOCK_BYTES:
        raise ContainerError(f"{what} in {size:,} bytes, of which at most {MAX_BLOCK_BYTES // MIB} MiB are read")
    return size
