"""Summarizes the numbers of a field as an exact commutative monoid, independent of order and grouping (T5, P3).

Every finite double is a whole multiple of 2**-1074, so sums of values and of squares are kept as Python integers in
units of 2**-1074 and 2**-2148. Floating-point sums are not associative, these are. `mean` and `stddev` round once.
Quantiles are computed from counts per bucket, where a bucket is a double rounded to 8 significant bits.
"""

import math
import struct
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from transforms.rules.counting import added

UNIT_EXPONENT = 1074  # every finite double is a whole multiple of 2**-1074, the smallest subnormal
BUCKET_SHIFT = 45  # of the 52 stored mantissa bits 7 remain, so a bucket is within 2**-8 (0.4 %) of its members
LONG_MIN = -(2**63)
LONG_MAX = 2**63 - 1

_MAGNITUDE = 2**63 - 1
_HALF_BUCKET = 1 << (BUCKET_SHIFT - 1)


@dataclass(frozen=True, slots=True)
class NumberSummary:
    """The summary of the numbers of one field (V1, V7).

    Attributes:
        count: Number of values.
        minimum: Smallest value, an int if any value equal to it is an int, never -0.0.
        maximum: Largest value, likewise.
        total: Exact sum of x in units of 2**-1074.
        squares: Exact sum of x*x in units of 2**-2148.
        inexact: Number of integers that are not exact as a double.
        beyond_long: Number of integers beyond int64.
        buckets: `bucket(x)` to the number of values.
    """

    count: int
    minimum: int | float | None
    maximum: int | float | None
    total: int
    squares: int
    inexact: int
    beyond_long: int
    buckets: Mapping[int, int]


NUMBERS_ZERO = NumberSummary(0, None, None, 0, 0, 0, 0, {})


def summarize_number(value: float) -> NumberSummary:
    """Return the summary of one number: the specification of the kernels.

    Raises:
        TypeError: The value is a bool, which is kind string (V2).
        ValueError: The value is not finite (V6), or an integer beyond the range of double (V7).

    >>> summarize_number(3).minimum, summarize_number(2**53 + 1).inexact, summarize_number(-0.0).minimum
    (3, 1, 0.0)
    """
    if isinstance(value, bool):
        raise TypeError(f"expected a number, got the boolean {value}")
    try:
        double = float(value)
    except OverflowError:
        raise ValueError("expected a number within the range of double, got a larger integer") from None
    if not math.isfinite(double):
        raise ValueError(f"expected a finite number, got {value}")
    numerator, denominator = value.as_integer_ratio()
    total = numerator << (UNIT_EXPONENT + 1 - denominator.bit_length())
    is_int = isinstance(value, int)
    extreme = value if is_int else double + 0.0  # -0.0 equals 0.0: one of them must stand for both (T5)
    return NumberSummary(
        count=1,
        minimum=extreme,
        maximum=extreme,
        total=total,
        squares=total * total,
        inexact=int(is_int and int(double) != value),
        beyond_long=int(is_int and not LONG_MIN <= value <= LONG_MAX),
        buckets={bucket(double): 1},
    )


def merge_numbers(a: NumberSummary, b: NumberSummary) -> NumberSummary:
    """Return the summary of the values of both. Commutative and associative, with `NUMBERS_ZERO` as zero."""
    if not a.count:
        return b
    if not b.count:
        return a
    return NumberSummary(
        count=a.count + b.count,
        minimum=preferred(a.minimum, b.minimum, -1),
        maximum=preferred(a.maximum, b.maximum, 1),
        total=a.total + b.total,
        squares=a.squares + b.squares,
        inexact=a.inexact + b.inexact,
        beyond_long=a.beyond_long + b.beyond_long,
        buckets=added(a.buckets, b.buckets),
    )


def mean(summary: NumberSummary) -> float | None:
    """Return the mean, rounded once from the exact rational; None of no values.

    >>> mean(merge_numbers(summarize_number(1), summarize_number(2)))
    1.5
    """
    return summary.total / (summary.count << UNIT_EXPONENT) if summary.count else None


