"""From the bytes of raw records to JSON values, a chunk at a time (F2, F3, V6, V7)."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from transforms.rules.rejections import Code, Fault
from transforms.rules.values import JsonValue

_BIG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?[0-9]{19,}(?![0-9.eE])")
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
"""What orjson reads as an integer; beyond that it gives a double without a word."""


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
            value = _parse_exactly(records[position])
            values[position] = None if isinstance(value, Fault) else value
            if isinstance(value, Fault):
                faults[position] = value
    return Parsed(values, faults, exact)


def parse_one(record: bytes) -> JsonValue | Fault:
    """The value of one record, or why it has none."""
    try:
        value: JsonValue = orjson.loads(record)
    except orjson.JSONDecodeError as error:
        exact = _parse_exactly(record)
        # What only the lenient parser takes (a lone surrogate, too deep a nesting) is malformed all the same.
        integers = not isinstance(exact, Fault) and "number" in str(error)
        if integers or (isinstance(exact, Fault) and exact.code is not Code.MALFORMED_JSON):
            return exact
        return Fault(Code.MALFORMED_JSON, f"expected JSON, got {error}")
    return value


class _Numbers:
    """What the exact parser met on its way: tokens that are no JSON numbers, and numbers out of range."""

    def __init__(self) -> None:
        self.non_finite: str | None = None
        self.out_of_range: str | None = None

    def constant(self, token: str) -> float:
        self.non_finite = token
        return math.nan

    def integer(self, digits: str) -> int:
        try:
            return int(digits)
        except ValueError:  # more digits than the interpreter converts: far beyond any double
            self.out_of_range = digits[:40] + "..."
            return 0

    def double(self, text: str) -> float:
        value = float(text)
        if math.isinf(value):
            self.out_of_range = text
        return value


def _parse_exactly(record: bytes) -> JsonValue | Fault:
    """Parses with the standard library, which keeps integers of any size and sees NaN and Infinity."""
    numbers = _Numbers()
    try:
        value: JsonValue = json.loads(
            record.decode(), parse_constant=numbers.constant, parse_int=numbers.integer, parse_float=numbers.double
        )
    except (ValueError, RecursionError) as error:
        return Fault(Code.MALFORMED_JSON, f"expected JSON, got {error}")
    if numbers.non_finite is not None:
        field = _path_of_nan(value)
        at = f" at {field}" if field else ""
        return Fault(Code.NON_FINITE_NUMBER, f"expected a finite number, got {numbers.non_finite}{at}", field)
    if numbers.out_of_range is not None:
        return Fault(
            Code.NUMBER_OUT_OF_RANGE, f"expected a number within the range of double, got {numbers.out_of_range}"
        )
    return value


def _path_of_nan(value: JsonValue) -> str | None:
    """Where the first NaN stands, as far as a top-level key or a metadata field names it."""
    if not isinstance(value, dict):
        return None
    metadata = value.get("metadata")
    for prefix, members in (("metadata.", metadata if isinstance(metadata, dict) else {}), ("", value)):
        for key, member in members.items():
            if isinstance(member, float) and math.isnan(member):
                return prefix + key
    return None


def _with_big_integers(records: Sequence[bytes]) -> list[int]:
    """Positions of the records that hold an integer literal which orjson would round to a double.

    Such a literal has at least 20 digits, or 19 after a minus sign; the few records with such a run are looked at.
    """
    block = np.frombuffer(b"\n".join(records), np.uint8)
    runs = (block - ord("0")) <= 9  # noqa: PLR2004 - uint8 arithmetic wraps, so that other bytes are large
    for shift in (1, 2, 4, 8, 3):  # runs of 2, 4, 8, 16 and then 19 digits
        if len(runs) <= shift:
            return []
        runs = runs[:-shift] & runs[shift:]
    if not runs.any():
        return []
    starts = np.flatnonzero(runs)
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
