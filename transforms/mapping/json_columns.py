"""Turns columns of values into columns of their JSON texts, and these into lines of records (columns before rows)."""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from transforms.raw_records import RawRecords

_ESCAPED: Final = '["\\\\\\x00-\\x1f]'
"""What a JSON string has no bare character for."""
_NUMBER: Final = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_JSON_NUMBER: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_PARTS: Final = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)([eE][+-]?[0-9]+)?")
_NON_FINITE: Final = {"NaN": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_TRUE, _FALSE = ("true", "1"), ("false", "0")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_texts(values: pl.Series) -> pl.Series:
    """The JSON text of each value; null where there is none.

    Numbers keep their value, NaN and infinities are tokens that no JSON parser accepts (V6). Dates, times and durations
    are ISO text, decimals numbers with all their digits, bytes base64, structs objects, lists lists.
    """
    kind = values.dtype
    if kind == pl.String:
        return _strings(values)
    if kind.is_integer() or kind == pl.Boolean or isinstance(kind, pl.Decimal):
        return values.cast(pl.String)
    if kind.is_float():
        numbers = values.cast(pl.Float64).cast(pl.String)
        return numbers if values.is_finite().all() else numbers.replace(_NON_FINITE)
    if isinstance(kind, pl.Categorical | pl.Enum):
        return _strings(values.cast(pl.String))
    if kind in (pl.Date, pl.Datetime, pl.Time):
        return _strings(_iso(values))
    texts = [None if value is None else _encode(json_form(value)) for value in values.to_list()]
    return pl.Series(values.name, texts, pl.String)


def _iso(values: pl.Series) -> pl.Series:
    """ISO text, with all digits of nanoseconds; the bare number beyond the years of Python's calendar (R6)."""
    if values.dtype == pl.Datetime("ns") and (values.to_physical() % 1000 != 0).any():
        return values.dt.to_string("iso:strict")
    try:
        texts = [None if value is None else value.isoformat() for value in values.to_list()]
    except (OverflowError, ValueError):
        return values.to_physical().cast(pl.String)
    return pl.Series(values.name, texts, pl.String)


def typed_texts(values: pl.Series, kind: str) -> pl.Series:
    """The JSON text of each text of a column that has a type: `number`, `boolean` or `json`; others stay strings.

    A text that is none of the type stays a string too, for the rules to judge.
    """
    match kind:
        case "number":
            return _numbers(values)
        case "boolean":
            folded = values.str.strip_chars().str.to_lowercase()
            is_true, is_false = folded.is_in(list(_TRUE)), folded.is_in(list(_FALSE))
            frame = pl.select(
                pl.when(is_true).then(pl.lit("true")).when(is_false).then(pl.lit("false")).otherwise(_strings(values))
            )
            return frame.to_series()
        case "json":
            found = [None if text is None else _encode(json_value(text)) for text in values.to_list()]
            return pl.Series(values.name, found, pl.String)
    return _strings(values)


def json_form(value: object) -> object:
    """A value of a table as JSON has it (see `json_texts`)."""
    match value:
        case dict():
            return {str(key): json_form(each) for key, each in value.items()}
        case list() | tuple() | pl.Series():
            return [json_form(each) for each in value]
        case bytes():
            return base64.b64encode(value).decode()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta() | Decimal():
            return value.total_seconds() if isinstance(value, dt.timedelta) else float(value)
    return value


def lines_of(core: Mapping[str, pl.Series], metadata: Mapping[str, pl.Series], count: int) -> RawRecords:
    """The records whose values are given as JSON texts by column; a null has no member.

    Args:
        core: Key of the record to its texts.
        metadata: Key of the metadata to its texts.
        count: How many records there are.
    """
    if not count:
        return RawRecords.of([])
    pieces = [pl.lit("{"), *_members(core, count)]
    if metadata:
        of_metadata = pl.concat_str(_members(metadata, count), ignore_nulls=True).str.strip_suffix(",")
        pieces += [pl.lit('"metadata":{'), of_metadata, pl.lit("}}\n")]
        lines = pl.select(pl.concat_str(pieces, ignore_nulls=True)).to_series()
    else:
        record = pl.concat_str(pieces, ignore_nulls=True).str.strip_suffix(",")
        lines = pl.select(pl.concat_str([record, pl.lit("}\n")])).to_series()
    lengths = lines.str.len_bytes().cast(pl.Int64).to_numpy()
    ends = np.cumsum(lengths)
    data = b"".join(lines.cast(pl.Binary).to_list())
    return RawRecords(data, ends - lengths, ends - 1)


def _members(texts: Mapping[str, pl.Series], count: int) -> list[pl.Expr]:
    """The member of each key, with a comma behind it; null where there is no value."""
    found = []
    for key, values in texts.items():
        each = values if len(values) == count else values.new_from_index(0, count)
        found.append(pl.concat_str([pl.lit(f"{_encode(key)}:"), pl.lit(each), pl.lit(",")]))
    return found


def _strings(values: pl.Series) -> pl.Series:
    """Strings in quotes, escaped if one needs it."""
    bare = values
    if values.str.contains(_ESCAPED).any():
        bare = values.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        for code in range(0x20):
            if bare.str.contains(chr(code), literal=True).any():
                bare = bare.str.replace_all(chr(code), _encode(chr(code))[1:-1], literal=True)
    return pl.select(pl.concat_str([pl.lit('"'), pl.lit(bare), pl.lit('"')])).to_series().alias(values.name)


def _numbers(values: pl.Series) -> pl.Series:
    """Numbers as JSON has them; strings where a text is none."""
    bare = values.str.strip_chars()
    is_number = bare.str.contains(_NUMBER)
    is_json = bare.str.contains(_JSON_NUMBER)
    found = pl.select(pl.when(is_json).then(bare).otherwise(_strings(values))).to_series()
    others = (is_number & ~is_json).fill_null(False).arg_true().to_list()  # noqa: FBT003 - polars takes it so
    if others:  # such as +5, 007, .5 and 5.
        found = found.scatter(others, [number_text(bare[place]) for place in others])
    return found.alias(values.name)


def number_text(text: str) -> str:
    """A decimal number as JSON writes it.

    >>> [number_text(text) for text in ("+5", "-007", ".5", "5.", "-.50e3")]
    ['5', '-7', '0.5', '5', '-0.50e3']
    """
    sign, digits, fraction, exponent = _PARTS.fullmatch(text).groups()  # type: ignore[union-attr] # it is a number
    whole = (digits or "").lstrip("0") or "0"
    return f"{'-' if sign == '-' else ''}{whole}{f'.{fraction}' if fraction else ''}{exponent or ''}"


def json_value(text: str) -> object:
    """The object or list that a text is; another text as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found
