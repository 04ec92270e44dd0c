"""The output of all format readers: chunks of raw records, and the error of an unreadable export (F4, R2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from transforms.raw_records import RawRecords
from transforms.rules.rejections import Fault


class Unreadable(Exception):  # noqa: N818 - the name that rejections and the exit code use (unreadable_export)
    """An export, or the remainder of one, that cannot be read (R2).

    Attributes:
        message: the expected and the actual content; also `str()`.
        offset: start of the unreadable remainder in bytes of the decompressed export (Avro: the record's ordinal).
        line: its 1-based first line (Avro: record); None if it is not known.
    """

    def __init__(self, message: str, offset: int = 0, line: int | None = None) -> None:
        # All three are passed to the base class, so that the exception survives pickling between workers.
        super().__init__(message, offset, line)
        self.message = message
        self.offset = offset
        self.line = line

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that a reader rejects by itself, alone.

    It is a line, or an element of a document, beyond `limits.MAX_LINE_BYTES` (F4, R8); or it has a fault that the
    reader knows: a value of Avro without a form in JSON (R6), a row of a table with too few cells.

    Attributes:
        offset: Like `Chunk.offsets`.
        line: Like `Chunk.lines`.
        length: Bytes of it, without the line end.
        head: The first 64 KiB of it, or all of it: it is cut if it has fewer bytes than `length`.
        fault: The fault; None if it is the length.
        reference_id: The reference id of such a record, if it has one.
    """

    offset: int
    line: int
    length: int
    head: bytes
    fault: Fault | None = None
    reference_id: str | None = None


OF_ALL = 0
"""The line of what is set aside of a whole source, not of one of its records."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Parts of an export that a map does not take and nobody excluded, by name: a column, a key, a list.

    Attributes:
        name: Of the part.
        count: How many records, or elements of a list, have it.
        line: The first of them, like `Chunk.lines`; OF_ALL for a part of the whole source.
        offset: Likewise.
        value: Its value, as text for a person.
    """

    name: str
    count: int
    line: int
    offset: int
    value: str


@dataclass(frozen=True, slots=True)
class Chunk:
    r"""Raw records of one part of an export, in their order, without blank lines.

    Attributes:
        records: the records, without their line ends (a trailing CR belongs to the line end).
        offsets: int64[N], byte offset of each record in the (decompressed) export.
        lines: int64[N], line of each record, counted from 0 at the start of the chunk.
        first_line: the 1-based number in the export of the chunk's line 0; None when it is not known (a byte range).
        line_count: line ends passed in this chunk, so that ranges can be numbered by adding these up.
        byte_count: bytes this chunk covers, blank lines, line ends and byte order mark included.
        refused: the records that are not read, for their length or another limit (F4, R8).
        warnings: code of each warning of the reader to its number of records (R6).
        sources: the bytes of each record in its export, if a map made `records` of them; else None.
        set_aside: what a map does not take.
    """

    records: RawRecords
    offsets: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    first_line: int | None
    line_count: int
    byte_count: int
    refused: tuple[RefusedRecord, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    sources: Sequence[bytes] | None = None
    set_aside: tuple[SetAside, ...] = ()
