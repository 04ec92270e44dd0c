"""Reads Avro object container files as raw records in JSON text (RULES F2, R2, R6, R8)."""

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np

from transforms.avro.containers import Block, ByteSource, ContainerError, read_blocks, read_header
from transforms.avro.decoding import Decoder, Refused
from transforms.avro.numbers import EncodingError
from transforms.avro.types import SchemaError
from transforms.formats.avro_json import Splicer, json_text
from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.lines import HEAD_BYTES
from transforms.raw_records import RawRecords
from transforms.rules.limits import MAX_EMPTY_BLOCKS, MAX_EMPTY_RECORDS, MIB
from transforms.rules.rejections import Code, Fault

CHUNK_BYTES: Final = 16 * MIB
"""A chunk ends with the record that reaches this size of JSON text."""
_SHOWN_NAMES: Final = 8
"""Names of a path that a message shows."""


def read_avro(stream: BinaryIO, chunk_records: int) -> Iterator[Chunk]:
    """The records of an Avro file, encoded as JSON, in chunks of up to `chunk_records` and about CHUNK_BYTES.

    A field `metadata` with the JSON text of an object (or `null`) is spliced in as that object, at any depth outside
    other metadata. `offsets` are ordinals of records in the file, counted from 0; line n is the n-th record, so
    `first_line` is 1 for the first chunk; `byte_count` is the number of bytes read from the file for the chunk. A
    record that is beyond a limit, or has a value without a JSON form, is rejected alone (R6, R8).

    Raises:
        Unreadable: if the file is no Avro, truncated, corrupt, beyond a limit, or compressed with an unknown codec;
            after all records in front of that place (R2). Its offset and line are those of the first record that is
            missing, and its message says how many more the block is said to have (R6).
    """
    if chunk_records < 1:
        raise ValueError(f"expected a positive number of records for a chunk, got {chunk_records}")
    source = ByteSource(stream)
    try:
        header = read_header(source)
        decoder = Decoder(header.avro_type)
        splicer = Splicer(header.avro_type)
    except (ContainerError, SchemaError, Unreadable) as error:
        raise _unreadable(error, 0, 0) from error
    chunk = _Chunk(0, decoder, splicer)
    fault: ValueError | Unreadable | None = None
    lost = 0
    try:
        for block in _filled(read_blocks(source, header, decoder.size.encoded), decoder.size.encoded):
            at, lost = 0, block.count
            while lost:
                at = chunk.add(block.data, at)
                lost -= 1
                if chunk.count == chunk_records or chunk.byte_count >= CHUNK_BYTES:
                    yield chunk.made(source.taken())
                    chunk = _Chunk(chunk.start + chunk.count, decoder, splicer)
            _check_end(block, at)
    except (ContainerError, EncodingError, Unreadable) as error:
        fault = error
        lost = error.lost if isinstance(error, ContainerError) else lost
    if chunk.count:
        yield chunk.made(source.taken())
    if fault is not None:
        raise _unreadable(fault, chunk.start + chunk.count, lost) from fault


def _check_end(block: Block, at: int) -> None:
    if at != len(block.data):
        raise EncodingError(f"{len(block.data) - at:,} bytes behind the last record of a block")


def _unreadable(fault: Exception, done: int, lost: int) -> Unreadable:
    message = f"expected Avro, got this after {done:,} records: {fault}"
    if lost:
        message += f"; of its block {lost:,} records are not read"
    return Unreadable(message, done, done + 1)


def _filled(blocks: Iterator[Block], least_bytes: int) -> Iterator[Block]:
    """The blocks, as long as those without records, or with records without bytes, are within limits.

    Raises:
        ContainerError: These are more than MAX_EMPTY_BLOCKS or MAX_EMPTY_RECORDS.
    """
    empty = empty_blocks = 0
    for block in blocks:
        empty_blocks += block.count == 0
        if empty_blocks > MAX_EMPTY_BLOCKS:
            raise ContainerError(f"more than {MAX_EMPTY_BLOCKS:,} blocks without records")
        empty += block.count if least_bytes == 0 else 0
        if empty > MAX_EMPTY_RECORDS:
            raise ContainerError(f"more than {MAX_EMPTY_RECORDS:,} records that take no bytes", block.count)
        yield block


class _Chunk:
    """Collects the records of a chunk, beginning with the record of ordinal `start`."""

    def __init__(self, start: int, decoder: Decoder, splicer: Splicer) -> None:
        self.start = start
        self._decoder, self._splicer = decoder, splicer
        self.count = self.byte_count = 0
        self._records: list[bytes] = []
        self._lines: list[int] = []
        self._refused: list[RefusedRecord] = []
        self._warnings: Counter[str] = Counter()

    def add(self, data: bytes, at: int) -> int:
        """Add the record at a place; the place behind it.

        Raises:
            EncodingError: There is none.
        """
        try:
            record, end = self._decoder.read(data, at)
            text = json_text(record, self._splicer, end - at)
        except Refused as refused:
            end = self._refuse(refused, data, at)
        else:
            if self._decoder.warnings:
                self._warnings.update(self._decoder.warnings)
            self._records.append(text)
            self._lines.append(self.count)
            self.byte_count += len(text)
        self.count += 1
        return end

    def _refuse(self, refused: Refused, data: bytes, at: int) -> int:
        path = refused.path
        known = None
        place = ".".join(path if len(path) <= _SHOWN_NAMES else [*path[:_SHOWN_NAMES], "..."])
        message = f"expected {refused.wanted}, got {refused.got}" + (f" at {place}" if place else "")
        if refused.is_large:
            fault = Fault(Code.MALFORMED_JSON, message, None)
            end = self._decoder.skip(data, at)
            raw: bytes = data[at : min(end, at + HEAD_BYTES)]
            length = end - at
        else:
            fault = Fault(Code.NUMBER_OUT_OF_RANGE, message, place or None)
            record, end = self._decoder.read(data, at, as_numbers=True)
            raw = json_text(record, self._splicer, end - at)
            length = len(raw)
            known = record.get("reference_id") if isinstance(record, dict) else None
        self._refused.append(
            RefusedRecord(
                offset=self.start + self.count,
                line=self.count,
                length=length,
                head=raw,
                fault=fault,
                reference_id=known if isinstance(known, str) else None,
            )
        )
        self.byte_count += len(raw)
        return end

    def made(self, byte_count: int) -> Chunk:
        """The chunk, for which so many bytes of the file were read."""
        lines = np.array(self._lines, dtype=np.int64)
        return Chunk(
            records=RawRecords.of(self._records),
            offsets=lines + self.start,
            lines=lines,
            first_line=self.start + 1,
            line_count=self.count,
            byte_count=byte_count,
            refused=tuple(self._refused),
            warnings=self._warnings,
        )
