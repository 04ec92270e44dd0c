"""Batches: many rows of one group as columns, which the steps pass to each other and store as state files."""

import json
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.arrow_ipc import ArrowFile, to_arrow
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.null_columns import stacked, taken
from transforms.rules.export_rows import Group

Positions: TypeAlias = npt.NDArray[np.int64]
"""Positions of rows: int64[N]."""

_HEADER = struct.Struct("<4sIQ")
_MAGIC = b"MEB1"

CELLS = {
    "row": pl.UInt32(),
    "key": pl.String(),
    "form": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
}
"""The long table of rare values: row of the batch, metadata key, form, and the value in the column of its form."""

SOURCE = {
    "export": pl.Int32(),
    "chunk": pl.Int64(),
    "line": pl.Int64(),
    "offset": pl.Int64(),
    "part": pl.Int64(),
}
"""The source of a row: number of the export in the job, byte offset of the chunk (-1 if `line` counts from the start of
the export, from 1; else it counts from the start of the chunk, from 0), byte offset of the record, part of it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one group.

    Attributes:
        group: Their group.
        rows: One row each: the columns of the group, of SOURCE, and a column `FORM:KEY` for each frequent metadata
            value (FORM of `transforms.kernels.batch.metadata_columns`; null if the row has no such value).
        cells: The rare metadata values, sorted by row, as in CELLS.

    Examples:
        >>> from transforms.api import normalize_records
        >>> records = [{"reference_id": name, "image_url": f"s3://b/{name}.jpg"} for name in "ab"]
        >>> (batch,) = normalize_records(records, "items").batches
        >>> batch.group, batch.rows["reference_id"].to_list(), batch.take(np.array([1])).rows["reference_id"].to_list()
        ('items', ['a', 'b'], ['b'])
        >>> Batch.from_bytes(batch.to_bytes()).rows.height
        2
    """

    group: Group
    rows: pl.DataFrame
    cells: pl.DataFrame

    @classmethod
    def concatenated(cls, batches: "Sequence[Batch]") -> "Batch":
        """All rows of batches of one group, in their order."""
        if len(batches) == 1:
            return batches[0]
        starts = np.cumsum([0] + [batch.rows.height for batch in batches[:-1]]).tolist()
        cells = [_shifted(each.cells, start) for each, start in zip(batches, starts, strict=True) if each.cells.height]
        rows = stacked([batch.rows for batch in batches])
        return cls(batches[0].group, rows, pl.concat(cells).rechunk() if cells else no_cells())

    def take(self, positions: Positions) -> "Batch":
        """The rows at these positions, in this order."""
        return Batch(self.group, taken(self.rows, positions), cells_at(self.cells, positions))

    def split(self, parts: Positions, count: int) -> "list[Batch | None]":
        """One batch for each part number below `count`, None for a part without rows. `parts`: int64[rows]."""
        order = np.argsort(parts, kind="stable")
        bounds = np.searchsorted(parts[order], np.arange(count + 1))
        ordered = self.take(order)
        cell_bounds = np.searchsorted(ordered.cells["row"].to_numpy(), bounds)
        found: list[Batch | None] = []
        for part in range(count):
            start, stop = int(bounds[part]), int(bounds[part + 1])
            if start == stop:
                found.append(None)
                continue
            first, last = int(cell_bounds[part]), int(cell_bounds[part + 1])
            cells = _shifted(ordered.cells[first:last], -start) if last > first else no_cells()
            found.append(Batch(self.group, ordered.rows[start:stop], cells))
        return found

    def canonical(self) -> "Batch":
        """The same rows with columns sorted by name, which hides the order of concatenation (P3)."""
        return Batch(self.group, self.rows.select(sorted(self.rows.columns)), self.cells)

    def to_bytes(self, *, numbered: bool = False) -> bytes:
        """The batch as bytes: a header, then two Arrow IPC files. `numbered` as in `to_arrow`."""
        header = json.dumps({"group": self.group}).encode()
        rows = to_arrow(self.rows, numbered=numbered)
        cells = to_arrow(self.cells, numbered=numbered) if self.cells.height else b""
        return b"".join((_HEADER.pack(_MAGIC, len(header), len(rows)), header, rows, cells))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Batch":
        """The batch that `to_bytes` wrote.

        Raises:
            ValueError: The bytes are no batch.
        """
        whole = EncodedBatch(data)
        return cls(whole.group, *whole.frames())


