"""Defines the types of the stored JSON documents (INTERFACE); readers validate against them."""

from typing import Annotated, Generic, Literal, TypedDict, TypeVar

import msgspec

_T = TypeVar("_T")
FORMAT = 3
"""Format number of the manifest and of the state files."""
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class PointerJson(TypedDict):
    """CURRENT."""

    version: Positive
    manifest: str


class FormatJson(TypedDict):
    """The part of a manifest that all formats share."""

    format: int


class RecordJson(TypedDict):
    """The record of the manifest of a version."""

    version: Positive
    manifest: str
    bytes: Count
    sha256: Digest


class FileJson(TypedDict):
    """A file in a manifest; its path is below the dataset."""

    path: str
    records: Count
    bytes: Count
    sha256: Digest


class CountsJson(TypedDict):
    """Counts of the records of a group (U4)."""

    read: Count
    created: Count
    updated: Count
    ignored: Count
    unchanged: Count
    rejected: dict[str, Count]


class CacheKeysJson(TypedDict):
    """How many cache keys a version lists (K2)."""

    upload: Count
    cached: Count


class Groups(TypedDict, Generic[_T]):
    """An object with a member for each group."""

    items: _T
    scenes: _T
    annotations: _T
    predictions: _T


class ManifestJson(TypedDict):
    """`manifest.json` (INTERFACE)."""

    version: Positive
    parent: Positive | None
    published_at: str
    partitions: Positive
    cache_key: Literal["canonical", "raw"]
    options: dict[str, object]
    inputs: list[dict[str, object]]
    counts: Groups[CountsJson]
    cache_keys: CacheKeysJson
    warnings: dict[str, Count]
    declared: dict[str, object]
    sticky_text: Groups[list[str]]
    schema_fingerprint: Digest
    files: list[FileJson]


class CategoryJson(TypedDict):
    """A category and how many records have it."""

    value: str
    count: Count


ObservedJson = TypedDict(  # noqa: UP013 - a class would give its own members the names of their types
    "ObservedJson",
    {"bool": Count, "int": Count, "float": Count, "string": Count, "list": Count, "object": Count},
)
"""Number of values of each JSON type in the exports."""


class DistinctJson(TypedDict):
    """Number of distinct strings, and whether it is exact."""

    value: Count
    exact: bool


class FieldJson(TypedDict):
    """A field in `schema.json` (INTERFACE)."""

    type: Literal["numerical", "categorical", "text", "geographic", "other", "reserved", "empty"]
    kind: Literal["number", "string", "other"] | None
    storage: Literal["long", "double", "string", "json"] | None
    column: str | None
    present: Count
    null: Count
    missing: Count
    observed: ObservedJson
    distinct: DistinctJson | None
    categories: list[CategoryJson] | None
    minimum: int | float | None
    maximum: int | float | None
    mean: int | float | None
    stddev: int | float | None
    inexact: Count


class GroupJson(TypedDict):
    """A group in `schema.json`."""

    records: Count
    fields: dict[str, FieldJson]


class SchemaJson(TypedDict):
    """`schema.json` (INTERFACE)."""

    format: Literal[1]
    version: Positive
    groups: Groups[GroupJson]


class HistogramJson(TypedDict):
    """The histogram of a field: n + 1 edges, n counts."""

    edges: list[int | float]
    counts: list[Count]
    quantiles: dict[str, int | float | None] | None


class InsightJson(TypedDict, total=False):
    """A field in `insights.json`: one of the two members."""

    histogram: HistogramJson
    frequencies: list[CategoryJson]


class BoundsJson(TypedDict):
    """A box around all locations, in decimal degrees."""

    south: int | float
    west: int | float
    north: int | float
    east: int | float


class LocationsJson(TypedDict):
    """A grid of the locations: row, column and count of each cell that is not empty."""

    count: Count
    bounds: BoundsJson
    rows: Count
    columns: Count
    cells: list[tuple[Count, Count, Count]]


class GroupInsightsJson(TypedDict):
    """A group in `insights.json`."""

    fields: dict[str, InsightJson]
    locations: LocationsJson | None


class InsightsJson(TypedDict):
    """`insights.json` (INTERFACE)."""

    format: Literal[1]
    version: Positive
    groups: Groups[GroupInsightsJson]


class ReportJson(TypedDict):
    """The members that are read of the report of a run (R4)."""

    outcome: Literal["published", "unchanged", "failed", "dry_run"]
    exit_code: Count
    version: Positive | None
    conflicts: list[dict[str, object]]
    message: str


class RejectionJson(TypedDict):
    """The members of every rejection line (R1)."""

    code: str
    message: str
    field: str | None
    export: str
    line: Count | None
    offset: Count | None
    group: Literal["items", "scenes", "annotations", "predictions"]
    reference_id: str | None
    raw: str
    encoding: Literal["utf-8", "base64"]


class KeptRejectionsJson(TypedDict):
    """The first line of a file of open rejections of a pruned version."""

    job: str
    base: Count
    published: bool
    options: dict[str, object]
    sha256: Digest


SHAPES: dict[str, type[object]] = {"schema.json": SchemaJson, "insights.json": InsightsJson}
"""The types of the documents of a version, besides its manifest."""
