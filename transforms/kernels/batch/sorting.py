"""Sorts rows by texts or by numbers, faster than polars."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.string_buffers import buffers

_SMALL = 1 << 16
"""numpy sorts numbers of two bytes with a counting (radix) sort."""
_WORD = 8
_FEW = 64
"""Fewer texts are sorted by polars at once."""


def order_of(texts: pl.Series) -> Positions:
    """The stable sort order of texts by their bytes as positions, nulls first.

    Args:
        texts: String or Binary array of shape (N,).

    Returns:
        int64[N].
    """
    if texts.null_count():
        there = texts.is_not_null().to_numpy()
        return np.concatenate([np.flatnonzero(~there), np.flatnonzero(there)[order_of(texts.drop_nulls())]])
    if len(texts) < _FEW:
        return _order_by_polars(texts)
    words = _words(texts)
    order: Positions = np.argsort(words)
    ranked = words[order]
    is_equal = ranked[1:] == ranked[:-1]
    if not is_equal.any():
        return order
    stable: Positions = np.argsort(words, kind="stable")
    in_order = texts.gather(stable)
    if (in_order[1:] == in_order[:-1]).to_numpy()[is_equal].all():  # as those of the item of several annotations
        return stable
    # Texts with equal words are sorted as whole texts; these stay in the places that they have together.
    is_tied = np.zeros(len(order), np.bool_)
    is_tied[1:] |= is_equal
    is_tied[:-1] |= is_equal
    rows = np.sort(order[is_tied])
    order[is_tied] = rows[_order_by_polars(texts.gather(rows))]
    return order


def _order_by_polars(texts: pl.Series) -> Positions:
    return texts.to_frame("text").with_row_index("row").sort("text", "row")["row"].to_numpy().astype(np.int64)


def _words(texts: pl.Series) -> npt.NDArray[np.uint64]:
    """Of each text the eight bytes behind what all have in common as a number of the same order: uint64[N]."""
    at, data = buffers(texts)
    offsets, every = np.frombuffer(at, np.int64), np.frombuffer(data, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    common = _common_length(every, starts, int(lengths.min()))
    words = np.zeros(len(starts), np.uint64)
    for byte in range(common, common + _WORD):
        words <<= np.uint64(8)
        is_there = lengths > byte
        if is_there.all():
            words |= every[starts + byte]
        else:  # zeros behind the end of a text
            words[is_there] |= every[starts[is_there] + byte]
    return words


def _common_length(data: npt.NDArray[np.uint8], starts: Positions, shortest: int) -> int:
    """The number of bytes with which all texts begin alike."""
    first = int(starts[0])
    for byte in range(shortest):
        if (data[starts + byte] != data[first + byte]).any():
            return byte
    return shortest


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
