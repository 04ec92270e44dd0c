"""Reads NDJSON exports, as a stream or by byte range, in chunks of whole lines (RULES F1, F4).

Both readers guarantee that the concatenation of the parts is the whole, for any cut points. Many workers can
therefore read byte ranges of a large export with the records, offsets and line numbers of a single reader.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import BinaryIO

import numpy as np

from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.lines import BLANK, BYTE_ORDER_MARK, CR, HEAD_BYTES, split_lines
from transforms.raw_records import NEWLINE, RawRecords
from transforms.rules import limits
from transforms.rules.limits import MAX_BARREN_BYTES, MIB

BLOCK_BYTES = 8 * 1024 * 1024  # bytes of one read: many for the latency of a bucket, few for a worker's memory
RANGE_BLOCK_BYTES = 32 * 1024 * 1024  # likewise for a range, which is read at once if it is not larger
BEYOND_BYTES = 64 * 1024  # read beyond the end of a range, where its last line usually ends
TAIL_BYTES = 256 * 1024  # read at once further on, to finish that line


def read_range(stream: BinaryIO, start: int, stop: int) -> Chunk:
    """The records of the lines that begin in the byte range [start, stop).

    A line belongs to the range in which it begins, so ranges that tile a file give each line once. A byte order mark
    belongs to the first line. Memory is bounded by the range and limits.MAX_LINE_BYTES, however long a line is (F4).

    `stream` is seekable and not compressed; `stop` may lie beyond its end.
    """
    begin = _line_start(stream, start, stop)
    if begin is None:
        return _joined([], None)
    stream.seek(begin)
    return _joined(list(_line_chunks(stream, begin, stop, RANGE_BLOCK_BYTES)), 1 if begin == 0 else None)


def read_stream(stream: BinaryIO, chunk_bytes: int) -> Iterator[Chunk]:
    """The records of a stream from its start, in chunks of about `chunk_bytes` with known line numbers.

    Raises:
        Unreadable: if the stream raises it, after the whole lines before that place. It begins at the first line that
            was not delivered: an unfinished line in front of the fault is part of the unreadable remainder (R2).
    """
    if chunk_bytes < 1:
        raise ValueError(f"expected a positive number of bytes for a chunk, got {chunk_bytes}")
    line = 1
    parts: list[Chunk] = []
    size = 0
    fault: Unreadable | None = None
    barren = 0
    try:
        for part in _line_chunks(stream, 0, None, min(BLOCK_BYTES, chunk_bytes)):
            parts.append(part)
            size += part.byte_count
            barren = 0 if len(part.records) or part.refused else barren + part.byte_count
            _check_barren(barren)
            if size >= chunk_bytes:
                chunk = _joined(parts, line)
                parts, size = [], 0
                line += chunk.line_count
                yield chunk
    except Unreadable as error:
        fault = error
    if parts:
        chunk = _joined(parts, line)
        line += chunk.line_count
        yield chunk
    if fault is not None:
        raise Unreadable(fault.message, fault.offset, line) from fault


def _check_barren(size: int) -> None:
    if size > MAX_BARREN_BYTES:
        raise Unreadable(f"expected a record within {MAX_BARREN_BYTES // MIB:,} MiB, got blank lines alone")


def _line_start(stream: BinaryIO, start: int, stop: int) -> int | None:
    """The offset of the first line that begins in [start, stop); None if there is none."""
    if start <= 0:
        return 0 if stop > 0 else None
    at = start - 1  # a line begins at `start` if the byte before it is a line end
    stream.seek(at)
    # The line end has to be followed by a byte in front of `stop`, so nothing is read beyond that.
    while at < stop - 1 and (block := stream.read(min(TAIL_BYTES, stop - 1 - at))):
        found = block.find(NEWLINE)
        if found >= 0:
            return at + found + 1
        at += len(block)
    return None


def _line_chunks(stream: BinaryIO, at: int, stop: int | None, block_bytes: int) -> Iterator[Chunk]:
    """Chunks of whole lines from `at`, where a line begins, to the last line that begins before `stop`.

    Raises:
        Unreadable: if the stream raises it, with the offset of the line that was being read.
    """
    line = _UnfinishedLine(at)
    finished = False
    while not finished:
        try:
            block = stream.read(_read_size(at, stop, block_bytes))
        except Unreadable as error:
            raise Unreadable(error.message, line.begin) from error
        if not block:
            break
        if stop is None and line.length > MAX_BARREN_BYTES:
            raise Unreadable(f"expected the end of a line within {MAX_BARREN_BYTES // MIB:,} MiB, got none", line.begin)
        size = len(block)  # bytes of the block that belong to the range
        if stop is not None and at + size >= stop:
            end = block.find(NEWLINE, max(stop - 1 - at, 0))
            finished = end >= 0
            size = end + 1 if finished else size
        at += size
        if line.overlong and (end := block.find(NEWLINE, 0, size)) >= 0:
            line.add(block[:end])
            yield line.chunk(ended=True)
            block = block[end + 1 : size]
            size = len(block)
            line = _UnfinishedLine(at - size)
        end = block.rfind(NEWLINE, 0, size) + 1
        if end > 0:
            if line.length:
                block, size = line.content() + block[:size], line.length + size
                end += line.length
            yield split_lines(block, offset=line.begin, stop=end)
            line = _UnfinishedLine(line.begin + end)
        line.add(block[end:size])
    if line.length:
        yield line.chunk(ended=False) if line.overlong else split_lines(line.content(), offset=line.begin)


def _read_size(at: int, stop: int | None, block_bytes: int) -> int:
    """The number of bytes to read next: few beyond `stop`."""
    if stop is None:
        return block_bytes
    return min(block_bytes, stop - at + BEYOND_BYTES) if at < stop else TAIL_BYTES


class _UnfinishedLine:
    """The bytes of a line whose end has not been seen; only head and length once it is too long to be a record."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.length = 0
        self.overlong = False
        self._pieces: list[bytes] = []
        self._mark = 0
        self._blank = True
        self._last = b""

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.length += len(piece)
        # Up to here, a byte order mark and a CR may still make it a record of just the allowed length.
        if self.overlong or self.length > limits.MAX_LINE_BYTES + len(BYTE_ORDER_MARK) + len(CR):
            self._shrink(piece if self.overlong else self.content())

    def content(self) -> bytes:
        return b"".join(self._pieces)

    def _shrink(self, seen: bytes) -> None:
        if not self.overlong and self.begin == 0 and seen.startswith(BYTE_ORDER_MARK):
            self._mark = len(BYTE_ORDER_MARK)
            seen = seen[self._mark :]
            self._pieces = [seen]
        self.overlong = True
        self._blank = self._blank and not seen.strip(BLANK)
        self._last = seen[-1:] or self._last
        self._pieces = [self.content()[:HEAD_BYTES]]

    def chunk(self, *, ended: bool) -> Chunk:
        """A chunk of this one overlong line."""
        length = self.length - self._mark - (self._last == CR)
        line = RefusedRecord(offset=self.begin + self._mark, line=0, length=length, head=self.content()[:length])
        return replace(
            split_lines(b""),
            line_count=int(ended),
            byte_count=self.length + ended,
            refused=() if self._blank else (line,),
        )


def _joined(parts: list[Chunk], first_line: int | None) -> Chunk:
    """Joins consecutive chunks into one."""
    if len(parts) == 1:
        return replace(parts[0], first_line=first_line)
    none = np.empty(0, dtype=np.int64)
    above = list(accumulate((part.line_count for part in parts), initial=0))[:-1]
    numbered = list(zip(parts, above, strict=True))
    return Chunk(
        records=RawRecords.joined([part.records for part in parts]),
        offsets=np.concatenate([none, *(part.offsets for part in parts)]),
        lines=np.concatenate([none, *(part.lines + lines for part, lines in numbered)]),
        first_line=first_line,
        line_count=sum(part.line_count for part in parts),
        byte_count=sum(part.byte_count for part in parts),
        refused=tuple(replace(each, line=each.line + lines) for part, lines in numbered for each in part.refused),
    )
