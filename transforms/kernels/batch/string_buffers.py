"""Columns of texts as the C extensions take them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SomeTexts:
    """Some of the texts of a column, perhaps each once.

    Attributes:
        array: A large string array of N texts.
        selected: Which of them; none that is null: bool[N].
        count: How many values of the column these are.
    """

    array: pa.LargeStringArray
    selected: npt.NDArray[np.bool_]
    count: int

    @property
    def buffers(self) -> tuple[memoryview, memoryview]:
        """As `buffers` gives them; what stands in the place of nulls is anything."""
        return _buffers(self.array)


def buffers(texts: pl.Series) -> tuple[memoryview, memoryview]:
    """The offsets (N + 1 int64) and the bytes of a String or Binary array of shape (N,) without nulls.

    The bytes are those of an array that this one may be a part of: the offsets say from where on they count.
    """
    return _buffers(texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()))


def _buffers(array: pa.Array) -> tuple[memoryview, memoryview]:
    _, offsets, data = array.buffers()
    first, last = array.offset * 8, (array.offset + len(array) + 1) * 8
    if offsets is None:  # a column without rows
        return memoryview(b"\0" * 8), memoryview(b"")
    return memoryview(offsets)[first:last], memoryview(b"" if data is None else data)
