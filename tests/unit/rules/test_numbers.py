"""Numbers of a field: V1, V2, V6, V7, T5, P3."""

import math
import pickle
import random
import statistics
from fractions import Fraction
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import laws

from transforms.rules.numbers import (
    NUMBERS_ZERO,
    NumberSummary,
    bucket,
    bucket_center,
    mean,
    merge_numbers,
    quantiles,
    stddev,
    summarize_number,
)

doubles = st.floats(allow_nan=False, allow_infinity=False)
edges = st.sampled_from(
    [0.0, -0.0, 5e-324, -5e-324, 2.2e-308, 1.797e308, -1.797e308, 2**53 + 1, -(2**63), 2**63 - 1, 2**63, 10**40, 0, 1]
)
values = st.one_of(doubles, st.integers(-(2**70), 2**70), st.integers(-5, 5), edges)
lists = st.lists(values, max_size=30)


def summary_of(numbers: list[float]) -> NumberSummary:
    return reduce(merge_numbers, map(summarize_number, numbers), NUMBERS_ZERO)


@given(lists, st.randoms(use_true_random=False))
def test_merge_is_a_commutative_monoid(numbers: list[float], chance: random.Random) -> None:
    laws.check_monoid(merge_numbers, NUMBERS_ZERO, [summarize_number(number) for number in numbers], chance=chance)


@given(lists, st.randoms(use_true_random=False))
def test_partitions_do_not_show_in_any_bit(numbers: list[float], chance: random.Random) -> None:
    merged = laws.check_partitions(summary_of, merge_numbers, NUMBERS_ZERO, numbers, chance=chance)
    shuffled = numbers.copy()
    chance.shuffle(shuffled)
    again = summary_of(shuffled)
    assert [repr(f(again)) for f in (mean, stddev)] == [repr(f(merged)) for f in (mean, stddev)]
    assert (repr(again.minimum), repr(again.maximum)) == (repr(merged.minimum), repr(merged.maximum))


@given(lists)
def test_sums_are_exact(numbers: list[float]) -> None:
    summary = summary_of(numbers)
    assert Fraction(summary.total, 2**1074) == sum(map(Fraction, numbers))
    assert Fraction(summary.squares, 2**2148) == sum(Fraction(number) ** 2 for number in numbers)


@given(st.lists(values, min_size=1, max_size=30))
def test_mean_is_the_exact_mean_rounded_once(numbers: list[float]) -> None:
    assert mean(summary_of(numbers)) == float(sum(map(Fraction, numbers)) / len(numbers))


@given(st.lists(st.one_of(st.floats(-1e150, 1e150), st.integers(-(2**70), 2**70)), min_size=2, max_size=30))
def test_stddev_is_the_correctly_rounded_sample_deviation(numbers: list[float]) -> None:
    found = stddev(summary_of(numbers))
    assert found is not None
    variance = statistics.variance(map(Fraction, numbers))
    below, above = (Fraction(math.nextafter(found, towards)) for towards in (0.0, math.inf))
    low, high = (Fraction(found) + below) / 2, (Fraction(found) + above) / 2
    assert low**2 <= variance <= high**2


@pytest.mark.parametrize(
    ("numbers", "expected_mean", "expected_stddev"),
    [
        ([], None, None),
        ([7], 7.0, None),
        ([1e16, 1.0, -1e16], 1 / 3, 1e16),
        ([0.1] * 10, 0.1, 0.0),
        ([1.797e308, 1.797e308], 1.797e308, 0.0),
        ([-1.797e308, 1.797e308], 0.0, None),
        ([2**53 + 1, 2**53 + 1], float(2**53), 0.0),
        ([2, 4, 4, 4, 5, 5, 7, 9], 5.0, math.sqrt(32 / 7)),
        ([5e-324, 5e-324], 5e-324, 0.0),
    ],
)
def test_mean_and_stddev(numbers: list[float], expected_mean: float | None, expected_stddev: float | None) -> None:
    summary = summary_of(numbers)
    assert (mean(summary), stddev(summary)) == (expected_mean, expected_stddev)


