"""Where the records of an export begin and end, and whether one is JSON at all (F1-F4, V6)."""

import gzip
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro

MAX_LINE_BYTES = 64 * 1024 * 1024
BLANKS = " \t\r\n"
# A JSON document that holds its records in a list under one of these keys is an envelope ...
ENVELOPE_KEYS = (
    *("items", "dataset_items", "scenes", "annotations", "segmentations", "predictions", "data"),
    "metadata",  # of a request to update metadata
)
# ... unless it is a record itself: a mask has "annotations" too, and so has an exported scene row.
RECORD_KEYS = ("reference_id", "ref_id", "type", "scene")
# Every escape of a JSON text, one after the other, so that a backslash that is itself escaped starts nothing.
ESCAPES = re.compile(r"\\(?:u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(?P<lone>u[dD][89a-fA-F]\w\w)|.)", re.DOTALL)
DECODER = json.JSONDecoder()


class NotARecordError(Exception):
    """The text of a record is no usable JSON; ``code`` says why."""

    def __init__(self, code: str, value: Any = None) -> None:
        super().__init__(code)
        self.code = code
        self.value = value


@dataclass(frozen=True, slots=True)
class Raw:
    """One raw record: its place (line from 1, byte offset in the uncompressed file) and its value or its fault."""

    line: int
    offset: int
    value: Any
    fault: str | None


def read(path: Path) -> Iterator[Raw]:
    """Every raw record of an export, in order."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)  # several members in a row are one file (F1)
    if data.startswith(b"Obj\x01"):
        yield from _avro(path)
        return
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0  # byte order mark (F1)
    spans = _document(data[start:])
    yield from _lines(data, start) if spans is None else _spans(data, start, spans)


def parse(data: bytes) -> Any:
    """The value of one JSON text. Of duplicate keys the last wins (F3)."""
    constants: list[str] = []
    try:
        text = data.decode("utf-8")  # (F2)
        value = json.loads(text, parse_constant=constants.append, parse_int=_whole)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors; too deep (F3)
        raise NotARecordError("malformed_json") from None
    if any(escape["lone"] for escape in ESCAPES.finditer(text)):  # half a surrogate pair is no text (F2)
        raise NotARecordError("malformed_json")
    if constants:  # NaN, Infinity or -Infinity somewhere in it (V6)
        raise NotARecordError("non_finite_number", value)
    return value


def _whole(digits: str) -> int:
    # int() refuses texts above 4,300 digits; such a number is JSON all the same (V7 judges it later).
    return int(digits) if len(digits) < 4000 else int(Decimal(digits))


def _raw(line: int, offset: int, data: bytes) -> Raw:
    if len(data) > MAX_LINE_BYTES:  # (F4)
        return Raw(line, offset, None, "malformed_json")
    try:
        value = parse(data)
    except NotARecordError as error:
        return Raw(line, offset, error.value, error.code)
    return Raw(line, offset, value, None if isinstance(value, dict) else "not_an_object")


def _lines(data: bytes, start: int) -> Iterator[Raw]:
    """NDJSON: LF ends a line (a CR before it is white space to JSON); blank lines count as lines only (F1)."""
    offset = start
    for number, line in enumerate(data[start:].split(b"\n"), start=1):
        if line.strip(BLANKS.encode()):
            yield _raw(number, offset, line)
        offset += len(line) + 1


def _spans(data: bytes, start: int, spans: list[tuple[int, int]]) -> Iterator[Raw]:
    text = data[start:].decode("utf-8")
    line, offset, here = 1, start, 0
    for begin, end in spans:
        line += text.count("\n", here, begin)
        offset += len(text[here:begin].encode())
        here = begin
        yield _raw(line, offset, text[begin:end].encode())


def _document(data: bytes) -> list[tuple[int, int]] | None:
    """Where the records stand in a file that is one JSON value: characters from and to. None if it is NDJSON."""
    try:
        text = data.decode("utf-8")
        start = _skip(text, 0)
        value, end = DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if _skip(text, end) < len(text) or not isinstance(value, (list, dict)):
        return None
    if isinstance(value, list):
        return _elements(text, start)
    if not any(key in value for key in RECORD_KEYS):
        for key, position in _members(text, start):
            if key in ENVELOPE_KEYS and text[position] == "[":
                return _elements(text, position)
    return [(start, end)]


def _elements(text: str, position: int) -> list[tuple[int, int]]:
    spans = []
    position = _skip(text, position + 1)
    while text[position] != "]":
        _, end = DECODER.raw_decode(text, position)
        spans.append((position, end))
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return spans


def _members(text: str, position: int) -> Iterator[tuple[str, int]]:
    position = _skip(text, position + 1)
    while text[position] != "}":
        key, end = DECODER.raw_decode(text, position)
        value_at = _skip(text, _skip(text, end) + 1)  # past the colon
        yield key, value_at
        _, end = DECODER.raw_decode(text, value_at)
        position = _skip(text, end)
        if text[position] == ",":
            position = _skip(text, position + 1)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in BLANKS:
        position += 1
    return position


def _avro(path: Path) -> Iterator[Raw]:
    """Avro has no lines: line is the record's number from 1, offset its number from 0."""
    with path.open("rb") as file:
        for ordinal, row in enumerate(fastavro.reader(file)):
            value = dict(row)
            fault = None
            if isinstance(value.get("metadata"), str):
                try:
                    value["metadata"] = parse(value["metadata"].encode())
                except NotARecordError as error:
                    # Text that is no JSON is a metadata of the wrong shape, found where metadata is looked at.
                    fault = error.code if error.code == "non_finite_number" else None
            if fault is None and any(isinstance(v, float) and not math.isfinite(v) for v in walk(value)):
                fault = "non_finite_number"  # (V6)
            yield Raw(ordinal + 1, ordinal, value, fault)


def walk(value: Any) -> Iterator[Any]:
    """The value and everything inside it, without recursion: whatever the parser takes passes (F3)."""
    stack = [value]
    while stack:
        top = stack.pop()
        yield top
        if isinstance(top, dict):
            stack.extend(top.values())
        elif isinstance(top, list):
            stack.extend(top)
