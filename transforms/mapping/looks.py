"""Looks at a file without reading all of it: its format, its parts, how many records there are, and the first ones."""

import io
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Final

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.document_lists import WHOLE, read_lists
from transforms.formats.framing import read_stream
from transforms.formats.lines import BYTE_ORDER_MARK
from transforms.formats.sniff import Format, refuse_other_formats, sniff
from transforms.mapping.csv_text import CsvOptions, refuse_binary
from transforms.mapping.json_columns import json_form
from transforms.mapping.maps import SourceFile
from transforms.mapping.read_tables import read_table, rows_in_footer, table_format
from transforms.rules.export_rows import Group
from transforms.rules.limits import MIB

FIRST: Final = 1_000
"""How many records are looked at."""
MOST_BYTES: Final = 32 * MIB
"""Decompressed bytes in which records are counted; of a longer file the number is an estimate."""
_HEAD_BYTES: Final = 64 * 1024
_BINARY_SHARE: Final = 0.05
"""The share of control characters from which on a file is not taken for text."""
_EXPECTED: Final = "expected NDJSON, a JSON document, Avro, CSV, Parquet or Arrow"
_ADVICE: Final = {
    "expected UTF-8": "",
    "zip archive": "; unpack it, or export the sheets of a workbook as CSV",
    "archive": "; unpack it",
    "(in a file": "; decompress it, or give it the ending of its format",
    "": "; export what it has as CSV or NDJSON",
}
"""Words of a message about a format that no command reads, the first that is in it, to what to do."""


