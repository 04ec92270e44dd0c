"""Writes values of Avro records as JSON text, with metadata that is JSON text itself spliced in (RULES F2, V6, V7).

Types without a JSON form are converted: bytes and fixed to base64 text; dates, times and UUIDs to ISO text; decimals
to the number with all its digits; NaN and infinities to the tokens `NaN`, `Infinity` and `-Infinity`, which no JSON
parser accepts and which are rejected under their own name later (V6). A string that is not UTF-8 makes a record that is
not UTF-8 (F2).
"""

import base64
import json
import uuid
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import orjson

from transforms.avro.decoding import Refused
from transforms.avro.encoded_values import NonFinite
from transforms.avro.logical_types import decimal_text
from transforms.avro.types import AvroType, Map, Record, parts
from transforms.rules import limits
from transforms.rules.limits import MIB

_LARGE_BYTES: Final = 8 * MIB
"""For larger encoded records the size of the JSON text is computed before it is created."""
_SHORT_ESCAPES: Final = b'"\\\b\t\n\f\r'
_UNESCAPED: Final = bytes(byte for byte in range(256) if byte >= 0x20 or byte in _SHORT_ESCAPES)  # noqa: PLR2004 - ASCII


def json_text(record: object, splicer: "Splicer", size: int) -> bytes:
    """A record as JSON.

    Args:
        record: As the decoder gives it.
        splicer: Of its Avro type.
        size: Its encoded bytes.

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


def _encoded(record: object, splicer: "Splicer") -> bytes:
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


class Splicer:
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
