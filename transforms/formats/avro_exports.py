"""Avro exports: object container files to raw records as JSON text (RULES F2, V6, V7, R2).

What JSON has no form for becomes: bytes and fixed, base64 text; dates, times and UUIDs, ISO text; decimals, the number
with all its digits; NaN and infinities, the tokens `NaN`, `Infinity` and `-Infinity`, which no JSON parser takes and
which are rejected under their own name later (V6). A string that is not UTF-8 makes a record that is not UTF-8 (F2).
"""

import base64
import json
import math
import uuid
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import BinaryIO

import fastavro
import numpy as np
import orjson

from transforms.formats.chunks import Chunk, Unreadable
from transforms.raw_records import RawRecords


def read_avro(stream: BinaryIO, chunk_records: int) -> Iterator[Chunk]:
    """The records of an Avro file, encoded as JSON, in chunks of `chunk_records`.

    A field `metadata` that holds JSON text of an object (or `null`) is spliced in as that object, at any depth outside
    other metadata. `offsets` are ordinals of records in the file, counted from 0; line n is the n-th record, so
    `first_line` is 1 for the first chunk; `byte_count` is what was read of the file for the chunk.

    Raises:
        Unreadable: where the file is no Avro, truncated, corrupt, or compressed with an unknown codec; after all
            records in front of that place (R2). Its offset and line are those of the first record that is missing.
    """
    if chunk_records < 1:
        raise ValueError(f"expected a positive number of records for a chunk, got {chunk_records}")
    source = _Source(stream)
    records: list[bytes] = []
    done = 0
    fault: Exception | None = None
    try:
        reader = fastavro.reader(source, handle_unicode_errors="surrogateescape")
        for record in reader:
            records.append(_encoded(record))
            if len(records) == chunk_records:
                yield _chunk(records, done, source.taken())
                done += len(records)
                records = []
    except Exception as error:  # for corrupt bytes decoder and codecs raise what they like
        if error is source.failure:
            raise  # the way to the file failed, not the file
        fault = error
    if records:
        yield _chunk(records, done, source.taken())
        done += len(records)
    if fault is not None:
        seen = str(fault) if isinstance(fault, Unreadable) else f"{type(fault).__name__}: {fault}"
        raise Unreadable(f"expected Avro, got this after {done:,} records: {seen}", done, done + 1) from fault


def _chunk(records: list[bytes], done: int, byte_count: int) -> Chunk:
    lines = np.arange(len(records), dtype=np.int64)
    return Chunk(
        records=RawRecords.of(records),
        offsets=lines + done,
        lines=lines,
        first_line=done + 1,
        line_count=len(records),
        byte_count=byte_count,
    )


class _Source:
    """A stream that gives as many bytes as are asked for, counts them, and knows its own failures from others."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._taken = 0
        self.failure: OSError | None = None

    def read(self, size: int) -> bytes:
        pieces = []
        try:
            while size > 0 and (piece := self._stream.read(size)):
                pieces.append(piece)
                size -= len(piece)
                self._taken += len(piece)
        except OSError as error:
            self.failure = error
            raise
        return b"".join(pieces)

    def taken(self) -> int:
        """How many bytes were read since this was last asked."""
        taken, self._taken = self._taken, 0
        return taken


def _encoded(record: object) -> bytes:
    spliced = _spliced(record)
    try:
        text = orjson.dumps(spliced, default=_as_json)
        # orjson writes null for what is no finite number, so only records with a null need a second look.
        if b"null" in text and (tokens := _with_tokens(spliced)) != spliced:
            text = orjson.dumps(tokens, default=_as_json)
    except TypeError:
        # Not UTF-8, or nested deeper than orjson goes. The bytes pass as they are, to be judged as those of any line.
        plain = json.dumps(record, default=_as_plain, ensure_ascii=False, separators=(",", ":"))
        text = plain.encode("utf-8", "surrogateescape")
    return text


def _spliced(value: object) -> object:
    """The value with JSON text under `metadata` made an object; metadata that is none already stays as it is."""
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


def _with_tokens(value: object) -> object:
    """The value with the tokens NaN, Infinity and -Infinity in place of those numbers."""
    match value:
        case float() if not math.isfinite(value):
            return orjson.Fragment(json.dumps(value))
        case dict():
            return {key: _with_tokens(each) for key, each in value.items()}
        case list():
            return [_with_tokens(each) for each in value]
        case _:
            return value


def _as_json(value: object) -> object:
    """What orjson writes for a type it does not know."""
    match value:
        case Decimal():
            return orjson.Fragment(format(value, "f"))
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case _:
            raise TypeError(f"expected a value of an Avro type, got {type(value).__name__}")


def _as_plain(value: object) -> object:
    """What `json` writes for a type it does not know."""
    match value:
        case Decimal():
            return float(value)
        case date() | time():
            return value.isoformat()
        case uuid.UUID():
            return str(value)
        case _:
            return _as_json(value)
