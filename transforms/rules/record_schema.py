"""Describes the raw records of each group as JSON Schema (draft 2020-12), for those who write exporters.

A schema accepts every record that an ingest accepts whole, and refuses, as far as a schema can say it, what is
rejected: of a scene or mask also a record with a frame or segment that is. It does not know other records, so neither
duplicates nor unknown references, and it does not parse URLs.

Published rows (`transforms.rules.published_rows`) are accepted too; segments are records of their own only among them.
"""

from transforms.rules.annotations import CATEGORIES, GEOMETRIC, MASK, SEGMENT, TYPES
from transforms.rules.export_rows import Group
from transforms.rules.items import URL_KEYS
from transforms.rules.json_schema import DIALECT, LARGEST, JsonSchema, metadata_schema
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.published_rows import ALWAYS
from transforms.rules.schema_json import GroupJson
from transforms.rules.values import LONG_MAXIMUM, JsonValue

_NUMBER: JsonSchema = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_NUMBER_OR_NULL: JsonSchema = {**_NUMBER, "type": ["number", "null"]}
_TEXT_OR_NULL: JsonSchema = {"type": ["string", "null"]}
_OBJECT_OR_NULL: JsonSchema = {"type": ["object", "null"]}
_TYPE: list[JsonValue] = ["type"]
_NON_EMPTY: JsonSchema = {"type": "string", "minLength": 1}


def record_schema(group: Group, described: GroupJson | None = None) -> JsonSchema:
    """The JSON Schema of the records of a group, in exports for `--mode append` or `replace`.

    Args:
        group: The group of the exports.
        described: Its part of the `schema.json` of a dataset, whose fields the metadata then have to fit.

    >>> sorted(record_schema("items"))
    ['$schema', 'allOf', 'properties', 'title', 'type']
    """
    metadata = _metadata(group, described)
    schema: JsonSchema
    match group:
        case "items":
            schema = _item(metadata)
        case "scenes":
            schema = _scene(metadata)
        case "annotations" | "predictions":
            schema = _annotation(metadata, prediction=group == "predictions")
    return {"$schema": DIALECT, "title": f"a record of {group}", **schema}


def _identity() -> JsonSchema:
    """A reference id that is no empty string, under its usual key or, without that, under its key in responses (I1)."""
    return {
        "if": {"required": ["reference_id"]},
        "then": {"properties": {"reference_id": _NON_EMPTY}},
        "else": {"required": ["ref_id"], "properties": {"ref_id": _NON_EMPTY}},
    }


def _item(metadata: JsonSchema) -> JsonSchema:
    urls: list[JsonValue] = [{"required": [key], "properties": {key: _NON_EMPTY}} for key in URL_KEYS]
    return {
        "type": "object",
        "properties": {
            "metadata": metadata,
            "width": _NUMBER_OR_NULL,
            "height": _NUMBER_OR_NULL,
            "type": _TEXT_OR_NULL,
            CAMERA_PARAMS: _OBJECT_OR_NULL,
        },
        "allOf": [_identity(), {"anyOf": urls}],
    }


def _scene(metadata: JsonSchema) -> JsonSchema:
    # The metadata of frames are those of items, of which the schema of scenes knows nothing.
    item = _item(_metadata("items"))
    frames: JsonSchema = {"type": ["array", "null"], "items": {"type": "object"}}
    of_sensors: JsonSchema = {"items": {"additionalProperties": item}}
    of_images: JsonSchema = {"items": item}
    needs_video: JsonSchema = {"required": ["video_url"], "properties": {"video_url": _NON_EMPTY}}
    nothing: JsonSchema = {"frames": {"maxItems": 0}, "type": {"type": "null"}}
    without_frames: JsonSchema = {"properties": nothing}
    return {
        "type": "object",
        "properties": {
            "metadata": metadata,
            "type": {"enum": ["lidar", "video", None]},
            "video_url": _TEXT_OR_NULL,
            "frame_rate": _NUMBER_OR_NULL,
            "frames": {**frames, "anyOf": [{"type": "null"}, of_sensors, of_images]},
        },
        "allOf": [_identity(), {"if": without_frames, "then": needs_video}],
    }


