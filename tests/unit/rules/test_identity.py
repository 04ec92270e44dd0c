"""Who a record is: I1, I2."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import json_values, texts

from transforms.rules.identity import derived_annotation_id, reference_id
from transforms.rules.rejections import Fault


@pytest.mark.parametrize(
    ("record", "identity"),
    [
        ({"reference_id": "a"}, "a"),
        ({"reference_id": " "}, " "),
        ({"ref_id": "a"}, "a"),
        ({"reference_id": "a", "ref_id": "b"}, "a"),
    ],
)
def test_a_reference_id(record: Any, identity: str) -> None:
    assert reference_id(record) == identity


@pytest.mark.parametrize("record", [{}, {"reference_id": ""}, {"reference_id": None}, {"ref_id": 3}])
def test_everything_except_a_non_empty_string_is_invalid(record: Any) -> None:
    fault = reference_id(record)
    assert isinstance(fault, Fault)
    assert fault.code == "invalid_reference_id"
    assert fault.field == ("ref_id" if "ref_id" in record else "reference_id")


def test_a_derived_id_is_the_same_on_every_run() -> None:
    assert derived_annotation_id("car", "box", {"x": 1, "y": 2.5}) == "content-22b84371585d5ea71ade1b0c0554c207"


@given(texts, json_values, json_values)
def test_derived_ids_are_the_same_only_for_the_same_content(label: str, one: Any, other: Any) -> None:
    # Numbers count by their value (1, 1.0); True, which Python takes for 1, is none.
    same = repr(_by_value(one)) == repr(_by_value(other))
    assert (derived_annotation_id(label, "box", one) == derived_annotation_id(label, "box", other)) == same
    assert derived_annotation_id(label, "box", one) != derived_annotation_id(label, "line", one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("1", "1e0"),
        ("10", "1E1"),
        ("0", "-0.0"),
        ("-0", "0.0"),
        ("0.1", "1e-1"),
        ("18446744073709551616", "18446744073709551616.0"),
        ("99999999999999991611392", "1e23"),
    ],
)
def test_equal_numbers_give_one_id_however_they_are_written(one: str, other: str) -> None:
    geometries = [json.loads(f'{{"vertices": [{{"y": {each}, "x": 2}}]}}') for each in (one, other)]
    assert len({derived_annotation_id("car", "polygon", geometry) for geometry in geometries}) == 1


@given(st.integers(-(2**70), 2**70))
def test_integers_that_are_equal_as_doubles_have_distinct_ids(value: int) -> None:
    ids = [derived_annotation_id("car", "box", {"x": each}) for each in (value, value + 1, float(value))]
    assert ids[0] != ids[1]
    assert (ids[0] == ids[2]) == (value == float(value))


def _by_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _by_value(value[key]) for key in sorted(value)}
    if isinstance(value, float) and value == int(value):
        return int(value)
    return [_by_value(each) for each in value] if isinstance(value, list) else value
