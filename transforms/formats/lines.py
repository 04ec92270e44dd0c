"""Finds the lines of a block of NDJSON that are records, by columns (RULES F1, F4)."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transforms.formats.chunks import Chunk, RefusedRecord
from transforms.raw_records import NEWLINE, RawRecords
from transforms.rules import limits

HEAD_BYTES = 64 * 1024  # bytes that are kept of a longer line
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLANK = b" \t\r"
CR = b"\r"
_LOOK_BYTES = 256 * 1024  # bytes searched at once: few enough to stay in the processor's cache

_IS_BLANK = np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(BLANK, dtype=np.uint8))
_LF_BYTE, _CR_BYTE = b"\n\r"
_BLANK_OR_END = BLANK + b"\n"
IS_SOLID = ~np.isin(np.arange(256, dtype=np.uint8), np.frombuffer(_BLANK_OR_END, dtype=np.uint8))
_MOST_LINES = _LOOK_BYTES // 32  # in one look; lines as short are hardly records


def split_lines(data: bytes, *, offset: int = 0, first_line: int | None = None, stop: int | None = None) -> Chunk:
    r"""The records of whole lines (F1).

    A line ends with LF or CRLF and nowhere else; the last one may lack its end. Lines of nothing but spaces, tabs and
    CR are skipped, and so is a byte order mark if `offset` is 0.

    `data` begins with a line, at byte `offset` of the export, line `first_line` (1-based) if that is known. Lines from
    `stop` on, which is the start of a line, are not included.

    >>> list(split_lines(b'{"a": 1}\r\n\r\n{"a": 2}').records)
    [b'{"a": 1}', b'{"a": 2}']
    """
    size = len(data) if stop is None else stop
    mark = len(BYTE_ORDER_MARK) if offset == 0 and data.startswith(BYTE_ORDER_MARK) else 0
    found = _lines(data, mark, size) or _dense_lines(data, mark, size)
    lines = np.flatnonzero(found.keep).astype(np.int64, copy=False)
    starts = found.starts[lines]
    lines = lines if found.numbers is None else found.numbers[lines]
    return Chunk(
        records=RawRecords(data, starts, found.ends[found.keep]),
        offsets=starts + offset,
        lines=lines,
        first_line=first_line,
        line_count=found.line_count,
        byte_count=size,
        refused=tuple(replace(each, offset=each.offset + offset) for each in found.refused),
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines of a block.

    Attributes:
        starts: Offset of each: int64[N].
        ends: Offset of the byte after each, without its line end: int64[N].
        keep: Whether each is a record: bool[N].
        refused: Lines that are too long for a record.
        line_count: Number of line ends.
        numbers: Line numbers, if these are not all lines of the block: int64[N].
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    keep: npt.NDArray[np.bool_]
    refused: list[RefusedRecord]
    line_count: int
    numbers: npt.NDArray[np.int64] | None = None


def _lines(data: bytes, mark: int, size: int, *, are_short: bool = False) -> _Lines | None:
    """The lines of a block, whose first begins at `mark`; None if they are unexpectedly short."""
    block = np.frombuffer(data, np.uint8, size)
    found = _newlines(block, may_be_many=are_short)
    if found is None:
        return None
    is_open = size > (found[-1] + 1 if len(found) else mark)  # a last line without a line end
    ends = np.append(found, size) if is_open else found
    starts = np.concatenate([np.full(1, mark, np.int64), found + 1])[: len(ends)]
    filled = ends > starts
    ends[filled] -= block[ends[filled] - 1] == _CR_BYTE
    keep = ends > starts
    if are_short:
        solid = np.flatnonzero(IS_SOLID[block])
        first = np.append(solid, size)[np.searchsorted(solid, starts)]
        keep &= first < ends
    refused = []
    for index in _suspects(block, starts, ends, keep, may_be_blank=not are_short):
        record = data[starts[index] : ends[index]]
        if not record.strip(BLANK):
            keep[index] = False
        elif len(record) > limits.MAX_LINE_BYTES:
            keep[index] = False
            refused.append(
                RefusedRecord(offset=int(starts[index]), line=index, length=len(record), head=record[:HEAD_BYTES])
            )
    return _Lines(starts, ends, keep, refused, len(found))


def _dense_lines(data: bytes, mark: int, size: int) -> _Lines:
    """As `_lines` for very short lines: piece by piece, and blank lines are dropped (R8)."""
    none = np.empty(0, np.int64)
    starts, ends, numbers = [none], [none], [none]
    refused: list[RefusedRecord] = []
    at = above = 0
    while at < size:
        stop = min(at + _LOOK_BYTES, size)
        stop = (
            (data.rfind(NEWLINE, at, stop) + 1 or data.find(NEWLINE, stop, size) + 1 or size) if stop < size else size
        )
        piece = data[at:stop]
        if not piece.strip(_BLANK_OR_END):
            above += piece.count(NEWLINE)
        else:
            found = _lines(piece, mark if at == 0 else 0, stop - at, are_short=True)
            assert found is not None  # noqa: S101 - for the type checker
            lines = np.flatnonzero(found.keep)
            starts.append(found.starts[lines] + at)
            ends.append(found.ends[lines] + at)
            numbers.append(lines + above)
            refused += (replace(each, offset=each.offset + at, line=each.line + above) for each in found.refused)
            above += found.line_count
        at = stop
    every = np.concatenate(starts)
    return _Lines(
        every, np.concatenate(ends), np.ones(len(every), np.bool_), refused, above, numbers=np.concatenate(numbers)
    )


def _newlines(block: npt.NDArray[np.uint8], *, may_be_many: bool) -> npt.NDArray[np.int64] | None:
    """Offsets of the line ends; None if they are so frequent that the offsets would take too much memory."""
    if len(block) <= _LOOK_BYTES:
        return np.flatnonzero(block == _LF_BYTE)
    looks = [np.empty(0, np.int64)]
    for at in range(0, len(block), _LOOK_BYTES):
        looks.append(np.flatnonzero(block[at : at + _LOOK_BYTES] == _LF_BYTE) + at)
        if len(looks[-1]) > _MOST_LINES and not may_be_many:
            return None
    return np.concatenate(looks)


def _suspects(
    block: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    keep: npt.NDArray[np.bool_],
    *,
    may_be_blank: bool,
) -> list[int]:
    """Indices of the lines that may be blank or refused: too long, or with a blank in front."""
    suspect = ends - starts > limits.MAX_LINE_BYTES
    if may_be_blank:
        suspect[keep] |= _IS_BLANK[block[starts[keep]]]
    found: list[int] = np.flatnonzero(suspect & keep).tolist()
    return found