def stddev(summary: NumberSummary) -> float | None:
    """Return the sample standard deviation (n - 1), correctly rounded from the exact rational.

    None for fewer than two values, and if it exceeds the range of double (values at both ends of that range).

    >>> stddev(merge_numbers(summarize_number(1), summarize_number(3)))
    1.4142135623730951
    """
    n = summary.count
    if n <= 1:
        return None
    numerator = n * summary.squares - summary.total * summary.total
    try:
        return _square_root(numerator, (n * (n - 1)) << (2 * UNIT_EXPONENT))
    except OverflowError:
        return None


def quantiles(summary: NumberSummary, points: Sequence[float]) -> list[int | float] | None:
    """Return for each q of `points` the value at rank floor(q * (n - 1)), to 0.4 %, and within [minimum, maximum].

    Doubles, except for extremes that are not exact as a double (V7). Exact at q = 0 and q = 1, for zero, and for whole
    numbers up to 256. The relative error holds for normal doubles; below 2**-1022 the error is absolute (2**-1030).
    None of no values.

    Args:
        summary: The numbers.
        points: Each from 0 to 1.

    Raises:
        ValueError: A point is outside [0, 1].
    """
    for q in points:
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"expected a quantile from 0 to 1, got {q}")
    if summary.minimum is None or summary.maximum is None:
        return None
    low, high = _double_if_exact(summary.minimum), _double_if_exact(summary.maximum)
    keys = sorted(summary.buckets)
    seen = list(accumulate(summary.buckets[key] for key in keys))

    def at(q: float) -> int | float:
        if q in (0.0, 1.0):
            return high if q else low
        key = keys[bisect_right(seen, math.floor(q * (summary.count - 1)))]
        return min(max(bucket_center(key), low), high)

    return [at(q) for q in points]


def bucket(value: float) -> int:
    """Return the bucket of a finite double: its bits rounded to 8 significant ones, in the order of the values.

    >>> bucket(0.0), bucket(-0.0), bucket(-1.0) == -bucket(1.0), bucket(100.0) < bucket(101.0)
    (0, 0, True, True)
    """
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    key = ((bits & _MAGNITUDE) + _HALF_BUCKET) >> BUCKET_SHIFT
    return -key if bits < 0 else key


def bucket_center(key: int) -> float:
    """Return the center of a bucket as a double; infinite for the outermost buckets, those of the largest doubles.

    >>> bucket_center(bucket(-256.0)), bucket_center(bucket(1000.0))
    (-256.0, 1000.0)
    """
    center: float = struct.unpack("<d", struct.pack("<q", abs(key) << BUCKET_SHIFT))[0]
    return -center if key < 0 else center


def preferred(a: float | None, b: float | None, direction: int) -> int | float | None:
    """Return the lesser (direction -1) or greater (1) of two; of equal ones the int, as floats may lack its digits."""
    if a is None or b is None:
        return b if a is None else a
    if a == b:
        return a if isinstance(a, int) else b
    return a if (a > b) == (direction > 0) else b


def _double_if_exact(value: float) -> int | float:
    """The value as a double if that is exact, else unchanged."""
    return double if (double := float(value)) == value else value


def _square_root(numerator: int, denominator: int) -> float:
    """Return the square root of a fraction, correctly rounded.

    The integer root is taken with at least 54 bits and rounded to odd, so that the one division rounds right.

    Raises:
        OverflowError: The root is beyond the range of double.
    """
    if not numerator:
        return 0.0
    shift = (numerator.bit_length() - denominator.bit_length() - 109) // 2
    if shift >= 0:
        return float(_root_to_odd(numerator, denominator << 2 * shift) << shift)
    return _root_to_odd(numerator << -2 * shift, denominator) / (1 << -shift)


def _root_to_odd(numerator: int, denominator: int) -> int:
    root = math.isqrt(numerator // denominator)
    return root | (root * root * denominator != numerator)
