"""Parses raw records as JSON values without loss of digits, a chunk at a time (F2, F3, V6, V7)."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt
import orjson

from transforms.kernels.batch.number_faults import (
    MAX_DIGITS,
    Read,
    constant_fault,
    has_constant,
    large_double_fault,
    large_integers,
    number_fault,
)
from transforms.rules.record_values import SHORTEST, value_fault
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
    large = [position for position, record in enumerate(records) if len(record) > SHORTEST]
    faults = {position: fault for position in large if (fault := value_fault(records[position])) is not None}
    if faults:
        records = [b"null" if position in faults else record for position, record in enumerate(records)]
    known: dict[int, str] = {}
    values: list[JsonValue] = []
    restored: set[int] = set()
    block = b"\n".join(records)
    has_constants = has_constant(block)
    for position, record in enumerate(records):
        read = constant_fault(record) if has_constants and has_constant(record) else None
        if read is None:
            try:
                values.append(orjson.loads(record))
                continue
            except orjson.JSONDecodeError as error:
                read = _refused(record, error)
        values.append(read.value if read.fault is None else None)
        restored.add(position)
        if read.fault is not None:
            faults[position] = read.fault
        if read.reference_id is not None:
            known[position] = read.reference_id
    if restored:
        records = [b"" if position in restored else record for position, record in enumerate(records)]
        block = b"\n".join(records)
    for position in _with_big_integers(records, block):
        if position not in faults:
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
    for position in _with_big_integers(records, b"\n".join(records)):
        values[position] = _unrounded(records[position])
    return values


def _refused(record: bytes, why: orjson.JSONDecodeError) -> Read:
    """The exact value of a record that the parser refuses, or its fault and the reference id if that is known."""
    if "infinity" in str(why):
        value = large_integers(record)
        if value is not None:
            return Read(value, None, None)
        if (found := large_double_fault(record)) is not None:
            return found
        try:
            return Read(_with_exact_integers(record), None, None)
        except orjson.JSONDecodeError:
            pass  # another number or something else is the fault, which is found below
    fault, name = number_fault(record) or (Fault(Code.MALFORMED_JSON, f"expected JSON, got {why}"), None)
    return Read(None, fault, name)


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
        if token.startswith(b'"') or len(token) > MAX_DIGITS:
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


def _with_big_integers(records: Sequence[bytes], joined: bytes) -> list[int]:
    """Positions of the records with an integer literal that orjson would round to a double.

    `joined` are the records as lines. Such a literal has at least 20 digits, or 19 after a minus sign; the few records
    with such a run are checked.
    """
    block = np.frombuffer(joined, np.uint8)
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
