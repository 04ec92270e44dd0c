"""Resolution of summaries into a schema: T1 to T3, T5, V5, V7, V9, C1."""

import json
import random
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import laws
from support.fixtures import SHARED, needs_shared

from transforms.rules.fields import GROUP_ZERO, GroupSummary, merge_groups, summarize_record
from transforms.rules.metadata import normalize
from transforms.rules.rejections import Fault
from transforms.rules.schema import conflicts, resolve_group
from transforms.rules.values import JsonObject, JsonValue

KEYS = [
    *("type", "kind", "storage", "column", "present", "null", "missing", "observed", "distinct", "categories"),
    *("minimum", "maximum", "mean", "stddev", "inexact"),
]


def group_of(records: list[JsonObject]) -> GroupSummary:
    return reduce(merge_groups, map(summarize_record, records), GROUP_ZERO)


def field_of(values: list[JsonValue], key: str = "f", **options: Any) -> dict[str, Any]:
    resolved: Any = resolve_group(group_of([{key: value} for value in values]), **options)
    found: dict[str, Any] = resolved["fields"][key]
    return found


@pytest.mark.parametrize(
    ("values", "kind_of_field"),
    [
        ([1, 2], ("numerical", "number", "long")),
        ([1, 2.0], ("numerical", "number", "double")),
        ([1, None], ("numerical", "number", "long")),
        ([2**63 - 1, -(2**63)], ("numerical", "number", "long")),
        ([2**63], ("numerical", "number", "double")),
        (["a", "b"], ("categorical", "string", "string")),
        (["a", True], ("categorical", "string", "string")),
        ([True, False], ("categorical", "string", "string")),
        ([""], ("categorical", "string", "string")),
        ([str(n) for n in range(250)], ("categorical", "string", "string")),
        ([str(n) for n in range(251)], ("text", "string", "string")),
        ([[], {}], ("other", "other", "json")),
        ([None], ("empty", None, None)),
        ([1, "a"], ("conflict", None, None)),
        ([1, True], ("conflict", None, None)),
        ([1, []], ("conflict", None, None)),
        (["a", {}], ("conflict", None, None)),
    ],
)
def test_the_type_follows_from_the_kinds(values: list[JsonValue], kind_of_field: tuple[str, str, str]) -> None:
    found = field_of(values)
    assert (found["type"], found["kind"], found["storage"]) == kind_of_field
    assert found["column"] == (None if found["storage"] is None else "f")
    assert list(found) == KEYS


def test_a_long_field_has_exact_integers() -> None:
    found = field_of([2**53 + 1, 0, None, -(2**63)])
    assert (found["minimum"], found["maximum"], found["inexact"]) == (-(2**63), 2**53 + 1, 1)
    assert (found["present"], found["null"], found["missing"]) == (3, 1, 0)
    assert found["observed"] == {"bool": 0, "int": 3, "float": 0, "string": 0, "list": 0, "object": 0}
    assert found["distinct"] is None
    assert found["categories"] is None


def test_a_double_field_has_doubles_and_still_counts_what_lost_precision() -> None:
    found = field_of([1, 0.5, 2**53 + 1, 10**40])
    assert [repr(found[name]) for name in ("minimum", "maximum")] == ["0.5", "1e+40"]
    assert found["inexact"] == 2
    assert found["mean"] == float((10**40 + 2**53 + 2) / 4)


def test_categories_are_sorted_by_count_and_then_by_value() -> None:
    found = field_of(["b", "c", "a", "c", True, False, True])
    assert [(category["value"], category["count"]) for category in found["categories"]] == [
        *(("c", 2), ("true", 2)),
        *(("a", 1), ("b", 1), ("false", 1)),
    ]
    assert found["distinct"] == {"value": 5, "exact": True}
    assert [found[name] for name in ("minimum", "maximum", "mean", "stddev")] == [None] * 4


def test_text_is_sticky() -> None:
    found = field_of(["a", "b"], sticky_text=frozenset({"f"}))
    assert (found["type"], found["storage"], found["categories"]) == ("text", "string", None)
    assert found["distinct"] == {"value": 2, "exact": True}
    assert field_of([1], sticky_text=frozenset({"f"}))["type"] == "numerical"


def test_text_has_an_estimate_of_its_distinct_values() -> None:
    found = field_of([f"value {n}" for n in range(1000)])
    assert found["categories"] is None
    assert found["distinct"]["exact"] is False
    assert abs(found["distinct"]["value"] - 1000) < 50


@pytest.mark.parametrize(
    ("record", "types"),
    [
        ({"lat": 1.5, "lon": 2}, {"lat": "geographic", "lon": "geographic"}),
        ({"latitude": 1.5, "longitude": 2}, {"latitude": "geographic", "longitude": "geographic"}),
        ({"lat": 1.5, "longitude": 2}, {"lat": "numerical", "longitude": "numerical"}),
        ({"lat": "north"}, {"lat": "categorical"}),
        ({"Lat": 1.5, "Lon": 2}, {"Lat": "numerical", "Lon": "numerical"}),
        (
            {"context_attachments": [], "camera_params": {}},
            dict.fromkeys(("camera_params", "context_attachments"), "reserved"),
        ),
        ({"camera_params": None}, {"camera_params": "reserved"}),
    ],
)
def test_coordinates_and_reserved_keys_have_types_of_their_own(record: JsonObject, types: dict[str, str]) -> None:
    fields: Any = resolve_group(group_of([record]))["fields"]
    assert {key: field["type"] for key, field in fields.items()} == types


