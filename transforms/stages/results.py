"""Defines the types of the reports that the steps of a job leave for publishing, and of the file that gathers them."""

from typing import TypedDict

from transforms.kernels.publish.insights import CountedJson
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import ExampleJson, ResolvedJson


class WrittenFile(TypedDict):
    """A file of the version, with its path below the folder of the version."""

    uri: str
    path: str
    records: int
    bytes: int
    sha256: str


class FilesReport(TypedDict):
    """Files that a step wrote, such as raw records of rejections."""

    files: list[WrittenFile]


class StatesReport(FilesReport):
    """The states of a partition, and the paths of damaged files that were rebuilt for them."""

    repaired: list[str]


class RowsReport(StatesReport):
    """The Avro parts of a partition, and the counts of their rows for the insights."""

    counted: dict[Group, CountedJson]


class KeysReport(FilesReport):
    """A part of the list of cache keys, and how many of its keys are to upload or cached."""

    upload: int
    cached: int


class RejectionsReport(FilesReport):
    """A part of the rejections, and how many of a group follow from that of their item or scene."""

    cascaded: dict[Group, int]


class IrregularReport(TypedDict):
    """Rows of a chunk with the same irregularity (`transforms.kernels.normalize.irregularities`), and the first one."""

    group: Group
    code: str
    key: str
    form: str
    count: int
    export: int
    chunk: int
    line: int
    offset: int
    reference_id: str
    value: str


class ReadingReport(TypedDict):
    """The counts of one chunk of an export; the digest of its byte range is in hexadecimal."""

    export: int
    start: int
    line_count: int
    digest: str | None
    read: dict[Group, int]
    warnings: dict[str, int]
    rejected: list[tuple[Group, str, int]]
    irregular: list[IrregularReport]


class CountsReport(TypedDict):
    """What became of the records of a group in a partition."""

    group: Group
    created: int
    updated: int
    ignored: int
    unchanged: int
    cleared: int
    rejected: dict[str, int]


class ExamplesReport(TypedDict):
    """The first values of a kind of a field in conflict."""

    group: Group
    field: str
    kind: str
    examples: list[ExampleJson]


class Results(TypedDict, total=False):
    """`results.json`: the reports by the step; a step without a report has no member.

    Attributes:
        conflicts: The schema of the first merge, if a policy resolved its conflicts.
    """

    readings: list[ReadingReport]
    states: list[StatesReport]
    rows: list[RowsReport]
    cache_keys: list[KeysReport]
    rejections: list[RejectionsReport]
    counts: list[CountsReport]
    examples: list[ExamplesReport]
    schema: list[ResolvedJson]
    conflicts: list[ResolvedJson]
