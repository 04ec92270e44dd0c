"""Reads byte ranges of exports as chunks of raw records for the stages (F, R2)."""

import hashlib
import io
import math
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.compression import decompressed, is_compressed
from transforms.formats.document_reader import read_document
from transforms.formats.framing import read_range, read_stream
from transforms.formats.lines import split_lines
from transforms.formats.sniff import Format, sniff
from transforms.mapping.maps import SourceFile
from transforms.stages.elements import ByteRange, Export, RawChunk
from transforms.storage.stored_files import content_encoding, is_local, open_to_read, refusal, refusals

RANGE_BYTES = 16 * 1024 * 1024
"""Bytes that one element reads: few enough to occupy all workers, enough to make Beam's overhead negligible."""
HEAD_BYTES = 64 * 1024
EMPTY_EXPORT = "empty_export"
"""Warning: an export without a record: an empty file, an empty list, an envelope of empty lists."""
AVRO_RECORDS = 20_000
_HASH_BYTES = 1024 * 1024


def byte_ranges(exports: Iterable[Export]) -> list[list[ByteRange]]:
    """Splits exports into loads of about RANGE_BYTES: one byte range of a large file, or many small files.

    All byte ranges of a file have the same size, so that workers with equally many of them have equally much to do.

    Examples:
        >>> from transforms.api import Export
        >>> sizes = (24_000_000, 900, 900)
        >>> exports = [Export(n, f"s3://b/{n}.ndjson", "items", None, size) for n, size in enumerate(sizes)]
        >>> loads = byte_ranges(exports)
        >>> [[(each.export.number, each.start, each.stop) for each in load] for load in loads]
        [[(0, 0, 12000000)], [(0, 12000000, 24000000)], [(1, 0, 900), (2, 0, 900)]]
    """
    loads: list[list[ByteRange]] = []
    small: list[ByteRange] = []
    small_bytes = 0
    for export in exports:
        if export.size > RANGE_BYTES:
            step = _step(export)
            starts = range(0, export.size, step)
            loads += ([ByteRange(export, start, min(start + step, export.size))] for start in starts)
            continue
        small.append(ByteRange(export, 0, export.size))
        small_bytes += export.size
        if small_bytes >= RANGE_BYTES:
            loads.append(small)
            small, small_bytes = [], 0
    return [*loads, small] if small else loads


def _step(export: Export) -> int:
    """Bytes of each byte range of an export; the last one may have fewer."""
    if is_compressed(export.uri):  # compressed data can only be read from its start
        return export.size
    return math.ceil(export.size / max(1, math.ceil(export.size / RANGE_BYTES)))


