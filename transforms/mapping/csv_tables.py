"""Reads CSV and TSV in batches of rows with their bytes and lines (R1, R2): quotes, embedded line ends, any length."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import BinaryIO, Final

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from transforms.formats.chunks import RefusedRecord, Unreadable
from transforms.formats.lines import BYTE_ORDER_MARK
from transforms.formats.lines import HEAD_BYTES as KEPT_BYTES
from transforms.formats.sniff import to_utf8
from transforms.mapping.csv_rows import FoundRows, Places, Row, blank_rows, ragged, rows_of, rows_one_by_one
from transforms.mapping.csv_text import HEAD_BYTES, CsvOptions, Header, Transcoded, check_encoding, header_of, utf8
from transforms.mapping.tables import TableBatch
from transforms.raw_records import LazyRecords, RawRecords
from transforms.rules.limits import MAX_LINE_BYTES, MIB
from transforms.rules.rejections import Code, Fault

BLOCK_BYTES: Final = 8 * MIB
_MOST_ROWS: Final = 65_536
"""Rows of a batch that are found one by one: each is an object until then."""


def read_csv(stream: BinaryIO, options: CsvOptions, *, block_bytes: int = BLOCK_BYTES) -> Iterator[TableBatch]:
    """The rows of a table below its header, in batches; an empty one first, if there is a header.

    Offsets are those in the decoded text. Blank lines are skipped. An empty cell is no value, quoted or not.

    Raises:
        Unreadable: It is in another encoding, its header is wrong, or the stream raises it: after all rows in front
            (R2).
    """
    source = _Blocks(stream, options.encoding, block_bytes)
    header = _header(source, options)
    if header is None:
        if source.fault is not None:
            raise source.fault
        return
    rows = _Rows(header, source.row_encoding)
    source.take(header.end)
    yield rows.none(source.base)
    while True:
        if len(source.data) > MAX_LINE_BYTES and b"\n" not in source.data[: MAX_LINE_BYTES + 1]:
            yield rows.too_long(source)
        elif end := _last_row_end(source.data, is_last=source.ended):
            yield from rows.batches(source.data[:end], source.base)
            source.take(end)
        if source.ended:
            break
        source.fill()
    if source.fault is not None:
        raise Unreadable(source.fault.message, source.base, rows.line + 1) from source.fault


def _header(source: "_Blocks", options: CsvOptions) -> Header | None:
    """Reads on until the header is there; None if there is none."""
    while not source.ended:
        source.fill()
        if options.encoding is None:
            check_encoding(source.data[:HEAD_BYTES])
        elif source.data.removeprefix(BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"["):
            raise Unreadable(f"expected CSV, got JSON; {to_utf8(options.encoding)}", 0, 1)
        if source.ended or _last_row_end(source.data, is_last=False):
            header = header_of(source.data, options.delimiter, is_whole=source.ended)
            if header is not None:
                return header
        if len(source.data) > MAX_LINE_BYTES:
            raise Unreadable(f"expected a header within {MAX_LINE_BYTES // MIB} MiB, got blank lines alone", 0, 1)
    return None


class _Blocks:
    """A window on a stream in UTF-8: `data` begins at the byte `base`."""

    def __init__(self, stream: BinaryIO, encoding: str | None, block_bytes: int) -> None:
        self.data = b""
        self.base = 0
        self.ended = False
        self.fault: Unreadable | None = None
        self._stream = utf8(stream, encoding)
        self._block_bytes = block_bytes

    def fill(self) -> None:
        """Reads another block behind what is there."""
        block = b""
        try:
            block = self._stream.read(self._block_bytes)
        except Unreadable as error:
            self.fault = error
        self.ended = not block
        self.data += block

    @property
    def row_encoding(self) -> str | None:
        """The encoding of the bytes of a row; None for UTF-8."""
        return self._stream.row_encoding if isinstance(self._stream, Transcoded) else None

    def take(self, end: int) -> None:
        """Drops the bytes in front of an offset."""
        self.data, self.base = self.data[end:], self.base + end

    def take_line(self) -> int:
        """Drops all of the next line, however long it is; returns its bytes without the line end."""
        start = self.base
        while (end := self.data.find(b"\n")) < 0 and not self.ended:
            self.take(len(self.data))
            self.fill()
        length = self.base - start + (len(self.data) if end < 0 else end)
        self.take(len(self.data) if end < 0 else end + 1)
        return length


def _last_row_end(data: bytes, *, is_last: bool) -> int:
    """Where the last whole row of a block ends; the last line, if a row is beyond the limit."""
    if is_last:
        return len(data)
    end = data.rfind(b"\n") + 1
    if len(data) > MAX_LINE_BYTES:
        return end
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        # An odd number of quotes in front: the line end is inside a cell, and so are those back to its opening quote.
        before = data.rfind(b"\n", 0, max(data.rfind(b'"', 0, end), 0)) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


class _Rows:
    """Makes batches of consecutive blocks of whole rows."""

    def __init__(self, header: Header, encoding: str | None) -> None:
        self.line = header.lines
        self._names, self._delimiter, self._encoding = header.names, header.delimiter, encoding

    def none(self, base: int) -> TableBatch:
        """A batch without rows, which has the columns."""
        return self._of_rows((), b"", base)

    def batches(self, data: bytes, base: int) -> Iterator[TableBatch]:
        """The batches of a block that begins at the byte `base`."""
        batch = self._at_once(data, base)
        if batch is not None:
            yield batch
        else:
            rows = rows_one_by_one(data, self._delimiter, len(self._names))
            while some := list(islice(rows, _MOST_ROWS)):
                yield self._of_rows(some, data, base)
        self.line += data.count(b"\n") + (not data.endswith(b"\n"))

    def too_long(self, source: _Blocks) -> TableBatch:
        """The batch of a line beyond the limit (F4), which is dropped."""
        base, head = source.base, source.data[:KEPT_BYTES]
        if self._encoding is not None:
            head = _encoded(head.decode("utf-8", "ignore").encode(), self._encoding)
        self.line += 1
        refused = RefusedRecord(offset=base, line=self.line, length=source.take_line(), head=head)
        return replace(self.none(base), byte_count=refused.length, refused=(refused,))

    def _at_once(self, data: bytes, base: int) -> TableBatch | None:
        """The batch of a block whose rows are found all at once; None if one has to be looked at more closely."""
        rows = rows_of(data, self._delimiter) if _is_utf8(data) else None
        if rows is None or int((rows.ends - rows.starts).max()) > MAX_LINE_BYTES:
            return None
        others = np.flatnonzero(rows.cells != len(self._names))
        blank = blank_rows(data, rows, np.arange(len(rows.starts)) if len(self._names) == 1 else others)
        refused = np.setdiff1d(others, blank)
        if len(refused) > _MOST_ROWS or any(
            b"\n" in data[rows.starts[row] : rows.ends[row]] for row in refused.tolist()
        ):
            return None
        if len(others) or len(blank):
            taken = np.ones(len(rows.starts), np.bool_)
            taken[others] = taken[blank] = False
            good = FoundRows(rows.starts[taken], rows.ends[taken], rows.lines[taken], rows.cells[taken])
            cells = b"\n".join(RawRecords(data, good.starts, good.ends))
        else:
            good, cells = rows, data
        columns = self._columns(cells, len(good.starts))
        if columns is None:
            return None
        faults = [
            self._refused(
                data[rows.starts[row] : rows.ends[row]],
                ragged(len(self._names), int(rows.cells[row])),
                line=int(rows.lines[row]),
                offset=int(rows.starts[row]) + base,
            )
            for row in refused.tolist()
        ]
        return self._made((data, base, len(data)), columns, (good.starts, good.ends, good.lines), faults)

    def _columns(self, cells: bytes, count: int) -> list[pl.Series] | None:
        """The cells of rows that all have as many as there are columns; None if the library sees other rows."""
        if not count:
            return [pl.Series([], dtype=pl.String) for _ in self._names]
        names = [f"{place}" for place in range(len(self._names))]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(cells),
                arrow_csv.ReadOptions(use_threads=False, block_size=len(cells) + 1, column_names=names),
                arrow_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != count:
            return None
        return [pl.Series(pl.from_arrow(column)) for column in table.columns]

    def _of_rows(self, rows: Sequence[Row], data: bytes, base: int) -> TableBatch:
        """The batch of some rows of a block that were found one by one."""
        cells: list[list[str | None]] = []
        places: list[tuple[int, int, int]] = []
        faults: list[RefusedRecord] = []
        for row in rows:
            if row.end - row.start > MAX_LINE_BYTES:
                faults.append(self._refused(data[row.start : row.end], None, line=row.line, offset=row.start + base))
            elif row.cells is None:
                raw = data[row.start : row.end]
                faults.append(self._refused(raw, row.fault, line=row.line, offset=row.start + base))
            else:
                cells.append([cell or None for cell in row.cells])
                places.append((row.start, row.end, row.line))
        columns = [pl.Series(each, dtype=pl.String) for each in (zip(*cells, strict=True) if cells else self._names)]
        if not cells:
            columns = [pl.Series([], dtype=pl.String) for _ in self._names]
        starts, ends, lines = np.array(places, np.int64).reshape(-1, 3).T
        byte_count = rows[-1].end - rows[0].start if rows else 0
        return self._made((data, base, byte_count), columns, (starts, ends, lines), faults)

    def _made(
        self,
        block: tuple[bytes, int, int],
        columns: Sequence[pl.Series],
        places: tuple[Places, Places, Places],
        faults: Sequence[RefusedRecord],
    ) -> TableBatch:
        (data, base, byte_count), (starts, ends, lines) = block, places
        rows = RawRecords(data, starts, ends)
        return TableBatch(
            columns=dict(zip(self._names, columns, strict=True)),
            lines=lines + self.line + 1,
            offsets=starts + base,
            sources=rows if self._encoding is None else _Encoded(rows, self._encoding),
            byte_count=byte_count,
            refused=tuple(faults),
            is_text=True,
        )

    def _refused(self, raw: bytes, message: str | None, *, line: int, offset: int) -> RefusedRecord:
        source = raw if self._encoding is None else _encoded(raw, self._encoding)
        return RefusedRecord(
            offset=offset,
            line=line + self.line + 1,
            length=len(source),
            head=source if len(source) <= BLOCK_BYTES else source[:KEPT_BYTES],
            fault=None if message is None else Fault(Code.MALFORMED_JSON, message),
        )


class _Encoded(LazyRecords):
    """Rows with the bytes that they have in a source of another encoding."""

    def __init__(self, rows: RawRecords, encoding: str) -> None:
        self._rows, self._encoding = rows, encoding

    def __len__(self) -> int:
        return len(self._rows)

    def one(self, place: int) -> bytes:
        return _encoded(self._rows[place], self._encoding)


def _encoded(raw: bytes, encoding: str) -> bytes:
    """Text in UTF-8, as `utf8` made it, in the encoding that it came in."""
    return raw.decode("utf-8", "surrogatepass").encode(encoding, "surrogateescape")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
