"""Summarizes metadata fields and groups of records as commutative monoids, which are resolved after the last merge.

A merge decides nothing: two kinds in one field are two non-zero counts, which `schema` resolves to a conflict (T3). The
result thus depends on neither order nor grouping (T5).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from transforms.rules.coordinates import PAIRS
from transforms.rules.counting import added
from transforms.rules.key_limits import key_hashes, smallest
from transforms.rules.numbers import NUMBERS_ZERO, NumberSummary, merge_numbers, summarize_number
from transforms.rules.strings import STRINGS_ZERO, StringSummary, merge_strings, summarize_string
from transforms.rules.values import JsonValue, Kind, Observed, is_number, kind, observed


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """The summary of one field of a group.

    Attributes:
        null: Number of nulls (V5).
        observed: JSON type, before any cast, to the number of values; types without values are absent.
        numbers: The numbers.
        strings: The strings; booleans are among them as "true" and "false" (V2).
        paired: Number of records with the field in a complete coordinate pair (C1).
    """

    null: int = 0
    observed: Mapping[Observed, int] = field(default_factory=dict)
    numbers: NumberSummary = NUMBERS_ZERO
    strings: StringSummary = STRINGS_ZERO
    paired: int = 0

    @property
    def kinds(self) -> dict[Kind, int]:
        """Kind to the number of its values; kinds without values are absent (T3)."""
        counted: Counter[Kind] = Counter()
        for seen, count in self.observed.items():
            counted[kind(seen)] += count
        return {of: counted[of] for of in Kind if counted[of]}

    @property
    def present(self) -> int:
        """Number of values without nulls (V5)."""
        return sum(self.observed.values())


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The summary of the records of one group.

    Attributes:
        records: Number of records, including those without metadata.
        fields: Metadata key to the summary of its values.
        key_sketch: The hashes of the keys as in `rules.key_limits`, if there are too many (R5); `fields` is empty then.
    """

    records: int = 0
    fields: Mapping[str, FieldSummary] = field(default_factory=dict)
    key_sketch: frozenset[int] = frozenset()


FIELD_ZERO = FieldSummary()
GROUP_ZERO = GroupSummary()


def summarize_value(value: JsonValue, *, paired: bool = False) -> FieldSummary:
    """Return the summary of one value of a field: the specification of the kernels.

    Raises:
        ValueError: A number that cannot be stored (V6, V7); such a record is rejected before.
    """
    seen = observed(value)
    numbers, strings = NUMBERS_ZERO, STRINGS_ZERO
    match value:
        case None:
            pass
        case bool():
            strings = summarize_string("true" if value else "false")
        case int() | float():
            numbers = summarize_number(value)
        case str():
            strings = summarize_string(value)
        case list() | dict():
            pass
        case _:
            assert_never(value)
    return FieldSummary(int(seen is None), {} if seen is None else {seen: 1}, numbers, strings, int(paired))


def summarize_record(metadata: Mapping[str, JsonValue]) -> GroupSummary:
    """Return the summary of one record, given its normalized metadata (`rules.metadata`).

    >>> summarize_record({"lat": 52.5, "lon": 13.3, "night": True}).fields["lat"].paired
    1
    """
    paired = {key for pair in PAIRS if all(is_number(metadata.get(key)) for key in pair) for key in pair}
    return GroupSummary(1, {key: summarize_value(value, paired=key in paired) for key, value in metadata.items()})


def merge_fields(a: FieldSummary, b: FieldSummary) -> FieldSummary:
    """Return the summary of the values of both. Commutative and associative, with `FIELD_ZERO` as zero."""
    return FieldSummary(
        null=a.null + b.null,
        observed=added(a.observed, b.observed),
        numbers=merge_numbers(a.numbers, b.numbers),
        strings=merge_strings(a.strings, b.strings),
        paired=a.paired + b.paired,
    )


def merge_groups(a: GroupSummary, b: GroupSummary) -> GroupSummary:
    """Return the summary of the records of both. Commutative and associative, with `GROUP_ZERO` as zero."""
    records = a.records + b.records
    if a.key_sketch or b.key_sketch:
        return GroupSummary(records, {}, smallest(_key_hashes(a) | _key_hashes(b)))
    fields = dict(a.fields)
    for key, summary in b.fields.items():
        fields[key] = merge_fields(fields[key], summary) if key in fields else summary
    return GroupSummary(records, fields)


def limited(summary: GroupSummary, most: int) -> GroupSummary:
    """The summary with hashes of keys instead of fields, if it has more than `most` fields (R5).

    >>> limited(summarize_record({"a": 1, "b": 2}), 1).fields
    {}
    """
    return summary if len(summary.fields) <= most else GroupSummary(summary.records, {}, _key_hashes(summary))


def key_count(summary: GroupSummary) -> int:
    """Number of metadata keys; beyond the limits up to MOST_COUNTED."""
    return len(summary.key_sketch) or len(summary.fields)


def _key_hashes(summary: GroupSummary) -> frozenset[int]:
    return summary.key_sketch or key_hashes(summary.fields)
