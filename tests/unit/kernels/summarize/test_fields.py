"""Summaries and locations of a batch are those of its records one by one: T1, T3, V1 to V5, C1, C2."""

from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, metadata_objects

from transforms.kernels.batch.batch import Batch
from transforms.kernels.summarize.fields import summarize, values_by_form
from transforms.kernels.summarize.locations import locations
from transforms.rules import coordinates
from transforms.rules.fields import GROUP_ZERO, GroupSummary, merge_groups, summarize_record
from transforms.rules.metadata import Metadata, normalize


def accepted(objects: list[Any]) -> list[Any]:
    found = map(normalize, objects)
    return [each.fields for each in found if isinstance(each, Metadata)]


def one_by_one(objects: list[Any]) -> GroupSummary:
    return reduce(merge_groups, map(summarize_record, objects), GROUP_ZERO)


@draws(100)
@given(st.lists(metadata_objects(), max_size=10), st.sampled_from([0, 100]))
def test_the_summary_is_that_of_the_records_one_by_one(objects: list[Any], empty: int) -> None:
    rows = accepted(objects) + [{}] * empty
    assert summarize(batch_of(rows)) == one_by_one(rows)


@draws(40)
@given(st.lists(metadata_objects(), min_size=1, max_size=6), st.lists(metadata_objects(), min_size=1, max_size=3))
def test_the_summary_of_concatenated_batches_is_the_merged_one(one: list[Any], other: list[Any]) -> None:
    one, other = accepted(one), [*accepted(other), *([{}] * 60)]
    whole = Batch.concatenated([batch_of(one), batch_of(other)])
    assert summarize(whole) == one_by_one([*one, *other])
    back = whole.take(np.arange(whole.rows.height, dtype=np.int64)[::-1])
    assert summarize(back) == summarize(whole)


@draws(100)
@given(st.lists(metadata_objects(), max_size=10))
def test_locations_are_those_of_the_rule(objects: list[Any]) -> None:
    rows = accepted(objects)
    expected = []
    for each in rows:
        found = coordinates.locate(each)
        assert isinstance(found, coordinates.Coordinates)
        expected.append(found.location or (None, None))
    assert locations(batch_of(rows).rows).rows() == expected


@pytest.mark.parametrize(
    ("metadata", "location", "paired"),
    [
        ({"lat": 1, "lon": 2.5}, (1.0, 2.5), {"lat": 1, "lon": 1}),
        ({"lat": 1, "lon": 2.5, "latitude": 3.5, "longitude": 4}, (3.5, 4.0), dict.fromkeys(coordinates.KEYS, 1)),
        ({"lat": None, "lon": None}, (None, None), {"lat": 0, "lon": 0}),
        ({"lat": 1, "longitude": 2}, (None, None), {"lat": 0, "longitude": 0}),
        ({"latitude": "x", "a": 1}, (None, None), {"latitude": 0, "a": 0}),
    ],
)
def test_only_complete_pairs_are_locations(metadata: Any, location: Any, paired: dict[str, int]) -> None:
    batch = batch_of([metadata, {}])
    assert locations(batch.rows).rows() == [location, (None, None)]
    assert {key: field.paired for key, field in summarize(batch).fields.items()} == paired


def test_values_by_form_are_columns_and_cells() -> None:
    batch = Batch.concatenated([batch_of([{"a": 1}]), batch_of([{}] * 50 + [{"a": 2}, {"a": True}])])
    found = values_by_form(batch)
    assert set(found) == {"a"}
    (_, column), (rows, cells) = found["a"]["int"]
    assert column.drop_nulls().to_list() == [1]
    assert rows is not None
    assert (rows.tolist(), cells.to_list()) == ([51], [2])
    ((rows, cells),) = found["a"]["bool"]
    assert rows is not None
    assert (rows.tolist(), cells.to_list()) == ([52], [True])
