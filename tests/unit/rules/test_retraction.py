"""A summary after values were removed and added is that of the remaining values: T1, V7, U5."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.rules.fields import (
    FIELD_ZERO,
    GROUP_ZERO,
    FieldSummary,
    GroupSummary,
    merge_fields,
    merge_groups,
    summarize_record,
    summarize_value,
)
from transforms.rules.numbers import NUMBERS_ZERO, merge_numbers, summarize_number
from transforms.rules.retraction import UnchangedValues, open_fields, replaced, replaced_group
from transforms.rules.strings import STRINGS_ZERO, StringSummary, merge_strings
from transforms.rules.values import JsonValue

LIMIT = 3
EVERYTHING = 10**6

numbers = st.one_of(st.integers(-2, 2), st.sampled_from([0.0, -0.0, 1.0, -2.0, 0.5, 2**53 + 1, 2**64, 1e300]))
values = st.one_of(st.none(), st.booleans(), numbers, st.sampled_from("abcde"), st.just([1]))


def strings(values: list[JsonValue], limit: int) -> StringSummary:
    found = [summarize_value(value).strings for value in values]
    one_by_one = (StringSummary(each.count, each.categories, None, limit) for each in found if each.count)
    return reduce(merge_strings, one_by_one, STRINGS_ZERO)


def summary(values: list[JsonValue], limit: int = LIMIT) -> FieldSummary:
    """As the kernels give it, with so many distinct strings counted."""
    merged = reduce(merge_fields, (summarize_value(value) for value in values), FIELD_ZERO)
    return FieldSummary(merged.null, merged.observed, merged.numbers, strings(values, limit), merged.paired)


def unchanged(values: list[JsonValue]) -> UnchangedValues:
    numbers, limit = summary(values).numbers, LIMIT
    return UnchangedValues(numbers.minimum, numbers.maximum, strings(values, limit))


@given(st.lists(values, max_size=12), st.lists(values, max_size=6), st.lists(values, max_size=6))
def test_what_is_told_is_what_the_values_say(
    kept: list[JsonValue], removed: list[JsonValue], added: list[JsonValue]
) -> None:
    found = replaced(
        summary(kept + removed), summary(removed, EVERYTHING), summary(added, EVERYTHING), unchanged(kept), LIMIT
    )
    expected = summary(kept + added)
    assert found == expected
    extremes = [repr(each.numbers.minimum) + repr(each.numbers.maximum) for each in (found, expected)]
    assert extremes[0] == extremes[1], "ints are told from floats"


@given(st.lists(numbers, min_size=2, max_size=12), st.lists(numbers, max_size=6))
def test_of_numbers_within_the_extremes_nothing_more_is_asked(kept: list[JsonValue], added: list[JsonValue]) -> None:
    ends: list[JsonValue] = [-(10**300), 10**301]
    inner = [value for value in kept if isinstance(value, int | float) and abs(value) < 10**200]
    whole, removed = summary([*ends, *inner]), summary(inner, EVERYTHING)
    assert open_fields(GroupSummary(9, {"a": whole}), GroupSummary(1, {"a": removed})) == []
    assert replaced(whole, removed, summary(added, EVERYTHING), UnchangedValues(), LIMIT) == summary([*ends, *added])


@given(st.lists(st.sampled_from("ab"), max_size=12), st.lists(st.sampled_from("abcde"), max_size=6), st.integers(0, 12))
def test_of_categories_nothing_more_is_asked(kept: list[JsonValue], added: list[JsonValue], count: int) -> None:
    whole, removed = summary(kept), summary(kept[:count], EVERYTHING)
    assert open_fields(GroupSummary(9, {"a": whole}), GroupSummary(1, {"a": removed})) == []
    assert replaced(whole, removed, summary(added, EVERYTHING), UnchangedValues(), LIMIT) == summary(
        [*kept[count:], *added]
    )


def test_what_was_not_asked_is_not_made_up() -> None:
    texts: list[JsonValue] = [*"abcde"]
    with pytest.raises(ValueError, match="expected the summary of the strings that stay"):
        replaced(summary(texts), summary(["a"], EVERYTHING), summary([]), UnchangedValues(), LIMIT)
    for removed in (1, 3):
        with pytest.raises(ValueError, match="expected the extremes of the numbers that stay"):
            replaced(summary([1, 2, 3]), summary([removed]), summary([0]), UnchangedValues())
    with pytest.raises(ValueError, match="with their counts"):
        replaced(summary(texts), summary(texts), summary([]), UnchangedValues(), LIMIT)


records = st.dictionaries(st.sampled_from(["a", "lat", "lon"]), values, max_size=3)


@given(st.lists(records, max_size=10), st.lists(records, max_size=4), st.integers(0, 10))
def test_fields_of_a_group_are_told_by_what_is_asked(
    records: list[dict[str, JsonValue]], added: list[dict[str, JsonValue]], count: int
) -> None:
    removed, kept = records[:count], records[count:]
    whole, out, into, left = (
        reduce(merge_groups, map(summarize_record, each), GROUP_ZERO)
        for each in (records, removed, added, [*kept, *added])
    )
    asked = {key: unchanged([each[key] for each in kept if key in each]) for key in open_fields(whole, out)}
    assert replaced_group(whole, out, into, asked) == left.fields


def test_removing_all_numbers_leaves_the_added_ones() -> None:
    one = summarize_number(1)
    found = replaced(FieldSummary(numbers=one), FieldSummary(numbers=one), FIELD_ZERO, UnchangedValues())
    assert found.numbers == NUMBERS_ZERO
    assert merge_numbers(NUMBERS_ZERO, one) == one
