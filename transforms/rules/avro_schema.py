"""The Avro schema of a group's published rows, from its `schema.json` entry (INTERFACE, Avro rows).

Every field is a union of null and its type, null first; records are nullable too. Names are our own; a metadata field
carries its original key as `doc` (V9).
"""

from collections.abc import Mapping
from typing import TypeAlias

from transforms.rules.export_rows import Group
from transforms.rules.schema_json import StorageName, StoredFieldJson
from transforms.rules.values import JsonValue

AvroSchema: TypeAlias = dict[str, JsonValue]
"""A record, an array or a field, as Avro writes schemas in JSON."""
AvroFields: TypeAlias = tuple[tuple[str, JsonValue], ...]
"""Name and type of each field of a record."""

NAMESPACE = "metadata_etl"


def _record(name: str, fields: AvroFields) -> AvroSchema:
    return {"type": "record", "name": name, "fields": [_field(field, kind) for field, kind in fields]}


def _field(name: str, kind: JsonValue, doc: str | None = None) -> AvroSchema:
    field: AvroSchema = {"name": name, "type": ["null", kind], "default": None}
    return field if doc is None else {**field, "doc": doc}


LOCATION = _record("Location", (("latitude", "double"), ("longitude", "double")))
SOURCE = _record("Source", (("export", "string"), ("offset", "long")))
ATTACHMENT = _record(
    "ContextAttachment",
    (
        ("attachment", "string"),
        ("cache_key", "string"),
        ("frame", "long"),
        ("dims", _record("Dims", (("width", "double"), ("height", "double")))),
        ("camera_position", _record("CameraPosition", (("x", "double"), ("y", "double"), ("z", "double")))),
        ("metadata", "string"),
    ),
)
ATTACHMENTS: AvroSchema = {"type": "array", "items": ["null", ATTACHMENT]}

_ITEM: AvroFields = (
    ("reference_id", "string"),
    ("image_url", "string"),
    ("pointcloud_url", "string"),
    ("cache_key", "string"),
    ("width", "double"),
    ("height", "double"),
    ("scene_reference_id", "string"),
    ("frame_index", "long"),
    ("sensor", "string"),
    ("location", LOCATION),
    ("context_attachments", ATTACHMENTS),
    ("camera_params", "string"),
)
_SCENE: AvroFields = (
    ("reference_id", "string"),
    ("type", "string"),
    ("video_url", "string"),
    ("cache_key", "string"),
    ("frame_rate", "double"),
    ("frame_count", "long"),
    ("location", LOCATION),
    ("context_attachments", ATTACHMENTS),
)
_ANNOTATION: AvroFields = (
    ("reference_id", "string"),
    ("annotation_id", "string"),
    ("task_id", "string"),
    ("type", "string"),
    ("label", "string"),
    ("labels", {"type": "array", "items": ["null", "string"]}),
    ("taxonomy_name", "string"),
    ("track_reference_id", "string"),
    ("geometry", "string"),
    ("mask_url", "string"),
    ("cache_key", "string"),
    ("segment_index", "long"),
    ("location", LOCATION),
    ("context_attachments", ATTACHMENTS),
)
_PREDICTION: AvroFields = (
    *_ANNOTATION,
    ("model_run", "string"),
    ("confidence", "double"),
    ("class_pdf", "string"),
)
COLUMNS: Mapping[Group, AvroFields] = {
    "items": _ITEM,
    "scenes": _SCENE,
    "annotations": _ANNOTATION,
    "predictions": _PREDICTION,
}
"""Columns of the published rows before `metadata`, `extra` and `source`."""

UPLOADS: AvroFields = (
    ("cache_key", "string"),
    ("url", "string"),
    ("kind", "string"),
    ("reference_id", "string"),
)
"""Columns of the list of keys that are new in a version."""
CACHE_KEYS: AvroFields = (*UPLOADS, ("first_version", "long"))
"""Columns of the list of all keys of a version."""

_ROW_NAMES = {"items": "Item", "scenes": "Scene", "annotations": "Annotation", "predictions": "Prediction"}
_STORAGE = {"long": "long", "double": "double", "string": "string", "json": "string"}


def stored_fields(fields: Mapping[str, StoredFieldJson]) -> list[tuple[str, str, StorageName]]:
    """(key, column, storage) of the fields that have a column, in the order of the schema."""
    found = []
    for key, field in fields.items():
        if field["column"] is not None and field["storage"] is not None:
            found.append((key, field["column"], field["storage"]))
    return found


def row_schema(group: Group, fields: Mapping[str, StoredFieldJson]) -> AvroSchema:
    """The Avro schema of the rows of a group, given the `fields` of its `schema.json` entry.

    >>> row_schema("scenes", {})["name"]
    'Scene'
    """
    name = _ROW_NAMES[group]
    members: list[JsonValue] = [
        _field(column, _STORAGE[storage], key) for key, column, storage in stored_fields(fields)
    ]
    metadata: AvroSchema = {"type": "record", "name": f"{name}Metadata", "fields": members}
    schema = _record(name, (*COLUMNS[group], ("metadata", metadata), ("extra", "string"), ("source", SOURCE)))
    return {**schema, "namespace": NAMESPACE}


def cache_key_schema() -> AvroSchema:
    """The Avro schema of the list of image-URL cache keys (K2)."""
    return {**_record("CacheKey", CACHE_KEYS), "namespace": NAMESPACE}


def upload_schema() -> AvroSchema:
    """The Avro schema of the list of the cache keys that are new in a version (K2)."""
    return {**_record("Upload", UPLOADS), "namespace": NAMESPACE}
