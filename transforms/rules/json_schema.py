"""Describes the metadata that a version accepts, as JSON Schema (draft 2020-12).

It accepts everything that an ingest accepts, also fields that the version does not have yet, and numbers that would
change the storage of a field (V7). It rejects, as far as a schema can express it, the faults that an ingest rejects: a
type conflict (T3), a value that is no declared choice (D2), a faulty coordinate (C) or attachment (A1), a number beyond
the range of double.
"""

import sys
from collections.abc import Mapping
from typing import TypeAlias

from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.coordinates import LATITUDE_LIMIT, LONGITUDE_LIMIT, PAIRS
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.schema_json import FieldJson, GroupJson
from transforms.rules.values import LONG_MAXIMUM, JsonValue

JsonSchema: TypeAlias = dict[str, JsonValue]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
LARGEST = sys.float_info.max

_NULL: JsonSchema = {"type": "null"}
_DOUBLE: JsonSchema = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
_ANY: JsonSchema = {"anyOf": [_DOUBLE, {"type": ["string", "boolean", "array", "object", "null"]}]}
"""Any value of a field whose kind is not known yet."""
_SPACE = r"[ \t\n\r\f\v]*"
_DEGREES = {
    LATITUDE_LIMIT: r"0*(?:[0-8]?[0-9](?:\.[0-9]*)?|90(?:\.0*)?)|\.[0-9]+",
    LONGITUDE_LIMIT: r"0*(?:(?:1[0-7]|[0-9])?[0-9](?:\.[0-9]*)?|180(?:\.0*)?)|\.[0-9]+",
}
"""Decimal strings within the limits (C4, C5)."""
_WITH_EXPONENT = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]+"
"""Decimal strings with an exponent, whose magnitude a pattern cannot check."""


def metadata_schema(group: str, described: GroupJson) -> JsonSchema:
    """The JSON Schema of the metadata of a group, given its part of `schema.json`.

    >>> schema = metadata_schema("items", {"records": 0, "fields": {}})
    >>> schema["type"], sorted(schema["properties"])
    (['object', 'null'], ['camera_params', 'context_attachments', 'lat', 'latitude', 'lon', 'longitude'])
    """
    fields = described["fields"]
    keys = (*fields, *(key for key in (ATTACHMENTS, CAMERA_PARAMS) if key not in fields))
    properties: JsonSchema = {key: _field(key, fields.get(key)) for key in keys}
    for key in (key for pair in PAIRS for key in pair):
        # The allowed values of a key of a pair depend on the presence of the other key.
        properties[key] = {"description": "see allOf"}
    return {
        "$schema": DIALECT,
        "title": f"metadata of {group}",
        "type": ["object", "null"],
        "additionalProperties": _ANY,
        "properties": properties,
        "allOf": [_pair(pair, fields) for pair in PAIRS],
    }


def _field(key: str, field: FieldJson | None) -> JsonSchema:
    if key == ATTACHMENTS:
        return _attachments()
    if key == CAMERA_PARAMS:
        return {"type": ["object", "null"]}
    if field is None or field["kind"] is None:  # a new field, or one that has only nulls, accepts any kind
        return _ANY
    match field["kind"]:
        case "number":
            return _or_null(_DOUBLE)
        case "string":
            choices = _choices(field)
            return {"type": ["string", "boolean", "null"]} if choices is None else {"enum": [*choices, None]}
        case "other":
            return {"type": ["array", "object", "null"]}


def _choices(field: FieldJson) -> list[JsonValue] | None:
    """The declared choices, and the booleans that are cast to one (V2, D2)."""
    declared = field.get("declared")
    choices = None if declared is None else declared["choices"]
    if choices is None:
        return None
    return [*choices, *(truth for truth, text in ((True, "true"), (False, "false")) if text in choices)]


def _pair(pair: tuple[str, str], fields: Mapping[str, FieldJson]) -> JsonSchema:
    """A complete pair is a coordinate, or twice null; half of one is an ordinary field (C1 to C5)."""
    both: JsonSchema = {"type": "object", "required": list(pair)}
    nothing: JsonSchema = {"properties": dict.fromkeys(pair, _NULL)}
    there: list[JsonValue] = [nothing]
    if all(key not in fields or fields[key]["kind"] in ("number", None) for key in pair):
        limits = (LATITUDE_LIMIT, LONGITUDE_LIMIT)
        there.append({"properties": {key: _degrees(limit) for key, limit in zip(pair, limits, strict=True)}})
    half: JsonSchema = {"properties": {key: _field(key, fields.get(key)) for key in pair}}
    return {"if": both, "then": {"anyOf": there}, "else": half}


def _degrees(limit: float) -> JsonSchema:
    text: JsonSchema = {
        "type": "string",
        "pattern": f"^{_SPACE}(?:[+-]?(?:{_DEGREES[limit]}|{_WITH_EXPONENT})){_SPACE}$",
    }
    return {"anyOf": [{"type": "number", "minimum": -limit, "maximum": limit}, text]}


def _attachments() -> JsonSchema:
    positive: JsonSchema = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST}
    properties: JsonSchema = {
        "attachment": {"type": "string", "minLength": 1},
        "frame": _or_null({"type": "integer", "minimum": 0, "maximum": LONG_MAXIMUM}),
        "dims": _numbers(("width", "height"), positive),
        "camera_position": _numbers(("x", "y", "z"), _DOUBLE),
        "metadata": {"type": ["object", "null"]},
    }
    return {
        "type": ["array", "null"],
        "items": {"type": "object", "required": ["attachment"], "properties": properties},
    }


def _numbers(names: tuple[str, ...], each: JsonSchema) -> JsonSchema:
    return {"type": ["object", "null"], "required": list(names), "properties": dict.fromkeys(names, each)}


def _or_null(schema: JsonSchema) -> JsonSchema:
    return {**schema, "type": [schema["type"], "null"]}
