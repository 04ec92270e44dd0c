"""An item, and a scene with its frames (G2, G6, I1, A2, K4)."""

from dataclasses import dataclass
from typing import Any

from support.oracle.metadata import Metadata, RejectedError, accept, check_no_overflow, is_number
from support.oracle.urls import is_fetchable

# In the order in which they are asked for the item's URL.
IMAGE_KEYS = ("image_url", "original_image_url", "original_url", "url", "processed_url", "scale_url")
URL_KEYS = ("pointcloud_url", *IMAGE_KEYS)
VIDEO_KEYS = ("video_url", "frame_rate", "upload_to_scale")


@dataclass(frozen=True, slots=True)
class Draft:
    """A record that passed all checks that need no other record.

    Attributes:
        row: the output row but for its ``source``.
        metadata: what its fields were.
        urls: (url as given, kind) of everything that would be fetched.
        identity: unique in its group (I1, I2).
        camera: of an item, the camera beside the metadata, which counts where there is none inside (A2).
    """

    row: dict[str, Any]
    metadata: Metadata
    urls: tuple[tuple[str, str], ...]
    identity: tuple[Any, ...]
    camera: Any = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame item of a scene and where it stands in it."""

    record: Any
    scene: str
    index: int
    sensor: str | None


def item(record: dict[str, Any], frame: Frame | None = None) -> Draft:
    """The row of an item, of its own or of a frame."""
    reference_key = "reference_id" if record.get("reference_id") is not None else "ref_id"
    reference = reference_id(record, reference_key)
    for key in ("width", "height"):
        number_or_null(record, key)
    camera = record.get("camera_params")
    if camera is not None and not isinstance(camera, dict):
        raise RejectedError("invalid_field", "camera_params")
    url_key, is_pointcloud = _item_url(record)
    url = record[url_key]
    if not is_fetchable(url):
        raise RejectedError("invalid_url", url_key)
    metadata = accept(record.get("metadata"))
    check_no_overflow(record)
    inner_camera = metadata.values.get("camera_params")
    used = {reference_key, url_key, "width", "height", "camera_params", "metadata"}
    row = {
        "reference_id": reference,
        "image_url": None if is_pointcloud else url,
        "pointcloud_url": url if is_pointcloud else None,
        "width": record.get("width"),
        "height": record.get("height"),
        "scene_reference_id": frame.scene if frame else None,
        "frame_index": frame.index if frame else None,
        "sensor": frame.sensor if frame else None,
        "location": metadata.location,
        "context_attachments": metadata.attachments,
        # The copy in the metadata is whole, the one beside it was normalised by the client: the former wins (A2).
        "camera_params": camera if inner_camera is None else inner_camera,
        "metadata": metadata.values,
        "extra": extra(record, used),
    }
    urls = ((url, "pointcloud" if is_pointcloud else "image"), *attachment_urls(metadata))
    return Draft(row, metadata, urls, ("item", reference), camera)


def _item_url(record: dict[str, Any]) -> tuple[str, bool]:
    """The key that holds the item's URL, and whether that is a point cloud."""
    for key in URL_KEYS:
        if not isinstance(record.get(key), (str, type(None))):
            raise RejectedError("invalid_field", key)
    if record.get("pointcloud_url"):
        return "pointcloud_url", True
    for key in IMAGE_KEYS:
        if record.get(key):
            is_json = key == "url" and record.get("type") is None and record[key].endswith(".json")
            return key, record.get("type") == "pointcloud" or is_json
    raise RejectedError("missing_url")