@pytest.mark.parametrize(
    ("numbers", "minimum", "maximum"),
    [
        ([-0.0, 0.0], "0.0", "0.0"),
        ([-0.0], "0.0", "0.0"),
        ([1.0, 1], "1", "1"),
        ([0, -0.0], "0", "0"),
        ([2**53, 2**53 + 1], "9007199254740992", "9007199254740993"),
        ([float(2**53), 2**53 + 1], "9007199254740992.0", "9007199254740993"),
        ([10**40, -(10**40)], str(-(10**40)), str(10**40)),
    ],
)
def test_extremes_keep_every_digit_and_do_not_depend_on_order(numbers: list[float], minimum: str, maximum: str) -> None:
    for ordered in (numbers, numbers[::-1]):
        summary = summary_of(ordered)
        assert (repr(summary.minimum), repr(summary.maximum)) == (minimum, maximum)


@pytest.mark.parametrize(
    ("value", "inexact", "beyond_long"),
    [
        (2**53, 0, 0),
        (2**53 + 1, 1, 0),
        (-(2**53) - 1, 1, 0),
        (2**53 + 2, 0, 0),
        (2**63 - 1, 1, 0),
        (-(2**63), 0, 0),
        (2**63, 0, 1),
        (-(2**63) - 1, 1, 1),
        (10**40, 1, 1),
        (1e300, 0, 0),
    ],
)
def test_integers_a_double_or_a_long_cannot_hold_are_counted(value: float, inexact: int, beyond_long: int) -> None:
    summary = summarize_number(value)
    assert (summary.inexact, summary.beyond_long) == (inexact, beyond_long)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**1024, -(10**400)])
def test_what_is_no_double_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="expected a"):
        summarize_number(value)


def test_booleans_are_no_numbers() -> None:
    with pytest.raises(TypeError, match="boolean"):
        summarize_number(True)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False), min_size=1, max_size=60))
def test_quantiles_are_within_half_a_percent_of_the_value_at_their_rank(numbers: list[float]) -> None:
    summary, ordered = summary_of(numbers), sorted(numbers)
    points = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    at = quantiles(summary, points)
    assert at is not None
    for q, found in zip(points, at, strict=True):
        expected = ordered[math.floor(q * (len(ordered) - 1))]
        assert math.isfinite(found)
        assert ordered[0] <= found <= ordered[-1]
        assert abs(Fraction(found) - Fraction(expected)) <= abs(Fraction(expected)) / 200
    assert (at[0], at[-1]) == (ordered[0], ordered[-1])


def test_quantiles_of_small_whole_numbers_are_exact() -> None:
    summary = summary_of(list(range(-256, 257)))
    assert quantiles(summary, (0.0, 0.25, 0.5, 0.75, 1.0)) == [-256.0, -128.0, 0.0, 128.0, 256.0]


@given(st.lists(st.integers(-(2**64), 2**64), min_size=1, max_size=8))
def test_the_outermost_quantiles_are_the_extremes_to_the_last_digit(numbers: list[int]) -> None:
    at = quantiles(summary_of(numbers), (0.0, 0.5, 1.0))
    assert at is not None
    assert (at[0], at[-1]) == (min(numbers), max(numbers))
    assert at[0] <= at[1] <= at[-1]


def test_quantiles_are_doubles_wherever_a_double_is_exact() -> None:
    assert repr(quantiles(summary_of([3, 2**60]), (0.0, 1.0))) == "[3.0, 1.152921504606847e+18]"


def test_there_is_no_quantile_of_nothing_and_none_outside_the_unit_interval() -> None:
    assert quantiles(NUMBERS_ZERO, (0.5,)) is None
    with pytest.raises(ValueError, match="from 0 to 1"):
        quantiles(NUMBERS_ZERO, (0.5, 1.5))


@given(st.lists(doubles, min_size=2, max_size=30))
def test_buckets_are_in_the_order_of_the_values(numbers: list[float]) -> None:
    assert all(bucket(a) <= bucket(b) for a, b in pairwise(sorted(numbers)))


@given(st.floats(-1e308, 1e308, allow_subnormal=False))
def test_a_bucket_is_within_half_a_percent_of_its_members(value: float) -> None:
    assert abs(bucket_center(bucket(value)) - value) <= abs(value) * 0.005


@given(lists)
def test_summaries_survive_pickling(numbers: list[float]) -> None:
    summary = summary_of(numbers)
    assert pickle.loads(pickle.dumps(summary)) == summary
