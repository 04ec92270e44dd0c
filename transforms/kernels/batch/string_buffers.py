"""The Arrow buffers of columns of texts, and selected texts of a column, for what looks at bytes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from transforms.kernels.batch.arrow_arrays import array_of


@dataclass(frozen=True, slots=True)
class SomeTexts:
    """Selected texts of a column, each value or each distinct text once.

    Attributes:
        array: A large string array of N texts.
        selected: The selected ones, none of them null: bool[N].
        count: Number of values of the column that they stand for.
    """

    array: pa.LargeStringArray
    selected: npt.NDArray[np.bool_]
    count: int

    def values(self) -> pl.Series:
        """The selected texts: String array of shape (M,)."""
        return pl.Series(values=self.array.filter(array_of(self.selected)), dtype=pl.String)


def buffers(texts: pl.Series) -> tuple[memoryview, memoryview]:
    """The offsets (N + 1 int64) and the bytes of a String or Binary array of shape (N,) without nulls.

    The bytes may be those of a larger array that this one is a slice of: the offsets do not begin at 0 then.
    """
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    first, last = array.offset * 8, (array.offset + len(array) + 1) * 8
    if offsets is None:  # a column without rows
        return memoryview(b"\0" * 8), memoryview(b"")
    return memoryview(offsets)[first:last], memoryview(b"" if data is None else data)
