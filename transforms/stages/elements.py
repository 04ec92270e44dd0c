"""The elements that the steps of a job pass to each other: small objects, or few large columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transforms.formats.chunks import Chunk, Unreadable
from transforms.kernels.normalize.irregularities import Irregular
from transforms.kernels.publish.insights import CountedJson
from transforms.mapping.maps import Map
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.policies import Mode
from transforms.rules.schema_json import StoredFieldJson
from transforms.storage.stored_files import StoredFile, readable


class Summaries(dict[str, GroupSummary]):
    """Group to its summary; groups without records may be absent."""


class _Pickled:
    """Pickled by its values only: a dataclass with slots looks its fields up for each object, and there are many."""

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Export(_Pickled):
    """One raw input file.

    Attributes:
        number: Its place in the order of the job's exports.
        uri: Where it is.
        model_run: Of predictions (G5).
        size: Bytes as stored.
        step: Which job of a backfill it belongs to; 0 for an ingest.
        mode: How its records update published rows (U1 to U3).
        strict: Whether irregular records are rejected (R7).
        revision: Changes with every write: the modification time of a file on a disk in nanoseconds, or the generation
            of an object in a bucket. None if the store provides neither.
        status: (inode, status change time in nanoseconds) of a file on a disk.
        map: What makes its records, if it is of another format.

    Examples:
        >>> from transforms.api import local_exports
        >>> (export,) = local_exports([("items", "items.ndjson", None)])
        >>> export.number, export.uri, export.group, export.size == 310
        (0, 'items.ndjson', 'items', True)
    """

    number: int
    uri: str
    group: Group
    model_run: str | None
    size: int
    step: int = 0
    mode: Mode = "append"
    strict: bool = False
    revision: int | None = None
    status: tuple[int, int] | None = None
    map: Map | None = None

    @property
    def name(self) -> str:
        """The URI as text that can be published.

        Examples:
            >>> Export(0, "s3://b/items.ndjson", "items", None, size=100).name
            's3://b/items.ndjson'
        """
        return readable(self.uri)


@dataclass(frozen=True, slots=True)
class ByteRange(_Pickled):
    """Bytes `start` to `stop` of an export."""

    export: Export
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Raw records of one byte range, or the reason why the remainder of an export has none.

    Attributes:
        position: Byte offset of the chunk, as `Origin.chunk` takes it: -1 where its lines are numbered.
        byte_count: Bytes of the stored export that this chunk stands for.
        digest: SHA-256 of the stored bytes of a byte range, with its first chunk; None with later chunks, and if the
            store has a checksum of its own.
    """

    byte_range: ByteRange
    position: int
    chunk: Chunk | None
    unreadable: Unreadable | None
    byte_count: int
    digest: bytes | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A raw record, or a part of one, that is not accepted (R1).

    Attributes:
        chunk: As in `Origin`: the place that `line` counts from.
        part: The part of the record, for the order of rejections.
        raw: Bytes of the record in its export; None if they have to be read from the export again.
        record: The raw record that a map made of them; None if there is no map, or it made none.
        length: Number of bytes of the record if `raw` is only its beginning (F4).
        relation: Continues the message, with `{}` for the place of another record; None if there is none.
        other_export: Export of that other record; `other_chunk` and `other_line` are its chunk and line.

    Examples:
        >>> from transforms.api import normalize_records
        >>> (rejection,) = normalize_records([{"reference_id": "b"}], "items").rejections
        >>> rejection.code, rejection.field, rejection.reference_id, rejection.raw
        ('missing_url', 'image_url', 'b', b'{"reference_id": "b"}')
    """

    group: Group
    code: str
    message: str
    field: str | None
    export: int
    chunk: int
    line: int | None
    offset: int | None
    part: int
    reference_id: str | None
    raw: bytes | None
    length: int | None = None
    relation: str | None = None
    other_export: int | None = None
    other_chunk: int | None = None
    other_line: int | None = None
    record: bytes | None = None


@dataclass(frozen=True, slots=True)
class WrittenRejections:
    """One part of the rejections.

    Attributes:
        cascaded: Group to how many of its rejections follow from that of their item or scene.
    """

    file: StoredFile
    cascaded: Mapping[Group, int]


@dataclass(frozen=True, slots=True)
class Reading(_Pickled):
    """The counts of one chunk, without its records.

    Attributes:
        start: Byte offset of the byte range of the chunk.
        line_count: Line ends in the chunk, to number the lines of later byte ranges; 0 if lines are numbered already.
        digest: SHA-256 of the bytes of the byte range, with its first chunk.
        read: Records read, by group.
        warnings: Warnings by code.
        rejected: Rejections by group and code.
        irregular: What is accepted and cannot be meant (R7).

    Examples:
        >>> from transforms.api import normalize_records
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg"}, {"reference_id": "b"}]
        >>> (reading,) = normalize_records(records, "items").readings
        >>> reading.read["items"], dict(reading.rejected)
        (2, {('items', 'missing_url'): 1})
    """

    export: int
    start: int
    line_count: int
    digest: bytes | None
    read: Counter[Group] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejected: Counter[tuple[Group, str]] = field(default_factory=Counter)
    irregular: list[Irregular] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """The files of the published version that a job continues from, by part number.

    Attributes:
        version: Its number.
        states: Of each partition, group to its state file.
        summaries: The summaries of the states of a partition.
        rows: Of each partition, group to its Avro part.
        insights: The counts of the rows of a partition, for the insights page.
        keys: The parts of the list of cache keys.
        key_uses: The uses of URLs that each of these parts is made from.
        fields: Group to the fields of its schema, with the members that decide how rows are written.
        damaged: Paths in the version of damaged files, which are left out above and rebuilt by the job.
    """

    version: int = 0
    states: Mapping[int, Mapping[Group, StoredFile]] = field(default_factory=dict)
    summaries: Mapping[int, StoredFile] = field(default_factory=dict)
    rows: Mapping[int, Mapping[Group, StoredFile]] = field(default_factory=dict)
    insights: Mapping[int, StoredFile] = field(default_factory=dict)
    keys: Mapping[int, StoredFile] = field(default_factory=dict)
    key_uses: Mapping[int, StoredFile] = field(default_factory=dict)
    fields: Mapping[Group, Mapping[str, StoredFieldJson]] = field(default_factory=dict)
    damaged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Partition:
    """The stored files of a partition after the merge.

    Attributes:
        states: Group to its state file; for a group that the job did not change, the published one.
        summaries: The file with the summaries of these states.
        changed: The groups that the job changed.
        changes: The changed groups of which only the touched rows were read, with the file of their changes, which is
            not part of a version.
        repaired: Paths of damaged files that were rebuilt.
    """

    number: int
    states: Mapping[Group, StoredFile]
    summaries: StoredFile
    changed: frozenset[Group]
    changes: Mapping[Group, StoredFile] = field(default_factory=dict)
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenPartition:
    """The rows of a partition as they are published.

    Attributes:
        rows: Group to its Avro part, written by this job or taken over from the published version.
        insights: The file with the counts of the rows.
        counted: Group to its counts (`transforms.kernels.publish.insights.Counted`) as JSON.
        repaired: Paths of damaged files that were rebuilt.
    """

    number: int
    rows: Mapping[Group, StoredFile]
    insights: StoredFile
    counted: Mapping[Group, CountedJson]
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenKeys:
    """One part of the list of cache keys.

    Attributes:
        file: The Avro part, None if no key of the part is in use any more.
        uses: The uses behind it, and the known keys that are no longer used.
        uploads: The Avro part of the keys that are new in this version, None if there are none.
        upload: How many keys no earlier version listed.
        cached: How many keys an earlier version listed.
    """

    file: StoredFile | None
    uses: StoredFile
    uploads: StoredFile | None
    upload: int
    cached: int
