"""Defines a batch of rows of a table, as the readers of CSV, Parquet and Arrow give it to the maps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.formats.chunks import RefusedRecord
from transforms.mapping.values import NewValues


@dataclass(frozen=True, slots=True)
class TableBatch:
    """Rows of a table in their order.

    Attributes:
        columns: Name of each column to its values; null where a cell has none.
        lines: int64[N], the line (CSV) or number (Parquet, Arrow) of each row, from 1.
        offsets: int64[N], ascending: the byte of each row in the text (CSV), or its number from 0.
        sources: The bytes of each row in the source; of tables that are no text, its columns as JSON.
        byte_count: Bytes of the source that these rows take.
        refused: Rows that are no record, each alone: their places and faults.
        is_text: Whether all cells are texts, which have no other type before a map gives them one.
    """

    columns: Mapping[str, pl.Series]
    lines: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    sources: Sequence[bytes]
    byte_count: int
    refused: tuple[RefusedRecord, ...] = ()
    is_text: bool = False

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def rows(self) -> Iterator[NewValues]:
        """Each row as a dict of its cells; one without a value has no member."""
        names = list(self.columns)
        for cells in zip(*(values.to_list() for values in self.columns.values()), strict=True):
            yield {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
