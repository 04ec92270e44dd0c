"""Defines the types of the stored JSON documents (INTERFACE); readers validate against them."""

from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec

from pipelines.config import OptionsJson
from transforms.rules.dates import Unit
from transforms.rules.export_rows import Group
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import (
    CategoryJson,
    ConflictJson,
    Count,
    DeclaredJson,
    ExampleJson,
    GroupJson,
    Groups,
)

FORMAT = 4
"""Format number of the manifest and of the state files."""
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
OutcomeName = Literal["published", "unchanged", "failed", "dry_run"]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class MarkerJson(TypedDict):
    """The marker that identifies a dataset by a UUID (P6)."""

    tool: Literal["metadata-etl"]
    format: Literal[1]
    dataset: str


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


class MapJson(TypedDict, total=False):
    """The map of an export, as it was given, and the digest of all that decides what it makes of a source."""

    map: str
    map_sha256: Digest


class InputJson(MapJson):
    """An export of a job; without a map it is a native one."""

    uri: str
    group: Group
    model_run: str | None
    bytes: Count
    fingerprint: str


class IrregularExampleJson(TypedDict):
    """The first record with an irregularity; its value as text for a person.

    Attributes:
        place: The path of the record in its document, where a map knows it.
    """

    export: str
    line: Count
    offset: Count
    reference_id: str
    value: str
    place: NotRequired[str]


class IrregularityJson(TypedDict):
    """What accepted records are warned of (R7): a key that no rule knows, or implausible values.

    Attributes:
        key: The unknown key, or the path of the values.
        records: How many records have it.
        hint: What to do about an unknown key.
    """

    group: Group
    code: str
    key: str
    records: Count
    hint: str | None
    example: IrregularExampleJson


class ManifestJson(TypedDict):
    """`manifest.json` (INTERFACE); without `irregularities` there are none."""

    format: int
    version: Positive
    parent: Positive | None
    published_at: str
    partitions: Positive
    cache_key: CacheKeyMode
    options: OptionsJson
    inputs: list[InputJson]
    counts: Groups[CountsJson]
    cache_keys: CacheKeysJson
    warnings: dict[str, Count]
    irregularities: NotRequired[list[IrregularityJson]]
    declared: DeclaredJson
    sticky_text: Groups[list[str]]
    schema_fingerprint: Digest
    files: list[FileJson]


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


class BinsJson(TypedDict):
    """A histogram with fixed edges: n + 1 edges, n counts."""

    edges: list[int | float]
    counts: list[Count]


class ConfidenceJson(BinsJson):
    """The confidence of the predictions of a model run, and how many have none."""

    missing: Count


class AnnotationInsightsJson(TypedDict):
    """What annotations or predictions are counted by; values by count, then by value.

    Attributes:
        labels: Rows with each label, alone or among the labels of a multicategory.
        types: Rows by type.
        taxonomies: Rows by taxonomy.
        classes: By taxonomy, rows with each class.
        runs: Rows by model run.
        per_record: Items and scenes by how many rows they have; the first bin are those without.
        sizes: Boxes by the side in pixels of a square with their area.
        confidence: By model run.
    """

    labels: list[CategoryJson]
    types: list[CategoryJson]
    taxonomies: list[CategoryJson]
    classes: dict[str, list[CategoryJson]]
    runs: list[CategoryJson]
    per_record: BinsJson
    sizes: BinsJson
    confidence: dict[str, ConfidenceJson]


class TimelineJson(TypedDict):
    """The dates of a field of strings: each day, month or year that there is, in order of time."""

    unit: Unit
    counts: list[CategoryJson]


class GroupInsightsJson(TypedDict):
    """A group in `insights.json`; only annotations and predictions have `annotations`.

    Attributes:
        timelines: The fields whose strings are dates; earlier versions have no such member.
    """

    fields: dict[str, InsightJson]
    locations: LocationsJson | None
    annotations: AnnotationInsightsJson | None
    timelines: NotRequired[dict[str, TimelineJson]]


class InsightsJson(TypedDict):
    """`insights.json` (INTERFACE)."""

    format: Literal[1]
    version: Positive
    groups: Groups[GroupInsightsJson]


class FoundConflictJson(ConflictJson):
    """A type conflict with examples: the first few of the rarest kind, and one of each other kind (T6)."""

    examples: list[ExampleJson]
    other_examples: NotRequired[list[ExampleJson]]


class ReportJson(TypedDict):
    """The members that are read of the report of a run (R4).

    Attributes:
        results: SHA-256 of the results from which the report of a detached job was made.
    """

    outcome: OutcomeName
    exit_code: Count
    version: Positive | None
    conflicts: list[FoundConflictJson]
    message: str
    options: NotRequired[OptionsJson]
    results: NotRequired[str | None]


class StageJson(TypedDict):
    """The metrics of a stage: records, bytes, and seconds of work summed over all workers."""

    records: float
    bytes: float
    seconds: float


class OutcomeJson(ReportJson):
    """The object of `--json` of a job, which is the report of its run too (INTERFACE)."""

    run: str | None
    groups: Groups[CountsJson]
    cascaded: dict[str, Count]
    cache_keys: CacheKeysJson
    warnings: dict[str, Count]
    irregularities: list[IrregularityJson]
    seconds: float
    stages: dict[str, StageJson]
    runner: str | None


class KeptRejectionsJson(TypedDict):
    """The first line of a file of open rejections of a pruned version."""

    job: str
    base: Count
    published: bool
    options: OptionsJson
    sha256: Digest
