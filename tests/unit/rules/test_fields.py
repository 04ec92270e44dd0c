"""Fields and groups: V1 to V5, C1, T3, T5, P3."""

import json
import random
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import laws

from transforms.rules import summary_json
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
from transforms.rules.values import JsonValue

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.just([]),
    st.just({"a": 1}),
)
records = st.lists(st.dictionaries(st.sampled_from(["a", "b", "lat", "lon", ""]), scalars, max_size=4), max_size=12)


def group_of(found: list[dict[str, JsonValue]]) -> GroupSummary:
    return reduce(merge_groups, map(summarize_record, found), GROUP_ZERO)


@given(st.lists(scalars, max_size=15), st.randoms(use_true_random=False))
def test_merge_of_fields_is_a_commutative_monoid(values: list[JsonValue], chance: random.Random) -> None:
    parts = [summarize_value(value) for value in values]
    merged = laws.check_monoid(merge_fields, FIELD_ZERO, parts, chance=chance)
    assert merged.present + merged.null == len(values)
    assert sum(merged.kinds.values()) == merged.present


@given(records, st.randoms(use_true_random=False))
def test_merge_of_groups_is_a_commutative_monoid(found: list[dict[str, JsonValue]], chance: random.Random) -> None:
    laws.check_monoid(merge_groups, GROUP_ZERO, [summarize_record(record) for record in found], chance=chance)
    merged = laws.check_partitions(group_of, merge_groups, GROUP_ZERO, found, chance=chance)
    assert merged.records == len(found)


@pytest.mark.parametrize(
    ("value", "observed", "kinds"),
    [
        (None, {}, {}),
        (True, {"bool": 1}, {"string": 1}),
        (1, {"int": 1}, {"number": 1}),
        (1.0, {"float": 1}, {"number": 1}),
        ("", {"string": 1}, {"string": 1}),
        ([], {"list": 1}, {"other": 1}),
        ({}, {"object": 1}, {"other": 1}),
    ],
)
def test_each_value_is_evidence_for_its_kind(value: JsonValue, observed: dict[str, int], kinds: dict[str, int]) -> None:
    summary = summarize_value(value)
    assert (summary.observed, summary.kinds) == (observed, kinds)
    assert summary.null == (value is None)


def test_booleans_count_as_the_strings_they_are_cast_to() -> None:
    summary = reduce(merge_fields, map(summarize_value, [True, False, "true"]))
    assert summary.strings.categories == {"true": 2, "false": 1}
    assert summary.kinds == {"string": 3}


def test_a_boolean_against_a_number_is_two_kinds_and_a_list_against_an_object_is_one() -> None:
    assert merge_fields(summarize_value(True), summarize_value(1)).kinds == {"number": 1, "string": 1}
    assert merge_fields(summarize_value([]), summarize_value({})).kinds == {"other": 2}


@pytest.mark.parametrize(
    ("metadata", "paired"),
    [
        ({"lat": 1, "lon": 2.0}, {"lat", "lon"}),
        ({"lat": 1, "lon": 2, "latitude": 3, "longitude": 4}, {"lat", "lon", "latitude", "longitude"}),
        ({"lat": 1, "longitude": 2}, set()),
        ({"lat": 1}, set()),
        ({"lat": None, "lon": None}, set()),
        ({"Lat": 1, "Lon": 1}, set()),
    ],
)
def test_only_fields_of_a_complete_pair_are_paired(metadata: dict[str, JsonValue], paired: set[str]) -> None:
    assert {key for key, field in summarize_record(metadata).fields.items() if field.paired} == paired


@given(records, st.integers(0, 300))
def test_summaries_survive_json_and_equal_ones_give_equal_bytes(
    found: list[dict[str, JsonValue]], strings: int
) -> None:
    found = [*found, *({"text": str(position)} for position in range(strings))]
    summary = group_of(found)
    stored = json.dumps(summary_json.group_to_json(summary))
    assert summary_json.group_from_json(json.loads(stored)) == summary
    assert json.dumps(summary_json.group_to_json(group_of(found[::-1]))) == stored


def test_stored_integers_and_doubles_stay_apart() -> None:
    for value in (1, 1.0, 2**53 + 1, 10**40, -0.0, 5e-324):
        stored = json.loads(json.dumps(summary_json.field_to_json(summarize_value(value))))
        restored = summary_json.field_from_json(stored)
        assert repr(restored.numbers.minimum) == repr(summarize_value(value).numbers.minimum)
        assert restored.numbers.total == summarize_value(value).numbers.total


def test_zero_has_nothing() -> None:
    assert (FIELD_ZERO.present, FIELD_ZERO.kinds, FIELD_ZERO) == (0, {}, FieldSummary())
