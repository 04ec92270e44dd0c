"""Who a record is: I1, I2."""

from typing import Any

import pytest
from hypothesis import given
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
def test_anything_but_a_non_empty_string_is_invalid(record: Any) -> None:
    fault = reference_id(record)
    assert isinstance(fault, Fault)
    assert fault.code == "invalid_reference_id"
    assert fault.field == ("ref_id" if "ref_id" in record else "reference_id")


def test_a_derived_id_is_the_same_on_every_run() -> None:
    assert derived_annotation_id("car", "box", {"x": 1, "y": 2.5}) == "content-22b84371585d5ea71ade1b0c0554c207"


@given(texts, json_values, json_values)
def test_derived_ids_are_the_same_only_for_the_same_content(label: str, one: Any, other: Any) -> None:
    # Python takes 1, 1.0 and True for equal; JSON texts do not.
    same = repr(_sorted(one)) == repr(_sorted(other))
    assert (derived_annotation_id(label, "box", one) == derived_annotation_id(label, "box", other)) == same
    assert derived_annotation_id(label, "box", one) != derived_annotation_id(label, "line", one)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
