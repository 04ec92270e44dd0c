"""Turns columns of values into columns of their JSON texts, and these into lines of records (columns before rows)."""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import polars as pl

from transforms.kernels.batch.string_buffers import buffers
from transforms.raw_records import RawRecords

_ESCAPED: Final = '["\\\\\\x00-\\x1f]'
"""What a JSON string has no bare character for."""
NUMBER: Final = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""A text that a map takes for a number."""
_JSON_NUMBER: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_PARTS: Final = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)([eE][+-]?[0-9]+)?")
_NON_FINITE: Final = {"NaN": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
"""Texts, in small letters, that a map takes for booleans."""
_TRUE, _FALSE = ([text for text, value in TRUTHS.items() if value is each] for each in (True, False))
# Not orjson, which refuses NaN, long integers and lone surrogates: the rules reject them by name.
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class JsonTexts:
    """A column of JSON texts.

    Attributes:
        texts: The text of each value, null where there is none; without its quotes if `is_quoted`.
        is_quoted: Whether each value is a string, whose quotes are still to be put around its text.
    """

    texts: pl.Series
    is_quoted: bool = False

    def whole(self) -> pl.Series:
        """The texts with their quotes."""
        if not self.is_quoted:
            return self.texts
        return pl.select(pl.concat_str([pl.lit('"'), pl.lit(self.texts), pl.lit('"')])).to_series()

    def pieces(self, front: str, behind: str) -> list[pl.Expr]:
        """What stands between two texts: pieces for a column without nulls, or one that is null where there is none."""
        quote = '"' if self.is_quoted else ""
        pieces = [pl.lit(f"{front}{quote}"), pl.lit(self.texts), pl.lit(f"{quote}{behind}")]
        return pieces if not self.texts.null_count() else [pl.concat_str(pieces)]


def json_texts(values: pl.Series) -> JsonTexts:
    """The JSON text of each value.

    Numbers keep their value, NaN and infinities are tokens that no JSON parser accepts (V6). Decimals are numbers with
    all their digits, bytes base64, structs objects, lists lists; in these dates and times are ISO text, durations
    seconds.
    """
    kind = values.dtype
    if kind == pl.String:
        return _strings(values)
    if kind.is_integer() or kind == pl.Boolean or isinstance(kind, pl.Decimal):
        return JsonTexts(values.cast(pl.String))
    if kind.is_float():
        numbers = values.cast(pl.Float64).cast(pl.String)
        return JsonTexts(numbers if values.is_finite().all() else numbers.replace(_NON_FINITE))
    if isinstance(kind, pl.Categorical | pl.Enum):
        return _strings(values.cast(pl.String))
    texts = [None if value is None else encode(json_form(value)) for value in values.to_list()]
    return JsonTexts(pl.Series(values.name, texts, pl.String))


def typed_texts(values: pl.Series, kind: str, decimal: str = ".") -> JsonTexts:
    """The JSON text of each text of a column that has a type: `number`, `boolean` or `json`; others stay strings.

    A text that is none of the type stays a string too, for the rules to judge.

    Args:
        values: The texts.
        kind: Their type.
        decimal: What stands in front of the fraction of a number.
    """
    match kind:
        case "number":
            return JsonTexts(_numbers(values, decimal))
        case "boolean":
            folded = values.str.strip_chars().str.to_lowercase()
            is_true, is_false = folded.is_in(_TRUE), folded.is_in(_FALSE)
            others = _strings(values).whole()
            true, false = pl.lit("true"), pl.lit("false")
            return JsonTexts(
                pl.select(pl.when(is_true).then(true).when(is_false).then(false).otherwise(others)).to_series()
            )
        case "json":
            found = [None if text is None else encode(json_value(text)) for text in values.to_list()]
            return JsonTexts(pl.Series(values.name, found, pl.String))
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
            return value.total_seconds() if isinstance(value, dt.timedelta) else _decimal(value)
    return value


def _decimal(value: Decimal) -> int | float:
    """A decimal as a parser reads its digits: exactly if it has none behind the point, as `json_texts` gives it.

    >>> _decimal(Decimal("12345678901234567")), _decimal(Decimal("2.00"))
    (12345678901234567, 2.0)
    """
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


def lines_of(core: Mapping[str, JsonTexts], metadata: Mapping[str, JsonTexts], count: int) -> RawRecords:
    """The records whose values are given as JSON texts by column; a null has no member.

    Args:
        core: Key of the record to its texts.
        metadata: Key of the metadata to its texts.
        count: How many records there are.
    """
    if not count:
        return RawRecords.of([])
    pieces = [pl.lit("{"), *(piece for key, each in core.items() for piece in each.pieces(f"{encode(key)}:", ","))]
    pieces += [pl.lit('"metadata":{'), *_members(metadata), pl.lit("}}\n")]
    lines = pl.select(pl.concat_str(pieces, ignore_nulls=True)).to_series()
    offsets, data = buffers(lines)
    places = np.frombuffer(offsets, np.int64)
    return RawRecords(bytes(data[: int(places[-1])]), places[:-1], places[1:] - 1)


def object_texts(members: Mapping[str, JsonTexts]) -> JsonTexts:
    """Objects whose members are given as JSON texts by column; null where none has a value."""
    nothing = [each.texts.is_null() for each in members.values()]
    inside = pl.concat_str(_members(members), ignore_nulls=True)
    whole = pl.select(pl.concat_str([pl.lit("{"), inside, pl.lit("}")])).to_series()
    is_null = pl.select(pl.all_horizontal(nothing)).to_series()
    return JsonTexts(pl.select(pl.when(is_null).then(None).otherwise(whole)).to_series())


def _members(texts: Mapping[str, JsonTexts]) -> list[pl.Expr]:
    """The members of objects with commas between them."""
    first = next((key for key, each in texts.items() if not each.texts.null_count()), None)
    if first is None:  # none that every object has
        pieces = [piece for key, each in texts.items() for piece in each.pieces(f"{encode(key)}:", ",")]
        return [pl.concat_str(pieces, ignore_nulls=True).str.strip_suffix(",")] if pieces else []
    others = [piece for key, each in texts.items() if key != first for piece in each.pieces(f",{encode(key)}:", "")]
    return [*texts[first].pieces(f"{encode(first)}:", ""), *others]


def _strings(values: pl.Series) -> JsonTexts:
    """Strings, escaped if one needs it."""
    bare = values
    if values.str.contains(_ESCAPED).any():
        bare = values.str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        for code in range(0x20):
            if bare.str.contains(chr(code), literal=True).any():
                bare = bare.str.replace_all(chr(code), encode(chr(code))[1:-1], literal=True)
    return JsonTexts(bare, is_quoted=True)


def _numbers(values: pl.Series, decimal: str) -> pl.Series:
    """Numbers as JSON has them; strings where a text is none."""
    bare = values.str.strip_chars()
    if decimal != ".":
        # One with a point is no number: with commas for fractions it is a separator of thousands, or a mistake.
        bare = bare.set(bare.str.contains(".", literal=True), "").str.replace(decimal, ".", literal=True)
    is_json = bare.str.contains(_JSON_NUMBER)
    if is_json.all():
        return bare
    is_number = bare.str.contains(f"^{NUMBER}$")
    found = pl.select(pl.when(is_json).then(bare).otherwise(_strings(values).whole())).to_series()
    others = (is_number & ~is_json).fill_null(False).arg_true().to_list()  # noqa: FBT003 - polars takes it so
    if others:  # such as +5, 007, .5 and 5.
        found = found.scatter(others, [number_text(bare[place]) for place in others])
    return found.alias(values.name)


def with_point(text: str, decimal: str) -> str:
    """The text of a number with a point in front of its fraction; "" if it has a point that is none.

    >>> with_point("1,5", ","), with_point("1.234,5", ","), with_point("1.5", ".")
    ('1.5', '', '1.5')
    """
    if decimal == ".":
        return text
    return "" if "." in text else text.replace(decimal, ".", 1)


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
