"""Summarizes the strings of a field: exact categories up to a limit, then a sketch of the distinct values (T1).

Beyond 250 distinct values, or too many characters in them, the categories are dropped permanently: an absorbing state,
so that the result is the same in any order (T5). From there on a HyperLogLog sketch counts. Its usual (HIP) estimator
depends on the order of updates; a sketch that went through a union twice is marked out of order and falls back to the
composite estimator, a function of the set of values alone. `_canonical` does that, and sorts the hash list of small
sketches, so that equal sets of values have equal bytes (P3).

The one rule with a dependency outside the standard library: datasketches.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from datasketches import hll_sketch, hll_union, tgt_hll_type

from transforms.rules.counting import added
from transforms.rules.limits import MAX_CATEGORY_CHARACTERS

MAX_CATEGORIES = 250  # 250 distinct values are still categorical, 251 are text (T1)
ALL_VALUES = 1 << 62
"""A limit with which all values are counted, however many there are and however long they are."""
SKETCH_LG_K = 13  # 8192 registers: a standard error of about 1 %, at most 8 KiB

_CERTAIN = 1.1
"""An estimate that is this many times lower than a limit proves fewer values: ten times its standard error."""

_EMPTY_STRING = -1  # stands for "", which the library skips: eight bytes 0xFF, which are no UTF-8
_WORD = 4  # bytes of one hash in a small sketch
# The canonical sketch with registers of a byte each, as Apache DataSketches has it (PreambleUtil): 10 words of
# preamble, version 1, family 7, lg_k, nothing, flags (compact, out of order), least height 0, HLL_8; then the sum of
# HIP, which such a sketch does without, those of 2**-height below 32 and from there on, how many are empty, exceptions.
_REGISTERS = struct.Struct("<8B3d2I")
_PREAMBLE = (10, 1, 7, SKETCH_LG_K, 0, 0x18, 0, 0x0A)
_HASHES_AT = {2: 8, 3: 12}  # a small sketch: preamble length (byte 0) to the offset of its hashes
_HEIGHTS = bytes(range(64))
"""Exclusive maximum of a register: the library has a table of so many powers of two."""
_LIST_MODE, _SET_MODE, _COMPACT = 0x08, 0x09, 0x08


@dataclass(frozen=True, slots=True)
class StringSummary:
    """The summary of the strings of one field; booleans count as "true" and "false" (V2).

    Attributes:
        count: Number of values.
        categories: Value to its count; None for more than `limit` distinct values, or too long ones (R8).
        sketch: None as long as there are categories, else the canonical sketch of all values.
        limit: 250 (T1), or more if more choices are declared (D3).
    """

    count: int
    categories: Mapping[str, int] | None
    sketch: bytes | None
    limit: int = MAX_CATEGORIES


STRINGS_ZERO = StringSummary(0, {}, None)


def summarize_string(value: str) -> StringSummary:
    """Return the summary of one string: the specification of the kernel."""
    return summarize_categories(1, {value: 1})


def summarize_categories(count: int, categories: Mapping[str, int], limit: int = MAX_CATEGORIES) -> StringSummary:
    """Return the summary of `count` strings, given all distinct ones with how many there are of each (T1, R8)."""
    if fit(categories, limit):
        return StringSummary(count, categories, None, limit)
    return summarize_distinct(count, categories, limit)


def fit(values: Collection[str], limit: int) -> bool:
    """Return whether distinct strings are few (T1) and short enough (R8) to be the categories of a field."""
    return limit == ALL_VALUES or (len(values) <= limit and sum(map(len, values)) <= MAX_CATEGORY_CHARACTERS)


def summarize_distinct(count: int, values: Iterable[str], limit: int = MAX_CATEGORIES) -> StringSummary:
    """Return the summary of `count` strings that are too many or too long for categories, given each at least once."""
    return StringSummary(count, None, _canonical(_sketch_of(values)), limit)


def merge_strings(a: StringSummary, b: StringSummary) -> StringSummary:
    """Return the summary of the values of both. Commutative and associative, with `STRINGS_ZERO` as zero.

    Both must have the same limit, that of the field; a summary without values may have any.
    """
    if not a.count:
        return b
    if not b.count:
        return a
    if a.limit != b.limit:
        raise ValueError(f"expected summaries of one field with one limit, got {a.limit} and {b.limit}")
    count = a.count + b.count
    if a.categories is not None and b.categories is not None:
        return summarize_categories(count, added(a.categories, b.categories), a.limit)
    union = hll_union(SKETCH_LG_K)
    for part in (a, b):
        union.update(_sketch_of(part.categories or ()) if part.sketch is None else hll_sketch.deserialize(part.sketch))
    return StringSummary(count, None, _canonical(union.get_result(tgt_hll_type.HLL_8)), a.limit)


def distinct(summary: StringSummary) -> tuple[int, bool]:
    """Return how many distinct values were seen, and whether that is exact (else an estimate, about 1 % off).

    >>> distinct(merge_strings(summarize_string("a"), summarize_string("b")))
    (2, True)
    """
    if summary.categories is not None:
        return len(summary.categories), True
    if summary.sketch is None:
        raise ValueError("expected categories or a sketch, got neither")
    estimate = round(hll_sketch.deserialize(summary.sketch).get_estimate())
    if estimate * _CERTAIN > summary.limit:  # else the categories are not too many, but too long
        estimate = max(estimate, summary.limit + 1)
    return min(estimate, summary.count), False


def check_sketch(data: bytes) -> None:
    """Raise ValueError unless these are the bytes of a canonical sketch: the library does not validate them."""
    is_sound = _is_registers(data) if data[:1] == bytes(_PREAMBLE[:1]) else _is_small(data)
    if not is_sound:
        raise ValueError(f"expected a sketch, got {data[:16]!r} and so on")


def _is_registers(data: bytes) -> bool:
    if len(data) != _REGISTERS.size + 2**SKETCH_LG_K or data[: len(_PREAMBLE)] != bytes(_PREAMBLE):
        return False
    *_, low, high, _, exceptions = _REGISTERS.unpack_from(data)
    return (
        0.0 < low <= 2**SKETCH_LG_K
        and 0.0 <= high <= 2**SKETCH_LG_K
        and not exceptions
        and not data[_REGISTERS.size :].translate(None, _HEIGHTS)
    )


def _is_small(data: bytes) -> bool:
    start = _HASHES_AT.get(data[0] if data else 0)
    if start is None or len(data) < start or data[1:4] != bytes(_PREAMBLE[1:4]) or data[5] != _COMPACT:
        return False
    is_list = data[0] == min(_HASHES_AT)
    count = data[6] if is_list else int.from_bytes(data[8:12], "little")
    return len(data) == start + _WORD * count and data[7] == (_LIST_MODE if is_list else _SET_MODE)


def _sketch_of(values: Iterable[str]) -> hll_sketch:
    sketch = hll_sketch(SKETCH_LG_K, tgt_hll_type.HLL_8)
    for value in values:
        sketch.update(value or _EMPTY_STRING)
    return sketch


def _canonical(sketch: hll_sketch) -> bytes:
    """Return the bytes that any sketch of the same set of values gives."""
    union = hll_union(SKETCH_LG_K)
    union.update(sketch)
    union.update(sketch)  # twice: only a union of two full sketches forgets the order they were fed in
    data = bytes(union.get_result(tgt_hll_type.HLL_8).serialize_compact())
    start = _HASHES_AT.get(data[0])
    if start is None:
        return data
    hashes = sorted(data[at : at + _WORD] for at in range(start, len(data), _WORD))
    return data[:start] + b"".join(hashes)
