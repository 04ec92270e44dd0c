"""The checks of the plain script: one line of an items export to one checked record, or the reason why not."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from pathlib import Path

import ada_url
import orjson

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

SCHEMES = {"http", "https", "gs", "s3", "az", "abfs", "abfss", "file"}
COORDINATE_PAIRS = (("latitude", "longitude"), ("lat", "lon"))
DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*", re.ASCII)
CORE = {"reference_id", "image_url", "width", "height", "metadata"}


class RejectedError(Exception):
    """A record that is not taken, with the code of RULES R3."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Item:
    """An accepted record."""

    reference_id: str
    url: str
    cache_key: str
    width: float | None
    height: float | None
    location: dict[str, float] | None
    metadata: dict[str, Json]
    extra: dict[str, Json]
    export: str
    offset: int


def read(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yields (line number, byte offset, line) of every line that is not blank."""
    offset = 0
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if line.strip():
                yield number, offset, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            offset += len(line)


def parse(line: bytes) -> dict[str, Json]:
    """Returns the object on a line; what orjson refuses is read again to tell why."""
    try:
        record: Json = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            record = json.loads(line, parse_constant=_refuse_constant, parse_int=_bounded)
        except (ValueError, RecursionError) as error:
            raise RejectedError("malformed_json", str(error)) from error
    if not isinstance(record, dict):
        raise RejectedError("not_an_object", f"expected an object, got {type(record).__name__}")
    return record


def _refuse_constant(name: str) -> None:
    raise RejectedError("non_finite_number", f"{name} is no JSON number")


def _bounded(digits: str) -> int:
    number = int(digits)
    try:
        float(number)
    except OverflowError as error:
        raise RejectedError("number_out_of_range", f"an integer of {len(digits)} digits") from error
    return number


def canonical(url: str) -> str:
    """Returns the URL in the form that the cache key is made of."""
    if url.startswith("/"):
        url = f"file://{url}"
    try:
        href = str(ada_url.normalize_url(url)).partition("#")[0]
    except ValueError as error:
        raise RejectedError("invalid_url", f"expected a URL, got {url!r}") from error
    if href.partition(":")[0] not in SCHEMES:
        raise RejectedError("invalid_url", f"unsupported scheme in {url!r}")
    return href


def size(record: Mapping[str, Json], name: str) -> float | None:
    """Returns a width or height."""
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RejectedError("invalid_field", f"expected a number, got {value!r} at {name}")
    return value


def coordinate(value: Json, name: str, limit: float) -> float:
    """Returns one number of a coordinate, from a number or a decimal string."""
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise RejectedError("invalid_coordinate", f"expected a number, got {value!r} at metadata.{name}")
    if abs(value) > limit:
        raise RejectedError("coordinate_out_of_range", f"{value} at metadata.{name}")
    return value


def locate(metadata: dict[str, Json]) -> dict[str, float] | None:
    """Returns the location of a record and puts the numbers back into its metadata."""
    location = None
    for latitude_name, longitude_name in reversed(COORDINATE_PAIRS):
        if latitude_name not in metadata or longitude_name not in metadata:
            continue
        if metadata[latitude_name] is None and metadata[longitude_name] is None:
            continue
        latitude = coordinate(metadata[latitude_name], latitude_name, 90.0)
        longitude = coordinate(metadata[longitude_name], longitude_name, 180.0)
        metadata[latitude_name], metadata[longitude_name] = latitude, longitude
        location = {"latitude": float(latitude), "longitude": float(longitude)}
    return location


def check_attachments(attachments: Json) -> None:
    """Refuses context attachments that are no list of objects with an `attachment` each."""
    if attachments is None:
        return
    if not isinstance(attachments, list):
        raise RejectedError("invalid_context_attachment", "expected a list at metadata.context_attachments")
    for index, entry in enumerate(attachments):
        path = f"metadata.context_attachments[{index}]"
        url = entry.get("attachment") if isinstance(entry, dict) else None
        if not isinstance(url, str) or not url:
            raise RejectedError("invalid_context_attachment", f"expected a URL at {path}.attachment")
        canonical(url)


def item(record: dict[str, Json], *, export: str, offset: int) -> Item:
    """Returns the checked record."""
    reference_id = record.get("reference_id")
    if not isinstance(reference_id, str) or not reference_id:
        raise RejectedError("invalid_reference_id", f"expected a non-empty string, got {reference_id!r}")
    image_url = record.get("image_url")
    if image_url is None or image_url == "":
        raise RejectedError("missing_url", "no image_url")
    if not isinstance(image_url, str):
        raise RejectedError("invalid_url", f"expected a string, got {image_url!r}")
    metadata = record.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise RejectedError("invalid_metadata", f"expected an object, got {metadata!r}")
    camera = metadata.get("camera_params")
    if camera is not None and not isinstance(camera, dict):
        raise RejectedError("invalid_metadata", f"expected an object, got {camera!r} at metadata.camera_params")
    location = locate(metadata)
    check_attachments(metadata.get("context_attachments"))
    url = canonical(image_url)
    return Item(
        reference_id=reference_id,
        url=url,
        cache_key=sha256(url.encode()).hexdigest(),
        width=size(record, "width"),
        height=size(record, "height"),
        location=location,
        metadata={name: str(value).lower() if isinstance(value, bool) else value for name, value in metadata.items()},
        extra={name: value for name, value in record.items() if name not in CORE},
        export=export,
        offset=offset,
    )


def check_new(reference_id: str, seen: set[str]) -> None:
    """Refuses a reference id that was seen before."""
    if reference_id in seen:
        raise RejectedError("duplicate_id", f"{reference_id} came before")
