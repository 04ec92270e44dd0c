"""Strings of a field: V8, T1, T5, P3."""

import random
from functools import reduce

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import laws
from support.profiles import draws

from transforms.rules import strings
from transforms.rules.strings import (
    MAX_CATEGORIES,
    STRINGS_ZERO,
    StringSummary,
    distinct,
    merge_strings,
    summarize_distinct,
    summarize_string,
)

STANDARD_ERROR = 1.04 / 8192**0.5


def summary_of(values: list[str]) -> StringSummary:
    return reduce(merge_strings, map(summarize_string, values), STRINGS_ZERO)


@given(st.lists(st.text(max_size=3), max_size=30), st.randoms(use_true_random=False))
def test_merge_is_a_commutative_monoid(values: list[str], chance: random.Random) -> None:
    parts = [summarize_string(value) for value in values]
    merged = laws.check_monoid(merge_strings, STRINGS_ZERO, parts, chance=chance)
    assert distinct(merged) == (len(set(values)), True)


@draws(30)
@given(st.integers(200, 1700), st.randoms(use_true_random=False))
@example(250, random.Random(0))
@example(251, random.Random(0))
@example(768, random.Random(0))
@example(769, random.Random(0))
@example(6000, random.Random(0))
def test_order_grouping_and_repetition_do_not_show_in_any_bit(size: int, chance: random.Random) -> None:
    values = [f"{size}-{position}" for position in range(size)]
    parts = []
    for _ in range(3):
        chance.shuffle(values)
        cut = chance.randrange(size)
        parts += [batch_of(values[:cut]), batch_of(values[cut:])]
    merged = laws.check_monoid(merge_strings, STRINGS_ZERO, parts, chance=chance)
    assert merged.count == 3 * size
    assert merged.sketch == batch_of(values).sketch


def batch_of(values: list[str]) -> StringSummary:
    """As `summary_of`, but in one step where there are too many for categories."""
    return summarize_distinct(len(values), values) if len(set(values)) > MAX_CATEGORIES else summary_of(values)


@given(st.lists(st.text("ab", max_size=4), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_long_strings_are_no_categories_in_any_order(values: list[str], chance: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strings, "MAX_CATEGORY_CHARACTERS", 8)
        parts = [summarize_string(value) for value in values]
        merged = laws.check_monoid(merge_strings, STRINGS_ZERO, parts, chance=chance)
        assert (merged.categories is None) == (sum(map(len, set(values))) > 8)  # R8
        assert distinct(merged)[0] == len(set(values))


def test_251_distinct_values_are_one_too_many_and_stay_so() -> None:
    values = [str(position) for position in range(250)]
    full = summary_of(values * 2)
    assert full.categories == dict.fromkeys(values, 2)
    over = merge_strings(full, summarize_string("one more"))
    assert over.categories is None
    assert merge_strings(over, summarize_string("0")).categories is None
    assert distinct(over) == (251, False)


@pytest.mark.parametrize("size", [300, 700, 1000, 5000, 40_000])
def test_the_estimate_is_within_four_standard_errors(size: int) -> None:
    values = [f"value {position}" for position in range(size)]
    value, exact = distinct(summarize_distinct(2 * size, values + values))
    assert not exact
    assert abs(value - size) <= 4 * STANDARD_ERROR * size


def test_the_estimate_is_never_below_what_was_certainly_seen_nor_above_the_number_of_values() -> None:
    for size in range(251, 900, 7):
        value, _ = distinct(summarize_distinct(size, (f"{size}/{position}" for position in range(size))))
        assert MAX_CATEGORIES < value <= size


def test_the_empty_string_is_a_value_in_a_sketch_too() -> None:
    values = [str(position) for position in range(251)]
    without = summarize_distinct(251, values)
    assert distinct(merge_strings(without, summarize_string(""))) == (252, False)


@pytest.mark.parametrize("value", ["", " a ", "A", "é", "e\u0301", "02134", "\u0000", "\U0001f697"])
def test_strings_stay_as_they_are(value: str) -> None:
    assert summarize_string(value).categories == {value: 1}


def test_a_summary_with_neither_categories_nor_sketch_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        distinct(StringSummary(3, None, None))