def scene(record: dict[str, Any]) -> Draft:
    """The row of a scene, without its frames."""
    record = unwrap(record)
    reference = reference_id(record)
    if record.get("type") not in (None, "lidar", "video"):
        raise RejectedError("unknown_type", "type")
    number_or_null(record, "frame_rate")
    frames = record.get("frames")
    if frames_shape(record) is None:
        raise RejectedError("invalid_field", "frames")
    is_video = frames_shape(record) == "video"
    video_key = "video_url"
    if not record.get("video_url") and record.get("type") == "video" and "fileLocation" in record:
        video_key = "fileLocation"
    video_url = record.get(video_key)
    if not isinstance(video_url, (str, type(None))):
        raise RejectedError("invalid_field", video_key)
    if frames is None and not video_url and record.get("type") is None:
        raise RejectedError("missing_url")
    if video_url and not is_fetchable(video_url):
        raise RejectedError("invalid_url", video_key)
    metadata = accept(record.get("metadata"))
    check_no_overflow({key: value for key, value in record.items() if key != "frames"})
    used = {"reference_id", "type", "frames", "frame_rate", "metadata", video_key}
    row = {
        "reference_id": reference,
        "type": "video" if is_video else "lidar",
        "video_url": video_url or None,
        "frame_rate": record.get("frame_rate"),
        "frame_count": None if frames is None else len(frames),
        "location": metadata.location,
        "context_attachments": metadata.attachments,
        "metadata": metadata.values,
        "extra": extra(record, used),
    }
    urls = (((video_url, "video"),) if video_url else ()) + attachment_urls(metadata)
    return Draft(row, metadata, urls, ("scene", reference))


def unwrap(record: dict[str, Any]) -> dict[str, Any]:
    """A row of an export by scene, ``{"scene": {...}, "annotations": ...}``, as the scene that it holds."""
    inner = record.get("scene")
    if not isinstance(inner, dict) or "reference_id" in record:
        return record
    return {key: value for key, value in record.items() if key != "scene"} | inner


def frames_of(record: dict[str, Any]) -> list[Frame]:
    """The frame items of a scene, accepted or not: none if it has no valid id or its frames have no known shape."""
    record = unwrap(record)
    reference, frames = record.get("reference_id"), record.get("frames")
    shape = frames_shape(record)
    if not isinstance(reference, str) or reference == "" or not frames or shape is None:
        return []
    if shape == "video":
        return [Frame(entry, reference, index, None) for index, entry in enumerate(frames)]
    return [
        Frame(entry, reference, index, sensor)
        for index, sensors in enumerate(frames)
        for sensor, entry in sensors.items()
    ]


def frames_shape(record: dict[str, Any]) -> str | None:
    """``video`` (a list of items) or ``lidar`` (a list of maps from sensor to item); None for any other shape."""
    frames = record.get("frames")
    is_video = record.get("type") == "video" or any(record.get(key) is not None for key in VIDEO_KEYS)
    if frames is None:
        return "video" if is_video else "lidar"
    if not isinstance(frames, list):
        return None
    looks = {_frame_look(frame) for frame in frames}
    if "item" in looks and "sensors" in looks:
        return None
    if is_video or "item" in looks:
        return None if "sensors" in looks else "video"
    return "lidar" if all(isinstance(frame, dict) for frame in frames) else None


def _frame_look(frame: Any) -> str:
    if not isinstance(frame, dict) or not frame:
        return "unclear"
    if any(key in frame and not isinstance(frame[key], dict) for key in ("reference_id", "ref_id", *URL_KEYS)):
        return "item"
    return "sensors" if all(isinstance(value, dict) for value in frame.values()) else "unclear"


def reference_id(record: dict[str, Any], key: str = "reference_id") -> str:
    """The reference id: a non-empty string (I1)."""
    value = record.get(key)
    if not isinstance(value, str) or value == "":
        raise RejectedError("invalid_reference_id", "reference_id")
    return value


def number_or_null(record: dict[str, Any], key: str) -> None:
    """Reject a core field that is neither a number nor null."""
    if record.get(key) is not None and not is_number(record[key]):
        raise RejectedError("invalid_field", key)


def extra(record: dict[str, Any], used: set[str]) -> dict[str, Any] | None:
    """Core keys without a column (G6). A null says no more than an absent key."""
    rest = {key: value for key, value in record.items() if key not in used and value is not None}
    return rest or None


def attachment_urls(metadata: Metadata) -> tuple[tuple[str, str], ...]:
    """The URLs of the context attachments, with their kind (K1)."""
    return tuple((entry["attachment"], "attachment") for entry in metadata.attachments or [])
