"""Which metadata fields are a coordinate, and which are a fault: C1 to C6, R1."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import degrees, keys

from transforms.rules.coordinates import Coordinates, locate
from transforms.rules.coordinates import degrees as parse_degrees
from transforms.rules.rejections import Fault


@pytest.mark.parametrize(
    ("metadata", "location", "numbers", "warnings"),
    [
        ({"lat": 52.5, "lon": 13.3}, (52.5, 13.3), {}, ()),
        ({"latitude": 1, "longitude": -2}, (1.0, -2.0), {}, ()),
        ({"lat": 90, "lon": 180}, (90.0, 180.0), {}, ()),
        ({"lat": -90.0, "lon": -180.0}, (-90.0, -180.0), {}, ()),
        ({"lat": "52.5", "lon": "+13"}, (52.5, 13.0), {"lat": 52.5, "lon": 13.0}, ()),
        ({"lat": "-1e-05", "lon": "1.3E+1"}, (-1e-05, 13.0), {"lat": -1e-05, "lon": 13.0}, ()),
        ({"lat": " -0.1 ", "lon": 3}, (-0.1, 3.0), {"lat": -0.1}, ()),
        ({"lat": 1, "lon": 2, "latitude": 3, "longitude": 4}, (3.0, 4.0), {}, ("coordinate_pairs_differ",)),
        ({"lat": "1", "lon": 2, "latitude": 1.0, "longitude": 2.0}, (1.0, 2.0), {"lat": 1.0}, ()),
        ({"lat": 1, "lon": 2, "latitude": None, "longitude": None}, (1.0, 2.0), {}, ()),
        ({"lat": 1, "lon": 2, "latitude": 9}, (1.0, 2.0), {}, ("half_coordinate",)),
        ({"lat": None, "lon": None}, None, {}, ()),
        ({"lat": 10.0}, None, {}, ("half_coordinate",)),
        ({"lat": "north"}, None, {}, ("half_coordinate",)),
        ({"lat": 1, "longitude": 2}, None, {}, ("half_coordinate",)),
        ({"Lat": 1, "Lon": 2, "lng": 3, "position": {"lat": 95, "lon": 1}}, None, {}, ()),
        ({}, None, {}, ()),
    ],
)
def test_pairs(metadata: Any, location: Any, numbers: dict[str, float], warnings: tuple[str, ...]) -> None:
    assert locate(metadata) == Coordinates(location, numbers, warnings)


@pytest.mark.parametrize(
    "wrong",
    [
        *(True, False, "north", "", "1e", "e1", "1e+", "1e1.0", "1_0", "inf", "1,5", "0x10"),
        *("\u0661", "--1", "nan", None, [1], {}),
    ],
)
def test_everything_except_a_number_in_a_complete_pair_is_invalid(wrong: Any) -> None:
    for metadata in ({"lat": wrong, "lon": 1}, {"latitude": wrong, "longitude": 1, "lat": 1, "lon": 1}):
        fault = locate(metadata)
        assert isinstance(fault, Fault)
        assert fault.code == "invalid_coordinate"
        assert fault.field == f"metadata.{next(iter(metadata))}"


def test_both_pairs_are_checked() -> None:
    fault = locate({"latitude": 1, "longitude": 1, "lat": 1, "lon": "west"})
    assert isinstance(fault, Fault)
    assert fault.message == 'expected a number in decimal degrees, got "west" at metadata.lon'


@pytest.mark.parametrize(
    ("latitude", "longitude", "message"),
    [
        (95, 13.3, "expected a latitude within [-90, 90], got 95 at metadata.lat; lat and lon look swapped"),
        (95, 100, "expected a latitude within [-90, 90], got 95 at metadata.lat"),
        (181, 3, "expected a latitude within [-90, 90], got 181 at metadata.lat"),
        (1, "-180.5", 'expected a longitude within [-180, 180], got "-180.5" at metadata.lon'),
        (1, 10**400, "expected a longitude within [-180, 180], got an integer of 1329 bits at metadata.lon"),
    ],
)
def test_out_of_range(latitude: Any, longitude: Any, message: str) -> None:
    fault = locate({"lat": latitude, "lon": longitude})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.message) == ("coordinate_out_of_range", message)


@given(st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.5f}"))
def test_decimal_strings_are_read_as_they_are_written(text: str) -> None:
    assert parse_degrees(text) == float(text)


@given(
    st.dictionaries(keys, st.integers(), max_size=2),
    st.fixed_dictionaries({}, optional=dict.fromkeys(("lat", "lon", "latitude", "longitude"), degrees)),
)
def test_a_location_is_always_on_earth_and_other_fields_never_matter(other: Any, given_keys: Any) -> None:
    found = locate(given_keys)
    assert locate({**other, **given_keys}) == found
    if isinstance(found, Coordinates) and found.location:
        latitude, longitude = found.location
        assert abs(latitude) <= 90
        assert abs(longitude) <= 180
        assert all(math.isfinite(number) for number in found.numbers.values())
        # What became a number stays the same coordinate when it is read again.
        assert locate({**given_keys, **found.numbers}) == Coordinates(found.location, {}, found.warnings)
