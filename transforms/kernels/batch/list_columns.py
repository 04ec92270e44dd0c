"""Makes columns of lists from one long column of their elements, for published attachments and labels."""

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from transforms.kernels.batch.arrow_arrays import series_of
from transforms.kernels.batch.batch import Positions

_LISTS = msgspec.json.Decoder(list[list[str]])


def lists_of_texts(texts: Sequence[str]) -> list[list[str]]:
    """The lists of strings, such as labels, in stored JSON texts, decoded at once.

    >>> lists_of_texts(['["a","b"]', "[]"])
    [['a', 'b'], []]
    """
    return _LISTS.decode(f"[{','.join(texts)}]")


def list_column(elements: pl.Series, counts: Positions) -> pl.Series:
    """The elements as lists of so many each: int64[N] to a List array of shape (N,).

    >>> list_column(pl.Series(["a", "b", None]), np.array([2, 0, 1])).to_list()
    [['a', 'b'], [], [None]]
    """
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    # `pa.array` would look for pandas first.
    places = pa.Array.from_buffers(pa.int64(), len(offsets), [None, pa.py_buffer(offsets)])
    values = elements.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return series_of(pa.LargeListArray.from_arrays(places, values))
