"""Validates annotations and predictions: geometries, categories and masks (I2, G3; FORMATS 1.6 to 1.8)."""

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.rules import metadata as metadata_rules
from transforms.rules.identity import derived_annotation_id, reference_id
from transforms.rules.items import source_url
from transforms.rules.metadata import EMPTY, Metadata
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, Record, as_double, is_number

GEOMETRIC = frozenset({"box", "polygon", "line", "keypoints", "cuboid"})
"""Types that have a geometry and an annotation id."""
CATEGORIES = frozenset({"category", "multicategory"})
MASK = "mask"
SEGMENT = "segment"
TYPES = GEOMETRIC | CATEGORIES | {MASK}
_STRINGS = ("annotation_id", "task_id", "track_reference_id", "taxonomy_name")
_COLUMNS = frozenset(
    {"reference_id", "ref_id", "type", "label", "labels", "geometry", "metadata", "mask_url", *_STRINGS}
)
_INDEX_DIGITS = 19
"""As many as the largest index has."""
_PREDICTION_COLUMNS = frozenset({"confidence", "class_pdf"})


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation or prediction that passed every rule of a single record.

    Attributes:
        reference_id: Reference id of its item or scene.
        annotation_id: Derived from the content if a geometric one has none (I2); None for categories.
        geometry: The incoming geometry, None if the type has none.
        mask_url: The incoming URL; `url` is the canonical one (K3).
        segment_index: The index of a segment in its mask.
        confidence: The confidence of a prediction.
        class_pdf: Label to probability of a prediction.
    """

    reference_id: str
    type: str
    label: str | None = None
    labels: tuple[str, ...] | None = None
    annotation_id: str | None = None
    task_id: str | None = None
    track_reference_id: str | None = None
    taxonomy_name: str | None = None
    geometry: JsonObject | None = None
    mask_url: str | None = None
    url: str | None = None
    segment_index: int | None = None
    confidence: float | None = None
    class_pdf: JsonObject | None = None
    metadata: Metadata = EMPTY
    extra: JsonObject | None = None


def annotation(record: Record, *, prediction: bool) -> Annotation | Fault:
    """The annotation of a record, or its first fault. For a mask, `segments` returns its segments.

    >>> annotation({"reference_id": "a", "type": "category", "label": "dress"}, prediction=False).label
    'dress'
    >>> annotation({"reference_id": "a", "type": "circle"}, prediction=False).code.value
    'unknown_type'
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    kind = record.get("type")
    if not isinstance(kind, str) or kind not in TYPES:
        return expected(Code.UNKNOWN_TYPE, f"one of {', '.join(sorted(TYPES))}", kind, at="type")
    for fault in _core_faults(record, kind, prediction=prediction):
        return fault
    mask_url, url = None, None
    if kind == MASK:
        source = source_url(record, ("mask_url",))
        if isinstance(source, Fault):
            return source
        _, mask_url, url = source
    # A mask has no metadata of its own (G3): the value under that key is kept in `extra`.
    metadata = EMPTY if kind == MASK else metadata_rules.normalize(record.get("metadata"))
    if isinstance(metadata, Fault):
        return metadata
    return _accepted(record, kind, identity, metadata, (mask_url, url), prediction=prediction)


def segments(record: Record, *, merging: bool = False) -> tuple[Annotation | Fault, ...]:
    """The segments of a mask record, each a row with a fate of its own (G3).

    In mode merge (U3) coordinates are not validated here, but in the merged metadata.
    """
    identity, members = reference_id(record), record.get("annotations")
    if isinstance(identity, Fault) or not isinstance(members, list):
        return ()
    return tuple(_segment(member, position, identity, merging=merging) for position, member in enumerate(members))


def _segment(value: JsonValue, position: int, identity: str, *, merging: bool) -> Annotation | Fault:
    at = f"annotations[{position}]"
    if not isinstance(value, dict):
        return expected(Code.INVALID_FIELD, "an object", value, at=at)
    label, index = None if merging else value.get("label"), value.get("index")
    if not isinstance(label, str | None):
        return expected(Code.INVALID_FIELD, "a string", label, at=f"{at}.label")
    if isinstance(index, str) and index.isascii() and index.isdigit() and len(index) <= _INDEX_DIGITS:
        index = int(index)
    if index is not None and (not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 2**63):
        return expected(Code.INVALID_FIELD, "an integer of at least 0", index, at=f"{at}.index")
    metadata = metadata_rules.normalize(value.get("metadata"), locate=not merging)
    if isinstance(metadata, Fault):
        return Fault(metadata.code, f"{metadata.message} of {at}", f"{at}.{metadata.field}")
    return Annotation(
        reference_id=identity,
        type=SEGMENT,
        label=label,
        segment_index=position if index is None else index,
        metadata=metadata,
        extra={key: member for key, member in value.items() if key not in {"label", "index", "metadata"}},
    )


