"""Annotations and predictions, masks and their segments (G3, G5, I2)."""

import hashlib
import json
import re
from typing import Any

from support.oracle.items import Draft, attachment_urls, extra, number_or_null, reference_id
from support.oracle.metadata import RejectedError, accept, check_no_overflow, is_number
from support.oracle.urls import is_fetchable

WITH_GEOMETRY = ("box", "polygon", "line", "keypoints", "cuboid")
TYPES = (*WITH_GEOMETRY, "category", "multicategory", "mask")
STRINGS = ("annotation_id", "task_id", "track_reference_id", "taxonomy_name")
COLUMNS = (
    "annotation_id",
    "task_id",
    "type",
    "label",
    "labels",
    "taxonomy_name",
    "track_reference_id",
    "geometry",
    "mask_url",
    "segment_index",
    "location",
    "context_attachments",
    "metadata",
    "extra",
)
SEGMENT_KEYS = {"label", "index", "metadata"}


def annotation(record: dict[str, Any], group: str, model_run: str) -> Draft:
    """The row of an annotation or prediction; of a mask the row without its segments."""
    reference = reference_id(record)
    kind = record.get("type")
    if kind not in TYPES:
        raise RejectedError("unknown_type", "type")
    _check_core_fields(record, kind, group)
    urls: tuple[tuple[str, str], ...] = ()
    if kind == "mask":
        urls = ((_mask_url(record), "mask"),)
    metadata = accept(None if kind == "mask" else record.get("metadata"))  # a mask has none of its own (G3)
    check_no_overflow({k: v for k, v in record.items() if k != "annotations"} if kind == "mask" else record)

    annotation_id = record.get("annotation_id")
    if annotation_id is None and kind in WITH_GEOMETRY:
        annotation_id = derived_id(record)
    used = {"reference_id", "type", "label", "labels", "geometry", *STRINGS}
    if kind != "mask":
        used |= {"metadata"}
    else:
        used |= {"mask_url", "annotations"} | (set() if record.get("metadata") else {"metadata"})
    row = _row(group, model_run, reference) | {
        "annotation_id": annotation_id,
        "task_id": record.get("task_id"),
        "type": kind,
        "label": record.get("label"),
        "labels": record.get("labels"),
        "taxonomy_name": record.get("taxonomy_name"),
        "track_reference_id": record.get("track_reference_id"),
        "geometry": record.get("geometry") or None,  # {} is none
        "mask_url": record["mask_url"] if kind == "mask" else None,
        "location": metadata.location,
        "context_attachments": metadata.attachments,
        "metadata": metadata.values,
    }
    if group == "predictions":
        used |= {"confidence", "class_pdf"}
        row |= {"confidence": record.get("confidence"), "class_pdf": record.get("class_pdf")}
    row["extra"] = extra(record, used)
    identity: tuple[Any, ...]
    if kind in WITH_GEOMETRY:  # one name space for all five (I2)
        identity = ("geometry", model_run, reference, annotation_id, record.get("task_id"))
    elif kind == "mask":  # one per item and run, whatever its id
        identity = ("mask", model_run, reference)
    else:
        identity = (kind, model_run, reference, record.get("taxonomy_name"))
    return Draft(row, metadata, urls + attachment_urls(metadata), identity)


def segment(entry: Any, position: int, mask: Draft, group: str, model_run: str) -> Draft:
    """The row of one segment of an accepted mask."""
    index = segment_index(entry, position)
    _string_or_null(entry, "label")
    metadata = accept(entry.get("metadata"))
    check_no_overflow(entry)
    reference = mask.row["reference_id"]
    row = _row(group, model_run, reference) | {
        "type": "segment",
        "label": entry.get("label"),
        "segment_index": index,
        "location": metadata.location,
        "context_attachments": metadata.attachments,
        "metadata": metadata.values,
        "extra": extra(entry, SEGMENT_KEYS),
    }
    return Draft(row, metadata, attachment_urls(metadata), ("segment", model_run, reference, index))


