"""Summarizes the cells of a batch, many short columns at once, with the results of `columns` for each.

For thousands of rare fields with some hundred values each, a call per field would take most of the time.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.sparse_values import row_ranges
from transforms.kernels.summarize.columns import (
    CHUNK,
    Doubles,
    Longs,
    bucket_keys,
    double_weights,
    numbers_of_longs,
    sums_of_weights,
)
from transforms.rules.numbers import UNIT_EXPONENT, NumberSummary
from transforms.rules.strings import MAX_CATEGORIES, StringSummary, summarize_categories

_MOST_BINS = 1 << 18
"""Maximum number of pairs of column and exponent: the tables of sums stay within some megabytes."""
_LONG_BITS = 63
_EXACT_BITS = 53


def strings_of_keys(
    cells: pl.DataFrame, limits: Mapping[str, int], most: int = MAX_CATEGORIES
) -> Iterator[tuple[str, StringSummary]]:
    """The summary of the strings of each key, given the cells of the form `string`."""
    counted = cells.group_by("key", "text").len().sort("key", "text")
    texts, times = counted["text"].to_list(), counted["len"].to_list()
    totals = np.concatenate([np.zeros(1, np.int64), np.cumsum(counted["len"].to_numpy().astype(np.int64))])
    for key, start, count in row_ranges(counted, "key").iter_rows():
        stop, limit = start + count, limits.get(key, most)
        total = int(totals[stop] - totals[start])
        yield key, summarize_categories(total, dict(zip(texts[start:stop], times[start:stop], strict=True)), limit)


def numbers_of_ranges(values: Longs | Doubles, starts: Longs) -> Iterator[NumberSummary]:
    """The summary of each range of finite numbers.

    Args:
        values: int64[N] or float64[N].
        starts: Start of each range, the first at 0: int64[M]; no range is empty.
    """
    if values.dtype == np.float64:
        yield from _doubles(values.astype(np.float64, copy=False), starts)
        return
    longs = values.astype(np.int64, copy=False)
    counts = np.diff(starts, append=len(longs))
    largest = max(int(longs.max()), -int(longs.min()))
    if largest >> _EXACT_BITS or largest * largest * int(counts.max()) >> _LONG_BITS:
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
            yield numbers_of_longs(longs[start : start + count])
        return
    minima, maxima = np.minimum.reduceat(longs, starts).tolist(), np.maximum.reduceat(longs, starts).tolist()
    totals, squares = np.add.reduceat(longs, starts).tolist(), np.add.reduceat(longs * longs, starts).tolist()
    buckets = _buckets(longs.astype(np.float64).view(np.int64), _owners(counts), len(starts))
    for place, count in enumerate(counts.tolist()):
        yield NumberSummary(
            count=count,
            minimum=minima[place],
            maximum=maxima[place],
            total=totals[place] << UNIT_EXPONENT,
            squares=squares[place] << (2 * UNIT_EXPONENT),
            inexact=0,
            beyond_long=0,
            buckets=buckets[place],
        )


def _doubles(values: Doubles, starts: Longs) -> Iterator[NumberSummary]:
    bits = np.ascontiguousarray(values).view(np.int64)
    counts = np.diff(starts, append=len(values))
    minima, maxima = np.minimum.reduceat(values, starts) + 0.0, np.maximum.reduceat(values, starts) + 0.0
    buckets = _buckets(bits, _owners(counts), len(starts))
    sums = _sums(bits, starts, counts)
    for place, count in enumerate(counts.tolist()):
        total, squares = sums[place]
        yield NumberSummary(
            count=count,
            minimum=float(minima[place]),
            maximum=float(maxima[place]),
            total=total,
            squares=squares,
            inexact=0,
            beyond_long=0,
            buckets=buckets[place],
        )


def _owners(counts: Longs) -> Longs:
    """The range of each value: int64[N]."""
    return np.repeat(np.arange(len(counts)), counts)


def _sums(bits: Longs, starts: Longs, counts: Longs) -> Sequence[tuple[int, int]]:
    """The exact sums of the values of each range and of their squares, as in `columns`."""
    exponents = (bits & np.int64(2**63 - 1)) >> np.int64(52)
    first = int(exponents.min())
    span = int(exponents.max()) - first + 1
    at_once = max(1, _MOST_BINS // span)
    found = []
    for begin in range(0, len(starts), at_once):
        some = slice(begin, begin + at_once)
        start, stop = int(starts[begin]), int(starts[begin] + counts[some].sum())
        owners = _owners(counts[some])
        bins = np.zeros((8, len(counts[some]) * span), np.int64)
        for at in range(start, stop, CHUNK):
            end = min(at + CHUNK, stop)
            exponent, weights = double_weights(bits[at:end])
            places = owners[at - start : end - start] * span + (exponent - first)
            for row, weight in zip(bins, weights, strict=True):
                counted = np.bincount(places, weights=weight)
                row[: len(counted)] += counted.astype(np.int64)
        of_range = [(0, 0)] * len(counts[some])
        for place in np.flatnonzero(bins.any(axis=0)).tolist():
            owner, exponent_bits = divmod(place, span)
            total, squares = sums_of_weights(exponent_bits + first, bins[:, place].tolist())
            of_range[owner] = of_range[owner][0] + total, of_range[owner][1] + squares
        found += of_range
    return found


def _buckets(bits: Longs, owners: Longs, count: int) -> list[dict[int, int]]:
    """Bucket counts of doubles, given their bits, for each range."""
    keys = bucket_keys(bits)
    order = np.lexsort((keys, owners))
    keys, owners = keys[order], owners[order]
    new = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1) | np.diff(owners, prepend=-1))
    times: npt.NDArray[np.int64] = np.diff(new, append=len(keys))
    bounds = np.searchsorted(owners[new], np.arange(count + 1)).tolist()
    found, how_often = keys[new].tolist(), times.tolist()
    return [dict(zip(found[start:stop], how_often[start:stop], strict=True)) for start, stop in pairwise(bounds)]
