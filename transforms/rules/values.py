"""Classifies metadata values by kind, and writes numbers, lists and objects as canonical JSON text (V)."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias, Union, assert_never

from transforms.rules.rejections import Code, Fault, shown

JsonValue: TypeAlias = Union[bool, int, float, str, list["JsonValue"], dict[str, "JsonValue"], None]  # noqa: UP007 - a quoted part cannot stand in an `|`
JsonObject: TypeAlias = dict[str, JsonValue]
Objects: TypeAlias = Sequence[JsonObject]
"""The same part of many records, such as their metadata or their geometries."""
Record: TypeAlias = dict[str, JsonValue]
"""A record of an export as it was parsed: an object of any shape, which the rules check."""

LONG_MINIMUM = -(2**63)
LONG_MAXIMUM = 2**63 - 1
_LAST_FIXED_EXPONENT = -5
"""The smallest power of ten that is written without an exponent; `repr` goes to -4."""


class Observed(StrEnum):
    """The JSON type of an incoming value, before any cast."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    LIST = "list"
    OBJECT = "object"


class Kind(StrEnum):
    """The kinds of values: two kinds in one field of a group are a type conflict (T3)."""

    NUMBER = "number"
    STRING = "string"
    OTHER = "other"


def observed(value: JsonValue) -> Observed | None:  # noqa: PLR0911 - one for each type
    """The JSON type of a value, None for null, which is no evidence (V5).

    >>> observed(True), observed(1), observed(None)
    (<Observed.BOOL: 'bool'>, <Observed.INT: 'int'>, None)
    """
    match value:
        case None:
            return None
        case bool():
            return Observed.BOOL
        case int():
            return Observed.INT
        case float():
            return Observed.FLOAT
        case str():
            return Observed.STRING
        case list():
            return Observed.LIST
        case dict():
            return Observed.OBJECT


def kind(of: Observed) -> Kind:
    """The kind of an observed type: V1 numbers, V2 booleans are strings, V3 strings, V4 lists and objects are other.

    >>> kind(Observed.BOOL)
    <Kind.STRING: 'string'>
    """
    match of:
        case Observed.INT | Observed.FLOAT:
            return Kind.NUMBER
        case Observed.BOOL | Observed.STRING:
            return Kind.STRING
        case Observed.LIST | Observed.OBJECT:
            return Kind.OTHER
        case _:
            assert_never(of)


def is_number(value: object) -> bool:
    """Whether a value is a JSON number; a boolean is none.

    >>> is_number(1), is_number(1.5), is_number(True)
    (True, True, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_double(value: float) -> float | None:
    """The value as a double, None for an integer beyond the range of double (V7)."""
    try:
        return float(value)
    except OverflowError:
        return None


def number_fault(metadata: Mapping[str, JsonValue]) -> Fault | None:
    """The first field whose number cannot be stored: non-finite (V6), or an integer beyond the range of double (V7)."""
    for key, value in metadata.items():
        if isinstance(value, float) and not math.isfinite(value):
            return Fault(
                Code.NON_FINITE_NUMBER,
                f"expected a finite number, got {shown(value)} at metadata.{key}",
                f"metadata.{key}",
            )
        if isinstance(value, int) and as_double(value) is None:
            return Fault(
                Code.NUMBER_OUT_OF_RANGE,
                f"expected a number within the range of double, got {shown(value)} at metadata.{key}",
                f"metadata.{key}",
            )
    return None


def number_text(value: float) -> str:
    """The shortest text of a number that reads back as it: integers in full, doubles as 1.5, 1e+16, 0.00001, 1e-7.

    >>> number_text(10**20), number_text(1e16), number_text(1.5e-5), number_text(1e-7), number_text(-0.0)
    ('100000000000000000000', '1e+16', '0.000015', '1e-7', '-0.0')
    """
    text = repr(value)
    if isinstance(value, int):
        return text
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    if int(exponent) == _LAST_FIXED_EXPONENT:
        sign = "-" if value < 0 else ""
        return f"{sign}0.0000{mantissa.removeprefix('-').replace('.', '')}"
    return f"{mantissa}e{int(exponent):+d}"


def value_text(value: float) -> str:
    """The same text for equal numbers: whole ones as integers, other doubles as `number_text` has them.

    >>> value_text(1.0), value_text(-0.0), value_text(2.0**60) == value_text(2**60), value_text(0.5)
    ('1', '0', True, '0.5')
    """
    return number_text(int(value) if isinstance(value, float) and value.is_integer() else value)


def canonical_json(  # noqa: C901 - one case for each type
    value: JsonValue, *, numbers: Callable[[float], str] = number_text
) -> str:
    r"""The canonical text of a JSON value: keys sorted by code point, no white space, UTF-8 unescaped (V4).

    `numbers` writes a number.

    Not recursive, so that any depth that a parser accepts is supported (F3).

    >>> canonical_json({"b": [1, True, None], "a": "é\n"})
    '{"a":"é\\n","b":[1,true,null]}'
    """
    pieces: list[str] = []
    todo: list[JsonValue | _Text] = [value]
    while todo:
        match todo.pop():
            case _Text(text=text):
                pieces.append(text)
            case dict() as members:
                todo.append(_Text("}"))
                ordered = sorted(members.items(), reverse=True)
                for position, (key, member) in enumerate(ordered, start=1):
                    comma = "" if position == len(ordered) else ","
                    todo += (member, _Text(f"{comma}{json.dumps(key, ensure_ascii=False)}:"))
                todo.append(_Text("{"))
            case list() as elements:
                todo.append(_Text("]"))
                for position in range(len(elements) - 1, -1, -1):
                    todo.append(elements[position])
                    if position:
                        todo.append(_Text(","))
                todo.append(_Text("["))
            case str() as text:
                pieces.append(json.dumps(text, ensure_ascii=False))
            case bool() as truth:
                pieces.append("true" if truth else "false")
            case None:
                pieces.append("null")
            case number:
                pieces.append(numbers(number))
    return "".join(pieces)


class _Text:
    """A piece of finished text on the stack of values still to be written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text
