"""Writes geometries as the `bbox`, `segmentation` and `keypoints` of COCO."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from transforms.rules.coco import Element
from transforms.rules.values import JsonValue, canonical_json, is_number

_BOX: Final = ("x", "y", "width", "height")
_LEAST_VERTICES: Final = 3


@dataclass(slots=True)
class ShapeMembers:
    """The members of an annotation that are its shape.

    Attributes:
        members: Key to value.
        area: Of the box, or the polygon, in pixels.
        labelled: How many key points are labelled.
        made_up: Keys that the geometry does not have.
        lost: Keys of the geometry that are not said.
    """

    members: Element
    area: float
    labelled: int = 0
    made_up: list[JsonValue] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def shape_members(kind: str, geometry: JsonValue, skeleton: str) -> ShapeMembers | None:
    """The shape of a box, polygon or key points; None for a geometry that COCO has no word for.

    Args:
        kind: The type.
        geometry: As it came in.
        skeleton: Of the category, as `skeleton_text` has it.
    """
    if not isinstance(geometry, dict):
        return None
    match kind:
        case "box":
            found = _box(geometry)
        case "polygon":
            found = _polygon(geometry)
        case _:
            found = _key_points(geometry, skeleton)
    return found


def skeleton_text(geometry: JsonValue) -> str:
    """The names and the skeleton of key points as one text, "" if there are none.

    >>> skeleton_text({"keypoints": [], "names": ["a"]})
    '{"names":["a"]}'
    """
    if not isinstance(geometry, dict):
        return ""
    found: Element = {}
    if isinstance(names := geometry.get("names"), list):
        found["names"] = names
    pairs = geometry.get("skeleton")
    if isinstance(pairs, list) and pairs and all(_is_pair(pair) for pair in pairs):
        found["skeleton"] = pairs
    return canonical_json(found) if found else ""


def _is_pair(pair: JsonValue) -> bool:
    return isinstance(pair, list) and bool(pair) and all(type(each) is int and each >= 0 for each in pair)


def _box(geometry: Element) -> ShapeMembers | None:
    box = [geometry.get(key) for key in _BOX]
    sides = [each for each in box if isinstance(each, int | float) and is_number(each)]
    if len(sides) < len(_BOX):
        return None
    found = ShapeMembers({"bbox": box}, sides[2] * sides[3])
    return _with_others(found, geometry, _BOX, ("segmentation", "keypoints"))


def _polygon(geometry: Element) -> ShapeMembers | None:
    vertices = _vertices(geometry.get("vertices"))
    if vertices is None or len(vertices) < _LEAST_VERTICES:
        return None
    found = ShapeMembers({"segmentation": [[each for vertex in vertices for each in vertex]]}, _area(vertices))
    if geometry.get("bbox") is None:
        _add_box(found, vertices)
    return _with_others(found, geometry, ("vertices",), ("bbox", "keypoints"))


def _key_points(geometry: Element, skeleton: str) -> ShapeMembers | None:
    points = geometry.get("keypoints")
    if not isinstance(points, list) or not points:
        return None
    flat: list[JsonValue] = []
    places: list[tuple[float, float]] = []
    for point in points:
        numbers = _point(point)
        if numbers is None:
            return None
        flat += numbers
        if numbers[2] != 0:
            places.append((numbers[0], numbers[1]))
    found = ShapeMembers({"keypoints": flat}, 0, labelled=len(places))
    box = geometry.get("bbox")
    if box is None and places:
        _add_box(found, places)
        box = found.members["bbox"]
    if isinstance(box, list) and len(box) == len(_BOX):
        width, height = box[2:]
        if isinstance(width, int | float) and isinstance(height, int | float):
            found.area = width * height
    said = {"keypoints"} | ({"names", "skeleton"} if skeleton_text(geometry) == skeleton else set())
    return _with_others(found, geometry, sorted(said), ("bbox", "segmentation"))


def _point(point: JsonValue) -> tuple[float, float, float] | None:
    """The x, y and v of a key point."""
    if not isinstance(point, dict) or not point.keys() <= {"x", "y", "visible", "v"}:
        return None
    x, y, visible, v = (point.get(key) for key in ("x", "y", "visible", "v"))
    if x is None and y is None and visible is False and v is None:
        return 0, 0, 0
    if not (isinstance(x, int | float) and is_number(x) and isinstance(y, int | float) and is_number(y)):
        return None
    if isinstance(v, int | float) and is_number(v):
        return x, y, v
    return (x, y, 2 if visible else 1) if isinstance(visible, bool) and v is None else None


def _vertices(vertices: JsonValue) -> list[tuple[float, float]] | None:
    if not isinstance(vertices, list):
        return None
    found = []
    for vertex in vertices:
        if not isinstance(vertex, dict) or vertex.keys() != {"x", "y"}:
            return None
        x, y = vertex["x"], vertex["y"]
        if not (isinstance(x, int | float) and isinstance(y, int | float)):
            return None
        found.append((x, y))
    return found


def _add_box(found: ShapeMembers, places: Sequence[tuple[float, float]]) -> None:
    """Adds the extent of some points."""
    xs, ys = [x for x, _ in places], [y for _, y in places]
    found.members["bbox"] = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    found.made_up.append("bbox")


def _area(vertices: Sequence[tuple[float, float]]) -> float:
    turned = [*vertices[1:], vertices[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(vertices, turned, strict=True))) / 2


def _with_others(found: ShapeMembers, geometry: Element, said: Sequence[str], beside: Sequence[str]) -> ShapeMembers:
    """With the members of the geometry that stand beside it as COCO has them; others are lost."""
    for key, value in geometry.items():
        if key in said or value is None:
            continue
        if key in beside:
            found.members[key] = value
        else:
            found.lost.append(key)
    return found
