"""A summary after values have gone and others have come is that of the values that are left: T1, V7, U5."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from transforms.rules.fields import (
    FIELD_ZERO,
    GROUP_ZERO,
    FieldSummary,
    merge_fields,
    merge_groups,
    summarize_record,
    summarize_value,
)
from transforms.rules.numbers import NUMBERS_ZERO, merge_numbers, summarize_number
from transforms.rules.retraction import replaced, replaced_group
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


@given(st.lists(values, max_size=12), st.lists(values, max_size=6), st.lists(values, max_size=6))
def test_what_is_told_is_what_the_values_say(
    kept: list[JsonValue], gone: list[JsonValue], come: list[JsonValue]
) -> None:
    found = replaced(summary(kept + gone), summary(gone, EVERYTHING), summary(come, EVERYTHING), LIMIT)
    if found is not None:
        assert found == summary(kept + come)
        extremes = (found.numbers.minimum, found.numbers.maximum)
        expected = summary(kept + come).numbers
        assert list(map(repr, extremes)) == [repr(expected.minimum), repr(expected.maximum)]


@given(st.lists(numbers, min_size=2, max_size=12), st.lists(numbers, max_size=6))
def test_numbers_within_the_extremes_are_always_told(kept: list[JsonValue], come: list[JsonValue]) -> None:
    ends: list[JsonValue] = [-(10**300), 10**301]
    inner = [value for value in kept if isinstance(value, int | float) and abs(value) < 10**200]
    found = replaced(summary([*ends, *inner]), summary(inner, EVERYTHING), summary(come, EVERYTHING), LIMIT)
    assert found == summary([*ends, *come])


@given(st.lists(st.sampled_from("ab"), max_size=12), st.lists(st.sampled_from("abcde"), max_size=6), st.integers(0, 12))
def test_categories_are_always_told(kept: list[JsonValue], come: list[JsonValue], count: int) -> None:
    gone = kept[:count]
    found = replaced(summary(kept), summary(gone, EVERYTHING), summary(come, EVERYTHING), LIMIT)
    assert found == summary([*kept[count:], *come])


def test_what_cannot_be_told_is_left_open() -> None:
    texts: list[JsonValue] = [*"abcde"]
    assert replaced(summary(texts), summary(["a"], EVERYTHING), summary([], EVERYTHING), LIMIT) is None
    assert replaced(summary(texts), summary(["a"], EVERYTHING), summary(["a"], EVERYTHING)) == summary(texts)
    assert replaced(summary(texts), summary([]), summary(["f"], EVERYTHING), LIMIT) == summary([*texts, "f"])
    assert replaced(summary([1, 2, 3]), summary([1]), summary([2])) is None
    assert replaced(summary([1, 2, 3]), summary([1]), summary([0])) == summary([2, 3, 0])
    # An int may have stood for the float that is left.
    assert replaced(summary([1, 1.0, 3]), summary([1]), summary([1.0])) is None
    assert replaced(summary([1, 1.0, 3]), summary([1]), summary([1])) == summary([1.0, 3, 1])


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "lat", "lon"]), values, max_size=3), max_size=10),
    st.lists(st.dictionaries(st.sampled_from(["a", "lat", "lon"]), values, max_size=3), max_size=4),
    st.integers(0, 10),
)
def test_fields_of_a_group_are_told_or_left_open(
    records: list[dict[str, JsonValue]], come: list[dict[str, JsonValue]], count: int
) -> None:
    gone, kept = records[:count], records[count:]
    whole, out, into, left = (
        reduce(merge_groups, map(summarize_record, each), GROUP_ZERO) for each in (records, gone, come, [*kept, *come])
    )
    found, open_fields = replaced_group(whole, out, into)
    assert not found.keys() & set(open_fields)
    for key in whole.fields.keys() | into.fields.keys():
        if key not in open_fields:
            assert found.get(key) == left.fields.get(key)
    assert found.keys() | set(open_fields) >= left.fields.keys()


def test_numbers_that_are_all_gone_leave_those_that_come() -> None:
    one = summarize_number(1)
    found = replaced(FieldSummary(numbers=one), FieldSummary(numbers=one), FIELD_ZERO)
    assert found is not None
    assert found.numbers == NUMBERS_ZERO
    assert merge_numbers(NUMBERS_ZERO, one) == one
