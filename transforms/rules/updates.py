"""Validates records of mode merge: an identity, and metadata for a published row (U3; FORMATS 1.9)."""

from dataclasses import dataclass

from transforms.rules import core_keys
from transforms.rules import metadata as metadata_rules
from transforms.rules.annotations import GEOMETRIC, MASK, SEGMENTS, TYPES, Annotation, unknown_type
from transforms.rules.core_keys import CoreKey
from transforms.rules.identity import derived_annotation_id, reference_id
from transforms.rules.metadata import CAMERA_PARAMS, EMPTY, Metadata
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonValue, Record

_OBJECT = (core_keys.text("annotation_id").optional(), core_keys.text("task_id").optional())
_CATEGORY = (core_keys.text("taxonomy_name").optional(),)
_ANY_GEOMETRIC = "box"
"""The type of an update that has an annotation id and no type: all geometric types share one name space (I2)."""


@dataclass(frozen=True, slots=True)
class MetadataUpdate:
    """The update of an item or a scene in mode `merge` (U3): identity and metadata only."""

    reference_id: str
    metadata: Metadata


def metadata_update(record: Record) -> MetadataUpdate | Fault:
    """The update of an item or a scene, or the first fault of the record.

    >>> metadata_update({"reference_id": "a", "metadata": {"lat": None}}).metadata.fields
    {'lat': None}
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    metadata = _metadata(record)
    return metadata if isinstance(metadata, Fault) else MetadataUpdate(identity, metadata)


def annotation_update(record: Record) -> Annotation | Fault:
    """The update of an annotation or a prediction, or the first fault of the record.

    Only the identity columns (I2) and the metadata are used. A mask has no metadata (G3); `segments` returns its
    segments.

    >>> annotation_update({"reference_id": "a", "annotation_id": "x", "metadata": {"n": 1}}).annotation_id
    'x'
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    kind = type_of(record)
    if isinstance(kind, Fault):
        return kind
    for fault in core_keys.faults(record, identity_keys_of(kind)):
        return fault
    values = ((key.name, record.get(key.name)) for key in identity_keys_of(kind))
    names = {name: value for name, value in values if isinstance(value, str)}
    annotation_id = names.get("annotation_id")
    if kind in GEOMETRIC and annotation_id is None:
        label, geometry = record.get("label"), record.get("geometry")
        if not isinstance(label, str) or not isinstance(geometry, dict):
            return expected(Code.INVALID_FIELD, "the id of the annotation that is updated", None, at="annotation_id")
        annotation_id = derived_annotation_id(label, kind, geometry)
    metadata = EMPTY if kind == MASK else _metadata(record)
    if isinstance(metadata, Fault):
        return metadata
    return Annotation(
        reference_id=identity,
        type=kind,
        annotation_id=annotation_id,
        task_id=names.get("task_id"),
        taxonomy_name=names.get("taxonomy_name"),
        metadata=metadata,
    )


def identity_keys_of(kind: str) -> tuple[CoreKey, ...]:
    """The keys of the identity of a type besides the reference id (I2); a mask has its segments instead."""
    if kind in GEOMETRIC:
        return _OBJECT
    return (SEGMENTS,) if kind == MASK else _CATEGORY


def type_of(record: Record) -> str | Fault:
    """The explicit type of an update, or else the type that its keys imply."""
    kind = record.get("type")
    if kind is not None:
        if isinstance(kind, str) and kind in TYPES:
            return kind
        return unknown_type(kind)
    if record.get("annotation_id") is not None:
        return _ANY_GEOMETRIC
    if isinstance(record.get("annotations"), list):
        return MASK
    return "multicategory" if isinstance(record.get("labels"), list) else "category"


def with_camera(record: Record) -> JsonValue:
    """The metadata of an update with the camera parameters beside it."""
    metadata = record.get("metadata")
    camera = record.get(CAMERA_PARAMS)
    if camera is not None and isinstance(metadata, dict | None) and CAMERA_PARAMS not in (metadata or {}):
        return {**(metadata or {}), CAMERA_PARAMS: camera}
    return metadata


def _metadata(record: Record) -> Metadata | Fault:
    """The metadata of an update; the merged coordinates are validated later."""
    return metadata_rules.normalize(with_camera(record), locate=False)
