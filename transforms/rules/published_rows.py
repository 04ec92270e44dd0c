"""Reads published rows, as `query` and `export` write them in NDJSON, as the records that they were made of.

An ingest of them makes the same rows. A row is told by its keys, which raw records do not have together.
"""

from dataclasses import dataclass
from typing import Self

from transforms.rules.annotations import MASK, SEGMENT, Annotation, segments
from transforms.rules.avro_schema import COLUMNS
from transforms.rules.export_rows import Group
from transforms.rules.items import IMAGE_URL_KEYS, POINTCLOUD_URL_KEYS
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonObject, JsonValue, Record

ALWAYS = frozenset({"reference_id", "cache_key", "metadata", "extra", "source"})
"""Keys that every row has."""
_KEYS = {group: ALWAYS | {name for name, _ in columns} for group, columns in COLUMNS.items()}
_NOT_OF_THE_RECORD = (ALWAYS - {"reference_id"}) | {"location", "context_attachments"}
"""Columns that are made of other keys, or that the record has elsewhere."""
_PLACES = ("scene_reference_id", "frame_index", "sensor", "frame_count", "model_run", "segment_index")
_URLS = (("image_url", IMAGE_URL_KEYS), ("pointcloud_url", POINTCLOUD_URL_KEYS))
_SOURCE = {"export", "offset"}
_MAX_LONG = 2**63


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A record that was made of a published row, and what only the row has.

    Attributes:
        record: The record; of a segment the member of its mask, with the reference id.
        scene: Reference id of the scene of a frame; None for all other rows.
        frame: Position of the frame in its scene.
        sensor: Name of the sensor, None in a video.
        frame_count: Number of frames of a scene, which are rows of their own.
        model_run: Of a prediction.
    """

    record: JsonObject
    scene: str | None = None
    frame: int = 0
    sensor: str | None = None
    frame_count: int | None = None
    model_run: str | None = None

    @property
    def is_segment(self) -> bool:
        """Whether it is a segment of a mask."""
        return self.record.get("type") == SEGMENT

    @classmethod
    def of(cls, row: Record, group: Group) -> Self | None:
        """The record of a published row; None for any other record.

        >>> row = {"reference_id": "a", "image_url": "s3://b/a.jpg", "cache_key": "0", "extra": {"camera": 1}}
        >>> row |= {"metadata": {"speed": 3}, "source": {"export": "items.ndjson", "offset": 0}}
        >>> PublishedRow.of(row, "items").record
        {'reference_id': 'a', 'camera': 1, 'image_url': 's3://b/a.jpg', 'metadata': {'speed': 3}}
        >>> PublishedRow.of({"reference_id": "a", "image_url": "s3://b/a.jpg"}, "items") is None
        True
        """
        source, extra = row.get("source"), row.get("extra")
        if not isinstance(source, dict) or source.keys() != _SOURCE or not row.keys() >= ALWAYS:
            return None
        if not row.keys() <= _KEYS[group] or not isinstance(extra, dict | None):
            return None
        scene, frame, sensor = row.get("scene_reference_id"), row.get("frame_index"), row.get("sensor")
        count, run = row.get("frame_count"), row.get("model_run")
        if not _is_index(count) or not _is_text(run) or not _is_text(scene) or not isinstance(sensor, str | None):
            return None
        if not _is_index(frame) or (scene is None) != (frame is None):
            return None
        return cls(
            _record(row, extra or {}, group),
            scene=scene if isinstance(scene, str) else None,
            frame=frame if isinstance(frame, int) else 0,
            sensor=sensor,
            frame_count=count if isinstance(count, int) else None,
            model_run=run if isinstance(run, str) else None,
        )


def published_segment(record: Record, *, merging: bool = False) -> Annotation | Fault:
    """The segment of a published row, or its first fault (G3), as `transforms.rules.annotations.segments`."""
    member = {name: value for name, value in record.items() if name not in ("reference_id", "type")}
    return segments({"reference_id": record.get("reference_id"), "annotations": [member]}, merging=merging)[0]


def _record(row: Record, extra: JsonObject, group: Group) -> JsonObject:
    found: JsonObject = {"reference_id": row["reference_id"], **extra}
    for name, value in row.items():
        if value is not None and name not in _NOT_OF_THE_RECORD and name not in _PLACES:
            found[_name(name, extra) if group == "items" else name] = value
    if row.get("type") == SEGMENT:
        found["index"] = row.get("segment_index")
    if row.get("type") != MASK:  # which has no metadata of its own (G3): what stood there is in `extra`
        found["metadata"] = row["metadata"]
    return found


def _name(name: str, extra: JsonObject) -> str:
    """The key of a column of a raw record.

    A URL may have come under another key, since `image_url` was there with a value that is none; that is in `extra`.
    """
    for column, keys in _URLS:
        if name == column:
            return next((key for key in keys if key not in extra), name)
    return name


def _is_index(value: JsonValue) -> bool:
    return value is None or (type(value) is int and 0 <= value < _MAX_LONG)


def _is_text(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str) and value != "")