def read(byte_range: ByteRange, *, digest: bool = True) -> Iterator[RawChunk]:
    """The chunks of a byte range; an error of reading is the last of them, as a value (R2)."""
    export = byte_range.export
    sha = None
    try:
        with open_to_read(export.uri) as stream:
            _check_unchanged(stream, export)
            if digest and is_local(export.uri):
                sha = _digest(stream, byte_range)
                stream.seek(0)
            is_empty = byte_range.start == 0 and byte_range.stop >= export.size
            for position, chunk in _chunks(stream, byte_range):
                yield RawChunk(byte_range, position, chunk, None, chunk.byte_count, sha)
                sha = None
                is_empty = is_empty and not len(chunk.records) and not chunk.refused
            if is_empty:
                nothing = replace(split_lines(b""), warnings={EMPTY_EXPORT: 1})
                yield RawChunk(byte_range, -1, nothing, None, 0, sha)
                sha = None
            if sha is not None:  # a byte range without a record of its own
                yield RawChunk(byte_range, -1, None, None, 0, sha)
    except Unreadable as error:
        yield RawChunk(byte_range, -1, None, error, 0, sha)
    except refusals() as error:
        unreadable = Unreadable(f"expected a file that can be read, got {refusal(error)}")
        yield RawChunk(byte_range, -1, None, unreadable, 0, sha)


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A raw record that was looked up: its line, and the chunk that the line counts from (as in `Origin`).

    Attributes:
        raw: Its bytes in the export.
        record: What a map made of them; None without a map.
    """

    offset: int
    chunk: int
    line: int
    raw: bytes
    record: bytes | None = None


def read_again(export: Export, offsets: Collection[int]) -> Iterator[FoundRecord]:
    """The records of an export that begin at these offsets, for the few records whose raw bytes are needed later."""
    # With a map, places are those of the source, and do not say in which byte range a record is.
    step = export.size if export.map is not None else _step(export)
    # The first byte range is always read: it is the whole file if the format can only be read from its start.
    numbers = {min(offset, max(export.size - 1, 0)) // max(step, 1) for offset in offsets} | {0}
    for number in sorted(numbers):
        for raw in read(ByteRange(export, number * step, min((number + 1) * step, export.size)), digest=False):
            if raw.chunk is None:
                continue
            for place in np.flatnonzero(np.isin(raw.chunk.offsets, list(offsets))).tolist():
                line = int(raw.chunk.lines[place]) + first_line(raw)
                record, sources = raw.chunk.records[place], raw.chunk.sources
                found = (record,) if sources is None else (sources[place], record)
                yield FoundRecord(int(raw.chunk.offsets[place]), raw.position, line, *found)


def first_line(raw: RawChunk) -> int:
    """The number to add to the lines of a chunk; 0 for a byte range, whose first line `LineNumbers` adds later."""
    return 0 if raw.position >= 0 or raw.chunk is None or raw.chunk.first_line is None else raw.chunk.first_line


def _chunks(stream: BinaryIO, byte_range: ByteRange) -> Iterator[tuple[int, Chunk]]:
    """(position as in RawChunk, chunk) of the records that begin in the byte range."""
    export = byte_range.export
    if export.map is not None:
        source = SourceFile(export.uri, export.size, byte_range.start, byte_range.stop)
        yield from ((-1, chunk) for chunk in export.map.chunks(source, export.group))
        return
    # Content-Encoding decides, not the name; an object with both is compressed once.
    name = "stored.gz" if content_encoding(stream) == "gzip" else export.uri
    if is_compressed(name):
        if byte_range.start:  # the name did not show the compression: the first byte range reads the whole object
            return
        # A decompressed stream cannot seek back to its start: the head is decompressed twice.
        form = sniff(decompressed(stream, name).read(HEAD_BYTES))
        stream.seek(0)
        uncompressed = decompressed(stream, name)
        if form is Format.AVRO:
            # Only for the many small reads of Avro: in front of a fault, a buffer drops its bytes (R2).
            uncompressed = io.BufferedReader(uncompressed, HEAD_BYTES)  # type: ignore[type-var]
        yield from ((-1, chunk) for chunk in _whole(uncompressed, form))
        return
    form = sniff(stream.read(HEAD_BYTES))
    if form is Format.NDJSON:
        yield byte_range.start, read_range(stream, byte_range.start, byte_range.stop)
    elif byte_range.start == 0:  # only lines can be read from the middle: the first byte range reads the whole file
        stream.seek(0)
        yield from ((-1, chunk) for chunk in _whole(stream, form))


def _whole(stream: BinaryIO, form: Format) -> Iterator[Chunk]:
    """The chunks of an export from its start to its end."""
    match form:
        case Format.EMPTY:
            return
        case Format.NDJSON:
            yield from read_stream(stream, RANGE_BYTES)
        case Format.DOCUMENT:
            yield from read_document(stream)
        case Format.AVRO:
            yield from read_avro(stream, AVRO_RECORDS)


def _check_unchanged(stream: BinaryIO, export: Export) -> None:
    """Raises Unreadable if a local file changed since the job was planned: its byte ranges would not fit together."""
    if export.revision is None or not is_local(export.uri):
        return
    found = os.fstat(stream.fileno())
    if (found.st_size, found.st_mtime_ns) != (export.size, export.revision):
        raise Unreadable(
            f"expected the {export.size:,} bytes that were there when the job began, got a file of "
            f"{found.st_size:,} bytes that was written since"
        )


def _digest(stream: BinaryIO, byte_range: ByteRange) -> bytes:
    sha = hashlib.sha256()
    stream.seek(byte_range.start)
    left = byte_range.stop - byte_range.start
    while left > 0 and (block := stream.read(min(left, _HASH_BYTES))):
        sha.update(block)
        left -= len(block)
    return sha.digest()
