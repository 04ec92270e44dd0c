"""Validates dataset items: images and point clouds, alone or as frames of a scene (FORMATS 1.1 to 1.5, 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from transforms.rules import core_keys
from transforms.rules import metadata as metadata_rules
from transforms.rules.core_keys import NUMBER, CoreKey
from transforms.rules.identity import reference_id
from transforms.rules.image_urls import InvalidUrl, canonical
from transforms.rules.metadata import CAMERA_PARAMS, Metadata
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, Record

IMAGE_URL_KEYS = ("image_url", "original_image_url", "original_url")
"""Keys of an image URL in uploads and in responses, in the order of precedence."""
POINTCLOUD_URL_KEYS = ("pointcloud_url",)
POINTCLOUD, POINTCLOUD_EXTENSION = "pointcloud", ".json"
"""The type of a point cloud, and how its URL ends where there is no type."""
EITHER_URL_KEYS = ("url", "processed_url", "scale_url")
URL_KEYS = (*IMAGE_URL_KEYS, *POINTCLOUD_URL_KEYS, *EITHER_URL_KEYS)
CORE_KEYS = (
    CoreKey("width", NUMBER, "a number of pixels").optional(),
    CoreKey("height", NUMBER, "a number of pixels").optional(),
    CoreKey(CAMERA_PARAMS, frozenset({dict}), "an object").optional(),
    core_keys.text("type").optional(),
)
"""Keys besides identity, URL and metadata, in the order of their faults."""
COLUMNS = frozenset({"reference_id", "ref_id", "width", "height", "metadata", CAMERA_PARAMS})
"""Keys with a column, besides that of the URL; all others are kept in `extra` (G6)."""


@dataclass(frozen=True, slots=True)
class Item:
    """A dataset item that passed every rule of a single record.

    Attributes:
        image_url: The incoming URL, None for a point cloud.
        pointcloud_url: The incoming URL, None for an image.
        url: The canonical URL (K3).
        width: Pixels.
        height: Pixels.
        camera_params: Those beside the metadata; those in the metadata take precedence.
        extra: Keys that have no column (G6).
    """

    reference_id: str
    image_url: str | None
    pointcloud_url: str | None
    url: str
    width: float | None
    height: float | None
    camera_params: JsonObject | None
    metadata: Metadata
    extra: JsonObject


def item(record: Record) -> Item | Fault:
    """The item of a record, or its first fault (I1, K4, G4, G6).

    >>> item({"reference_id": "a", "image_url": "https://example.org/a.jpg"}).metadata.fields
    {}
    >>> item({"reference_id": "a"}).code.value
    'missing_url'
    """
    identity = reference_id(record)
    if isinstance(identity, Fault):
        return identity
    for fault in core_keys.faults(record, CORE_KEYS):
        return fault
    source = source_url(record, URL_KEYS)
    if isinstance(source, Fault):
        return source
    key, location, url = source
    metadata = metadata_rules.normalize(record.get("metadata"))
    if isinstance(metadata, Fault):
        return metadata
    pointcloud = is_pointcloud(record, key, location)
    camera = record.get(CAMERA_PARAMS)
    return Item(
        reference_id=identity,
        image_url=None if pointcloud else location,
        pointcloud_url=location if pointcloud else None,
        url=url,
        width=_size(record, "width"),
        height=_size(record, "height"),
        camera_params=camera if isinstance(camera, dict) else None,
        metadata=metadata,
        extra={n: v for n, v in record.items() if n not in COLUMNS and n != key and v is not None},
    )


def source_url(record: Record, keys: Iterable[str]) -> tuple[str, str, str] | Fault:
    """The first key with a URL, the incoming URL, and its canonical form (K3).

    Null and "" count as absent (K4).
    """
    for key in keys:
        value = record.get(key)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            return expected(Code.INVALID_FIELD, "a URL", value, at=key)
        try:
            return key, value, canonical(value)
        except InvalidUrl as error:
            return Fault(Code.INVALID_URL, f"{error} at {key}", key)
    names = ", ".join(keys)
    return Fault(Code.MISSING_URL, f"expected a URL, got none under {names}", next(iter(keys)))


def is_pointcloud(record: Record, key: str, location: str) -> bool:
    """Whether the item is a point cloud: by its type, by the key of its URL, else by the extension of `url`."""
    if key in POINTCLOUD_URL_KEYS:
        return True
    if key in IMAGE_URL_KEYS:
        return False
    kind = record.get("type")
    return kind == POINTCLOUD if isinstance(kind, str) else location.endswith(POINTCLOUD_EXTENSION)


def _size(record: Record, key: str) -> float | None:
    value = record.get(key)
    return float(value) if isinstance(value, int | float) else None
