"""Reads Avro object container files as raw records in JSON text (RULES F2, V6, V7, R2, R6, R8).

Types without a JSON form are converted: bytes and fixed to base64 text; dates, times and UUIDs to ISO text; decimals
to the number with all its digits; NaN and infinities to the tokens `NaN`, `Infinity` and `-Infinity`, which no JSON
parser accepts and which are rejected under their own name later (V6). A string that is not UTF-8 makes a record that is
not UTF-8 (F2).
"""

import base64
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any, BinaryIO, Final

import numpy as np
import orjson

from transforms.avro.containers import Block, ContainerError, Source, read_blocks, read_header
from transforms.avro.decoding import Decoder, Refused
from transforms.avro.encoded_values import NonFinite
from transforms.avro.logical_types import decimal_text
from transforms.avro.numbers import EncodingError
from transforms.avro.types import AvroType, Map, Record, SchemaError, parts
from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.lines import HEAD_BYTES
from transforms.raw_records import RawRecords
from transforms.rules import limits
from transforms.rules.limits import MAX_EMPTY_BLOCKS, MAX_EMPTY_RECORDS, MIB
from transforms.rules.rejections import Code, Fault

CHUNK_BYTES: Final = 16 * MIB
"""A chunk ends with the record that reaches this size of JSON text."""
_LARGE_BYTES: Final = 8 * MIB
"""For larger encoded records the size of the JSON text is computed before it is created."""


def read_avro(stream: BinaryIO, chunk_records: int) -> Iterator[Chunk]:
    """The records of an Avro file, encoded as JSON, in chunks of up to `chunk_records` and about CHUNK_BYTES.

    A field `metadata` with the JSON text of an object (or `null`) is spliced in as that object, at any depth outside
    other metadata. `offsets` are ordinals of records in the file, counted from 0; line n is the n-th record, so
    `first_line` is 1 for the first chunk; `byte_count` is the number of bytes read from the file for the chunk. A
    record that is beyond a limit, or has a value without a JSON form, is rejected alone (R6, R8).

    Raises:
        Unreadable: if the file is no Avro, truncated, corrupt, beyond a limit, or compressed with an unknown codec;
            after all records in front of that place (R2). Its offset and line are those of the first record that is
            missing, and its message says how many more the block is said to have (R6).
    """
    if chunk_records < 1:
        raise ValueError(f"expected a positive number of records for a chunk, got {chunk_records}")
    source = Source(stream)
    try:
        header = read_header(source)
        decoder = Decoder(header.avro_type)
        splicer = _Splicer(header.avro_type)
    except (ContainerError, SchemaError, Unreadable) as error:
        raise _unreadable(error, 0, 0) from error
    chunk = _Chunk(0, decoder, splicer)
    fault: ValueError | Unreadable | None = None
    lost = 0
    try:
        for block in _filled(read_blocks(source, header, decoder.size.encoded), decoder.size.encoded):
            at, lost = 0, block.count
            while lost:
                at = chunk.add(block.data, at)
                lost -= 1
                if chunk.count == chunk_records or chunk.byte_count >= CHUNK_BYTES:
                    yield chunk.made(source.taken())
                    chunk = _Chunk(chunk.start + chunk.count, decoder, splicer)
            _check_end(block, at)
    except (ContainerError, EncodingError, Unreadable) as error:
        fault = error
        lost = error.lost if isinstance(error, ContainerError) else lost
    if chunk.count:
        yield chunk.made(source.taken())
    if fault is not None:
        raise _unreadable(fault, chunk.start + chunk.count, lost) from fault


def _check_end(block: Block, at: int) -> None:
    if at != len(block.data):
        raise EncodingError(f"{len(block.data) - at:,} bytes behind the last record of a block")


def _unreadable(fault: Exception, done: int, lost: int) -> Unreadable:
    message = f"expected Avro, got this after {done:,} records: {fault}"
    if lost:
        message += f"; of its block {lost:,} records are not read"
    return Unreadable(message, done, done + 1)


