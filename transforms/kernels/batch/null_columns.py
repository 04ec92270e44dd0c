"""Fast operations on frames with columns that are entirely null, of which most groups have many.

Selecting rows of such a column, or concatenating such columns, results in another one, which is created at once
instead.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl


def null_column_names(frame: pl.DataFrame) -> set[str]:
    """The names of the columns that have no value in any row."""
    return {column.name for column in frame.iter_columns() if column.null_count() == frame.height}


def without(frame: pl.DataFrame, names: Collection[str]) -> pl.DataFrame:
    """The frame without some columns; faster than `DataFrame.drop`, which builds a query plan."""
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
    """The rows of all frames in order, with the union of their columns; null in a column that a frame lacks."""
    with_values = [without(frame, null_column_names(frame)) for frame in frames]
    if not all(frame.width for frame in with_values):  # a frame without any value has rows, too
        return pl.concat(frames, how="diagonal").rechunk()
    schema = {name: dtype for frame in frames for name, dtype in frame.schema.items()}
    return completed(pl.concat(with_values, how="diagonal").rechunk(), schema, sum(frame.height for frame in frames))


def completed(frame: pl.DataFrame, schema: Mapping[str, pl.DataType], height: int) -> pl.DataFrame:
    """A frame with all columns of a schema, in its order; columns that it lacks are null."""
    columns = {column.name: column for column in frame.iter_columns()}
    return pl.DataFrame(
        [columns[name] if name in columns else null_column(name, dtype, height) for name, dtype in schema.items()]
    )
