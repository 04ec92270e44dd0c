"""Merged metadata: U3, V5, C1, C4, C5; the kernel against the rule on dicts."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, degrees, json_values, keys, metadata_of

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import DENSITY
from transforms.kernels.batch.row_equality import consolidated, consolidated_from
from transforms.kernels.merge.merge_metadata import merge_metadata
from transforms.rules.coordinates import KEYS as COORDINATE_KEYS
from transforms.rules.coordinates import locate
from transforms.rules.metadata import Metadata, normalize
from transforms.rules.rejections import Fault
from transforms.rules.values import canonical_json

VALUES = st.one_of(json_values, st.none())
OTHERS = st.dictionaries(st.one_of(st.sampled_from(["a", "b", "a:b"]), keys), VALUES, max_size=4)
COORDINATES = st.dictionaries(st.sampled_from(sorted(COORDINATE_KEYS)), degrees, max_size=3)
HUGE = 10**400
UPDATES = st.builds(lambda others, located: others | located, OTHERS, st.one_of(st.just({}), COORDINATES))


def is_stored(metadata: Any, *, locate: bool) -> bool:
    return isinstance(normalize(metadata, locate=locate), Metadata)


def published_ones(metadata: Any) -> Any:
    """Metadata as a row holds it: what the rule makes of it at reading."""
    found = normalize(metadata)
    return found.fields if isinstance(found, Metadata) else {}


PUBLISHED = UPDATES.map(published_ones)
GIVEN = UPDATES.filter(lambda metadata: is_stored(metadata, locate=False))


def scalar(old: Any, new: Any) -> Any:
    """The rule: the new keys win, a new null removes; coordinates are judged where the update names one (U3, C4)."""
    merged = {key: value for key, value in {**old, **new}.items() if key not in new or new[key] is not None}
    if not COORDINATE_KEYS & new.keys():
        return merged
    found = locate(merged)
    return found if isinstance(found, Fault) else {**merged, **found.numbers}


def pool_of(base: list[Any], updates: list[Any], padding: int) -> Batch:
    """The rows below, those above, and empty ones."""
    found = []
    for name, objects in (("old", [*base, *[{}] * padding]), ("new", updates)):
        batch = batch_of(objects)
        rows = batch.rows.drop("export", "chunk", "line", "part").with_columns(
            export_name=pl.lit(name), image_url=pl.format("/{}/{}", pl.lit(name), "offset"), width=pl.lit(1.5)
        )
        found.append(Batch("items", rows, batch.cells))
    return consolidated_from(found)


def check(pairs: list[tuple[Any, Any]], padding: int) -> None:
    base, updates = [old for old, _ in pairs], [new for _, new in pairs]
    count = len(pairs)
    pool = pool_of(base, updates, padding)
    before = pool.to_bytes()
    found, faults = merge_metadata(pool, np.arange(count), np.arange(count) + count + padding)
    assert pool.to_bytes() == before, "the pool was changed"
    expected = [scalar(old, new) for old, new in pairs]
    assert {place: (each.code, each.field) for place, each in enumerate(expected) if isinstance(each, Fault)} == {
        place: (fault.code, fault.field) for place, fault in faults.items()
    }
    got = metadata_of(found)
    for place, want in enumerate(expected):
        if not isinstance(want, Fault):
            assert canonical_json(got[place]) == canonical_json(want)
    assert found.rows["export_name"].to_list() == ["new"] * count
    assert found.rows["offset"].to_list() == list(range(count))
    assert found.rows["image_url"].to_list() == [f"/old/{place}" for place in range(count)]
    assert found.rows["reference_id"].to_list() == [f"r{place}" for place in range(count)]
    # The result is a batch like any other: it can be concatenated with others.
    again = metadata_of(consolidated_from([pool, found]))[pool.rows.height :]
    assert list(map(canonical_json, again)) == list(map(canonical_json, metadata_of(consolidated(found))))


@draws(80)
@given(st.lists(st.tuples(PUBLISHED, GIVEN), min_size=1, max_size=8), st.sampled_from([0, 2 * DENSITY, 8 * DENSITY]))
def test_rows_are_updated_as_the_rule_updates_one_object(pairs: list[tuple[Any, Any]], padding: int) -> None:
    check(pairs, padding)


FORMS: list[Any] = [1, 1.5, True, "x", [1, True], {"b": None}, 2**63, None]


@pytest.mark.parametrize("padding", [0, 400])
@pytest.mark.parametrize("old", FORMS)
def test_a_value_of_any_form_gives_way_to_one_of_any_form(old: Any, padding: int) -> None:
    check([({"a": old, "b": 1}, {"a": new}) for new in FORMS], padding)
    check([({"a": old, "b": 1}, {})], padding)


@pytest.mark.parametrize("frequent", ["base", "updates"])
def test_a_key_may_be_frequent_in_one_form_and_rare_in_another(frequent: str) -> None:
    common, rare = {"a": 1, "b": "x"}, {"a": "one", "b": None}
    base = [common if frequent == "base" else rare] * 3
    updates = [rare if frequent == "base" else common] * 3
    check([*zip(base, updates, strict=True), *[(common, {})] * 60], 0)


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": 1}, {"b": None}, {"a": 1}),
        ({"a": None}, {"b": 1}, {"a": None, "b": 1}),
        ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"y": 2}}),
        ({"lat": 1.5, "lon": 2.5}, {"lat": "3.5"}, {"lat": 3.5, "lon": 2.5}),
        ({"lat": 1.5, "lon": 2.5}, {"lat": None}, {"lon": 2.5}),
        ({"lat": "north"}, {"a": 1}, {"lat": "north", "a": 1}),
        ({"lat": "3.5"}, {"lon": " -4 "}, {"lat": 3.5, "lon": -4.0}),
        ({}, {"lat": "3.5"}, {"lat": "3.5"}),
        ({"context_attachments": [{"attachment": "/a"}]}, {"context_attachments": None}, {}),
    ],
)
@pytest.mark.parametrize("padding", [0, 100])
def test_keys_are_merged_at_the_top_level_alone(old: Any, new: Any, merged: Any, padding: int) -> None:
    found, faults = merge_metadata(pool_of([old], [new], padding), np.array([0]), np.array([1 + padding]))
    assert (metadata_of(found), faults) == ([merged], {})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ({"lat": 1.5, "lon": 2.5}, {"lat": "north"}, 'expected a number in decimal degrees, got "north" at'),
        ({"lat": 1.5, "lon": 2.5}, {"lat": True}, "expected a number in decimal degrees, got true at"),
        ({"lat": 1.5, "lon": 2.5}, {"lat": [1, 2.5]}, "expected a number in decimal degrees, got [1, 2.5] at"),
        ({"lat": 1.5, "lon": 2.5}, {"lat": [2**70]}, f"expected a number in decimal degrees, got [{2**70}] at"),
        ({"lat": 1.5, "lon": 2.5}, {"lat": [HUGE]}, "expected a number in decimal degrees, got [1000"),
        ({"lat": 1.5, "lon": 2.5}, {"lat": 91}, "expected a latitude within [-90, 90], got 91 at metadata.lat"),
        ({"lat": 1.5, "lon": 2.5}, {"lat": 2**64}, "expected a latitude within [-90, 90], got 18446744073709551616"),
        ({"lat": "north"}, {"lon": 1}, 'expected a number in decimal degrees, got "north" at metadata.lat'),
        ({"lat": None}, {"lon": 1}, "expected a number in decimal degrees, got null at metadata.lat"),
    ],
)
def test_what_becomes_of_a_pair_is_judged_as_at_reading(old: Any, new: Any, message: str) -> None:
    pairs = [({}, {"a": 1}), (old, new), ({"lat": 1, "lon": 1}, {"lat": "2"})]
    base, updates = [old for old, _ in pairs], [new for _, new in pairs]
    found, faults = merge_metadata(pool_of(base, updates, 0), np.arange(3), np.arange(3, 6))
    assert list(faults) == [1]
    assert faults[1].message.startswith(message)
    assert [metadata_of(found)[place] for place in (0, 2)] == [{"a": 1}, {"lat": 2.0, "lon": 1}]
