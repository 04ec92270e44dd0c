"""From the bytes of raw records to JSON values, a chunk at a time (F2, F3, V6, V7)."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson

from transforms.rules.rejections import Code, Fault
from transforms.rules.values import JsonValue

_BIG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}(?![0-9.eE])")
_STRING_OR_BIG_INTEGER = re.compile(rb'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+-])-?[1-9][0-9]{18,}(?![0-9.eE])', re.DOTALL)
_DIGITS = 19
_CACHED_BYTES = 128 * 1024
"""What is looked at in one go: small enough to stay in the processor's cache through all steps."""
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
"""What orjson reads as an integer; beyond that it gives a double without a word."""
_MAX_DIGITS = 4_000
"""Far beyond any double, and still below what the interpreter converts."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The values of a chunk's records, and why some have none.

    Attributes:
        values: JSON value of each record, None where it could not be parsed.
        faults: Position to fault.
        exact: Positions of the values that may hold integers of more than 64 bits.
    """

    values: list[JsonValue]
    faults: dict[int, Fault]
    exact: frozenset[int]


def parse(records: Sequence[bytes]) -> Parsed:
    """Parses each record on its own: one that is broken takes no neighbour with it (R2)."""
    faults: dict[int, Fault] = {}
    values: list[JsonValue]
    try:
        values = [orjson.loads(record) for record in records]
    except orjson.JSONDecodeError:
        values = []
        for position, record in enumerate(records):
            value = parse_one(record)
            if isinstance(value, Fault):
                faults[position] = value
                values.append(None)
            else:
                values.append(value)
    exact = frozenset(_with_big_integers(records))
    for position in exact:
        if position not in faults:
            values[position] = _with_exact_integers(records[position])
    return Parsed(values, faults, exact)


def parse_one(record: bytes) -> JsonValue | Fault:
    """The value of one record, or why it has none; integers of more than 64 bits may have lost digits."""
    try:
        value: JsonValue = orjson.loads(record)
    except orjson.JSONDecodeError as error:
        return _judged(record, error)
    return value


def _judged(record: bytes, error: orjson.JSONDecodeError) -> JsonValue | Fault:
    """What becomes of a record that the parser refused: its value after all, if only an integer was too large."""
    if "infinity" in str(error):
        try:
            return _with_exact_integers(record)
        except orjson.JSONDecodeError:
            pass  # some other number is at fault, or something else altogether: named below
    return _number_fault(record) or Fault(Code.MALFORMED_JSON, f"expected JSON, got {error}")


def _with_exact_integers(record: bytes) -> JsonValue:
    """Parses a record with its large integers set aside as marked strings, then puts them back, whatever their size.

    So the one parser decides about everything else, the depth of nesting included.

    Raises:
        orjson.JSONDecodeError: The record is no JSON, or holds an integer of more digits than are ever converted.
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


class _Numbers:
    """What the lenient parser met on its way: tokens that are no JSON numbers, and numbers out of range."""

    def __init__(self) -> None:
        self.non_finite: str | None = None
        self.out_of_range: str | None = None

    def constant(self, token: str) -> float:
        self.non_finite = self.non_finite or token
        return math.nan

    def integer(self, digits: str) -> float:
        if len(digits) > _MAX_DIGITS:
            self.out_of_range = self.out_of_range or digits[:40] + "..."
            return math.inf
        return int(digits)

    def double(self, text: str) -> float:
        value = float(text)
        if math.isinf(value):
            self.out_of_range = self.out_of_range or text[:40]
        return value


def _number_fault(record: bytes) -> Fault | None:
    """The number that keeps a record from being JSON (V6, V7), as the standard library sees it; None if none does."""
    numbers = _Numbers()
    try:
        value: JsonValue = json.loads(
            record.decode(), parse_constant=numbers.constant, parse_int=numbers.integer, parse_float=numbers.double
        )
    except (ValueError, RecursionError):
        return None
    if numbers.non_finite is not None:
        field = _path(value, math.isnan)
        at = f" at {field}" if field else ""
        return Fault(Code.NON_FINITE_NUMBER, f"expected a finite number, got {numbers.non_finite}{at}", field)
    if numbers.out_of_range is not None:
        field = _path(value, math.isinf)
        at = f" at {field}" if field else ""
        got = numbers.out_of_range
        return Fault(Code.NUMBER_OUT_OF_RANGE, f"expected a number within the range of double, got {got}{at}", field)
    return None


def _path(value: JsonValue, is_wrong: Callable[[float], bool]) -> str | None:
    """Where the first wrong number stands, as far as a top-level key or a metadata field names it."""
    if not isinstance(value, dict):
        return None
    metadata = value.get("metadata")
    for prefix, members in (("metadata.", metadata if isinstance(metadata, dict) else {}), ("", value)):
        for key, member in members.items():
            if isinstance(member, float) and is_wrong(member):
                return prefix + key
    return None


def _with_big_integers(records: Sequence[bytes]) -> list[int]:
    """Positions of the records that hold an integer literal which orjson would round to a double.

    Such a literal has at least 20 digits, or 19 after a minus sign; the few records with such a run are looked at.
    """
    block = np.frombuffer(b"\n".join(records), np.uint8)
    starts = np.concatenate([_digit_runs(block, start) for start in range(0, max(len(block), 1), _CACHED_BYTES)])
    if not len(starts):
        return []
    long = starts[np.concatenate((np.diff(starts) == 1, [False]))]
    negative = starts[(starts > 0) & (block[starts - 1] == ord("-"))]
    candidates = np.union1d(long, negative)
    if not len(candidates):
        return []
    ends = np.cumsum([len(record) + 1 for record in records])
    return [
        int(owner)
        for owner in np.unique(np.searchsorted(ends, candidates, side="right"))
        if any(not _LOWEST <= int(match[:60]) <= _HIGHEST for match in _BIG_INTEGER.findall(records[int(owner)]))
    ]


def _digit_runs(block: npt.NDArray[np.uint8], start: int) -> npt.NDArray[np.int64]:
    """Where 19 digits begin, in the stretch of a block that begins at `start`."""
    stretch = block[start : start + _CACHED_BYTES + _DIGITS - 1]
    runs = (stretch - ord("0")) <= 9  # noqa: PLR2004 - uint8 arithmetic wraps, so that other bytes are large
    for shift in (1, 2, 4, 8, 3):  # runs of 2, 4, 8, 16 and then 19 digits
        runs = runs[:-shift] & runs[shift:]
    return np.flatnonzero(runs) + start