class EncodedBatch:
    """The bytes of a batch, from which columns are decoded on access.

    Attributes:
        data: The bytes.
        group: The group of the rows.
        rows: `Batch.rows` as a file.
        cells: `Batch.cells` as a file; None if there are none.
    """

    def __init__(self, data: bytes | memoryview, stored: ExpectedColumns | None = None) -> None:
        """Takes the bytes of `Batch.to_bytes`, and for a file of a dataset the expected content.

        Raises:
            ValueError: The bytes are no batch.
            DamagedFileError: The columns of a stored file are not the expected ones.
        """
        self.data = data
        view = memoryview(data)
        if view[:4] != _MAGIC:
            raise ValueError(f"expected the bytes of a batch, got {bytes(view[:16])!r}")
        _, header_size, rows_size = _HEADER.unpack_from(view)
        start = _HEADER.size + header_size
        self.group: Group = json.loads(bytes(view[_HEADER.size : start]))["group"]
        self.rows = ArrowFile(view[start : start + rows_size], stored)
        remaining = view[start + rows_size :]
        self.cells = (
            ArrowFile(remaining, None if stored is None else _stored_cells(remaining, stored)) if remaining else None
        )

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """All rows and all cells."""
        return self.rows.frame(), no_cells() if self.cells is None else self.cells.frame()

    def batch(self) -> Batch:
        """All of it."""
        return Batch(self.group, *self.frames())

    def part(self, names: Collection[str], keys: Collection[str]) -> Batch:
        """The columns with these names and the cells of these keys; nothing else is decompressed."""
        cells = no_cells()
        if self.cells is not None and keys:
            cells = self.cells.frame().filter(pl.col("key").is_in(sorted(keys)))
        return Batch(self.group, self.rows.frame(names), cells)

    def keep(self) -> None:
        """Decompresses all columns at once, before access to several of them."""
        for file in (self.rows, self.cells):
            if file is not None:
                file.keep()

    def forget(self) -> None:
        """Drops the decompressed columns."""
        for file in (self.rows, self.cells):
            if file is not None:
                file.forget()

    @property
    def kept_bytes(self) -> int:
        """The size of the decompressed columns."""
        return sum(0 if file is None else file.kept_bytes for file in (self.rows, self.cells))

    def at(self, positions: Positions) -> Batch:
        """The rows at these positions, ascending: int64[N]."""
        cells = no_cells() if self.cells is None else cells_at(self.cells.frame(), positions)
        return Batch(self.group, self.rows.rows(positions), cells)


def _stored_cells(data: bytes | memoryview, stored: ExpectedColumns) -> ExpectedColumns:
    """The expected content of the cells of a stored batch: each belongs to a row, and they are sorted by row.

    Raises:
        DamagedFileError: The cells are not like that.
    """
    cells = replace(stored, rows=None, dtype=CELLS.get)
    rows = ArrowFile(data, cells).frame(("row",))["row"]
    with stored.reading():
        if rows.null_count() or not rows.is_sorted() or (len(rows) and rows[-1] >= (stored.rows or 0)):
            raise ValueError(f"expected cells of {stored.rows} rows, in their order")
    return replace(cells, rows=len(rows))


def cells_at(cells: pl.DataFrame, positions: Positions) -> pl.DataFrame:
    """The cells of the rows at these positions, int64[N], with `row` as index into them. Positions may repeat."""
    if not cells.height:
        return cells
    first, last = (np.searchsorted(cells["row"].to_numpy(), positions, side) for side in ("left", "right"))
    counts = last - first
    where = np.arange(counts.sum()) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    places = pl.Series("row", np.repeat(np.arange(len(positions), dtype=np.uint32), counts))
    return pl.DataFrame([places, *(column.gather(where) for column in cells.iter_columns() if column.name != "row")])


def _shifted(cells: pl.DataFrame, places: int) -> pl.DataFrame:
    """The cells with `row` increased by a number."""
    rows = (cells["row"].to_numpy().astype(np.int64) + places).astype(np.uint32)
    return pl.DataFrame([pl.Series("row", rows), *cells.get_columns()[1:]])


def no_cells() -> pl.DataFrame:
    """An empty table of rare values."""
    return pl.DataFrame(schema=CELLS)
