"""Finds the number that makes a raw record invalid: no number at all, or one that cannot be stored (V6, V7)."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import orjson

from transforms.rules.identity import reference_id
from transforms.rules.rejections import Code, Fault
from transforms.rules.values import JsonValue

MAX_DIGITS = 4_000
"""Digits far beyond any double, and still below the limit of the interpreter's conversion."""
_SHOWN_DIGITS = 40

_Steps: TypeAlias = "tuple[()] | tuple[_Steps, str | int]"
"""The path to a value: that of its container, and its key or index there."""


class _Wrong(float):
    """The lenient parser's placeholder, with its token, for a number that cannot be stored."""

    token: str
    is_finite: bool

    @classmethod
    def of(cls, token: str, *, is_finite: bool) -> "_Wrong":
        wrong = cls("nan")
        wrong.token = token if len(token) <= _SHOWN_DIGITS else f"{token[:_SHOWN_DIGITS]}..."
        wrong.is_finite = is_finite
        return wrong

    def fault(self, path: str | None) -> Fault:
        at = f" at {path}" if path else ""
        if self.is_finite:
            message = f"expected a number within the range of double, got {self.token}{at}"
            return Fault(Code.NUMBER_OUT_OF_RANGE, message, path)
        return Fault(Code.NON_FINITE_NUMBER, f"expected a finite number, got {self.token}{at}", path)


class _Numbers:
    """The numbers of the lenient parser, and those among them that cannot be stored (V6, V7), in their order."""

    def __init__(self) -> None:
        self.wrong: list[_Wrong] = []

    def constant(self, token: str) -> float:
        return self._wrong(token, is_finite=False)

    def integer(self, digits: str) -> float:
        return self._wrong(digits, is_finite=True) if len(digits) > MAX_DIGITS else int(digits)

    def double(self, text: str) -> float:
        value = float(text)
        return self._wrong(text, is_finite=True) if math.isinf(value) else value

    def _wrong(self, token: str, *, is_finite: bool) -> float:
        self.wrong.append(_Wrong.of(token, is_finite=is_finite))
        return self.wrong[-1]


_CONSTANTS = (b"-Infinity", b"Infinity", b"NaN")
_SORTED = bytes.maketrans(b"123456789E", b"000000000e")
_LARGE_DIGITS = b"0" * 300
_EXPONENT = re.compile(rb"(?:^|[:,\[\s])(-?[0-9.]++[eE]\+?+[0-9]++)")
"""A number with a large exponent, and what looks so in a text."""
_PLACEHOLDER = "no number: "
_WITH_CONSTANTS = json.JSONDecoder(parse_constant=lambda token: _Wrong.of(token, is_finite=False))
"""Reads what is no number at all, such as NaN, which is frequent; all else at the speed of the library."""


class Read(NamedTuple):
    """What was read of a record that the fast parser refuses.

    Attributes:
        value: Of the record, if it has no fault.
        fault: That of its first number that cannot be stored; None if all can.
        reference_id: If there is a fault, and it is known (R1).
    """

    value: JsonValue
    fault: Fault | None
    reference_id: str | None


def has_constant(record: bytes) -> bool:
    """Whether a record may have a token that is no number, such as NaN."""
    return b"NaN" in record or b"Infinity" in record


def constant_fault(record: bytes) -> Read | None:
    """The fault of the first token that is no number, such as NaN (V6), of a record that may have one.

    None for a record that can only be read as a whole: text in it has such a word, or another number is wrong as well.
    """
    return _marked_fault(record, _CONSTANTS, is_finite=False)


def large_double_fault(record: bytes) -> Read | None:
    """As `constant_fault`, of the first number with an exponent that is beyond the range of double (V7)."""
    if has_constant(record):
        return None
    tokens = {match[1] for match in _EXPONENT.finditer(record)}
    large = [token for token in tokens if _is_beyond_double(token.decode())]
    return _marked_fault(record, sorted(large, key=len, reverse=True), is_finite=True) if large else None


def _is_beyond_double(token: str) -> bool:
    try:
        return math.isinf(float(token))
    except ValueError:  # with two points, in a text
        return False


