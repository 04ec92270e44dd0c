"""Counts the values of whole columns per bin."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt

Values: TypeAlias = npt.NDArray[np.int64] | npt.NDArray[np.float64]

FEW = 2_048
"""Up to this many values are searched among the edges; more values are compared with each edge at once."""
CHUNK = 1 << 15  # values: 256 KiB, which stay in the cache while they are compared with every edge


def counts(values: Values, edges: Sequence[float]) -> list[int]:
    """Return how many values fall into each bin; they add up to the number of values.

    Bins are half-open, the last one is closed (`rules.histograms`). Integers are compared as integers, also with edges
    beyond int64, which the last edge may be.

    Args:
        values: int64[N] with int edges, or float64[N] with float edges.
        edges: The n + 1 ascending edges of n bins.

    Returns:
        The n counts.

    Raises:
        TypeError: The values are of another type, or the edges are not of theirs.
        ValueError: A value lies outside the edges, or is NaN, or there are fewer than two edges.
    """
    kind = {np.dtype(np.int64): int, np.dtype(np.float64): float}.get(values.dtype)
    if kind is None or not all(type(edge) is kind for edge in edges):
        raise TypeError(f"expected int64 values with int edges or float64 with float, got {values.dtype} and {edges}")
    if len(edges) <= 1:
        raise ValueError(f"expected at least two edges, got {edges}")
    inner = edges[1:-1]
    if 0 < len(values) <= FEW:
        _check(values, edges)
        places = np.searchsorted(np.array(inner, values.dtype), values, side="right")
        return cast("list[int]", np.bincount(places, minlength=len(edges) - 1).tolist())
    reached = [0] * len(inner)
    for start in range(0, len(values), CHUNK):
        chunk = values[start : start + CHUNK]
        _check(chunk, edges)
        for position, edge in enumerate(inner):
            reached[position] += int(np.count_nonzero(chunk >= edge))
    at_least = [len(values), *reached, 0]
    return [more - fewer for more, fewer in pairwise(at_least)]


def _check(values: Values, edges: Sequence[float]) -> None:
    """Raises ValueError for values outside the edges, and for NaN."""
    if not (edges[0] <= values.min() and values.max() <= edges[-1]):
        raise ValueError(f"expected values from {edges[0]} to {edges[-1]}, got {values.min()} to {values.max()}")
