"""Validates lidar and video scenes, and extracts the items of their frames (G2; FORMATS 1.4, 1.5, 2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from transforms.rules import core_keys
from transforms.rules import metadata as metadata_rules
from transforms.rules.core_keys import NUMBER, CoreKey
from transforms.rules.identity import reference_id
from transforms.rules.items import source_url
from transforms.rules.metadata import Metadata
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, Record, as_double

_VIDEO_KEYS = frozenset({"video_url", "frame_rate", "upload_to_scale"})
_ITEM_KEYS = frozenset({"reference_id", "ref_id", "url", "image_url", "pointcloud_url"})
FRAMES = CoreKey("frames", frozenset({list}), "a list of frames").optional()
CORE_KEYS = (CoreKey("frame_rate", NUMBER, "a number of frames a second").optional(),)
"""Keys besides identity, type, frames, URL and metadata."""
COLUMNS = frozenset({"reference_id", "ref_id", "type", "video_url", "frame_rate", "frames", "metadata"})
"""Keys with a column, or rows of their own; all others are kept in `extra` (G6)."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene that passed every rule of a single record.

    Attributes:
        video_url: The incoming URL; None for a video given as frames, and for lidar.
        url: The canonical video URL (K3).
        frame_rate: Frames per second.
        frame_count: Number of frames in the record, None if it has no frames at all.
    """

    reference_id: str
    type: Literal["lidar", "video"]
    video_url: str | None
    url: str | None
    frame_rate: float | None
    frame_count: int | None
    metadata: Metadata
    extra: JsonObject


class FrameItem(NamedTuple):
    """One item of one frame, which the rules of items validate later.

    Attributes:
        frame_index: Position of the frame in its scene, from 0.
        sensor: Name of the sensor, None in a video.
    """

    scene_reference_id: str
    frame_index: int
    sensor: str | None
    record: JsonValue


def scene_type(record: Record) -> Literal["lidar", "video"]:
    """Lidar or video, by the explicit type, else by the form of the frames and the keys of a video (FORMATS 1.5)."""
    match record.get("type"):
        case "lidar":
            return "lidar"
        case "video":
            return "video"
        case _:
            pass
    if not _VIDEO_KEYS.isdisjoint(record) and any(record.get(key) is not None for key in _VIDEO_KEYS):
        return "video"
    frames = record.get("frames")
    first = frames[0] if isinstance(frames, list) and frames else None
    return "video" if isinstance(first, dict) and _is_item(first) else "lidar"


def frame_items(record: Record) -> tuple[FrameItem, ...] | Fault:
    """The items in the frames of a scene, in their order (G2).

    They require only a reference id of the scene and well-formed frames, even if the scene itself is rejected: one bad
    record does not affect others (R2).
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    for fault in core_keys.faults(record, (FRAMES,)):
        return fault
    frames = record.get("frames")
    if not isinstance(frames, list):
        return ()
    found: list[FrameItem] = []
    video = scene_type(record) == "video"
    for index, frame in enumerate(frames):
        if video:
            found.append(FrameItem(identity, index, None, frame))
        elif isinstance(frame, dict):
            found += (FrameItem(identity, index, sensor, member) for sensor, member in frame.items())
        else:
            return expected(Code.INVALID_FIELD, "an object of sensors", frame, at=f"frames[{index}]")
    return tuple(found)


def scene(record: Record) -> Scene | Fault:
    """The scene of a record, or its first fault (I1, G2, K4).

    >>> scene({"reference_id": "s", "video_url": "https://example.org/v.mp4"}).type
    'video'
    >>> scene({"reference_id": "s"}).code.value
    'missing_url'
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    for fault in _core_faults(record):
        return fault
    video_url, url = None, None
    if record.get("video_url") not in (None, "") or needs_video(record):
        source = source_url(record, ("video_url",))
        if isinstance(source, Fault):
            return source
        _, video_url, url = source
    metadata = metadata_rules.normalize(record.get("metadata"))
    if isinstance(metadata, Fault):
        return metadata
    rate, frames = record.get("frame_rate"), record.get("frames")
    return Scene(
        reference_id=identity,
        type=scene_type(record),
        video_url=video_url,
        url=url,
        frame_rate=as_double(rate) if isinstance(rate, int | float) else None,
        frame_count=len(frames) if isinstance(frames, list) else None,
        metadata=metadata,
        extra={name: value for name, value in record.items() if name not in COLUMNS and value is not None},
    )


def needs_video(record: Record) -> bool:
    """Whether the scene needs a video URL; a listing with nothing but the type does not."""
    return record.get("frames") in (None, []) and not isinstance(record.get("type"), str)


def _core_faults(record: Record) -> Iterator[Fault]:
    frames = frame_items(record)
    if isinstance(frames, Fault):
        yield frames
    if record.get("type") not in (None, "lidar", "video"):
        yield expected(Code.UNKNOWN_TYPE, '"lidar" or "video"', record["type"], at="type")
    yield from core_keys.faults(record, CORE_KEYS)


def _is_item(frame: Record) -> bool:
    """Whether a frame is an item and no map of sensors: an item's keys have text, a sensor's an object."""
    return any(not isinstance(frame[key], dict) for key in _ITEM_KEYS.intersection(frame))
