"""Validates annotations and predictions: geometries, categories and masks (I2, G3; FORMATS 1.6 to 1.8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from transforms.rules import core_keys
from transforms.rules import metadata as metadata_rules
from transforms.rules.core_keys import NUMBER, CoreKey
from transforms.rules.geometries import GEOMETRIES, geometry_faults
from transforms.rules.identity import derived_annotation_id, reference_id
from transforms.rules.items import source_url
from transforms.rules.metadata import EMPTY, Metadata
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, Record, as_double

GEOMETRIC = frozenset(GEOMETRIES)
"""Types that have a geometry and an annotation id."""
CATEGORIES = frozenset({"category", "multicategory"})
MASK = "mask"
SEGMENT = "segment"
TYPES = GEOMETRIC | CATEGORIES | {MASK}
_ANY_TYPE = f"one of {', '.join(sorted(TYPES))}"
STRINGS = ("annotation_id", "task_id", "track_reference_id", "taxonomy_name")
"""Keys of optional strings, each with a column."""
SEGMENT_LABEL = core_keys.text("label").optional()
SEGMENT_COLUMNS = frozenset({"label", "index", "metadata"})
"""Keys of a segment that have a column; all others are kept in `extra` (G6), null too."""
_INDEX_DIGITS = 19
"""As many as the largest index has."""
_LABELS = CoreKey("labels", frozenset({list}), "a list of strings", frozenset({str}))
_LABEL = core_keys.text("label")
_STRINGS = tuple(core_keys.text(name).optional() for name in STRINGS)
_GEOMETRY = CoreKey("geometry", frozenset({dict}), "an object").optional()
SEGMENTS = CoreKey("annotations", frozenset({list}), "a list of segments").optional()
"""Of a mask."""
MASK_URL = CoreKey("mask_url", frozenset({str}), "a URL")
_PREDICTION = (
    CoreKey("confidence", NUMBER, "a number").optional(),
    CoreKey("class_pdf", frozenset({dict}), "an object").optional(),
)


@cache
def core_keys_of(kind: str, *, prediction: bool) -> tuple[CoreKey, ...]:
    """The core keys of a type besides identity, URL and metadata, in the order of their faults.

    A multicategory needs labels, a mask needs none, everything else needs a label.
    """
    labels = _LABELS if kind == "multicategory" else _LABELS.optional()
    label = _LABEL.optional() if kind in {"multicategory", MASK} else _LABEL
    own = (*((SEGMENTS,) if kind == MASK else ()), *(_PREDICTION if prediction else ()))
    return (labels, label, *_STRINGS, _GEOMETRY, *own)


@cache
def keys_around_geometry(kind: str, *, prediction: bool) -> tuple[tuple[CoreKey, ...], tuple[CoreKey, ...]]:
    """The core keys of a type up to its geometry, whose own faults come next, and those behind it."""
    keys = core_keys_of(kind, prediction=prediction)
    behind = keys.index(_GEOMETRY) + 1
    return keys[:behind], keys[behind:]


@cache
def columns_of(kind: str, *, prediction: bool) -> frozenset[str]:
    """The keys of a type that have a column, or rows of their own; all others are kept in `extra` (G6).

    Only a mask has segments and an image; it has no metadata (G3).
    """
    own = {"annotations", "mask_url"} if kind == MASK else {"metadata"}
    keys = {key.name for key in core_keys_of(kind, prediction=prediction)}
    return frozenset({"reference_id", "ref_id", "type"} | keys | own)


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
        return unknown_type(kind)
    for fault in _faults(record, kind, prediction=prediction):
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


def unknown_type(kind: JsonValue) -> Fault:
    """The fault of a type that is none of TYPES."""
    return expected(Code.UNKNOWN_TYPE, _ANY_TYPE, kind, at="type")


def segments(record: Record, *, merging: bool = False) -> tuple[Annotation | Fault, ...]:
    """The segments of a mask record, each a row with a fate of its own (G3).

    In mode merge (U3) coordinates are not validated here, but in the merged metadata.
    """
    identity, members = reference_id(record), record.get("annotations")
    if isinstance(identity, Fault) or not isinstance(members, list):
        return ()
    return tuple(segment(member, position, identity, merging=merging) for position, member in enumerate(members))


def segment(value: JsonValue, position: int, identity: str, *, merging: bool) -> Annotation | Fault:
    """The segment at a position of a mask with the reference id `identity`, or its first fault; as `segments`."""
    at = f"annotations[{position}]"
    if not isinstance(value, dict):
        return expected(Code.INVALID_FIELD, "an object", value, at=at)
    for fault in () if merging else core_keys.faults(value, (SEGMENT_LABEL,), within=f"{at}."):
        return fault
    label, index = None if merging else value.get("label"), segment_index(value.get("index"), position)
    if index is None:
        return expected(Code.INVALID_FIELD, "an integer of at least 0", value["index"], at=f"{at}.index")
    metadata = metadata_rules.normalize(value.get("metadata"), locate=not merging)
    if isinstance(metadata, Fault):
        return Fault(metadata.code, f"{metadata.message} of {at}", f"{at}.{metadata.field}")
    return Annotation(
        reference_id=identity,
        type=SEGMENT,
        label=label if isinstance(label, str) else None,
        segment_index=index,
        metadata=metadata,
        extra={key: member for key, member in value.items() if key not in SEGMENT_COLUMNS},
    )


def segment_index(value: JsonValue, position: int) -> int | None:
    """The index of a segment: the incoming one, also as digits in a string, or its position in the mask.

    None for a value that is no index.

    >>> segment_index(3, 0), segment_index("3", 0), segment_index(None, 1), segment_index(True, 1)
    (3, 3, 1, None)
    """
    if value is None:
        return position
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _INDEX_DIGITS:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    return None


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
    given = {key: value if isinstance(value := record.get(key), str) else None for key in STRINGS}
    if kind in GEOMETRIC and given["annotation_id"] is None:
        given["annotation_id"] = derived_annotation_id(str(label), kind, geometry)
    confidence, pdf = (record.get("confidence"), record.get("class_pdf")) if prediction else (None, None)
    columns = columns_of(kind, prediction=prediction)
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


def _faults(record: Record, kind: str, *, prediction: bool) -> Iterator[Fault]:
    """The faults of the core keys, in their order, of which the geometry is one."""
    first, behind = keys_around_geometry(kind, prediction=prediction)
    yield from core_keys.faults(record, first)
    if kind in GEOMETRIC:
        yield from geometry_faults(record.get("geometry"), kind)
    yield from core_keys.faults(record, behind)
