"""Sorts rows by texts or by numbers, faster than polars; texts with a C extension if present."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.string_buffers import buffers

try:
    from transforms.kernels.batch import _ordering
except ImportError:  # no compiler where the package was installed
    _ordering = None  # type: ignore[assignment]


_SMALL = 1 << 16
"""numpy sorts numbers of two bytes with a counting (radix) sort."""


def order_of(texts: pl.Series) -> Positions:
    """The stable sort order of texts as positions, nulls first.

    Args:
        texts: String array of shape (N,).

    Returns:
        int64[N].
    """
    if texts.null_count():
        there = texts.is_not_null().to_numpy()
        return np.concatenate([np.flatnonzero(~there), np.flatnonzero(there)[order_of(texts.drop_nulls())]])
    if _ordering is None:
        return texts.to_frame("text").with_row_index("row").sort("text", "row")["row"].to_numpy().astype(np.int64)
    return np.frombuffer(_ordering.order(*buffers(texts)), np.int64)


def order_of_numbers(numbers: Positions) -> Positions:
    """The stable sort order of non-negative numbers as positions; small ones with a radix sort.

    Args:
        numbers: int64[N].

    Returns:
        int64[N].
    """
    is_small = len(numbers) > 0 and int(numbers.max()) < _SMALL
    return np.argsort(numbers.astype(np.uint16) if is_small else numbers, kind="stable")


def ordered_by(texts: Sequence[pl.Series], start: Positions) -> Positions:
    """The sort order of rows by several columns of texts, the first column first; equal rows keep the order of `start`.

    Args:
        texts: String arrays of shape (N,).
        start: An order of the rows: int64[N].

    Returns:
        int64[N].
    """
    order = start
    for column in reversed(texts):
        if column.null_count() < len(column):  # a null column does not affect the order
            order = order[order_of(column.gather(order))]
    return order
