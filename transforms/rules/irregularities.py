"""Finds what is accepted but cannot be meant: core keys that no rule knows, values out of their range (R7)."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from transforms.rules.annotations import CATEGORIES, GEOMETRIC, MASK, SEGMENT
from transforms.rules.coordinates import HALF_COORDINATE, PARTNERS
from transforms.rules.geometries import GEOMETRIES, Points
from transforms.rules.items import IMAGE_URL_KEYS, POINTCLOUD_URL_KEYS, URL_KEYS
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.near_names import near
from transforms.rules.rejections import Code, Fault, shown
from transforms.rules.values import JsonValue, Record, is_number

NOT_TAKEN = "not_taken"
"""Warning: columns, keys or lists of an export that its map leaves aside."""
_IDENTITY = frozenset({"reference_id", "ref_id"})
_STORED = frozenset({"id", "dataset_id", "dataset_item_id", "item_id"})
"""Ids of the service, in its responses and in predictions (FORMATS 1.8, 2)."""
_ITEM = _IDENTITY | _STORED | {*URL_KEYS, CAMERA_PARAMS, "metadata", "width", "height", "type", "embedding_info"}
_SCENE = _IDENTITY | _STORED | {"metadata", "type", "video_url", "frame_rate", "frames", "tracks", "upload_to_scale"}
_MARKED = _IDENTITY | _STORED | {"type", "label", "labels", "geometry", "taxonomy_name"}
_MARKED_ONCE = _MARKED | {"annotation_id", "task_id", "track_reference_id", "confidence", "class_pdf"}
_KNOWN: Mapping[str, frozenset[str]] = {
    "items": _ITEM | {"phash", "update"},
    "scenes": _SCENE | {"update", "annotations"},
    MASK: _MARKED_ONCE | {"mask_url", "annotations"},
    SEGMENT: frozenset({"label", "index", "metadata"}),
    **dict.fromkeys(GEOMETRIC, _MARKED_ONCE | {"metadata", "embedding_vector"}),
    **dict.fromkeys(CATEGORIES, _MARKED_ONCE | {"metadata"}),
}
"""The keys of FORMATS, of items and scenes by group, of annotations and predictions by type."""
_OF_SEGMENTS = "put it into the metadata of each of its segments"
"""What to do about the metadata of a mask, which has none (G3)."""
_SYNONYMS: Mapping[str, str] = {
    "score": "confidence",
    "probability": "confidence",
    "scores": "class_pdf",
    "probabilities": "class_pdf",
    "class": "label",
    "class_name": "label",
    "category": "label",
    "category_name": "label",
    "name": "label",
    "classes": "labels",
    "categories": "labels",
    "taxonomy": "taxonomy_name",
    "bbox": "geometry",
    "box": "geometry",
    "polygon": "geometry",
    "vertices": "geometry",
    "keypoints": "geometry",
    "segmentation": "geometry",
    "x": "geometry",
    "position": "geometry",
    "dimensions": "geometry",
    "segments": "annotations",
    "image_id": "reference_id",
    "file_name": "image_url",
    "path": "image_url",
    "uri": "image_url",
    "image": "image_url",
    "point_cloud_url": "pointcloud_url",
    "lidar_url": "pointcloud_url",
    "video": "video_url",
    "fps": "frame_rate",
    "track_id": "track_reference_id",
    "embedding": "embedding_vector",
    "camera": CAMERA_PARAMS,
    "attributes": "metadata",
    "properties": "metadata",
    "extra": "metadata",
    "meta": "metadata",
}
"""Keys of other formats to the key that stands for them here."""
_POINTS = {
    kind: f"geometry.{part.member}" for kind, parts in GEOMETRIES.items() for part in parts if isinstance(part, Points)
}
"""Type to the path of the list of its points."""


class Irregularity(NamedTuple):
    """One irregular value of a record.

    Attributes:
        code: What it is.
        key: The key, or the path of the value in the record.
        value: What stands there.
    """

    code: Code
    key: str
    value: JsonValue


def irregularities(record: Record, form: str, *, prediction: bool = False) -> tuple[Irregularity, ...]:
    """What is irregular in an accepted record, or in an accepted segment of a mask (R7).

    Unknown keys come first, by name. Null counts as absent, and so do metadata without a key (G4).

    Args:
        record: The record or segment.
        form: What its keys are: `items`, `scenes`, or the type of the annotation or prediction.
        prediction: Whether it is a prediction, which has a confidence.

    >>> irregularities({"reference_id": "a", "label": "", "score": 0.5}, "box", prediction=True)[0][:2]
    (<Code.UNKNOWN_KEY: 'unknown_key'>, 'score')
    >>> irregularities({"reference_id": "a", "width": -1}, "items")
    (Irregularity(code=<Code.IMPLAUSIBLE_VALUE: 'implausible_value'>, key='width', value=-1),)
    """
    given = {key for key, value in record.items() if is_given(key, value)}
    unknown = (Irregularity(Code.UNKNOWN_KEY, key, record[key]) for key in unknown_keys(given, form))
    return (*unknown, *implausible_values(record, form, prediction=prediction))


def is_given(key: str, value: JsonValue) -> bool:
    """Whether a key with this value counts as there."""
    return value is not None and not (key == "metadata" and value == {})


def known_keys() -> frozenset[str]:
    """All keys that a rule knows, of any record or segment."""
    return frozenset().union(*_KNOWN.values())


def unknown_keys(keys: Collection[str], form: str) -> list[str]:
    """Those of the core keys of a record that no rule knows, by name.

    Args:
        keys: Keys of the record, beside its metadata.
        form: Of the record, as for `irregularities`.
    """
    return sorted(set(keys) - _KNOWN[form])


def intended(key: str, forms: Collection[str]) -> str | None:
    """The known key that is probably meant by an unknown one; None if there is none.

    >>> intended("score", ["box"]), intended("taxonomy", ["category"]), intended("weather", ["items"])
    ('confidence', 'taxonomy_name', None)
    """
    known = sorted({name for form in forms for name in _KNOWN[form]})
    synonym = _SYNONYMS.get(key.lower())
    if synonym in known:
        return synonym
    found = near(key, known, most=1, cutoff=0.75)
    return found[0] if found else None


def advice(key: str, forms: Collection[str]) -> str:
    """What to do about an unknown key, for messages.

    >>> advice("weather", ["items"]), advice("score", ["box"])
    ('put it into metadata', 'did you mean confidence?')
    >>> advice("metadata", ["mask"])
    'put it into the metadata of each of its segments'
    """
    if key == "metadata":
        return _OF_SEGMENTS
    name = intended(key, forms)
    return "put it into metadata" if name is None else f"did you mean {name}?"


def hint_of(code: str, key: str, forms: Collection[str]) -> str | None:
    """What to do about what a job warns of; None if that depends.

    Args:
        code: Of the warning.
        key: The unknown key, or the path of the value.
        forms: The forms of the records.

    >>> hint_of("half_coordinate", "metadata.lat", ["items"])
    'give metadata.lon too'
    """
    if code == Code.UNKNOWN_KEY.value:
        return advice(key, forms)
    if code == HALF_COORDINATE:
        return f"give metadata.{PARTNERS[key.removeprefix('metadata.')]} too"
    return None


def irregular_fault(irregularity: Irregularity, form: str) -> Fault:
    """The fault of a record that a strict job rejects.

    >>> irregular_fault(Irregularity(Code.IMPLAUSIBLE_VALUE, "confidence", 1.5), "box").message
    'expected a number from 0 to 1, got 1.5 at confidence'
    """
    code, key, value = irregularity
    if code is Code.UNKNOWN_KEY:
        return Fault(code, f"expected keys that a rule knows, got {shown(key)}; {advice(key, (form,))}", key)
    if key in {"confidence", "class_pdf"}:
        expectation = "a number from 0 to 1"
    elif key in {"label", "labels"}:
        expectation = "a label"
    elif key in POINTCLOUD_URL_KEYS:
        expectation = "an image or a point cloud, not the URLs of both"
    elif key in _POINTS.values():
        expectation = "at least one point"
    else:
        expectation = "a size of at least 0"
    return Fault(code, f"expected {expectation}, got {shown(value)} at {key}", key)


def implausible_values(record: Record, form: str, *, prediction: bool = False) -> Iterator[Irregularity]:
    """The values of a record that cannot be meant; arguments as of `irregularities`."""
    for path, value in _implausible(record, form, prediction=prediction):
        yield Irregularity(Code.IMPLAUSIBLE_VALUE, path, value)


def _implausible(record: Record, form: str, *, prediction: bool) -> Iterator[tuple[str, JsonValue]]:
    """Path and value of what cannot be meant."""
    match form:
        case "items":
            yield from _negative(record, ("width", "height"), "")
            yield from _both_urls(record)
        case "scenes":
            yield from _negative(record, ("frame_rate",), "")
        case _:
            label, labels = record.get("label"), record.get("labels")
            if label == "":
                yield "label", label
            if isinstance(labels, list) and "" in labels:
                yield "labels", labels
            yield from _implausible_geometry(record.get("geometry"), form)
            if prediction and form != SEGMENT:
                yield from _implausible_confidence(record)


def _both_urls(record: Record) -> Iterator[tuple[str, JsonValue]]:
    """The URL of a point cloud beside that of an image, by which the item is an image; "" counts as absent (K4)."""
    if all(record.get(key) in (None, "") for key in IMAGE_URL_KEYS):
        return
    for key in POINTCLOUD_URL_KEYS:
        if record.get(key) not in (None, ""):
            yield key, record[key]


def _implausible_geometry(geometry: JsonValue, form: str) -> Iterator[tuple[str, JsonValue]]:
    if not isinstance(geometry, dict):
        return
    if form == "box":
        yield from _negative(geometry, ("width", "height"), "geometry.")
    if form in _POINTS:
        points = geometry.get(_POINTS[form].removeprefix("geometry."))
        if points == []:
            yield _POINTS[form], points
    dimensions = geometry.get("dimensions")
    if form == "cuboid" and isinstance(dimensions, dict):
        yield from _negative(dimensions, ("x", "y", "z"), "geometry.dimensions.")


def _implausible_confidence(record: Record) -> Iterator[tuple[str, JsonValue]]:
    confidence, pdf = record.get("confidence"), record.get("class_pdf")
    if _is_outside(confidence):
        yield "confidence", confidence
    if isinstance(pdf, dict):
        for value in pdf.values():
            if _is_outside(value):
                yield "class_pdf", value
                return


def _negative(values: Record, keys: Collection[str], path: str) -> Iterator[tuple[str, JsonValue]]:
    for key in keys:
        value = values.get(key)
        if isinstance(value, int | float) and is_number(value) and value < 0:
            yield f"{path}{key}", value


def _is_outside(value: JsonValue) -> bool:
    return isinstance(value, int | float) and is_number(value) and not 0 <= value <= 1