@dataclass(frozen=True, slots=True)
class LookedPart:
    """Records of a file, or of one of the lists of a document.

    Attributes:
        key: Of the list; empty for a list that is the whole document, and for all other formats.
        count: How many records there are.
        is_exact: Whether all were counted.
        first: The first of them; what cannot be read is left out.
        refused: How many stand among these that cannot be read.
    """

    key: str
    count: int
    is_exact: bool
    first: tuple[object, ...]
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """How a preset takes a file.

    Attributes:
        groups: The groups that it has records of; none if it does not take it.
        options: Options without which the job would stop and ask, with values to be filled in.
    """

    groups: Sequence[Group] = ()
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is.

    Attributes:
        form: `csv`, `parquet`, `arrow`, `ndjson`, `document`, `avro` or `empty`.
        parts: One; of a document one for each member with a list, the longest first.
        columns: Of a table; None for other formats.
        members: Keys of a document.
        text: How a CSV file was read.
        unreadable: Why the remainder cannot be read.
        is_object: Whether a document is one object without lists.
    """

    form: str
    parts: tuple[LookedPart, ...]
    columns: tuple[str, ...] | None = None
    members: tuple[str, ...] = ()
    text: CsvOptions = field(default_factory=CsvOptions)
    unreadable: str | None = None
    is_object: bool = False


def look(source: SourceFile, text: CsvOptions) -> Look:
    """Looks at a file.

    Args:
        source: The whole of it.
        text: How CSV is read.

    Raises:
        Unreadable: It is in a format or an encoding that nothing reads.
    """
    with source.open() as stream:
        head = stream.read(_HEAD_BYTES)
    _refuse_others(head, text)
    form = table_format(head)
    if form is None and not _is_json(head):
        if text.encoding is None:
            refuse_binary(head, most=_BINARY_SHARE)
        form = "csv"
    if form is not None:
        return _table(source, form, text)
    match sniff(head):
        case Format.EMPTY:
            return Look("empty", ())
        case Format.NDJSON:
            with source.open() as stream:
                return _one_part("ndjson", source, read_stream(_Limited(stream), MIB))
        case Format.AVRO:
            with source.open() as stream:
                return _one_part("avro", source, read_avro(_Limited(stream), 5_000))
        case Format.DOCUMENT:
            return document(source)


def _refuse_others(head: bytes, options: CsvOptions) -> None:
    """Refuses what no command reads, with what to do about it.

    Raises:
        Unreadable: It is such a format; or text in another encoding that is not given.
    """
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    if table_format(head) is None and not head.startswith(b"PAR"):  # whose reader says more
        try:
            refuse_other_formats(head, _EXPECTED, "--map manifest:encoding=")
        except Unreadable as error:
            if options.encoding is not None and error.message.startswith("expected UTF-8"):
                return
            advice = next(advice for word, advice in _ADVICE.items() if word in error.message)
            raise Unreadable(f"{error.message}{advice}") from error
    if text.startswith((b"//", b"/*")):
        raise Unreadable(f"{_EXPECTED}, got what looks like JSON with comments; write it without them")


def _is_json(head: bytes) -> bool:
    """Whether text, or Avro, is for the readers of native exports."""
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return not bare or bare[:1] in (b"{", b"[") or head.startswith(b"Obj\x01")


class _Limited(io.BytesIO):
    """The first MOST_BYTES of a stream."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self.given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """As of a stream."""
        left = MOST_BYTES - self.given
        data = self._stream.read(left if size is None or size < 0 else min(size, left)) if left else b""
        self.given += len(data)
        return data


def _estimated(count: int, given: int, source: SourceFile) -> tuple[int, bool]:
    """(number of records, whether it is exact), of so many in so many bytes."""
    if given < MOST_BYTES or not given:
        return count, True
    return round(count * max(source.size, given) / given), False


def _one_part(form: str, source: SourceFile, chunks: Iterator[Chunk]) -> Look:
    count = given = refused = 0
    first: list[object] = []
    unreadable = None
    try:
        for chunk in chunks:
            count += len(chunk.records) + len(chunk.refused)
            given += chunk.byte_count
            left = FIRST - len(first) - refused
            refused += len(chunk.refused) if left > 0 else 0
            for raw in islice(chunk.records, max(left, 0)):
                found = _parsed(raw)
                refused += not found
                first += found
    except Unreadable as error:
        unreadable = error.message if given < MOST_BYTES - MIB else None
    number, is_exact = _estimated(count, given + MIB if given >= MOST_BYTES - MIB else given, source)
    return Look(form, (LookedPart("", number, is_exact, tuple(first), refused),), unreadable=unreadable)


def _parsed(raw: bytes) -> list[object]:
    try:
        return [json.loads(raw)]
    except (ValueError, RecursionError):
        return []


def _table(source: SourceFile, form: str, text: CsvOptions) -> Look:
    known = rows_in_footer(source) if form == "parquet" else None
    count = given = refused = 0
    first: list[object] = []
    columns: tuple[str, ...] = ()
    unreadable, is_whole = None, True
    try:
        for batch in read_table(source, text):
            columns = tuple(batch.columns)
            count += len(batch) + len(batch.refused)
            given += batch.byte_count
            if len(first) < FIRST:
                refused += len(batch.refused)
                first += ({name: json_form(cell) for name, cell in row.items()} for row in islice(batch.rows(), FIRST))
            if given >= MOST_BYTES or (known is not None and len(first) >= FIRST):
                is_whole = False
                break
    except Unreadable as error:
        if not columns:
            raise
        unreadable = error.message
    if known is not None:
        count, is_exact = known, True
    else:
        count, is_exact = (count, True) if is_whole else _estimated(count, given, source)
    part = LookedPart("", count, is_exact, tuple(first[:FIRST]), refused)
    return Look(form, (part,), columns, (), text, unreadable)


class _Every(Collection[str]):
    """All keys of a document."""

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def document(source: SourceFile) -> Look:
    """Looks at a file that is a JSON document; as `look`."""
    counts: dict[str, int] = {}
    refused: Counter[str] = Counter()
    first: dict[str, list[object]] = {}
    members: list[str] = []
    unreadable = None
    with source.open() as stream:
        some = _Limited(stream)
        try:
            for part in read_lists(some, _Every()):
                members += [part.key] if part.key not in members else []
                if part.chunk is None:
                    continue
                counts[part.key] = counts.get(part.key, 0) + part.count
                found = first.setdefault(part.key, [])
                for raw in islice(part.chunk.records, max(FIRST - len(found) - refused[part.key], 0)):
                    parsed = _parsed(raw)
                    refused[part.key] += not parsed
                    found += parsed
        except Unreadable as error:
            unreadable = error.message if some.given < MOST_BYTES else None
        is_exact = some.given < MOST_BYTES
        if not counts and is_exact:
            return _one_object(source)
    parts = [LookedPart(key, n, is_exact, tuple(first[key]), refused[key]) for key, n in counts.items()]
    parts.sort(key=lambda part: -part.count)
    return Look("document", tuple(parts), None, tuple(each for each in members if each != WHOLE), unreadable=unreadable)


def _one_object(source: SourceFile) -> Look:
    """A document that is one record."""
    with source.open() as stream:
        first = _parsed(stream.read(MOST_BYTES))
    return Look("document", (LookedPart("", len(first), is_exact=True, first=tuple(first)),), is_object=bool(first))
