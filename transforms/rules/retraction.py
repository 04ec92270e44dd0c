"""Summaries with some values taken back and others put in: what `merge_fields` gives of the values that are left.

Sums and counts can be taken back exactly. An extreme cannot where it may have gone, nor a sketch: of such fields
nothing is known until their values are looked at again.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from transforms.rules.fields import FIELD_ZERO, FieldSummary, GroupSummary
from transforms.rules.numbers import NumberSummary, merge_numbers
from transforms.rules.strings import MAX_CATEGORIES, STRINGS_ZERO, StringSummary, merge_strings, summarize_distinct

_Key = TypeVar("_Key")


def replaced_group(
    whole: GroupSummary, gone: GroupSummary, come: GroupSummary, limits: Mapping[str, int] | None = None
) -> tuple[dict[str, FieldSummary], list[str]]:
    """The summaries of a group's fields after records have gone and others have come, and the fields left open.

    Args:
        whole: Of all records, those that have gone among them.
        gone: Of these; its categories are complete, whatever the limit.
        come: Of the new ones; likewise.
        limits: How many distinct strings of a field are counted, where it is not the usual number (D3).
    """
    found, open_fields, limits = {}, [], limits or {}
    for key in whole.fields.keys() | come.fields.keys():
        before = whole.fields.get(key, FIELD_ZERO)
        after = replaced(
            before, gone.fields.get(key, FIELD_ZERO), come.fields.get(key, FIELD_ZERO), limits.get(key, MAX_CATEGORIES)
        )
        if after is None:
            open_fields.append(key)
        elif after.null or after.observed:
            found[key] = after
    return found, sorted(open_fields)


def replaced(
    whole: FieldSummary, gone: FieldSummary, come: FieldSummary, limit: int = MAX_CATEGORIES
) -> FieldSummary | None:
    """The summary of a field after values have gone and others have come; None where it cannot be told."""
    numbers = _numbers(whole.numbers, gone.numbers, come.numbers)
    strings = _strings(whole.strings, gone.strings, come.strings, limit)
    if numbers is None or strings is None:
        return None
    return FieldSummary(
        null=whole.null - gone.null + come.null,
        observed=_counts(whole.observed, gone.observed, come.observed),
        numbers=numbers,
        strings=strings,
        paired=whole.paired - gone.paired + come.paired,
    )


def _numbers(whole: NumberSummary, gone: NumberSummary, come: NumberSummary) -> NumberSummary | None:
    if gone.count == whole.count:
        return come
    if not gone.count:
        return merge_numbers(whole, come)
    minimum = _extreme(whole.minimum, gone.minimum, come.minimum, -1)
    maximum = _extreme(whole.maximum, gone.maximum, come.maximum, 1)
    if minimum is None or maximum is None:
        return None
    return NumberSummary(
        count=whole.count - gone.count + come.count,
        minimum=minimum,
        maximum=maximum,
        total=whole.total - gone.total + come.total,
        squares=whole.squares - gone.squares + come.squares,
        inexact=whole.inexact - gone.inexact + come.inexact,
        beyond_long=whole.beyond_long - gone.beyond_long + come.beyond_long,
        buckets=_counts(whole.buckets, gone.buckets, come.buckets),
    )


def _extreme(whole: float | None, gone: float | None, come: float | None, direction: int) -> float | None:
    """The least (direction -1) or greatest (1) value that is left; None where it cannot be told.

    Of equal ones it is an int, where there is one.
    """
    if whole is None or gone is None:
        raise ValueError(f"expected extremes of values, got {whole} and {gone}")
    if come is not None and (come < whole if direction < 0 else come > whole):
        return come
    if come == whole and (isinstance(come, int) or isinstance(whole, float)):
        return come
    return None if gone == whole else whole


def _strings(whole: StringSummary, gone: StringSummary, come: StringSummary, limit: int) -> StringSummary | None:
    if gone.categories is None or come.categories is None:
        raise ValueError("expected all values that have gone or come with their counts")
    if gone.count == whole.count:
        return _limited(come, limit)
    if whole.categories is None:
        if gone.categories == come.categories:
            return whole
        return None if gone.count else merge_strings(whole, _limited(come, limit))
    found = StringSummary(0, _counts(whole.categories, gone.categories, come.categories), None, limit)
    return _limited(found, limit)


def _limited(summary: StringSummary, limit: int) -> StringSummary:
    """The summary as it is with this limit, given all values with their counts."""
    categories = summary.categories or {}
    if not categories:
        return STRINGS_ZERO
    count = sum(categories.values())
    if len(categories) > limit:
        return summarize_distinct(count, categories, limit)
    return StringSummary(count, categories, None, limit)


def _counts(whole: Mapping[_Key, int], gone: Mapping[_Key, int], come: Mapping[_Key, int]) -> dict[_Key, int]:
    counted = Counter(whole)
    counted.subtract(gone)
    counted.update(come)
    return {key: count for key, count in counted.items() if count}
