"""Columns without a value: most groups have many that no record of an export fills.

Taking rows of such a column, or putting such columns together, gives another one; making that costs nothing.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl


def null_column_names(frame: pl.DataFrame) -> set[str]:
    """The names of the columns that have no value in any row."""
    return {column.name for column in frame.iter_columns() if column.null_count() == frame.height}


def without(frame: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """The other columns of a frame; unlike polars' own way without a plan, which takes longer than what it plans."""
    return pl.DataFrame([column for column in frame.iter_columns() if column.name not in names]) if names else frame


def null_column(name: str, dtype: pl.DataType, height: int) -> pl.Series:
    """A column without a value."""
    return pl.Series(name, [None], dtype).new_from_index(0, height)


def taken(frame: pl.DataFrame, positions: npt.NDArray[np.int64]) -> pl.DataFrame:
    """The rows of a frame at these positions, in this order: int64[N]."""
    null_names = null_column_names(frame)
    if not null_names or len(null_names) == frame.width:
        return frame[positions]
    return completed(without(frame, null_names)[positions], frame.schema, len(positions))


def stacked(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of frames one below the other, with the columns that any of them has; null where one lacks it."""
    with_values = [without(frame, null_column_names(frame)) for frame in frames]
    if not all(frame.width for frame in with_values):  # rows that say nothing at all count too
        return pl.concat(frames, how="diagonal").rechunk()
    schema = {name: dtype for frame in frames for name, dtype in frame.schema.items()}
    return completed(pl.concat(with_values, how="diagonal").rechunk(), schema, sum(frame.height for frame in frames))


def completed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType], height: int) -> pl.DataFrame:
    """A frame with all columns of a schema, in its order; those that it lacks have no value."""
    columns = {column.name: column for column in frame.iter_columns()}
    return pl.DataFrame(
        [columns[name] if name in columns else null_column(name, dtype, height) for name, dtype in schema.items()]
    )
