"""Converts summaries to JSON and back, for state files: equal summaries have equal JSON (P3).

Large integers, which many JSON parsers round, are hexadecimal text. Doubles are JSON numbers in their shortest form,
which parses to the same bits. Tables are sorted by key.
"""

import base64
from typing import TypedDict

from transforms.rules.fields import FieldSummary, GroupSummary
from transforms.rules.numbers import NUMBERS_ZERO, NumberSummary
from transforms.rules.strings import STRINGS_ZERO, StringSummary, check_sketch
from transforms.rules.values import Observed

_MOST_BITS = 8192
"""More bits than any sum of squares has: 2**(2 * 1024 + 2148) times the number of values."""
_OBSERVED = tuple((seen, seen.value) for seen in Observed)


class NumbersJson(TypedDict):
    """A `NumberSummary`. Sums are (odd part in hexadecimal, exponent of two); buckets are keys and counts."""

    count: int
    minimum: str | float | None
    maximum: str | float | None
    total: tuple[str, int]
    squares: tuple[str, int]
    inexact: int
    beyond_long: int
    buckets: tuple[list[int], list[int]]


class StringsJson(TypedDict):
    """A `StringSummary`; the sketch is base64."""

    count: int
    categories: dict[str, int] | None
    sketch: str | None
    limit: int


class FieldJson(TypedDict):
    """A `FieldSummary`; numbers and strings are null if there are none."""

    null: int
    observed: dict[str, int]
    numbers: NumbersJson | None
    strings: StringsJson | None
    paired: int


class GroupJson(TypedDict):
    """A `GroupSummary`."""

    records: int
    fields: dict[str, FieldJson]


def group_to_json(summary: GroupSummary) -> GroupJson:
    """Return the JSON of a group's summary."""
    return {
        "records": summary.records,
        "fields": {key: field_to_json(value) for key, value in sorted(summary.fields.items())},
    }


def group_from_json(stored: GroupJson) -> GroupSummary:
    """Return the summary from the JSON of `group_to_json`.

    Raises:
        ValueError: This is not the JSON of a summary.
    """
    return GroupSummary(stored["records"], {key: field_from_json(value) for key, value in stored["fields"].items()})


def field_to_json(summary: FieldSummary) -> FieldJson:
    """Return the JSON of a field's summary.

    >>> field_to_json(FieldSummary(null=2))
    {'null': 2, 'observed': {}, 'numbers': None, 'strings': None, 'paired': 0}
    """
    return {
        "null": summary.null,
        "observed": {name: summary.observed[seen] for seen, name in _OBSERVED if seen in summary.observed},
        "numbers": _numbers_to_json(summary.numbers) if summary.numbers.count else None,
        "strings": _strings_to_json(summary.strings) if summary.strings.count else None,
        "paired": summary.paired,
    }


def field_from_json(stored: FieldJson) -> FieldSummary:
    """Return the summary from the JSON of `field_to_json`."""
    return FieldSummary(
        null=stored["null"],
        observed={Observed(seen): count for seen, count in stored["observed"].items()},
        numbers=_numbers_from_json(stored["numbers"]) if stored["numbers"] else NUMBERS_ZERO,
        strings=_strings_from_json(stored["strings"]) if stored["strings"] else STRINGS_ZERO,
        paired=stored["paired"],
    )


def _numbers_to_json(summary: NumberSummary) -> NumbersJson:
    keys = sorted(summary.buckets)
    return {
        "count": summary.count,
        "minimum": _extreme_to_json(summary.minimum),
        "maximum": _extreme_to_json(summary.maximum),
        "total": _sum_to_json(summary.total),
        "squares": _sum_to_json(summary.squares),
        "inexact": summary.inexact,
        "beyond_long": summary.beyond_long,
        "buckets": (keys, [summary.buckets[key] for key in keys]),
    }


def _numbers_from_json(stored: NumbersJson) -> NumberSummary:
    return NumberSummary(
        count=stored["count"],
        minimum=_extreme_from_json(stored["minimum"]),
        maximum=_extreme_from_json(stored["maximum"]),
        total=_sum_from_json(stored["total"]),
        squares=_sum_from_json(stored["squares"]),
        inexact=stored["inexact"],
        beyond_long=stored["beyond_long"],
        buckets=dict(zip(*stored["buckets"], strict=True)),
    )


def _strings_to_json(summary: StringSummary) -> StringsJson:
    return {
        "count": summary.count,
        "categories": None if summary.categories is None else dict(sorted(summary.categories.items())),
        "sketch": None if summary.sketch is None else base64.b64encode(summary.sketch).decode("ascii"),
        "limit": summary.limit,
    }


def _strings_from_json(stored: StringsJson) -> StringSummary:
    sketch = stored["sketch"]
    decoded = None if sketch is None else base64.b64decode(sketch)
    if decoded is not None:
        check_sketch(decoded)
    return StringSummary(stored["count"], stored["categories"], decoded, stored["limit"])


def _extreme_to_json(value: float | None) -> str | float | None:
    return hex(value) if isinstance(value, int) else value


def _extreme_from_json(stored: str | float | None) -> int | float | None:
    match stored:
        case None:
            return None
        case str():
            return int(stored, 16)
        case _:
            return float(stored)


def _sum_to_json(value: int) -> tuple[str, int]:
    zeros = (value & -value).bit_length() - 1 if value else 0
    return hex(value >> zeros), zeros


def _sum_from_json(stored: tuple[str, int]) -> int:
    digits, zeros = stored
    if not 0 <= zeros <= _MOST_BITS or len(digits) > _MOST_BITS:
        raise ValueError(
            f"expected a sum of no more than {_MOST_BITS} bits, got {digits[:16]} times two to the {zeros}"
        )
    return int(digits, 16) << zeros
