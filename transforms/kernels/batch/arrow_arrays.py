"""Makes columns of Arrow arrays for kernels, and arrays of frequent texts dictionary-encoded.

Given a pyarrow array itself, polars imports `pyarrow.compute`, which takes a quarter as long as importing polars. Given
an array of numpy, pyarrow imports pandas where that is installed, which takes as long as importing polars.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_SAMPLE, _OFTEN = 512, 8
"""Texts are dictionary-encoded if each occurs 8 times on average, first in a sample of rows, then in all rows."""
_MOST_INT8 = 2**7


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


def array_of(values: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> pa.Array:
    """Positions or a mask of rows as an Arrow array: int64[N] without a copy, or bool[N].

    >>> array_of(np.array([2, 5])).to_pylist(), array_of(np.array([True, False, True])).to_pylist()
    ([2, 5], [True, False, True])
    """
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(
            pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))]
        )
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values, np.int64))])


def with_dictionaries(table: pa.Table) -> pa.Table:
    """The table with columns of few, frequent texts dictionary-encoded."""
    for number, column in enumerate(table.columns):
        if not pa.types.is_large_string(column.type) or column.num_chunks != 1:
            continue
        array = column.chunk(0)
        if len(array.slice(0, _SAMPLE).unique()) * _OFTEN > min(len(array), _SAMPLE):
            continue
        numbered = array.dictionary_encode()
        if len(numbered.dictionary) * _OFTEN <= len(array):
            if len(numbered.dictionary) <= _MOST_INT8:  # a quarter of the bytes
                numbered = pa.DictionaryArray.from_arrays(numbered.indices.cast(pa.int8()), numbered.dictionary)
            table = table.set_column(number, table.field(number).name, numbered)
    return table


def decoded(column: pa.ChunkedArray) -> pl.Series:
    """The values of a dictionary-encoded column of at most one chunk, shape (N,).

    >>> decoded(pa.chunked_array([pa.array(["a", None, "a"]).dictionary_encode()])).to_list()
    ['a', None, 'a']
    """
    if not column.num_chunks:
        return series_of(pa.nulls(0, column.type.value_type))
    array = column.chunk(0)
    return series_of(array.dictionary).gather(series_of(array.indices))
