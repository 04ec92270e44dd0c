"""Finds the number that makes a raw record invalid: no number at all, or one that cannot be stored (V6, V7)."""

import json
import math
import re
from collections.abc import Iterator
from typing import TypeAlias

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


_CONSTANTS = (b"NaN", b"Infinity")
_MAY_BE_LARGE = (re.compile(rb"[eE]\+?[0-9]"), re.compile(rb"[0-9]{300}"))
"""One of them is in every number beyond the range of double, and in others."""
_WITH_CONSTANTS = json.JSONDecoder(parse_constant=lambda token: _Wrong.of(token, is_finite=False))
"""Reads what is no number at all, such as NaN, which is frequent; all else at the speed of the library."""


def number_fault(record: bytes) -> tuple[Fault, str | None] | None:
    """The fault of the number that makes a record invalid (V6, V7), and the reference id; None if no number does.

    A token that is no number (NaN) precedes a number that is too large.
    """
    if not any(constant in record for constant in _CONSTANTS) and not any(
        pattern.search(record) for pattern in _MAY_BE_LARGE
    ):
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


def _wrong_numbers(root: JsonValue) -> Iterator[tuple[_Steps, _Wrong]]:
    """The numbers that cannot be stored, in their order, each with its path."""
    todo: list[tuple[_Steps, Iterator[tuple[str | int, JsonValue]]]] = [((), iter([(0, root)]))]
    while todo:
        steps, members = todo[-1]
        for key, value in members:
            if isinstance(value, _Wrong):
                yield (steps, key), value
            elif isinstance(value, dict):
                todo.append(((steps, key), iter(value.items())))
                break
            elif isinstance(value, list):
                todo.append(((steps, key), enumerate(value)))
                break
        else:
            todo.pop()


def _path(steps: _Steps) -> str | None:
    """The path of a value as text, such as metadata.a[0].b; None for a whole record."""
    keys: list[str | int] = []
    while steps:
        steps, key = steps
        keys.append(key)
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in reversed(keys[:-1]))
    return path.removeprefix(".") or None


def _reference_id(value: JsonValue) -> str | None:
    """The reference id of a record if it has one (R1), also of one in an envelope (FORMATS)."""
    if not isinstance(value, dict):
        return None
    inner = next((each for name in ("item", "scene") if isinstance(each := value.get(name), dict)), None)
    found = reference_id(value if inner is None else inner)
    return None if isinstance(found, Fault) else found
