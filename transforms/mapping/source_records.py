"""Reads the records of a source in whatever format it is, one by one, for maps that say what becomes of each (F2)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.document_lists import WHOLE, read_lists
from transforms.formats.framing import read_stream
from transforms.formats.sniff import refuse_other_encodings
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.json_columns import encode, json_form
from transforms.mapping.maps import SourceFile
from transforms.mapping.paths import Path, UnfitValueError, streamed_list
from transforms.mapping.read_tables import read_table
from transforms.mapping.tables import TableBatch
from transforms.mapping.values import Values
from transforms.rules.limits import MAX_LINE_BYTES, MIB
from transforms.rules.near_names import hint

_BLOCK_BYTES: Final = 8 * MIB
_AVRO: Final = b"Obj\x01"
_HEAD_BYTES: Final = 1024
_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A record of a source.

    Attributes:
        value: What it is; None with a fault.
        source: Its bytes.
        line: Its line, or its number, from 1.
        offset: As in `Map.chunks`.
        fault: Why it cannot be read.
        is_text: Whether its values are texts without types.
    """

    value: object
    source: bytes
    line: int
    offset: int
    fault: RefusedRecord | str | None = None
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class LeftPart:
    """A member of a document that no record comes from, and how many elements it has."""

    key: str
    count: int


def source_records(source: SourceFile, records: str | None, text: CsvOptions) -> Iterator[SourceRecord | LeftPart]:
    """The records of a source, in their order.

    Args:
        source: The whole of it.
        records: Expression of the records in a JSON document; None if each row, line or element is one.
        text: How CSV is read.

    Raises:
        Unreadable: The remainder cannot be read (R2).
    """
    with source.open() as stream:
        head = stream.read(_HEAD_BYTES)
    bare = head.lstrip(_BLANKS)
    if records is not None or bare[:1] in (b"[", b"{"):
        refuse_other_encodings(head)
    if head.startswith(_AVRO):
        _check_is_document(records, "an Avro file")
        with source.open() as stream:
            for chunk in read_avro(stream, 20_000):
                yield from _lines(chunk)
    elif bare[:1] == b"[" or (bare[:1] == b"{" and records is not None):
        yield from _document(source, records or "[*]")
    elif bare[:1] == b"{":
        yield from _ndjson_or_one(source)
    else:
        _check_is_document(records, "a table")
        for batch in read_table(source, text):
            yield from row_records(batch)


def is_table(source: SourceFile) -> bool:
    """Whether a source is a table: neither JSON nor Avro."""
    with source.open() as stream:
        head = stream.read(_HEAD_BYTES)
    return not head.startswith(_AVRO) and head.lstrip(_BLANKS)[:1] not in (b"[", b"{")


def _check_is_document(records: str | None, what: str) -> None:
    if records is not None:
        raise Unreadable(
            f"expected a JSON document, of which {records} is taken, got {what}; leave `records` out", 0, 1
        )


def row_records(batch: TableBatch) -> Iterator[SourceRecord]:
    """The rows of a batch, and those that are no record."""
    for each in batch.refused:
        yield SourceRecord(None, each.head, each.line, each.offset, each)
    for place, row in enumerate(batch.rows()):
        value = row if batch.is_text else {name: json_form(cell) for name, cell in row.items()}
        line, offset = int(batch.lines[place]), int(batch.offsets[place])
        yield SourceRecord(value, batch.sources[place], line, offset, None, batch.is_text)


def _lines(chunk: Chunk) -> Iterator[SourceRecord]:
    """The records of a chunk of a native reader."""
    first = chunk.first_line or 1
    for each in chunk.refused:
        yield SourceRecord(None, each.head, each.line + first, each.offset, each)
    for raw, line, offset in zip(chunk.records, chunk.lines.tolist(), chunk.offsets.tolist(), strict=True):
        yield _parsed(raw, line + first, offset)


def _parsed(raw: bytes, line: int, offset: int) -> SourceRecord:
    try:
        return SourceRecord(json.loads(raw.decode()), raw, line, offset)
    except UnicodeDecodeError as error:
        fault = f"expected UTF-8, got the byte 0x{raw[error.start]:02x}"
    except RecursionError:
        fault = "expected JSON, got a value that is nested too deeply"
    except ValueError as error:
        fault = f"expected JSON, got this: {error}"
    return SourceRecord(None, raw, line, offset, fault)


