"""Updates summaries for removed and added values, with the results of `merge_fields` over all remaining values.

Sums and counts are subtracted exactly. An extreme that is among the removed values, or a sketch, cannot be subtracted:
for such fields the unchanged values have to be summarized again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from transforms.rules.fields import FIELD_ZERO, FieldSummary, GroupSummary
from transforms.rules.numbers import NumberSummary, merge_numbers, preferred
from transforms.rules.strings import MAX_CATEGORIES, STRINGS_ZERO, StringSummary, merge_strings, summarize_categories

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class UnchangedValues:
    """The facts about the unchanged values of a field that summaries of all and of removed values cannot provide.

    Attributes:
        minimum: The smallest number, an int if any equal one is an int; None without numbers.
        maximum: Likewise the largest.
        strings: The summary of the strings.
    """

    minimum: float | None = None
    maximum: float | None = None
    strings: StringSummary = STRINGS_ZERO


def open_fields(whole: GroupSummary, removed: GroupSummary) -> list[str]:
    """The fields whose unchanged values have to be summarized again.

    Args:
        whole: The summary of all records, including the removed ones.
        removed: The summary of the removed records.
    """
    return sorted(key for key, less in removed.fields.items() if _is_open(whole.fields[key], less))


def _is_open(whole: FieldSummary, removed: FieldSummary) -> bool:
    numbers = 0 < removed.numbers.count < whole.numbers.count and (
        removed.numbers.minimum == whole.numbers.minimum or removed.numbers.maximum == whole.numbers.maximum
    )
    strings = 0 < removed.strings.count < whole.strings.count and whole.strings.categories is None
    return numbers or strings


def replaced_group(
    whole: GroupSummary,
    removed: GroupSummary,
    added: GroupSummary,
    unchanged: Mapping[str, UnchangedValues],
    limits: Mapping[str, int] | None = None,
) -> dict[str, FieldSummary]:
    """The summaries of a group's fields after records were removed and added.

    Args:
        whole: The summary of all records, including the removed ones.
        removed: The summary of the removed records, with complete categories regardless of the limit.
        added: The summary of the added records; likewise.
        unchanged: The unchanged values of the fields that `open_fields` returns.
        limits: Field to the number of distinct strings that are counted, if not the default (D3).
    """
    found, limits = {}, limits or {}
    for key in whole.fields.keys() | added.fields.keys():
        before, less, more = (of.fields.get(key, FIELD_ZERO) for of in (whole, removed, added))
        after = replaced(before, less, more, unchanged.get(key, UnchangedValues()), limits.get(key, MAX_CATEGORIES))
        if after.null or after.observed:
            found[key] = after
    return found


def replaced(
    whole: FieldSummary,
    removed: FieldSummary,
    added: FieldSummary,
    unchanged: UnchangedValues,
    limit: int = MAX_CATEGORIES,
) -> FieldSummary:
    """The summary of a field after values were removed and added."""
    return FieldSummary(
        null=whole.null - removed.null + added.null,
        observed=_counts(whole.observed, removed.observed, added.observed),
        numbers=_numbers(whole.numbers, removed.numbers, added.numbers, unchanged),
        strings=_strings(whole.strings, removed.strings, added.strings, unchanged.strings, limit),
        paired=whole.paired - removed.paired + added.paired,
    )


def _numbers(
    whole: NumberSummary, removed: NumberSummary, added: NumberSummary, unchanged: UnchangedValues
) -> NumberSummary:
    if removed.count == whole.count:
        return added
    if not removed.count:
        return merge_numbers(whole, added)
    least = unchanged.minimum if removed.minimum == whole.minimum else whole.minimum
    greatest = unchanged.maximum if removed.maximum == whole.maximum else whole.maximum
    if least is None or greatest is None:
        raise ValueError("expected the extremes of the numbers that stay")
    return NumberSummary(
        count=whole.count - removed.count + added.count,
        minimum=preferred(least, added.minimum, -1),
        maximum=preferred(greatest, added.maximum, 1),
        total=whole.total - removed.total + added.total,
        squares=whole.squares - removed.squares + added.squares,
        inexact=whole.inexact - removed.inexact + added.inexact,
        beyond_long=whole.beyond_long - removed.beyond_long + added.beyond_long,
        buckets=_counts(whole.buckets, removed.buckets, added.buckets),
    )


def _strings(
    whole: StringSummary, removed: StringSummary, added: StringSummary, unchanged: StringSummary, limit: int
) -> StringSummary:
    if removed.categories is None or added.categories is None:
        raise ValueError("expected all values that have gone or come with their counts")
    if removed.count == whole.count:
        return _limited(added, limit)
    if whole.categories is None:
        if removed.count and unchanged.count != whole.count - removed.count:
            raise ValueError("expected the summary of the strings that stay")
        return merge_strings(unchanged if removed.count else whole, _limited(added, limit))
    found = StringSummary(0, _counts(whole.categories, removed.categories, added.categories), None, limit)
    return _limited(found, limit)


def _limited(summary: StringSummary, limit: int) -> StringSummary:
    """The summary with this limit, from one with complete categories."""
    categories = summary.categories or {}
    if not categories:
        return STRINGS_ZERO
    return summarize_categories(sum(categories.values()), categories, limit)


def _counts(whole: Mapping[_Key, int], removed: Mapping[_Key, int], added: Mapping[_Key, int]) -> dict[_Key, int]:
    counted = dict(whole)
    for key, times in removed.items():
        counted[key] = counted.get(key, 0) - times
    for key, times in added.items():
        counted[key] = counted.get(key, 0) + times
    for key in removed:
        if not counted[key]:
            del counted[key]
    return counted
