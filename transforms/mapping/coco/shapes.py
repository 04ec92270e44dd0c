"""Turns the box, the polygons and the key points of a COCO annotation into one geometry that keeps all of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from transforms.mapping.coco.rle import rle_box
from transforms.mapping.coco.tokens import Members, elements, given, numbers, object_of
from transforms.rules.rejections import Code, Fault

_BOX_KEYS: Final = ("x", "y", "width", "height")
_POINT_NUMBERS: Final = 3
_LEAST_RING: Final = 6
"""Numbers of the smallest polygon."""
_SPACE: Final = b" \t\r\n"
_SHAPE_KEYS: Final = ("bbox", "segmentation", "keypoints")
_UNLABELLED: Final = frozenset({b"0", b"0.0"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What an annotation is.

    Attributes:
        type: `box`, `polygon` or `keypoints`.
        geometry: JSON text; what the type itself does not have stands beside it under its COCO key.
    """

    type: str
    geometry: bytes


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The key points of a category.

    Attributes:
        members: `names`, and `skeleton` with pairs that count from 0, as texts of a geometry.
    """

    members: tuple[tuple[str, bytes], ...] = ()

    @property
    def keys(self) -> Iterable[str]:
        """The keys of the category that these come from."""
        return ("keypoints" if name == "names" else name for name, _ in self.members)

    @classmethod
    def of(cls, category: Members) -> "Skeleton":
        """The key points of a category of a document, whose `skeleton` counts from 1."""
        names, pairs = given(category, "keypoints"), elements(category.get("skeleton", b""))
        found = [] if names is None else [("names", names)]
        joints = [numbers(each) for each in pairs or ()]
        if joints and all(joint is not None and all(each.isdigit() for each in joint) for joint in joints):
            counted = [b",".join([b"%d" % (int(each) - 1) for each in joint or ()]) for joint in joints]
            found.append(("skeleton", b"[%s]" % b",".join([b"[%s]" % each for each in counted])))
        return cls(tuple(found))


NO_SKELETON: Final = Skeleton()


def shape(annotation: Members, skeleton: Skeleton) -> Shape | Fault | None:
    """The shape of an annotation, by what is most specific of it; None if it has none at all.

    Key points with a labelled one are `keypoints`; else a segmentation that is one ring is a `polygon`; else it is a
    `box`, of several rings and RLE too, by its `bbox` or else by the extent of the segmentation.
    """
    flat = _flat_points(annotation)
    if isinstance(flat, Fault):
        return flat
    if flat and not _UNLABELLED.issuperset(flat[2::_POINT_NUMBERS]):
        return _key_points(annotation, flat, skeleton)
    segmentation = given(annotation, "segmentation")
    found = _polygon(annotation, segmentation) or _box(annotation, segmentation)
    if found is None and flat and segmentation is None and given(annotation, "bbox") is None:
        found = _key_points(annotation, flat, skeleton)
    if found is not None or not any(key in annotation for key in _SHAPE_KEYS):
        return found
    if segmentation is not None and segmentation.translate(None, _SPACE) != b"[]":
        return _fault("segmentation", "polygons or RLE with an extent", segmentation)
    return _fault("bbox", "[x, y, width, height]", annotation.get("bbox"))


def _flat_points(annotation: Members) -> list[bytes] | Fault:
    """The numbers of the key points, three for each; none if there are none."""
    text = given(annotation, "keypoints")
    flat = [] if text is None else numbers(text)
    if flat is None or len(flat) % _POINT_NUMBERS:
        return _fault("keypoints", "a list of x, y, v for each point", text)
    return flat


def _beside(annotation: Members, keys: Iterable[str]) -> list[tuple[str, bytes]]:
    return [(key, text) for key in keys if (text := given(annotation, key)) is not None]


def _key_points(annotation: Members, flat: Sequence[bytes], skeleton: Skeleton) -> Shape:
    others = _beside(annotation, ("bbox", "segmentation"))
    return Shape("keypoints", object_of([("keypoints", _points(flat)), *skeleton.members, *others]))


def _points(flat: Sequence[bytes]) -> bytes:
    """The points of a flat list; `v` stands beside them where `visible` and the place do not say it."""
    points = []
    for x, y, v in zip(flat[::3], flat[1::3], flat[2::3], strict=True):
        if v == b"2":
            points.append(b'{"x":%b,"y":%b,"visible":true}' % (x, y))
        elif v == b"1":
            points.append(b'{"x":%b,"y":%b,"visible":false}' % (x, y))
        elif (x, y, v) == (b"0", b"0", b"0"):
            points.append(b'{"x":null,"y":null,"visible":false}')
        else:
            visible = b"true" if float(v) > 0 else b"false"
            points.append(b'{"x":%b,"y":%b,"visible":%b,"v":%b}' % (x, y, visible, v))
    return b"[%s]" % b",".join(points)


def _polygon(annotation: Members, segmentation: bytes | None) -> Shape | None:
    """The polygon of a segmentation that is one ring; None for several, and for RLE."""
    inner = b"" if segmentation is None else segmentation.translate(None, _SPACE)
    if not inner.startswith(b"[[") or inner.find(b"]") != len(inner) - 2:
        return None
    flat = numbers(inner[1:-1])
    if flat is None or len(flat) % 2 or len(flat) < _LEAST_RING:
        return None
    others = _beside(annotation, ("bbox", "keypoints"))
    return Shape("polygon", object_of([("vertices", _ring_of(len(flat) // 2) % tuple(flat)), *others]))


@lru_cache(maxsize=1_000)
def _ring_of(points: int) -> bytes:
    """The form of a ring of so many points, which takes their numbers at once."""
    return b"[%b]" % b",".join([b'{"x":%b,"y":%b}'] * points)


def _box(annotation: Members, segmentation: bytes | None) -> Shape | None:
    """The box that is given, else the extent of the segmentation."""
    text = given(annotation, "bbox")
    box = [] if text is None else numbers(text)
    if box == [] and segmentation is not None:
        box = _extent(segmentation)
    if box is None or len(box) != len(_BOX_KEYS):
        return None
    others = _beside(annotation, ("segmentation", "keypoints"))
    return Shape("box", object_of([*zip(_BOX_KEYS, box, strict=True), *others]))


def _extent(segmentation: bytes) -> list[bytes] | None:
    """The x, y, width and height of polygons or RLE; None if they are none."""
    if segmentation.startswith(b"{"):
        found = rle_box(segmentation)
        return None if found is None else [b"%d" % each for each in found]
    rings = [numbers(each) or [] for each in elements(segmentation) or ()]
    if not rings or any(len(ring) % 2 or not ring for ring in rings):
        return None
    xs, ys = ([float(each) for ring in rings for each in ring[start::2]] for start in (0, 1))
    extent = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    if not all(map(math.isfinite, extent)):
        return None
    return [repr(int(each) if each.is_integer() else each).encode() for each in extent]


def _fault(key: str, what: str, text: bytes | None) -> Fault:
    seen = "nothing" if text is None else text[:80].decode("utf-8", "replace")
    return Fault(Code.INVALID_FIELD, f"expected {what}, got {seen} at {key}", key)