def _filled(blocks: Iterator[Block], least_bytes: int) -> Iterator[Block]:
    """The blocks, as long as those without records, or with records without bytes, are within limits.

    Raises:
        ContainerError: These are more than MAX_EMPTY_BLOCKS or MAX_EMPTY_RECORDS.
    """
    empty = empty_blocks = 0
    for block in blocks:
        empty_blocks += block.count == 0
        if empty_blocks > MAX_EMPTY_BLOCKS:
            raise ContainerError(f"more than {MAX_EMPTY_BLOCKS:,} blocks without records")
        empty += block.count if least_bytes == 0 else 0
        if empty > MAX_EMPTY_RECORDS:
            raise ContainerError(f"more than {MAX_EMPTY_RECORDS:,} records that take no bytes", block.count)
        yield block


class _Chunk:
    """Collects the records of a chunk, beginning with the record of ordinal `start`."""

    def __init__(self, start: int, decoder: Decoder, splicer: "_Splicer") -> None:
        self.start = start
        self._decoder, self._splicer = decoder, splicer
        self.count = self.byte_count = 0
        self._records: list[bytes] = []
        self._lines: list[int] = []
        self._refused: list[RefusedRecord] = []
        self._warnings: Counter[str] = Counter()

    def add(self, data: bytes, at: int) -> int:
        """Add the record at a place; the place behind it.

        Raises:
            EncodingError: There is none.
        """
        try:
            record, end = self._decoder.read(data, at)
            text = _text(record, self._splicer, end - at)
        except Refused as refused:
            end = self._refuse(refused, data, at)
        else:
            if self._decoder.warnings:
                self._warnings.update(self._decoder.warnings)
            self._records.append(text)
            self._lines.append(self.count)
            self.byte_count += len(text)
        self.count += 1
        return end

    def _refuse(self, refused: Refused, data: bytes, at: int) -> int:
        path = refused.path
        known = None
        place = ".".join(path if len(path) <= _SHOWN_NAMES else [*path[:_SHOWN_NAMES], "..."])
        message = f"expected {refused.wanted}, got {refused.got}" + (f" at {place}" if place else "")
        if refused.is_large:
            fault = Fault(Code.MALFORMED_JSON, message, None)
            end = self._decoder.skip(data, at)
            raw: bytes = data[at : min(end, at + HEAD_BYTES)]
            length = end - at
        else:
            fault = Fault(Code.NUMBER_OUT_OF_RANGE, message, place or None)
            record, end = self._decoder.read(data, at, as_numbers=True)
            raw = _text(record, self._splicer, end - at)
            length = len(raw)
            known = record.get("reference_id") if isinstance(record, dict) else None
        self._refused.append(
            RefusedRecord(
                offset=self.start + self.count,
                line=self.count,
                length=length,
                head=raw,
                fault=fault,
                reference_id=known if isinstance(known, str) else None,
            )
        )
        self.byte_count += len(raw)
        return end

    def made(self, byte_count: int) -> Chunk:
        """The chunk, for which so many bytes of the file were read."""
        lines = np.array(self._lines, dtype=np.int64)
        return Chunk(
            records=RawRecords.of(self._records),
            offsets=lines + self.start,
            lines=lines,
            first_line=self.start + 1,
            line_count=self.count,
            byte_count=byte_count,
            refused=tuple(self._refused),
            warnings=self._warnings,
        )


def _text(record: object, splicer: "_Splicer", size: int) -> bytes:
    """A record of so many encoded bytes as JSON.

    Raises:
        Refused: It is longer than a line may be, or nested more deeply than any encoder takes (F3, F4).
    """
    try:
        if size <= _LARGE_BYTES or _text_bytes(record) <= limits.MAX_LINE_BYTES:
            text = _encoded(record, splicer)
            if len(text) <= limits.MAX_LINE_BYTES:
                return text
    except RecursionError:
        raise Refused("a record that can be written as JSON", "one nested too deeply", is_large=True) from None
    raise Refused(f"a record of at most {limits.MAX_LINE_BYTES // MIB} MiB of JSON text", "more", is_large=True)


_SHOWN_NAMES: Final = 8
"""Names of a path that a message shows."""
_SHORT_ESCAPES: Final = b'"\\\b\t\n\f\r'
_UNESCAPED: Final = bytes(byte for byte in range(256) if byte >= 0x20 or byte in _SHORT_ESCAPES)  # noqa: PLR2004 - ASCII


