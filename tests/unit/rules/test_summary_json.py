"""Summaries as JSON: what comes back is what went in, limits included: P3, T1, T2, V7, D3."""

import json
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import keys, scalars

from transforms.rules.fields import GROUP_ZERO, FieldSummary, GroupSummary, merge_groups, summarize_record
from transforms.rules.strings import MAX_CATEGORIES, StringSummary, distinct, merge_strings, summarize_distinct
from transforms.rules.summary_json import field_from_json, field_to_json, group_from_json, group_to_json


def text_of(summary: GroupSummary) -> str:
    return json.dumps(group_to_json(summary))


@draws(80)
@given(st.lists(st.dictionaries(keys, scalars, max_size=3), max_size=8), st.randoms(use_true_random=False))
def test_a_summary_comes_back_and_its_text_does_not_depend_on_the_order(records: list[Any], chance: Any) -> None:
    summary = reduce(merge_groups, map(summarize_record, records), GROUP_ZERO)
    read = group_from_json(json.loads(text_of(summary)))
    assert read == summary
    assert text_of(read) == text_of(summary)
    shuffled = chance.sample(records, len(records))
    assert text_of(reduce(merge_groups, map(summarize_record, shuffled), GROUP_ZERO)) == text_of(summary)


def some(size: int, limit: int) -> StringSummary:
    """So many distinct strings, counted up to this limit."""
    values = [f"{number}" for number in range(size)]
    if size > limit:
        return summarize_distinct(size, values, limit)
    return StringSummary(size, dict.fromkeys(values, 1), None, limit)


@pytest.mark.parametrize("limit", [MAX_CATEGORIES, 300, 1000])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_limit_of_a_field_comes_back_with_its_strings(limit: int, more: int) -> None:
    summary = FieldSummary(strings=some(limit + more, limit))
    read = field_from_json(json.loads(json.dumps(field_to_json(summary))))
    assert read == summary
    assert read.strings.limit == limit
    assert (read.strings.categories is None) == (more > 0)
    merged = merge_strings(read.strings, StringSummary(1, {"one more": 1}, None, limit))
    assert (merged.categories is None) == (more >= 0)
    assert merged.limit == limit


def test_a_field_without_strings_has_no_limit_of_its_own() -> None:
    empty = field_from_json(field_to_json(FieldSummary(null=1, strings=StringSummary(0, {}, None, 300)))).strings
    assert merge_strings(empty, some(280, 300)) == some(280, 300)
    assert merge_strings(some(280, 300), empty) == some(280, 300)


@pytest.mark.parametrize(("one", "other"), [(250, 300), (300, 250)])
def test_summaries_of_two_limits_do_not_merge(one: int, other: int) -> None:
    with pytest.raises(ValueError, match=f"expected summaries of one field with one limit, got {one} and {other}"):
        merge_strings(some(3, one), some(3, other))


def test_a_higher_limit_counts_more_categories_and_estimates_no_fewer() -> None:
    assert distinct(some(300, 300)) == (300, True)
    value, exact = distinct(some(301, 300))
    assert (value, exact) == (301, False)
