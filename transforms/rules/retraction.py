"""Summaries with some values taken back and others put in: what `merge_fields` gives of the values that are left.

Sums and counts can be taken back exactly. An extreme cannot where it may have gone, nor a sketch: of such fields the
values that stay have to be looked at again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from transforms.rules.fields import FIELD_ZERO, FieldSummary, GroupSummary
from transforms.rules.numbers import NumberSummary, merge_numbers, preferred
from transforms.rules.strings import MAX_CATEGORIES, STRINGS_ZERO, StringSummary, merge_strings, summarize_categories

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Rest:
    """What has to be known of the values of a field that stay, where summaries do not say enough.

    Attributes:
        minimum: Of the numbers; of equal ones an int, where there is one. None where there is none.
        maximum: Likewise.
        strings: The summary of the strings.
    """

    minimum: float | None = None
    maximum: float | None = None
    strings: StringSummary = STRINGS_ZERO


def open_fields(whole: GroupSummary, gone: GroupSummary) -> list[str]:
    """The fields of which these summaries do not say enough, once values have gone: the values that stay have to.

    Args:
        whole: Of all records, those that have gone among them.
        gone: Of these.
    """
    return sorted(key for key, less in gone.fields.items() if _is_open(whole.fields[key], less))


def _is_open(whole: FieldSummary, gone: FieldSummary) -> bool:
    numbers = 0 < gone.numbers.count < whole.numbers.count and (
        gone.numbers.minimum == whole.numbers.minimum or gone.numbers.maximum == whole.numbers.maximum
    )
    strings = 0 < gone.strings.count < whole.strings.count and whole.strings.categories is None
    return numbers or strings


def replaced_group(
    whole: GroupSummary,
    gone: GroupSummary,
    come: GroupSummary,
    rest: Mapping[str, Rest],
    limits: Mapping[str, int] | None = None,
) -> dict[str, FieldSummary]:
    """The summaries of a group's fields after records have gone and others have come.

    Args:
        whole: Of all records, those that have gone among them.
        gone: Of these; its categories are complete, whatever the limit.
        come: Of the new ones; likewise.
        rest: Of the records that stay, the fields that `open_fields` names.
        limits: How many distinct strings of a field are counted, where it is not the usual number (D3).
    """
    found, limits = {}, limits or {}
    for key in whole.fields.keys() | come.fields.keys():
        before, less, more = (of.fields.get(key, FIELD_ZERO) for of in (whole, gone, come))
        after = replaced(before, less, more, rest.get(key, Rest()), limits.get(key, MAX_CATEGORIES))
        if after.null or after.observed:
            found[key] = after
    return found


def replaced(
    whole: FieldSummary, gone: FieldSummary, come: FieldSummary, rest: Rest, limit: int = MAX_CATEGORIES
) -> FieldSummary:
    """The summary of a field after values have gone and others have come."""
    return FieldSummary(
        null=whole.null - gone.null + come.null,
        observed=_counts(whole.observed, gone.observed, come.observed),
        numbers=_numbers(whole.numbers, gone.numbers, come.numbers, rest),
        strings=_strings(whole.strings, gone.strings, come.strings, rest.strings, limit),
        paired=whole.paired - gone.paired + come.paired,
    )


def _numbers(whole: NumberSummary, gone: NumberSummary, come: NumberSummary, rest: Rest) -> NumberSummary:
    if gone.count == whole.count:
        return come
    if not gone.count:
        return merge_numbers(whole, come)
    least = rest.minimum if gone.minimum == whole.minimum else whole.minimum
    greatest = rest.maximum if gone.maximum == whole.maximum else whole.maximum
    if least is None or greatest is None:
        raise ValueError("expected the extremes of the numbers that stay")
    return NumberSummary(
        count=whole.count - gone.count + come.count,
        minimum=preferred(least, come.minimum, -1),
        maximum=preferred(greatest, come.maximum, 1),
        total=whole.total - gone.total + come.total,
        squares=whole.squares - gone.squares + come.squares,
        inexact=whole.inexact - gone.inexact + come.inexact,
        beyond_long=whole.beyond_long - gone.beyond_long + come.beyond_long,
        buckets=_counts(whole.buckets, gone.buckets, come.buckets),
    )


def _strings(
    whole: StringSummary, gone: StringSummary, come: StringSummary, rest: StringSummary, limit: int
) -> StringSummary:
    if gone.categories is None or come.categories is None:
        raise ValueError("expected all values that have gone or come with their counts")
    if gone.count == whole.count:
        return _limited(come, limit)
    if whole.categories is None:
        if gone.count and rest.count != whole.count - gone.count:
            raise ValueError("expected the summary of the strings that stay")
        return merge_strings(rest if gone.count else whole, _limited(come, limit))
    found = StringSummary(0, _counts(whole.categories, gone.categories, come.categories), None, limit)
    return _limited(found, limit)


def _limited(summary: StringSummary, limit: int) -> StringSummary:
    """The summary as it is with this limit, given all values with their counts."""
    categories = summary.categories or {}
    if not categories:
        return STRINGS_ZERO
    return summarize_categories(sum(categories.values()), categories, limit)


def _counts(whole: Mapping[_Key, int], gone: Mapping[_Key, int], come: Mapping[_Key, int]) -> dict[_Key, int]:
    counted = dict(whole)
    for key, times in gone.items():
        counted[key] = counted.get(key, 0) - times
    for key, times in come.items():
        counted[key] = counted.get(key, 0) + times
    for key in gone:
        if not counted[key]:
            del counted[key]
    return counted
