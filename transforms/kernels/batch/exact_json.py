"""Parses raw records as JSON values without loss of digits, a chunk at a time (F2, F3, V6, V7)."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import numpy as np
import numpy.typing as npt
import orjson

from transforms.rules.identity import reference_id
from transforms.rules.record_values import value_fault
from transforms.rules.rejections import Code, Fault
from transforms.rules.values import JsonValue

_BIG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}(?![0-9.eE])")
_STRING_OR_BIG_INTEGER = re.compile(rb'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+-])-?[1-9][0-9]{18,}(?![0-9.eE])', re.DOTALL)
_DIGITS = 19
_MANY_DIGITS = re.compile(rb"[0-9]{19}")
_CACHED_BYTES = 128 * 1024
"""Bytes that are searched at once: few enough to stay in the processor's cache through all steps."""
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
"""The range that orjson reads as integers; beyond it, orjson silently returns a double."""
_SHOWN_DIGITS = 40
_MAX_DIGITS = 4_000
"""Digits far beyond any double, and still below the limit of the interpreter's conversion."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The values of a chunk's records, and the faults of records without a value.

    Attributes:
        values: JSON value of each record, None where it could not be parsed.
        faults: Position to fault.
        exact: Positions of the values that may hold integers beyond the range of double.
        known: Position to reference id, of faulty records from which it can be read (R1).
    """

    values: list[JsonValue]
    faults: dict[int, Fault]
    exact: frozenset[int]
    known: dict[int, str] = field(default_factory=dict)


def parse(records: Sequence[bytes]) -> Parsed:
    """Parses each record on its own: a broken one, or one with too many values (R8), does not affect others (R2)."""
    faults = {position: fault for position, record in enumerate(records) if (fault := value_fault(record)) is not None}
    if faults:
        records = [b"null" if position in faults else record for position, record in enumerate(records)]
    known: dict[int, str] = {}
    values: list[JsonValue] = []
    restored: set[int] = set()
    for position, record in enumerate(records):
        try:
            values.append(orjson.loads(record))
        except orjson.JSONDecodeError as error:
            value, fault, name = _refused(record, error)
            values.append(value)
            restored.add(position)
            if fault is not None:
                faults[position] = fault
            if name is not None:
                known[position] = name
    for position in _with_big_integers(records):
        if position not in restored and position not in faults:
            values[position] = _unrounded(records[position])
    return Parsed(values, faults, frozenset(restored.difference(faults)), known)


def exact_json(text: str) -> JsonValue:
    """The value of a stored JSON text, with all digits of its integers (V7); the fast parser alone rounds large ones.

    >>> exact_json('[18446744073709551616, 0.5]')
    [18446744073709551616, 0.5]
    """
    data = text.encode()
    return _with_exact_integers(data) if _MANY_DIGITS.search(data) else cast("JsonValue", orjson.loads(data))


def exact_json_values(texts: Sequence[str]) -> list[JsonValue]:
    """The values of stored JSON texts, as `exact_json` gives them, parsed at once.

    >>> exact_json_values(["[1, 18446744073709551616]", "{}"])
    [[1, 18446744073709551616], {}]
    """
    records = [text.encode() for text in texts]
    try:
        values = cast("list[JsonValue]", orjson.loads(b"[%s]" % b",".join(records)))
    except orjson.JSONDecodeError:  # one level deeper than it takes
        return list(map(exact_json, texts))
    for position in _with_big_integers(records):
        values[position] = _unrounded(records[position])
    return values


def _refused(record: bytes, why: orjson.JSONDecodeError) -> tuple[JsonValue, Fault | None, str | None]:
    """The exact value of a record that the parser refuses, or its fault and the reference id if that is known."""
    if "infinity" in str(why):
        try:
            return _with_exact_integers(record), None, None
        except orjson.JSONDecodeError:
            pass  # another number or something else is the fault, which is found below
    fault, name = _number_fault(record) or (Fault(Code.MALFORMED_JSON, f"expected JSON, got {why}"), None)
    return None, fault, name


def _unrounded(record: bytes) -> JsonValue:
    """The value of a record that the fast parser takes, with all digits of its integers."""
    try:
        return cast("JsonValue", json.loads(record.decode()))
    except RecursionError:  # it takes less depth than the fast parser
        return _with_exact_integers(record)


def _with_exact_integers(record: bytes) -> JsonValue:
    """Parses a record with its large integers set aside as marked strings, then puts them back, whatever their size.

    The same parser thus decides about everything else, such as the depth of nesting.

    Raises:
        orjson.JSONDecodeError: The record is no JSON, or has an integer with more digits than are ever converted.
    """
    mark = hashlib.sha256(record).hexdigest() + "-"  # a record cannot hold its own hash
    integers: dict[str, int] = {}

    def set_aside(match: re.Match[bytes]) -> bytes:
        token = match[0]
        if token.startswith(b'"') or len(token) > _MAX_DIGITS:
            return token
        name = f"{mark}{len(integers)}"
        integers[name] = int(token)
        return b'"%s"' % name.encode()

    root: list[JsonValue] = [orjson.loads(_STRING_OR_BIG_INTEGER.sub(set_aside, record))]
    todo: list[list[JsonValue] | dict[str, JsonValue]] = [root]
    while todo:
        container = todo.pop()
        places = container.items() if isinstance(container, dict) else enumerate(container)
        found: list[tuple[str | int, int]] = []
        for place, value in places:
            if isinstance(value, str) and value in integers:
                found.append((place, integers[value]))
            elif isinstance(value, list | dict):
                todo.append(value)
        for place, integer in found:
            container[place] = integer  # type: ignore[index] # a place of this container
    return root[0]


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
        return self._wrong(digits, is_finite=True) if len(digits) > _MAX_DIGITS else int(digits)

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


def _number_fault(record: bytes) -> tuple[Fault, str | None] | None:
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


def _with_big_integers(records: Sequence[bytes]) -> list[int]:
    """Positions of the records with an integer literal that orjson would round to a double.

    Such a literal has at least 20 digits, or 19 after a minus sign; the few records with such a run are checked.
    """
    block = np.frombuffer(b"\n".join(records), np.uint8)
    starts = np.concatenate([_digit_runs(block, start) for start in range(0, max(len(block), 1), _CACHED_BYTES)])
    if not len(starts):
        return []
    is_long = np.concatenate((np.diff(starts) == 1, [False]))
    is_negative = (starts > 0) & (block[starts - 1] == ord("-"))
    candidates = starts[is_long | is_negative]
    if not len(candidates):
        return []
    ends = np.cumsum([len(record) + 1 for record in records])
    owners = np.searchsorted(ends, candidates, side="right")  # ascending
    return [
        int(owner)
        for owner in owners[np.diff(owners, prepend=-1) > 0]
        if any(not _LOWEST <= int(match[:60]) <= _HIGHEST for match in _BIG_INTEGER.findall(records[int(owner)]))
    ]


def _digit_runs(block: npt.NDArray[np.uint8], start: int) -> npt.NDArray[np.int64]:
    """Offsets at which 19 digits begin, in the piece of a block that begins at `start`."""
    piece = block[start : start + _CACHED_BYTES + _DIGITS - 1]
    runs = (piece - ord("0")) <= 9  # noqa: PLR2004 - uint8 arithmetic wraps, so that other bytes are large
    for shift in (1, 2, 4, 8, 3):  # runs of 2, 4, 8, 16 and then 19 digits
        runs = runs[:-shift] & runs[shift:]
    return np.flatnonzero(runs) + start