def _annotation(metadata: JsonSchema, *, prediction: bool) -> JsonSchema:
    texts = ("label", "annotation_id", "task_id", "track_reference_id", "taxonomy_name")
    properties: JsonSchema = {
        "type": {"enum": [*sorted(TYPES), SEGMENT]},
        "geometry": _OBJECT_OR_NULL,
        "labels": {"type": ["array", "null"], "items": {"type": "string"}},
        **dict.fromkeys(texts, _TEXT_OR_NULL),
    }
    if prediction:
        properties |= {"confidence": _NUMBER_OR_NULL, "class_pdf": _OBJECT_OR_NULL}
    return {
        "type": "object",
        "required": _TYPE,
        "properties": properties,
        "allOf": [
            _identity(),
            *(_of_type(kind, _of_geometry(kind, metadata)) for kind in sorted(GEOMETRIC)),
            *(_of_type(kind, _of_category(kind, metadata)) for kind in sorted(CATEGORIES)),
            _of_type(MASK, _of_mask(metadata)),
            _of_type(SEGMENT, _of_published_segment(metadata)),
        ],
    }


def _of_type(kind: str, schema: JsonSchema) -> JsonSchema:
    is_of_type: JsonSchema = {"required": _TYPE, "properties": {"type": {"const": kind}}}
    return {"if": is_of_type, "then": schema}


def _of_geometry(kind: str, metadata: JsonSchema) -> JsonSchema:
    geometry: JsonSchema
    match kind:
        case "box":
            geometry = _numbers("x", "y", "width", "height")
        case "cuboid":
            geometry = {
                "type": "object",
                "required": ["position", "dimensions"],
                "properties": {
                    "position": _numbers("x", "y", "z"),
                    "dimensions": _numbers("x", "y", "z"),
                    "yaw": _NUMBER_OR_NULL,
                },
            }
        case "keypoints":
            geometry = _points("keypoints", {"type": "object"})
        case _:
            geometry = _points("vertices", _numbers("x", "y"))
    return {
        "required": ["label", "geometry"],
        "properties": {"label": {"type": "string"}, "geometry": geometry, "metadata": metadata},
    }


def _of_category(kind: str, metadata: JsonSchema) -> JsonSchema:
    if kind == "multicategory":
        labels: JsonSchema = {"type": "array", "items": {"type": "string"}}
        return {"required": ["labels"], "properties": {"labels": labels, "metadata": metadata}}
    return {"required": ["label"], "properties": {"label": {"type": "string"}, "metadata": metadata}}


def _of_mask(metadata: JsonSchema) -> JsonSchema:
    index: JsonSchema = {
        "anyOf": [
            {"type": ["integer", "null"], "minimum": 0, "maximum": LONG_MAXIMUM},
            {"type": "string", "pattern": "^[0-9]{1,19}$"},
        ]
    }
    segment: JsonSchema = {
        "type": "object",
        "properties": {"label": _TEXT_OR_NULL, "index": index, "metadata": metadata},
    }
    return {
        "required": ["mask_url"],
        "properties": {"mask_url": _NON_EMPTY, "annotations": {"type": ["array", "null"], "items": segment}},
    }


def _of_published_segment(metadata: JsonSchema) -> JsonSchema:
    """A segment as `query` and `export` write it, which is told by the keys that all published rows have."""
    index: JsonSchema = {"type": ["integer", "null"], "minimum": 0, "maximum": LONG_MAXIMUM}
    properties: JsonSchema = {"segment_index": index, "metadata": metadata, "source": {"type": "object"}}
    return {"required": [*sorted(ALWAYS)], "properties": properties}


def _numbers(*names: str) -> JsonSchema:
    return {"type": "object", "required": [*names], "properties": dict.fromkeys(names, _NUMBER)}


def _points(key: str, point: JsonSchema) -> JsonSchema:
    return {"type": "object", "required": [key], "properties": {key: {"type": "array", "items": point}}}


def _metadata(group: Group, described: GroupJson | None = None) -> JsonSchema:
    """The schema of metadata, as a part of another one."""
    whole = metadata_schema(group, described or {"records": 0, "fields": {}})
    return {key: value for key, value in whole.items() if key not in {"$schema", "title"}}
