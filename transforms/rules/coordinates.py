"""Finds coordinates in metadata, converts them to decimal degrees, and validates them (C)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transforms.rules.rejections import Code, Fault, expected, shown
from transforms.rules.values import JsonValue, as_double, is_number

PAIRS = (("latitude", "longitude"), ("lat", "lon"))
"""The keys of coordinate pairs, the preferred pair first (C1, C2)."""
KEYS = frozenset(key for pair in PAIRS for key in pair)
PARTNERS = dict(PAIRS) | {east: north for north, east in PAIRS}
"""Key to the other one of its pair."""
LATITUDE_LIMIT = 90.0
LONGITUDE_LIMIT = 180.0
LIMITS = {north: LATITUDE_LIMIT for north, _ in PAIRS} | {east: LONGITUDE_LIMIT for _, east in PAIRS}
"""Key to the largest absolute value in decimal degrees (C5)."""

PAIRS_DIFFER = "coordinate_pairs_differ"
HALF_COORDINATE = "half_coordinate"

DECIMAL = r"[ \t\n\r\f\v]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\n\r\f\v]*"
"""What a decimal string is, as a regular expression."""
_DECIMAL = re.compile(DECIMAL)


@dataclass(frozen=True, slots=True)
class Coordinates:
    """The coordinates of one metadata object.

    Attributes:
        location: (latitude, longitude) in WGS 84 decimal degrees, None if there is no complete pair.
        numbers: The fields whose decimal strings become numbers (C4).
        warnings: Codes of accepted irregularities (C2, C3).
    """

    location: tuple[float, float] | None
    numbers: Mapping[str, float]
    warnings: tuple[str, ...]


def locate(metadata: Mapping[str, JsonValue]) -> Coordinates | Fault:
    """The coordinates of one metadata object (C1 to C6).

    >>> locate({"lat": 52.5, "lon": "13.3"}).location
    (52.5, 13.3)
    >>> locate({"lat": 95, "lon": 13.3}).code.value
    'coordinate_out_of_range'
    >>> locate({"lat": 10.0}).warnings
    ('half_coordinate',)
    """
    locations: list[tuple[float, float]] = []
    numbers: dict[str, float] = {}
    complete: set[str] = set()
    for north, east in PAIRS:
        if north not in metadata or east not in metadata:
            continue
        complete |= {north, east}
        if metadata[north] is None and metadata[east] is None:
            continue
        pair = _pair(metadata, north, east)
        if isinstance(pair, Fault):
            return pair
        locations.append(pair)
        numbers |= {
            key: number for key, number in zip((north, east), pair, strict=True) if isinstance(metadata[key], str)
        }
    warnings = []
    if len(set(locations)) > 1:
        warnings.append(PAIRS_DIFFER)
    if any(key in metadata and key not in complete for key in KEYS):
        warnings.append(HALF_COORDINATE)
    return Coordinates(locations[0] if locations else None, numbers, tuple(warnings))


def degrees(value: JsonValue) -> float | None:
    """The value as decimal degrees: a number, or a decimal string (C4); None for anything else.

    An integer beyond the range of double becomes an infinity of its sign, which is out of every range.

    >>> degrees("+13"), degrees(" -0.1 "), degrees("-1e-05"), degrees(True)
    (13.0, -0.1, -1e-05, None)
    """
    if isinstance(value, float):
        return value
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value) else None
    if isinstance(value, int) and is_number(value):
        number = as_double(value)
        return (float("inf") if value > 0 else float("-inf")) if number is None else number
    return None


def _pair(metadata: Mapping[str, JsonValue], north: str, east: str) -> tuple[float, float] | Fault:
    values = []
    for key in (north, east):
        number = degrees(metadata[key])
        if number is None:
            return expected(Code.INVALID_COORDINATE, "a number in decimal degrees", metadata[key], at=f"metadata.{key}")
        values.append(number)
    latitude, longitude = values
    for key, number, limit in ((north, latitude, LATITUDE_LIMIT), (east, longitude, LONGITUDE_LIMIT)):
        if not -limit <= number <= limit:
            # A latitude slightly beyond 90 is a typing error, more looks like a swapped longitude.
            swapped = abs(longitude) <= LATITUDE_LIMIT < abs(latitude) - 1 and abs(latitude) <= LONGITUDE_LIMIT
            hint = f"; {north} and {east} look swapped" if swapped else ""
            name = "latitude" if key == north else "longitude"
            return Fault(
                Code.COORDINATE_OUT_OF_RANGE,
                f"expected a {name} within [-{limit:g}, {limit:g}], got {shown(metadata[key])} at metadata.{key}{hint}",
                f"metadata.{key}",
            )
    return latitude, longitude
