"""Defines the type of a line of rejections, which a job writes and every reader validates (R1)."""

from typing import Literal, NotRequired, TypedDict

from transforms.rules.export_rows import Group
from transforms.rules.schema_json import Count


class RejectionJson(TypedDict):
    """A rejected record, and where it is.

    Attributes:
        encoding: Of `raw`: text as it is, or base64 of bytes that are not UTF-8.
        export_group: The group of the export, if the record counts in another one (a frame of a scene).
        map: The map of the export, if it has one (docs/mapping.md); then `raw` are bytes of the source.
        place: The path of the record in its document, if it has a map and is in one.
        record: The raw record that the map made of it, which can be ingested without the map.
        raw_truncated: Whether `raw` is only the beginning of the record, which has `raw_bytes` bytes.
    """

    code: str
    message: str
    field: str | None
    export: str
    line: Count | None
    offset: Count | None
    group: Group
    reference_id: str | None
    raw: str
    encoding: Literal["utf-8", "base64"]
    export_group: NotRequired[Group]
    model_run: NotRequired[str | None]
    map: NotRequired[str]
    place: NotRequired[str]
    record: NotRequired[str]
    raw_truncated: NotRequired[bool]
    raw_bytes: NotRequired[Count]