def _ndjson_or_one(source: SourceFile) -> Iterator[SourceRecord]:
    """The lines of NDJSON; or a document that is one object, over lines, as one record."""
    with source.open() as stream:
        head = stream.read(MAX_LINE_BYTES + 1)
    if len(head) <= MAX_LINE_BYTES and b"\n" in head.strip():
        first = head.lstrip(_BLANKS).partition(b"\n")[0]
        if _parsed(first, 1, 0).fault is not None:
            one = _parsed(head.strip(_BLANKS), 1, 0)
            if one.fault is None:
                yield one
                return
    with source.open() as stream:
        for chunk in read_stream(stream, _BLOCK_BYTES):
            yield from _lines(chunk)


def _document(source: SourceFile, records: str) -> Iterator[SourceRecord | LeftPart]:
    key = streamed_list(records)
    if key is None:
        yield from _whole_document(source, records)
        return
    number = 0
    found = False
    others: list[str] = []
    expression = Path(records)
    with source.open() as stream:
        for part in read_lists(stream, {key}):
            if part.chunk is None or part.key != key:
                others += [part.key] if part.key != WHOLE and part.key not in others else []
                if part.count:
                    yield LeftPart(part.key, part.count)
                continue
            found = True
            first = part.chunk.first_line or 1
            for position, large in zip(part.numbers_of_refused(), part.chunk.refused, strict=True):
                yield SourceRecord(None, large.head, large.line + first, position, large)
            numbers = part.numbers().tolist()
            for raw, line, number in zip(part.chunk.records, part.chunk.lines.tolist(), numbers, strict=True):
                each = _parsed(raw, line + first, number)
                if each.fault is None:
                    yield from _projected(each, expression, key)
                else:
                    yield each
    if not found:
        what = "a list" if key == WHOLE else f"a list under {key}"
        advice = f"; {hint(key, others)}" if others else ""
        raise Unreadable(f"expected a document with {what}, as `records` or `from` names it, got none{advice}", 0, 1)


def _projected(each: SourceRecord, expression: Path, key: str) -> Iterator[SourceRecord]:
    """What an expression that goes through a list makes of one of its elements."""
    try:
        found = expression.value([each.value] if key == WHOLE else {key: [each.value]})
    except UnfitValueError as error:
        yield SourceRecord(None, each.source, each.line, each.offset, f"{error}")
        return
    for value in found if isinstance(found, list) else ():
        yield SourceRecord(value, each.source, each.line, each.offset)


def _whole_document(source: SourceFile, records: str) -> Iterator[SourceRecord]:
    """The records of a document that an expression finds in all of it."""
    try:
        found = Path(records).value(whole_document(source))
    except UnfitValueError as error:
        raise Unreadable(f"{error}", 0, 1) from error
    if found is None:
        raise Unreadable(f"expected records at {records}, got none; see what is in it: metadata-etl inspect", 0, 1)
    for number, value in enumerate(found if isinstance(found, list) else [found]):
        yield SourceRecord(value, encode(value).encode("utf-8", "surrogatepass"), number + 1, number)


def whole_document(source: SourceFile) -> object:
    """The value of a document that is in memory as a whole.

    Raises:
        Unreadable: It is no JSON, or longer than a line may be.
    """
    with source.open() as stream:
        data = stream.read(MAX_LINE_BYTES + 1)
    if len(data) > MAX_LINE_BYTES:
        most = MAX_LINE_BYTES // MIB
        raise Unreadable(
            f"expected a document of at most {most} MiB for an expression that needs all of it, got more; one list "
            'such as records = "images[*]" is read in pieces',
            0,
            1,
        )
    one = _parsed(data.removeprefix(b"\xef\xbb\xbf"), 1, 0)
    if one.fault is not None:
        raise Unreadable(f"{one.fault}", 0, 1)
    return one.value


def elements(source: SourceFile, expression: str | None, text: CsvOptions) -> Iterable[Values]:
    """The objects that a join looks up in.

    Raises:
        Unreadable: They cannot be read.
    """
    for each in source_records(source, expression, text):
        if isinstance(each, SourceRecord) and isinstance(each.value, Mapping):
            yield each.value