def segment_index(entry: Any, position: int) -> int:
    """The index of a segment in its mask: a number, or the digits of one, or else its place in the list."""
    if not isinstance(entry, dict):
        raise RejectedError("invalid_field", f"annotations[{position}]")
    index = entry.get("index")
    if isinstance(index, str) and re.fullmatch(r"[+-]?[0-9]+", index):
        index = int(index)
    if index is None:
        index = position
    if type(index) is not int:
        raise RejectedError("invalid_field", f"annotations[{position}].index")
    return index


def _row(group: str, model_run: str, reference: str) -> dict[str, Any]:
    row: dict[str, Any] = {"reference_id": reference} | dict.fromkeys(COLUMNS)
    if group == "predictions":
        row |= {"model_run": model_run, "confidence": None, "class_pdf": None}
    return row


def _check_core_fields(record: dict[str, Any], kind: str, group: str) -> None:
    for key in STRINGS:
        _string_or_null(record, key)
    if kind not in ("multicategory", "mask") and record.get("label") is None:
        raise RejectedError("invalid_field", "label")
    _string_or_null(record, "label")
    labels = record.get("labels")
    if labels is not None or kind == "multicategory":
        _require(isinstance(labels, list) and all(isinstance(label, str) for label in labels), "labels")
    geometry = record.get("geometry")
    if geometry is not None or kind in WITH_GEOMETRY:
        _require(isinstance(geometry, dict), "geometry")
        _check_geometry(geometry, kind)
    if kind == "mask":
        _require(isinstance(record.get("annotations"), (list, type(None))), "annotations")
    if group == "predictions":
        number_or_null(record, "confidence")
        _require(isinstance(record.get("class_pdf"), (dict, type(None))), "class_pdf")


def _check_geometry(geometry: Any, kind: str) -> None:
    if kind == "box":
        _require_numbers(geometry, ("x", "y", "width", "height"), "geometry")
    elif kind in ("line", "polygon"):
        vertices = geometry.get("vertices")
        _require(isinstance(vertices, list), "geometry.vertices")
        for index, vertex in enumerate(vertices):
            _require_numbers(vertex, ("x", "y"), f"geometry.vertices[{index}]")
    elif kind == "keypoints":
        points = geometry.get("keypoints")
        _require(isinstance(points, list) and all(isinstance(p, dict) for p in points), "geometry.keypoints")
    elif kind == "cuboid":
        _require_numbers(geometry.get("position"), ("x", "y", "z"), "geometry.position")
        _require_numbers(geometry.get("dimensions"), ("x", "y", "z"), "geometry.dimensions")
        _require(geometry.get("yaw") is None or is_number(geometry["yaw"]), "geometry.yaw")


def _require(holds: bool, field: str) -> None:
    if not holds:
        raise RejectedError("invalid_field", field)


def _require_numbers(value: Any, keys: tuple[str, ...], path: str) -> None:
    _require(isinstance(value, dict), path)
    for key in keys:
        _require(is_number(value.get(key)), f"{path}.{key}")


def _string_or_null(record: dict[str, Any], key: str) -> None:
    _require(isinstance(record.get(key), (str, type(None))), key)


def _mask_url(record: dict[str, Any]) -> str:
    url = record.get("mask_url")
    if url is None or url == "":
        raise RejectedError("missing_url", "mask_url")
    if not isinstance(url, str):
        raise RejectedError("invalid_field", "mask_url")
    if not is_fetchable(url):
        raise RejectedError("invalid_url", "mask_url")
    return url


def derived_id(record: dict[str, Any]) -> str:
    """An id from the content, the same for the same label, type and geometry (I2)."""
    content = [record["label"], record["type"], _by_value(record["geometry"])]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _by_value(value: Any) -> Any:
    """The value with numbers that are equal written in one way."""
    if isinstance(value, dict):
        return {key: _by_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_by_value(each) for each in value]
    return int(value) if isinstance(value, float) and value == int(value) else value
