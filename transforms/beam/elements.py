"""What travels between the steps of a job: each is small, or made of few large columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transforms.beam.stored_files import StoredFile, readable
from transforms.formats.chunks import Chunk, Unreadable
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.policies import Mode
from transforms.rules.values import JsonObject


class Summaries(dict[str, GroupSummary]):
    """Group to its summary; groups without records may be absent."""


class _Pickled:
    """Pickled by its values alone: dataclasses with slots ask for their fields each time, and these are many."""

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
        mode: How its records meet what is held (U1 to U3).
        revision: What changes with every write to it: nanoseconds of its modification on a disk, the generation of an
            object in a bucket. None where its store tells neither.
        status: (inode, nanoseconds of its last change of any kind) of a file on a disk.
    """

    number: int
    uri: str
    group: Group
    model_run: str | None
    size: int
    step: int = 0
    mode: Mode = "append"
    revision: int | None = None
    status: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The URI as text that can be published."""
        return readable(self.uri)


@dataclass(frozen=True, slots=True)
class ByteRange(_Pickled):
    """Bytes `start` to `stop` of an export."""

    export: Export
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class RawChunk:
    """Raw records of one stretch, or why the rest of an export has none.

    Attributes:
        position: Byte offset of the chunk, as `Origin.chunk` takes it: -1 where its lines are numbered.
        byte_count: Bytes of the stored export that this chunk stands for.
        digest: SHA-256 of the stored bytes of a stretch, with the first chunk of each; None with the others, and where
            the store itself has a checksum.
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
        chunk: As in `Origin`: where `line` counts from.
        part: Of the record, for the order.
        raw: Bytes of the record; None where they are to be read from the export again.
        length: Bytes of the record where `raw` is only its beginning (F4).
        relation: How the message goes on, with `{}` for the place of another record; None where it names none.
        other_export: Of that other record, like `export`, `chunk` and `line` of this one.
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
    """What one chunk was, without its records.

    Attributes:
        start: Byte offset of the stretch that it belongs to.
        line_count: Line ends in it, by which the lines of later stretches are numbered; 0 where they are numbered.
        digest: SHA-256 of the stretch's bytes, with its first chunk.
        read: Records read, by group.
        warnings: Warnings by code.
        rejected: Rejections by group and code.
    """

    export: int
    start: int
    line_count: int
    digest: bytes | None
    read: Counter[Group] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    rejected: Counter[tuple[Group, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """What the published version holds, as far as a job goes on from it; everything by part number.

    Attributes:
        version: Its number.
        states: Of each partition, group to its state file.
        summaries: The summaries of the states of a partition.
        rows: Of each partition, group to its Avro part.
        insights: What was counted of the rows of a partition.
        keys: The part of the list of cache keys.
        key_uses: The uses behind that part.
        fields: Group to the fields of its schema, with what decides how rows are written.
        damaged: Paths, in the version, of files that are left out above since they are damaged, and are made again.
    """

    version: int = 0
    states: Mapping[int, Mapping[Group, StoredFile]] = field(default_factory=dict)
    summaries: Mapping[int, StoredFile] = field(default_factory=dict)
    rows: Mapping[int, Mapping[Group, StoredFile]] = field(default_factory=dict)
    insights: Mapping[int, StoredFile] = field(default_factory=dict)
    keys: Mapping[int, StoredFile] = field(default_factory=dict)
    key_uses: Mapping[int, StoredFile] = field(default_factory=dict)
    fields: Mapping[Group, JsonObject] = field(default_factory=dict)
    damaged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Partition:
    """What a partition holds after the merge, stored.

    Attributes:
        states: Group to its state file; of a group that the job did not change, the one that was held before.
        summaries: The file with the summaries of these states.
        changed: The groups that the job changed.
        changes: Of these the groups of which only few rows were looked at, each with the file that says which. It is
            no part of a version.
        repaired: Paths of damaged files that were made again.
    """

    number: int
    states: Mapping[Group, StoredFile]
    summaries: StoredFile
    changed: frozenset[Group]
    changes: Mapping[Group, StoredFile] = field(default_factory=dict)
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenPartition:
    """The rows of a partition, as the version has them.

    Attributes:
        rows: Group to its Avro part, written by this job or carried on.
        insights: The file with what was counted of the rows.
        counted: Group to what was counted (`transforms.kernels.publish.insights.Counted`) as JSON.
        repaired: Paths of damaged files that were made again.
    """

    number: int
    rows: Mapping[Group, StoredFile]
    insights: StoredFile
    counted: Mapping[Group, JsonObject]
    repaired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenKeys:
    """One part of the list of cache keys.

    Attributes:
        file: The Avro part, None where no key of the part is used.
        uses: The uses behind it, and the known keys that are no longer used.
        uploads: The Avro part of the keys that are new in this version, None where there are none.
        upload: How many keys no earlier version listed.
        cached: How many keys an earlier version listed.
    """

    file: StoredFile | None
    uses: StoredFile
    uploads: StoredFile | None
    upload: int
    cached: int
