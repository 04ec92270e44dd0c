"""The geometries of annotations: a table of the numbers and points of each type, and its faults (FORMATS 1.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from transforms.rules import core_keys
from transforms.rules.core_keys import NUMBER, CoreKey
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a geometry.

    Attributes:
        keys: The keys of the numbers.
        member: The key of the object that has them; None if the geometry itself has.
    """

    keys: tuple[CoreKey, ...]
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """A list of points.

    Attributes:
        member: The key of the list.
        keys: The keys of the numbers of each point.
    """

    member: str
    keys: tuple[CoreKey, ...]


Parts: TypeAlias = tuple[Numbers | Points, ...]


def _numbers(*names: str) -> tuple[CoreKey, ...]:
    return tuple(CoreKey(name, NUMBER, "a number") for name in names)


_VERTICES: Parts = (Points("vertices", _numbers("x", "y")),)
GEOMETRIES: dict[str, Parts] = {
    "box": (Numbers(_numbers("x", "y", "width", "height")),),
    "polygon": _VERTICES,
    "line": _VERTICES,
    "keypoints": (Points("keypoints", ()),),
    "cuboid": (
        Numbers(_numbers("x", "y", "z"), "position"),
        Numbers(_numbers("x", "y", "z"), "dimensions"),
        Numbers((CoreKey("yaw", NUMBER, "a number").optional(),)),
    ),
}
"""Type to the parts of its geometry, in the order of their faults. Other keys are kept as they are."""


def geometry_faults(geometry: JsonValue, kind: str) -> Iterator[Fault]:
    """The faults of the geometry of an annotation of a type.

    >>> [fault.message for fault in geometry_faults({"vertices": [{"x": 1, "y": None}]}, "line")]
    ['expected a number, got null at geometry.vertices[0].y']
    """
    if not isinstance(geometry, dict):
        yield expected(Code.INVALID_FIELD, "an object", geometry, at="geometry")
        return
    for part in GEOMETRIES[kind]:
        match part:
            case Numbers(keys=keys, member=None):
                yield from core_keys.faults(geometry, keys, within="geometry.")
            case Numbers(keys=keys, member=str(member)):
                yield from _object_faults(geometry.get(member), keys, f"geometry.{member}")
            case Points():
                yield from _point_faults(geometry, part)


def _point_faults(geometry: JsonObject, part: Points) -> Iterator[Fault]:
    points, at = geometry.get(part.member), f"geometry.{part.member}"
    if not isinstance(points, list):
        yield expected(Code.INVALID_FIELD, "a list of points", points, at=at)
        return
    for position, point in enumerate(points):
        yield from _object_faults(point, part.keys, f"{at}[{position}]")


def _object_faults(value: JsonValue, keys: tuple[CoreKey, ...], at: str) -> Iterator[Fault]:
    if isinstance(value, dict):
        yield from core_keys.faults(value, keys, within=f"{at}.")
    else:
        yield expected(Code.INVALID_FIELD, "an object", value, at=at)
