"""What becomes of the metadata of one record (G4, V, C, A). Checks run in the order in which they stand here."""

import math
import re
from dataclasses import dataclass
from typing import Any

from support.oracle.framing import walk
from support.oracle.urls import is_fetchable

COORDINATE_PAIRS = (("latitude", "longitude"), ("lat", "lon"))
RESERVED = ("context_attachments", "camera_params")
DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)  # (C4)
ATTACHMENT_KEYS = ("attachment", "frame", "dims", "camera_position", "metadata")


class RejectedError(Exception):
    """The record is rejected with this code; ``field`` is the path of the fault."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code, field)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Metadata:
    """Accepted metadata.

    Attributes:
        values: every key that came, reserved ones too: bools as "true"/"false", coordinate strings as numbers,
            explicit nulls as None.
        observed: per key with a value what was seen: bool, int, float, string, list or object.
        location: {latitude, longitude} or None.
        located: the keys that stood in a complete pair of numbers.
        attachments: the context attachments, or None.
        warnings: codes, each at most once.
    """

    values: dict[str, Any]
    observed: dict[str, str]
    location: dict[str, float] | None
    located: frozenset[str]
    attachments: list[dict[str, Any]] | None
    warnings: tuple[str, ...]


def accept(value: Any, *, is_located: bool = True) -> Metadata:
    """Check and normalise the value of the key ``metadata``.

    Args:
        value: what stands there.
        is_located: whether its coordinates are looked at; those of an update are, once it is merged (U3).

    Raises:
        RejectedError: with the first fault found.
    """
    if value is None:  # absent, null and {} are one thing (G4)
        value = {}
    if not isinstance(value, dict):
        raise RejectedError("invalid_metadata", "metadata")
    values = dict(value)

    attachments = _attachments(values.get("context_attachments"))
    if "context_attachments" in values and attachments is None:
        values["context_attachments"] = None  # [] is none, as null is (A1)

    camera = values.get("camera_params")
    if camera is not None and not isinstance(camera, dict):  # (A2)
        raise RejectedError("invalid_field", "metadata.camera_params")

    location, located, warnings = _coordinates(values) if is_located else (None, set[str](), [])

    for key, item in values.items():
        if is_number(item) and not _is_in_double_range(item):  # (V7)
            raise RejectedError("number_out_of_range", f"metadata.{key}")
    observed = {key: _observe(item) for key, item in values.items() if item is not None}
    for key, item in values.items():
        if isinstance(item, bool):  # top level only (V2, V4)
            values[key] = "true" if item else "false"
    return Metadata(values, observed, location, frozenset(located), attachments, tuple(warnings))


def uncast(metadata: Metadata) -> dict[str, Any]:
    """The values as they came, booleans as booleans; coordinates that became numbers are numbers."""
    return {
        key: value == "true" if metadata.observed.get(key) == "bool" else value
        for key, value in metadata.values.items()
    }


def check_no_overflow(record: dict[str, Any]) -> None:
    """Reject a record that holds a literal such as 1e400 anywhere: there is no value that could be kept (V7)."""
    for key, value in record.items():
        if any(isinstance(inner, float) and math.isinf(inner) for inner in walk(value)):
            raise RejectedError("number_out_of_range", key)


def is_number(value: Any) -> bool:
    """Whether a value is an int or a float; a bool is neither (V1, V2)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _observe(value: Any) -> str:
    if isinstance(value, bool):  # before int: a bool is an int to Python
        return "bool"
    return {int: "int", float: "float", str: "string", list: "list", dict: "object"}[type(value)]


def _is_in_double_range(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _coordinates(values: dict[str, Any]) -> tuple[dict[str, float] | None, set[str], list[str]]:
    """The location, the keys it or the other pair stood in, and warnings; strings in ``values`` become numbers (C)."""
    points: list[tuple[float, float]] = []
    located: set[str] = set()
    is_halved = False
    for keys in COORDINATE_PAIRS:
        have = [key for key in keys if key in values]
        if len(have) == 1:  # half a pair is no coordinate (C3)
            is_halved = is_halved or values[have[0]] is not None
        elif len(have) == 2 and any(values[key] is not None for key in keys):  # null with null is none (C4)
            for key in keys:
                values[key] = _degrees(values[key], f"metadata.{key}")
            points.append(_point(values, keys))
            located.update(keys)
    warnings = []
    if len(points) == 2 and points[0] != points[1]:  # (C2)
        warnings.append("coordinate_pairs_differ")
    if is_halved:
        warnings.append("half_coordinate")
    if not points:
        return None, located, warnings
    return dict(zip(("latitude", "longitude"), points[0], strict=True)), located, warnings  # the first pair wins (C2)


def _degrees(value: Any, path: str) -> Any:
    """One half of a complete pair, as a number (C4)."""
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return float(value)
    if is_number(value):
        return value
    raise RejectedError("invalid_coordinate", path)


def _point(values: dict[str, Any], keys: tuple[str, str]) -> tuple[float, float]:
    """A pair of numbers as a point on earth (C5)."""
    for key, limit in zip(keys, (90, 180), strict=True):
        if not -limit <= values[key] <= limit:
            raise RejectedError("coordinate_out_of_range", f"metadata.{key}")
    return float(values[keys[0]]), float(values[keys[1]])


def _attachments(value: Any) -> list[dict[str, Any]] | None:
    """The context attachments (A1), or None if there are none."""
    path = "metadata.context_attachments"
    if value is None or value == []:
        return None
    _require(isinstance(value, list), path)
    for index, entry in enumerate(value):
        here = f"{path}[{index}]"
        _require(isinstance(entry, dict), here)
        url = entry.get("attachment")
        _require(isinstance(url, str) and url != "", f"{here}.attachment")
        frame = entry.get("frame")
        _require(frame is None or (type(frame) is int and frame >= 0), f"{here}.frame")
        _require_numbers(entry.get("dims"), ("width", "height"), f"{here}.dims", positive=True)
        _require_numbers(entry.get("camera_position"), ("x", "y", "z"), f"{here}.camera_position")
        _require(entry.get("metadata") is None or isinstance(entry["metadata"], dict), f"{here}.metadata")
        if not is_fetchable(url):  # it would be fetched (K1, K4)
            raise RejectedError("invalid_url", f"{here}.attachment")
    return [{key: entry.get(key) for key in ATTACHMENT_KEYS} for entry in value]


def _require(holds: bool, path: str) -> None:
    if not holds:
        raise RejectedError("invalid_context_attachment", path)


def _require_numbers(value: Any, keys: tuple[str, ...], path: str, *, positive: bool = False) -> None:
    if value is None:
        return
    _require(isinstance(value, dict), path)
    for key in keys:
        number = value.get(key)
        _require(is_number(number) and (number > 0 or not positive), f"{path}.{key}")
