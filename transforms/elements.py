"""What travels between the steps of a job: each is small, or made of few large columns."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from transforms.formats.framing import Chunk, Unreadable
from transforms.rules.export_rows import Group
from transforms.stored_files import StoredFile


@dataclass(frozen=True, slots=True)
class Export:
    """One raw input file.

    Attributes:
        number: Its place in the order of the job's exports.
        uri: Where it is.
        model_run: Of predictions (G5).
        size: Bytes as stored.
    """

    number: int
    uri: str
    group: Group
    model_run: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Stretch:
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

    stretch: Stretch
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


@dataclass(frozen=True, slots=True)
class Reading:
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
class Partition:
    """What a partition holds after the merge, stored: group to its state file."""

    number: int
    states: Mapping[Group, StoredFile]


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """The rows of one group and partition, written.

    Attributes:
        file: The Avro part.
        histograms: Counts by numerical field, for the edges of the schema.
        grid: Cell of the grid of locations to their number.
    """

    group: Group
    file: StoredFile
    histograms: Mapping[str, list[int]]
    grid: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class WrittenKeys:
    """One part of the list of cache keys, written."""

    file: StoredFile
    upload: int
    cached: int
