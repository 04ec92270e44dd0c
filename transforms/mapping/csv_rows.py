"""Finds the rows in a block of CSV: all at once where quotes are as RFC 4180 has them, or else row by row (R2)."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from transforms.formats.lines import BLANK
from transforms.rules.rejections import shown

Places = npt.NDArray[np.int64]
_LF, _QUOTE, _CR = b'\n"\r'
_IS_BLANK: Final = np.isin(np.arange(256), list(BLANK))


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Rows of a block.

    Attributes:
        starts: Offset of each row: int64[N].
        ends: Offset of its line end.
        lines: Line of each row, from 0 for that at the start of the block.
        cells: Number of its cells.
    """

    starts: Places
    ends: Places
    lines: Places
    cells: Places


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or a line that is none.

    Attributes:
        start: Its offset in the block.
        end: Of its line end.
        line: Its line, from 0.
        cells: Its texts; None if it is no row.
        fault: Why it is none.
    """

    start: int
    end: int
    line: int
    cells: list[str] | None
    fault: str = ""


def rows_of(data: bytes, delimiter: str) -> FoundRows | None:
    """The rows of a block of whole rows; None if a quote is where RFC 4180 has none, or a lone CR is there."""
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    block, mark = np.frombuffer(data, np.uint8), ord(delimiter)
    newlines, between = np.flatnonzero(block == _LF), np.flatnonzero(block == mark)
    ends = newlines
    if b'"' in data:
        quotes = np.flatnonzero(block == _QUOTE)
        if not _is_regular(block, quotes, mark):
            return None
        ends = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        between = between[np.searchsorted(quotes, between) % 2 == 0]
    if not len(ends) or ends[-1] != len(block) - 1:
        ends = np.append(ends, len(block))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    lines = np.arange(len(starts)) if len(ends) >= len(newlines) else np.searchsorted(newlines, starts)
    cells = np.diff(np.searchsorted(between, ends), prepend=0) + 1
    filled = ends > starts
    ends = ends.copy()
    ends[filled] -= block[ends[filled] - 1] == _CR
    return FoundRows(starts, ends, lines, cells)


def _is_regular(block: npt.NDArray[np.uint8], quotes: Places, mark: int) -> bool:
    """Whether quotes open a cell at its start, close it at its end, or are doubled in it."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening > 0, block[opening - 1], _LF)
    is_doubled = opening[1:] == closing[:-1] + 1
    opens = (before == mark) | (before == _LF)
    opens[1:] |= is_doubled
    after = np.where(closing < len(block) - 1, block[np.minimum(closing + 1, len(block) - 1)], _LF)
    closes = (after == mark) | (after == _LF) | (after == _CR)
    closes[:-1] |= is_doubled
    return bool(opens.all() and closes.all())


def blank_rows(data: bytes, rows: FoundRows, suspects: Places) -> Places:
    """Those of some rows that have only blanks."""
    block = np.frombuffer(data, np.uint8)
    starts, ends = rows.starts[suspects], rows.ends[suspects]
    empty = starts == ends
    may_be = empty | _IS_BLANK[block[np.minimum(starts, len(block) - 1)]]
    found = [each for each in suspects[may_be].tolist() if not data[rows.starts[each] : rows.ends[each]].strip(BLANK)]
    return np.array(found, np.int64)


def rows_one_by_one(data: bytes, delimiter: str, columns: int) -> Iterator[Row]:
    """The rows of a block as Python's `csv` reads them, in their order, without blank ones.

    A quote that nothing closes, or that takes further lines and does not give as many cells as there are columns, makes
    its line no row, and the next line begins one. Where that was tried often in vain, rows end with their line.
    """
    pattern = row_pattern(delimiter)
    at = line = 0
    left = _MOST_READ * len(data)
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        reach = len(data) if left > 0 else end
        found = pattern.match(data, at, reach)
        stop = end if found is None else found.end()
        cells, fault = (None, _OPEN) if found is None else _cells(data[at:stop], delimiter, columns)
        if cells is None and (found is None or stop > end):
            left -= (reach if found is None else stop) - at
            stop, fault = end, _OPEN
        raw = data[at:stop].rstrip(b"\r\n")
        if cells is not None or raw.strip(BLANK):
            yield Row(at, at + len(raw), line, cells, f"{fault}, got {shown_bytes(raw)}" if fault == _OPEN else fault)
        line += data.count(b"\n", at, stop)
        at = stop


_MOST_READ: Final = 16
"""How often a block is read, all in all, to find the ends of cells in quotes that turn out to be none."""
_OPEN: Final = "expected the end of a cell in quotes"


def _cells(raw: bytes, delimiter: str, columns: int) -> tuple[list[str] | None, str]:
    """The cells of a row, or None and what is wrong."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return None, f"expected UTF-8, got the byte 0x{raw[error.start]:02x} in {shown_bytes(raw)}"
    try:
        cells = next(csv.reader([text.removesuffix("\n").removesuffix("\r")], delimiter=delimiter), [])
    except csv.Error as error:
        return None, f"expected a row of cells, got {shown(text.rstrip())} ({error})"
    if len(cells) != columns:
        return None, ragged(columns, len(cells))
    return cells, ""


def ragged(columns: int, cells: int) -> str:
    """The message of a row with another number of cells than there are columns."""
    return f"expected {columns:,} cells as in the header, got {cells:,}"


def shown_bytes(raw: bytes) -> str:
    """Bytes of a row for a message."""
    return shown(raw[:200].decode("utf-8", "replace").rstrip())


@lru_cache(maxsize=8)
def row_pattern(delimiter: str) -> re.Pattern[bytes]:
    """Matches a row, with its line end, as Python's `csv` reads it."""
    mark = re.escape(delimiter.encode())
    other = b"[^\n" + mark + b"]"
    cell = b'(?:"(?:[^"]|"")*+"' + other + b'*+|[^"\n' + mark + b"]" + other + b"*+|)"
    return re.compile(cell + b"(?:" + mark + cell + rb")*+(?:\n|\Z)")
