"""Makes columns of Arrow arrays for kernels, by the C interface of Arrow.

Given a pyarrow array itself, polars imports `pyarrow.compute`, which takes a quarter as long as importing polars.
"""

from dataclasses import dataclass

import polars as pl
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class _Exported:
    """An array of which only the C interface is visible."""

    array: pa.Array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema, array = self.array.__arrow_c_array__(requested_schema)
        return schema, array


def series_of(array: pa.Array) -> pl.Series:
    """The values of an array of shape (N,), without a name and mostly without a copy.

    >>> series_of(pa.array(["a", None])).to_list()
    ['a', None]
    """
    return pl.Series(values=_Exported(array))


def decoded(column: pa.ChunkedArray) -> pl.Series:
    """The values of a dictionary-encoded column of at most one chunk, shape (N,).

    >>> decoded(pa.chunked_array([pa.array(["a", None, "a"]).dictionary_encode()])).to_list()
    ['a', None, 'a']
    """
    if not column.num_chunks:
        return series_of(pa.nulls(0, column.type.value_type))
    array = column.chunk(0)
    return series_of(array.dictionary).gather(series_of(array.indices))
