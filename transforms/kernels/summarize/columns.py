"""Summarizes whole columns of numbers or strings with the results of the rules `numbers` and `strings`.

Sums are exact. A double's mantissa is cut into limbs of 18 bits, an integer into limbs of 22; products of limbs
are summed in chunks so short that neither a double (53 bits) nor an int64 can lose a bit. The sums of chunks
are Python integers.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.string_buffers import SomeTexts
from transforms.rules.numbers import BUCKET_SHIFT, NUMBERS_ZERO, UNIT_EXPONENT, NumberSummary, merge_numbers
from transforms.rules.strings import (
    MAX_CATEGORIES,
    StringSummary,
    summarize_categories,
    summarize_distinct,
)

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

SLICE = 1 << 22  # values of one summary; bounds the sums of chunk sums, see `_double_sums`
CHUNK = 1 << 15  # doubles: sums of three products of 36 bits stay below 2**53, and the arrays stay in the cache
LONG_CHUNK = 1 << 19  # longs: sums of products of 44 bits stay below 2**63

_SIGN_SHIFT = 63
_MAGNITUDE = np.int64(2**63 - 1)
_MANTISSA_BITS = 52
_EXPONENTS = 2048
_LIMB = 18  # three limbs hold the 53 bits of a mantissa
_LONG_LIMB = 22  # three limbs hold the 63 bits of an integer without sign
_EXACT_BITS = 53
_HALF_BUCKET = np.int64(1 << (BUCKET_SHIFT - 1))
_LONG = 65_536  # bytes of strings, on average, from which on a batch has few strings
_SAMPLE = 4096  # strings of the sample that tells whether there are more distinct ones than categories
_SPARSE = 8  # buckets are counted in a table while it has at most so many rows per value


def numbers_of_longs(values: Longs) -> NumberSummary:
    """Return the summary of int64[N], as `summarize_number` and `merge_numbers` give it."""
    summary = NUMBERS_ZERO
    for start in range(0, len(values), SLICE):
        summary = merge_numbers(summary, _long_slice(values[start : start + SLICE]))
    return summary


def numbers_of_doubles(values: Doubles, *, finite: bool = False) -> NumberSummary:
    """Return the summary of float64[N], as `summarize_number` and `merge_numbers` give it.

    Args:
        values: float64[N], all finite.
        finite: Whether the caller has checked that; else it is checked here.

    Raises:
        ValueError: A value is NaN or infinite (V6).
    """
    if not finite and not np.isfinite(values).all():
        raise ValueError("expected finite numbers, got NaN or an infinity")
    summary = NUMBERS_ZERO
    for start in range(0, len(values), SLICE):
        summary = merge_numbers(summary, _double_slice(values[start : start + SLICE]))
    return summary


def strings_of(values: pl.Series, limit: int = MAX_CATEGORIES) -> StringSummary:
    """Return the summary of a String column, with up to `limit` categories; nulls are no values (V5)."""
    present = values.drop_nulls() if values.null_count() else values
    if len(present) > _SAMPLE and _are_varied(present, limit):
        return summarize_distinct(len(present), present, limit)
    if present.estimated_size() > _LONG * len(present):  # polars would copy them several times
        return summarize_categories(len(present), Counter(present), limit)
    distinct = present.unique()
    if len(distinct) > limit:
        return summarize_distinct(len(present), distinct, limit)
    table = present.alias("value").value_counts(name="count")
    counted = dict(zip(table["value"].to_list(), table["count"].to_list(), strict=True))
    return summarize_categories(len(present), counted, limit)


def many_strings(pieces: Sequence[SomeTexts], limit: int = MAX_CATEGORIES) -> StringSummary | None:
    """Return the summary of many distinct strings; None if there may be few.

    Args:
        pieces: The strings, in any order.
        limit: As in `strings_of`.
    """
    values = pl.concat([texts.values() for texts in pieces])
    if not _are_varied(values, limit):
        values = values.unique()
    if len(values) <= limit:
        return None
    return summarize_distinct(sum(texts.count for texts in pieces), values, limit)


def _are_varied(values: pl.Series, limit: int) -> bool:
    """Return whether more than `limit` strings are distinct, and so many that looking for equal ones does not pay."""
    sample = values.head(_SAMPLE)
    return sample.n_unique() > max(limit, len(sample) // 2)


def booleans_of(values: pl.Series, limit: int = MAX_CATEGORIES) -> StringSummary:
    """Return the summary of a Boolean column as the strings "true" and "false" (V2); nulls are no values."""
    count = len(values) - values.null_count()
    true = int(values.sum() or 0)
    found = {"true": true, "false": count - true}
    return StringSummary(count, {value: times for value, times in found.items() if times}, None, limit)


def _long_slice(values: Longs) -> NumberSummary:
    minimum, maximum = int(values.min()), int(values.max())
    largest = max(-minimum, maximum)
    doubles = values.astype(np.float64)
    return NumberSummary(
        count=len(values),
        minimum=minimum,
        maximum=maximum,
        total=_long_total(values) << UNIT_EXPONENT,
        squares=_long_squares(values, largest) << (2 * UNIT_EXPONENT),
        inexact=_inexact(values) if largest >> _EXACT_BITS else 0,
        beyond_long=0,
        buckets=_buckets(doubles.view(np.int64)),
    )


def _long_total(values: Longs) -> int:
    """Return the exact sum: the halves of 32 bits each sum up without overflow to 2**31 values."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _long_squares(values: Longs, largest: int) -> int:
    """Return the exact sum of the squares of int64[N] whose greatest magnitude is `largest`."""
    if largest * largest * len(values) >> _SIGN_SHIFT == 0:
        return int(np.dot(values, values))
    total = 0
    mask = np.uint64((1 << _LONG_LIMB) - 1)
    for start in range(0, len(values), LONG_CHUNK):
        chunk = values[start : start + LONG_CHUNK]
        magnitude = np.abs(chunk).view(np.uint64)  # of -2**63 too: abs leaves it, and its bits read 2**63
        low, middle, high = (
            ((magnitude >> np.uint64(shift)) & mask).view(np.int64) for shift in (0, _LONG_LIMB, 2 * _LONG_LIMB)
        )
        total += (
            int(np.dot(low, low))
            + (int(np.dot(low, middle)) << (_LONG_LIMB + 1))
            + ((2 * int(np.dot(low, high)) + int(np.dot(middle, middle))) << (2 * _LONG_LIMB))
            + (int(np.dot(middle, high)) << (3 * _LONG_LIMB + 1))
            + (int(np.dot(high, high)) << (4 * _LONG_LIMB))
        )
    return total