def _marked_fault(record: bytes, tokens: Sequence[bytes], *, is_finite: bool) -> Read | None:
    """The fault of the first of some tokens, each of which the fast parser reads as a placeholder.

    Args:
        record: The record.
        tokens: None begins within one before it.
        is_finite: Whether they are numbers, beyond the range of double.
    """
    if _PLACEHOLDER.encode() in record:
        return None
    text, count, placeholders = record, 0, {}
    for number, token in enumerate(tokens):
        count += text.count(token)
        text = text.replace(token, b'"%b%d"' % (_PLACEHOLDER.encode(), number))
        placeholders[f"{_PLACEHOLDER}{number}"] = token.decode()
    try:
        value: JsonValue = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    found = [(steps, leaf) for steps, leaf in _leaves(value) if isinstance(leaf, str) and leaf in placeholders]
    if len(found) < count:
        return None  # the last of duplicate keys counts (F3)
    steps, placeholder = found[0]
    name = _reference_id(value)
    fault = _Wrong.of(placeholders[placeholder], is_finite=is_finite).fault(_path(steps))
    return Read(None, fault, None if name in placeholders else name)


def large_integers(record: bytes) -> JsonValue | None:
    """The value of a record that the fast parser refuses for the size of a number, if all such numbers are integers.

    None for a record that can only be read as a whole: it may have an exponent, or an escape that is no character.
    """
    kinds = record.translate(_SORTED)
    if _has_exponent(kinds) or _LARGE_DIGITS + b"." in kinds or b"\\u" in record or has_constant(record):
        return None
    if len(record) > MAX_DIGITS and b"0" * (MAX_DIGITS + 1) in kinds:
        return None
    try:
        value: JsonValue = json.loads(record.decode())
    except (ValueError, RecursionError):
        return None
    return value


def _has_exponent(kinds: bytes) -> bool:
    """Whether a record may have a number with a large exponent, given with all digits as 0 and all letters E as e."""
    return (b"e0" in kinds or b"e+0" in kinds) and _EXPONENT.search(kinds) is not None


def number_fault(record: bytes) -> tuple[Fault, str | None] | None:
    """The fault of the number that makes a record invalid (V6, V7), and the reference id; None if no number does.

    A token that is no number (NaN) precedes a number that is too large.
    """
    if not has_constant(record) and not _may_be_large(record):
        return None
    try:
        text = record.decode()
        value, first = _first_constant(text)
        if first is None:  # the number is too large, or the last of duplicate keys counts (F3)
            numbers = _Numbers()
            value = json.loads(
                text, parse_constant=numbers.constant, parse_int=numbers.integer, parse_float=numbers.double
            )
            if not numbers.wrong:
                return None
            places = list(_wrong_numbers(value)) or [((), wrong) for wrong in numbers.wrong]
            first = min(places, key=lambda each: each[1].is_finite)
    except (ValueError, RecursionError):
        return None
    return first[1].fault(_path(first[0])), _reference_id(value)


def _may_be_large(record: bytes) -> bool:
    """Whether a record may have a number beyond the range of double: one has an exponent or 300 digits."""
    kinds = record.translate(_SORTED)
    return _has_exponent(kinds) or _LARGE_DIGITS in kinds


def _first_constant(text: str) -> "tuple[JsonValue, tuple[_Steps, _Wrong] | None]":
    """The value of a JSON text and its first token that is no number, with its path; None if there is none.

    Raises:
        json.JSONDecodeError: It is no JSON, whatever its numbers are.
    """
    try:
        value: JsonValue = _WITH_CONSTANTS.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer with more digits than the interpreter converts
        return None, None
    return value, next(_wrong_numbers(value), None)


def _wrong_numbers(root: JsonValue) -> "Iterator[tuple[_Steps, _Wrong]]":
    """The numbers that cannot be stored, in their order, each with its path."""
    return ((steps, leaf) for steps, leaf in _leaves(root) if isinstance(leaf, _Wrong))


def _leaves(root: JsonValue) -> "Iterator[tuple[_Steps, JsonValue]]":
    """The values in a value that have no values in them, in their order, each with its path."""
    todo: list[tuple[_Steps, Iterator[tuple[str | int, JsonValue]]]] = [((), iter([(0, root)]))]
    while todo:
        steps, members = todo[-1]
        for key, value in members:
            if isinstance(value, dict):
                todo.append(((steps, key), iter(value.items())))
                break
            if isinstance(value, list):
                todo.append(((steps, key), enumerate(value)))
                break
            yield (steps, key), value
        else:
            todo.pop()


def _path(steps: _Steps) -> str | None:
    """The path of a value as text, such as metadata.a[0].b; None for a whole record."""
    path = ""
    while steps:
        steps, key = steps
        if steps:
            path = f"[{key}]{path}" if isinstance(key, int) else f".{key}{path}"
    return path.removeprefix(".") or None


def _reference_id(value: JsonValue) -> str | None:
    """The reference id of a record if it has one (R1), also of one in an envelope (FORMATS)."""
    if not isinstance(value, dict):
        return None
    inner = next((each for name in ("item", "scene") if isinstance(each := value.get(name), dict)), None)
    found = reference_id(value if inner is None else inner)
    return None if isinstance(found, Fault) else found