def _text_bytes(value: object) -> int:
    """The bytes of the strings and names of a value as JSON."""
    match value:
        case dict():
            return sum(_entry_bytes(key, each) for key, each in value.items())
        case list():
            return sum(map(_text_bytes, value))
        case str():
            text = value.encode("utf-8", "surrogateescape")
            shorts = sum(text.count(byte) for byte in _SHORT_ESCAPES)
            return len(text) + shorts + 5 * len(text.translate(None, _UNESCAPED))
        case bytes():
            return len(value) * 4 // 3
        case _:
            return 1


def _entry_bytes(key: str, value: object) -> int:
    is_json = key == "metadata" and isinstance(value, str) and value.startswith("{")
    return _text_bytes(key) + (len(value) if isinstance(value, str) and is_json else _text_bytes(value))


def _encoded(record: object, splicer: "_Splicer") -> bytes:
    try:
        # A copy: what orjson gives keeps 4 KB or more as long as it is held.
        return b"%b" % orjson.dumps(splicer.splice(record), default=_as_json)
    except TypeError:
        # Not UTF-8, or nested deeper than orjson supports: the bytes are passed on, and validated like any line.
        text = json.dumps(record, default=_as_json_type, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogateescape")


def _may_hold_metadata(avro_type: AvroType) -> bool:
    """Whether a value of the type may have a field or key `metadata` inside."""
    waiting, seen = [avro_type], {id(avro_type)}
    while waiting:
        each = waiting.pop()
        if isinstance(each, Map) or (isinstance(each, Record) and any(name == "metadata" for name, _ in each.fields)):
            return True
        new = [part for part in parts(each) if id(part) not in seen]
        seen.update(map(id, new))
        waiting += new
    return False


class _Splicer:
    """Replaces JSON text under `metadata` by its object, in the places where the Avro type allows it."""

    def __init__(self, avro_type: AvroType) -> None:
        self._fields: list[str] | None = None
        if isinstance(avro_type, Record):
            self._fields = [n for n, each in avro_type.fields if n != "metadata" and _may_hold_metadata(each)]
        self._has_metadata = isinstance(avro_type, Record) and any(name == "metadata" for name, _ in avro_type.fields)

    def splice(self, record: Any) -> Any:  # noqa: ANN401 - whatever the schema says
        """A copy of a record of the type with its metadata spliced in."""
        if self._fields is None:
            return _spliced(record)
        if not self._fields and not self._has_metadata:
            return record
        spliced = record.copy()
        for name in self._fields:
            spliced[name] = _spliced(record[name])
        if self._has_metadata:
            spliced["metadata"] = _metadata(record["metadata"])
        return spliced


def _spliced(value: object) -> object:
    """The value with JSON text under `metadata` replaced by its object; other metadata is unchanged."""
    if isinstance(value, dict):
        return {key: _metadata(each) if key == "metadata" else _spliced(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spliced(each) if isinstance(each, dict | list) else each for each in value]
    return value


def _metadata(value: object) -> object:
    if not isinstance(value, str | bytes):
        return value
    text = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if text.strip() == b"null":
        return None
    if not text.lstrip().startswith(b"{"):
        return value
    try:
        orjson.loads(text)
    except ValueError:
        try:
            json.loads(text, parse_int=float)  # takes NaN, lone surrogates and long numbers, which are judged later
        except (ValueError, RecursionError):
            return value
    return orjson.Fragment(text)  # as it is written: numbers keep their digits (V7)


def _as_json(value: object) -> object:
    """The `default` of orjson: a JSON type for a type that it does not know."""
    match value:
        case NonFinite():
            return orjson.Fragment(json.dumps(float(value)))  # a token, which is rejected under its own name (V6)
        case Decimal():
            return orjson.Fragment(decimal_text(value))
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            raise TypeError(f"expected a value of an Avro type, got {type(value).__name__}")


def _as_json_type(value: object) -> object:
    """The `default` of `json`: a JSON type for a type that it does not know."""
    match value:
        case Decimal():
            return float(value)
        case date() | time():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case _:
            return _as_json(value)