def test_a_geographic_field_is_long_only_where_all_its_numbers_are_integers() -> None:
    fields: Any = resolve_group(group_of([{"lat": 1, "lon": 2}, {"lat": 1, "lon": 2.5}]))["fields"]
    assert (fields["lat"]["storage"], fields["lon"]["storage"]) == ("long", "double")


def test_a_reserved_field_is_json_whatever_it_holds() -> None:
    found = field_of([{"fx": 1}, "text"], key="camera_params")
    assert (found["type"], found["kind"], found["storage"]) == ("reserved", "other", "json")
    assert conflicts("items", group_of([{"camera_params": {}}, {"camera_params": "text"}])) == []


def test_conflicts_name_each_field_and_each_kind_with_its_count() -> None:
    summary = group_of([{"b": 1, "a": "x", "c": 1}, {"b": "1", "a": [], "c": 1.5}, {"b": True, "a": {}, "c": None}])
    assert conflicts("scenes", summary) == [
        {"group": "scenes", "field": "a", "kinds": {"string": 1, "other": 2}},
        {"group": "scenes", "field": "b", "kinds": {"number": 1, "string": 2}},
    ]


def test_fields_are_sorted_with_columns_of_their_own() -> None:
    resolved: Any = resolve_group(group_of([{"b": 1, "a.b": 1, "a_b": 1}]))
    assert list(resolved["fields"]) == ["a.b", "a_b", "b"]
    assert len({field["column"] for field in resolved["fields"].values()}) == 3
    assert resolved["records"] == 1


scalars = st.one_of(
    *(st.none(), st.booleans(), st.text(max_size=2), st.just([])),
    *(st.integers(-(2**66), 2**66), st.floats(allow_nan=False, allow_infinity=False)),
)
metadata = st.dictionaries(st.sampled_from(["a", "b", "lat", "lon", "a.b"]), scalars, max_size=5)


@given(st.lists(metadata, max_size=12), st.randoms(use_true_random=False))
def test_the_outcome_is_the_same_bytes_in_any_order_and_grouping(
    records: list[JsonObject], chance: random.Random
) -> None:
    merged = laws.check_partitions(group_of, merge_groups, GROUP_ZERO, records, chance=chance)
    shuffled = records.copy()
    chance.shuffle(shuffled)
    text = json.dumps(resolve_group(merged), allow_nan=False)
    assert json.dumps(resolve_group(group_of(shuffled)), allow_nan=False) == text
    assert conflicts("items", group_of(shuffled)) == conflicts("items", merged)


@given(st.lists(metadata, max_size=12))
def test_every_record_is_present_null_or_missing(records: list[JsonObject]) -> None:
    fields: Any = resolve_group(group_of(records))["fields"]
    for key, found in fields.items():
        assert found["present"] + found["null"] + found["missing"] == len(records)
        assert found["missing"] == sum(key not in record for record in records)


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        *(f"vega/items_{name}.ndjson" for name in ("airports_conflict", "cars", "jobs_255_distinct", "la-riots")),
        *(f"vega/items_{name}.ndjson" for name in ("penguins", "us-state-capitals")),
        *("coords/items_coords", "coords/items_conflicting_coords", "framing/lf.ndjson"),
    ],
)
def test_real_records_give_what_the_oracle_gives(name: str) -> None:
    oracle = json.loads((SHARED / "expected_by_oracle.json").read_text(encoding="utf-8"))[name]
    expected = oracle["groups"]["items"]
    path = SHARED / (name if name.endswith("json") else f"{name}.ndjson")
    passed = [normalize(json.loads(line).get("metadata")) for line in path.read_bytes().split(b"\n") if line.strip()]
    summary = group_of([dict(metadata.fields) for metadata in passed if not isinstance(metadata, Fault)])
    resolved: Any = resolve_group(summary)
    assert resolved["records"] == expected["records"]
    assert list(resolved["fields"]) == sorted(expected["fields"])
    assert conflicts("items", summary) == oracle["conflicts"]
    for key, want in expected["fields"].items():
        got = resolved["fields"][key]
        assert got["type"] == want["type"]
        assert {seen: count for seen, count in got["observed"].items() if count} == want["observed"]
        assert [got[part] for part in ("present", "null", "missing")] == [
            want[part] for part in ("present", "null", "missing")
        ]
        if "mean" in want:
            assert got["storage"] in want["storage"]
            assert [got[part] for part in ("minimum", "maximum", "inexact")] == [
                want[part] for part in ("minimum", "maximum", "inexact")
            ]
            assert got["mean"] == pytest.approx(want["mean"], rel=1e-12)
        if "distinct" in want:
            assert got["distinct"]["value"] == pytest.approx(want["distinct"], rel=0.05)
        if "categories" in want and got["type"] == "categorical":
            counts = {category["value"]: category["count"] for category in got["categories"]}
            assert want["categories"].items() <= counts.items()