def _inexact(values: Longs) -> int:
    """Return how many of int64[N] are not exact as a double (V7)."""
    doubles = values.astype(np.float64)
    rounded_up = doubles >= 2.0**_SIGN_SHIFT  # to 2**63, which is no int64 and so equals none
    back = np.where(rounded_up, 0.0, doubles).astype(np.int64)
    return int(np.count_nonzero(rounded_up | (back != values)))


def _double_slice(values: Doubles) -> NumberSummary:
    bits = np.ascontiguousarray(values).view(np.int64)
    total, squares = _double_sums(bits)
    return NumberSummary(
        count=len(values),
        minimum=float(values.min()) + 0.0,  # never -0.0, as the rule has it
        maximum=float(values.max()) + 0.0,
        total=total,
        squares=squares,
        inexact=0,
        beyond_long=0,
        buckets=_buckets(bits),
    )


def _double_sums(bits: Longs) -> tuple[int, int]:
    """Return the exact sums of the values, in units of 2**-1074, and of their squares, in units of 2**-2148.

    Limbs and products of limbs are summed per exponent with `bincount`,
    in doubles that represent every such sum of a chunk exactly; the sums of the chunks in int64, which 2**7 chunks of a
    slice cannot overflow.
    """
    sums = np.zeros((8, _EXPONENTS), dtype=np.int64)
    for start in range(0, len(bits), CHUNK):
        exponent, weights = double_weights(bits[start : start + CHUNK])
        first = int(exponent.min())
        exponent -= first
        for row, weight in zip(sums, weights, strict=True):
            counted = np.bincount(exponent, weights=weight)
            row[first : first + len(counted)] += counted.astype(np.int64)
    total = squares = 0
    for exponent_bits in np.flatnonzero(sums.any(axis=0)).tolist():
        more, more_squares = sums_of_weights(exponent_bits, sums[:, exponent_bits].tolist())
        total += more
        squares += more_squares
    return total, squares


def double_weights(bits: Longs) -> tuple[Longs, Sequence[Doubles]]:
    """Return the exponent bits of up to CHUNK doubles, given as int64[N], and the addends for each exponent.

    Three limbs of the value and five of its square: sums of up to CHUNK of them are exact in a double.
    """
    mask = np.int64((1 << _LIMB) - 1)
    exponent = (bits & _MAGNITUDE) >> _MANTISSA_BITS
    mantissa = (bits & np.int64((1 << _MANTISSA_BITS) - 1)) | ((exponent > 0).astype(np.int64) << _MANTISSA_BITS)
    low = (mantissa & mask).astype(np.float64)
    middle = ((mantissa >> _LIMB) & mask).astype(np.float64)
    high = (mantissa >> (2 * _LIMB)).astype(np.float64)
    sign = np.where(bits < 0, -1.0, 1.0)
    return exponent, (
        sign * low,
        sign * middle,
        sign * high,
        low * low,
        low * middle,
        2.0 * low * high + middle * middle,
        middle * high,
        high * high,
    )


def sums_of_weights(exponent_bits: int, sums: Sequence[int]) -> tuple[int, int]:
    """Return the sums of values and of squares, as in `_double_sums`, from the sums of their weights."""
    low0, low1, low2, square0, square1, square2, square3, square4 = sums
    scale = max(exponent_bits - 1, 0)  # subnormals (0) have the unit of the smallest normal doubles (1)
    total = (low0 + (low1 << _LIMB) + (low2 << (2 * _LIMB))) << scale
    squares = (
        square0
        + (square1 << (_LIMB + 1))
        + (square2 << (2 * _LIMB))
        + (square3 << (3 * _LIMB + 1))
        + (square4 << (4 * _LIMB))
    ) << (2 * scale)
    return total, squares


def bucket_keys(bits: Longs) -> Longs:
    """Return the bucket of each double, given their bits as int64[N] (`rules.numbers.bucket`)."""
    keys = ((bits & _MAGNITUDE) + _HALF_BUCKET) >> BUCKET_SHIFT
    sign = bits >> _SIGN_SHIFT  # 0, or -1 where negative
    return (keys ^ sign) - sign


def _buckets(bits: Longs) -> dict[int, int]:
    """Return the bucket counts of doubles, given their bits as int64[N]."""
    keys = bucket_keys(bits)
    first, last = int(keys.min()), int(keys.max())
    if last - first > _SPARSE * len(keys):
        found, times = np.unique(keys, return_counts=True)
        return dict(zip(found.tolist(), times.tolist(), strict=True))
    table = np.bincount(keys - first)
    found = np.flatnonzero(table)
    return dict(zip((found + first).tolist(), table[found].tolist(), strict=True))
