"""Sorts and splits the long table of rare values (cells) of a batch by key and form.

Columns of few distinct texts are sorted by the numbers of their texts, in one pass over all rows; comparing the texts
themselves would take ten times as long.
"""

from collections.abc import Collection, Iterator

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import CELL_COLUMN
from transforms.kernels.batch.sorting import order_of_numbers


def ordered(cells: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Cells in the stable order of some columns of texts, by UTF-8 bytes."""
    numbers = np.zeros(cells.height, np.int64)
    for name in names:
        texts = cells[name].unique().sort()
        numbers = numbers * len(texts) + cells[name].cast(pl.Enum(texts)).to_physical().to_numpy()
    return cells[order_of_numbers(numbers)]


def without_values(cells: pl.DataFrame, values: Collection[tuple[str, str]]) -> pl.DataFrame:
    """The cells without those of some (form, key) pairs, in the same order."""
    if not cells.height or not values:
        return cells
    forms, keys = zip(*values, strict=True)
    others = pl.DataFrame({"form": forms, "key": keys}, schema={"form": pl.String, "key": pl.String})
    return cells.join(others, on=["form", "key"], how="anti", maintain_order="left")


def row_ranges(sorted_rows: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The ranges of rows with equal values in some columns: columns `names`, start, count.

    Args:
        sorted_rows: Rows that are sorted by these columns.
        names: The columns.
    """
    return (
        sorted_rows.select(*names, start=pl.int_range(pl.len(), dtype=pl.Int64))
        .group_by(*names, maintain_order=True)
        .agg(pl.col("start").first(), count=pl.len())
    )


def cell_groups(batch: Batch) -> Iterator[tuple[tuple[str, str], pl.DataFrame]]:
    """The cells of each key and form, in the order of their rows."""
    if not batch.cells.height:
        return
    cells = ordered(batch.cells, "key", "form")
    # Slices of one frame: `partition_by` copies each group.
    for key, form, start, count in row_ranges(cells, "key", "form").iter_rows():
        yield (key, form), cells[start : start + count]


def cell_values(cells: pl.DataFrame, form: str) -> pl.Series:
    """The values of cells, which all have this form."""
    values = cells[CELL_COLUMN.get(form, "text")]
    return values.cast(pl.Boolean) if form in ("bool", "null") else values
