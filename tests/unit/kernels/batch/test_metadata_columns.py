"""Metadata objects as columns and cells: V1 to V5, V7 to V9; the kernel against the rule: A, C."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import json_values, keys, metadata_objects, tabulated_back

from transforms.kernels.batch.metadata_columns import DENSITY, FEW_ROWS, json_text, odd, shapes, tabulated
from transforms.rules.metadata import RESERVED, Metadata, normalize
from transforms.rules.values import canonical_json, number_fault


def objects_of(value: Any) -> Any:
    """A value as it is told apart from every other: 1, 1.0 and True, 0.0 and -0.0."""
    if isinstance(value, dict):
        return {key: objects_of(each) for key, each in value.items()}
    return [objects_of(each) for each in value] if isinstance(value, list) else repr(value)


@given(st.lists(st.dictionaries(keys, json_values, max_size=4), max_size=12))
def test_every_value_comes_back_exactly(objects: list[Any]) -> None:
    assert objects_of(tabulated_back(objects)) == objects_of(objects)


@given(st.data(), st.integers(1, 3 * DENSITY))
def test_every_value_comes_back_exactly_from_many_rows_of_few_shapes(data: st.DataObject, count: int) -> None:
    few = data.draw(st.lists(st.dictionaries(keys, json_values, max_size=3), min_size=1, max_size=3))
    objects = [few[data.draw(st.integers(0, len(few) - 1))] for _ in range(count)]
    assert objects_of(tabulated_back(objects)) == objects_of(objects)


def test_dense_values_get_a_column_and_sparse_ones_a_cell() -> None:
    count = 40 * DENSITY
    objects: list[Any] = [{"speed": 1.5, "a:b": row} for row in range(count)]
    rare = {3: True, 5: 7, 6: -0.0, 9: "x", 11: [True], 12: None, 600: 2**63}
    for row, value in rare.items():
        objects[row] = {**objects[row], "rare": value}
    columns, cells = tabulated(objects)
    assert set(columns) == {"float:speed", "int:a:b"}
    assert all(len(values) == count for values in columns.values())
    assert cells["row"].to_list() == sorted(rare)
    assert cells["form"].to_list() == ["bool", "int", "float", "string", "json", "null", "big"]
    assert objects_of(tabulated_back(objects)) == objects_of(objects)


@pytest.mark.parametrize("key", ["lat", "lon", "latitude", "longitude", "context_attachments", "camera_params"])
def test_coordinates_and_reserved_keys_are_columns_however_rare(key: str) -> None:
    columns, cells = tabulated([{}] * 1000 + [{key: None}, {key: 1}])
    assert set(columns) == {f"null:{key}", f"int:{key}"}
    assert cells.height == 0


@pytest.mark.parametrize(
    "values",
    [
        [2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**40],
        [2**63] * 3,
        [True, 1, 1.0, "1", [1], {"a": 1}, None],
        [0.0, -0.0, 0, False],
        [None, None],
        [10**40, 2**64 - 1],
    ],
)
def test_forms_do_not_mix(values: list[Any]) -> None:
    objects: list[Any] = [{"a": value} for value in values]
    assert objects_of(tabulated_back(objects)) == objects_of(objects)


def test_no_objects_and_empty_objects() -> None:
    assert tabulated_back([]) == []
    assert tabulated_back([{}, {}]) == [{}, {}]


def test_wide_objects_are_restored() -> None:
    objects: list[Any] = [{f"key {n}": n * row for n in range(2000)} for row in range(FEW_ROWS + 1)]
    assert tabulated_back(objects) == objects


def test_shapes_are_keys_in_their_order() -> None:
    assert shapes([{"a": 1, "b": 2}, {"b": 1, "a": 2}, {"a": 3, "b": 4}]) == {("a", "b"): [0, 2], ("b", "a"): [1]}


@given(st.lists(metadata_objects(), max_size=12))
def test_what_is_not_odd_is_as_the_rule_leaves_it(objects: list[Any]) -> None:
    needing = odd(objects)
    for position, whole in enumerate(objects):
        each = {key: value for key, value in whole.items() if key not in RESERVED}  # which are not looked at
        if position not in needing and number_fault(each) is None:
            found = normalize(each)
            assert isinstance(found, Metadata)
            assert objects_of(found.fields) == objects_of(each)
            assert found.warnings == ()


def test_ordinary_coordinates_are_not_odd() -> None:
    pairs = [{"lat": 52.5, "lon": 13.3}, {"lat": 1, "lon": 2.5}, {"longitude": -180, "latitude": 90}, {"a": "b"}]
    assert odd(pairs) == set()  # type: ignore[arg-type]
    wrong = [{"lat": 91.0, "lon": 1.0}, {"lat": 1.0, "lon": float("nan")}, {"lat": True, "lon": 1}, {"lat": 1}]
    assert odd(wrong) == {0, 1, 2, 3}  # type: ignore[arg-type]


@given(json_values)
def test_the_fast_writer_writes_what_the_rule_writes(value: Any) -> None:
    assert json_text(value) == canonical_json(value)


@pytest.mark.parametrize("depth", [200, 300, 1000])
def test_the_fast_writer_writes_any_depth(depth: int) -> None:
    text = '{"b":[' * (depth // 2) + '{"a":1e+16,"z":0.00001}' + "]}" * (depth // 2)
    assert json_text(orjson.loads(text)) == text
    assert json_text([orjson.loads(text), 10**40]) == f"[{text},1{'0' * 40}]"
