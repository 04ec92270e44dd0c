"""One metadata object: G4, A1, A2, C4, V6 to V8."""

from typing import Any

import pytest
from hypothesis import given
from support.strategies import metadata_values

from transforms.rules.metadata import EMPTY, Metadata, normalize
from transforms.rules.rejections import Fault


@pytest.mark.parametrize("nothing", [None, {}])
def test_absent_null_and_empty_are_one_thing(nothing: Any) -> None:
    assert normalize(nothing) == EMPTY == Metadata({}, ())


@pytest.mark.parametrize("wrong", [[], "x", 3, True])
def test_metadata_is_an_object(wrong: Any) -> None:
    fault = normalize(wrong)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == ("invalid_metadata", "metadata")


def test_values_stay_as_they_are() -> None:
    fields = {"zip": "02134", " A ": "  ", "a": None, "night": True, "tags": [True], "": 10**40, "z": -0.0}
    found = normalize(fields)  # type: ignore[arg-type]
    assert isinstance(found, Metadata)
    assert repr(found.fields) == repr(fields)


def test_coordinates_become_numbers_and_stay_in_the_metadata() -> None:
    found = normalize({"lat": "52.5", "lon": 13, "latitude": 1.0})
    assert found == Metadata({"lat": 52.5, "lon": 13, "latitude": 1.0}, ("half_coordinate",))


def test_an_empty_list_of_attachments_is_none() -> None:
    assert normalize({"context_attachments": []}) == Metadata({"context_attachments": None})


@pytest.mark.parametrize(
    ("metadata", "code", "field"),
    [
        ({"context_attachments": {}}, "invalid_context_attachment", "metadata.context_attachments"),
        ({"camera_params": 3}, "invalid_field", "metadata.camera_params"),
        ({"camera_params": []}, "invalid_field", "metadata.camera_params"),
        ({"lat": "x", "lon": 1}, "invalid_coordinate", "metadata.lat"),
        ({"lat": 91, "lon": 1}, "coordinate_out_of_range", "metadata.lat"),
        ({"speed": float("nan")}, "non_finite_number", "metadata.speed"),
        ({"speed": 10**309}, "number_out_of_range", "metadata.speed"),
    ],
)
def test_faults(metadata: Any, code: str, field: str) -> None:
    fault = normalize(metadata)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)
    assert f" at {field}" in fault.message


@given(metadata_values)
def test_normalizing_changes_no_argument_keeps_every_key_and_is_idempotent(value: Any) -> None:
    before = repr(value)
    found = normalize(value)
    assert repr(value) == before
    if isinstance(found, Metadata):
        assert list(found.fields) == list(value or {})
        again = normalize(found.fields)
        assert isinstance(again, Metadata)
        assert repr(again.fields) == repr(found.fields)