def _accepted(
    record: Record,
    kind: str,
    identity: str,
    metadata: Metadata,
    urls: tuple[str | None, str | None],
    *,
    prediction: bool,
) -> Annotation:
    label, labels, geometry = record.get("label"), record.get("labels"), record.get("geometry")
    given = {key: value if isinstance(value := record.get(key), str) else None for key in _STRINGS}
    if kind in GEOMETRIC and given["annotation_id"] is None:
        given["annotation_id"] = derived_annotation_id(str(label), kind, geometry)
    confidence, pdf = (record.get("confidence"), record.get("class_pdf")) if prediction else (None, None)
    columns = _COLUMNS | (_PREDICTION_COLUMNS if prediction else frozenset())
    # Only a mask has segments and an image; it has no metadata (G3).
    columns = (columns - {"metadata"}) | {"annotations"} if kind == MASK else columns - {"mask_url"}
    extra: JsonObject = {name: value for name, value in record.items() if name not in columns and value is not None}
    return Annotation(
        reference_id=identity,
        type=kind,
        label=label if isinstance(label, str) else None,
        labels=tuple(str(name) for name in labels) if isinstance(labels, list) else None,
        annotation_id=given["annotation_id"],
        task_id=given["task_id"],
        track_reference_id=given["track_reference_id"],
        taxonomy_name=given["taxonomy_name"],
        geometry=geometry if isinstance(geometry, dict) and geometry else None,
        mask_url=urls[0],
        url=urls[1],
        confidence=as_double(confidence) if isinstance(confidence, int | float) else None,
        class_pdf=pdf if isinstance(pdf, dict) else None,
        metadata=metadata,
        extra=extra,
    )


def _core_faults(record: Record, kind: str, *, prediction: bool) -> Iterator[Fault]:
    code = Code.INVALID_FIELD
    yield from _label_faults(record, kind)
    for key in _STRINGS:
        if not isinstance(record.get(key), str | None):
            yield expected(code, "a string", record[key], at=key)
    if not isinstance(record.get("geometry"), dict | None):
        yield expected(code, "an object", record["geometry"], at="geometry")
    if kind in GEOMETRIC:
        yield from _geometry_faults(record.get("geometry"), kind)
    if kind == MASK and not isinstance(record.get("annotations"), list | None):
        yield expected(code, "a list of segments", record["annotations"], at="annotations")
    if prediction:
        if record.get("confidence") is not None and not _number(record["confidence"]):
            yield expected(code, "a number", record["confidence"], at="confidence")
        if not isinstance(record.get("class_pdf"), dict | None):
            yield expected(code, "an object", record["class_pdf"], at="class_pdf")


def _label_faults(record: Record, kind: str) -> Iterator[Fault]:
    """A multicategory needs labels, a mask needs none, everything else needs a label."""
    label, labels = record.get("label"), record.get("labels")
    strings = isinstance(labels, list) and all(isinstance(name, str) for name in labels)
    if not strings and (labels is not None or kind == "multicategory"):
        yield expected(Code.INVALID_FIELD, "a list of strings", labels, at="labels")
    needed = kind not in {"multicategory", MASK}
    if not isinstance(label, str) and (label is not None or needed):
        yield expected(Code.INVALID_FIELD, "a string", label, at="label")


def _geometry_faults(geometry: JsonValue, kind: str) -> Iterator[Fault]:
    if not isinstance(geometry, dict):
        yield expected(Code.INVALID_FIELD, "an object", geometry, at="geometry")
        return
    match kind:
        case "box":
            yield from _number_faults(geometry, ("x", "y", "width", "height"), "geometry")
        case "cuboid":
            for key in ("position", "dimensions"):
                yield from _number_faults(geometry.get(key), ("x", "y", "z"), f"geometry.{key}")
            if geometry.get("yaw") is not None:
                yield from _number_faults(geometry, ("yaw",), "geometry")
        case _:
            key = "keypoints" if kind == "keypoints" else "vertices"
            points = geometry.get(key)
            if not isinstance(points, list):
                yield expected(Code.INVALID_FIELD, "a list of points", points, at=f"geometry.{key}")
                return
            for position, point in enumerate(points):
                at = f"geometry.{key}[{position}]"
                if not isinstance(point, dict):
                    yield expected(Code.INVALID_FIELD, "an object", point, at=at)
                elif kind != "keypoints":
                    yield from _number_faults(point, ("x", "y"), at)


def _number_faults(value: JsonValue, keys: tuple[str, ...], at: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield expected(Code.INVALID_FIELD, "an object", value, at=at)
        return
    for key in keys:
        if not _number(value.get(key)):
            yield expected(Code.INVALID_FIELD, "a number", value.get(key), at=f"{at}.{key}")


def _number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and is_number(value) and as_double(value) is not None
