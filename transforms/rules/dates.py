"""Recognizes strings that are ISO 8601 dates, and decides by which unit of time they are counted for a timeline."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["day", "month", "year"]

DATE = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?$"
)
"""A calendar date, alone or with a time of day and its offset. Rust and Python read this expression in the same way."""
LENGTH = len("2024-05-01")
"""Characters of the date with which such a string begins."""
MOST_MONTHS_BY_DAY = 3
"""Dates within so many calendar months are counted by day."""
MOST_YEARS_BY_MONTH = 20
"""Dates within so many calendar years are counted by month, others by year."""
NEARLY_ALL = 0.95
"""The share of a field's values that have to be dates, so that it has a timeline."""

_DATE = re.compile(DATE.removesuffix("$") + r"\Z", re.ASCII)
_PREFIX: Mapping[Unit, int] = {"day": LENGTH, "month": 7, "year": 4}
_UNITS: Mapping[int, Unit] = {length: unit for unit, length in _PREFIX.items()}


def day_of(text: str) -> str | None:
    """The day of a date or a date with a time, as it is written there (no offset is applied); None for other texts.

    >>> day_of("2024-05-01T23:30:00+02:00"), day_of("2024-02-30"), day_of("May 2024")
    ('2024-05-01', None, None)
    """
    return text[:LENGTH] if _DATE.match(text) and is_day(text[:LENGTH]) else None


def is_day(text: str) -> bool:
    """Whether a text of the form YYYY-MM-DD is a day of the calendar; the year 0000 is none."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def unit_of(places: Iterable[str]) -> Unit:
    """The finest unit in which dates are few enough to be counted, given days, months or years (`2024-05-01`, `2024`).

    Of fewer dates it is the same or a finer one, so that counts of parts can be converted to the unit of all of them.
    """
    known = set(places)
    if not known:
        return "day"
    first, last = min(known), max(known)
    if int(last[:4]) - int(first[:4]) >= MOST_YEARS_BY_MONTH:
        return "year"
    if min(map(len, known)) == _PREFIX["year"]:
        return "month"
    months = [int(each[:4]) * 12 + int(each[5:7]) for each in (first, last)]
    return "day" if months[1] - months[0] < MOST_MONTHS_BY_DAY else "month"


def counted_by(unit: Unit, counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of days, months or years in a unit that is no finer, without zeros, in order of time.

    >>> counted_by("month", {"2024-05-30": 1, "2024-05-31": 2, "2024-06-01": 1})
    {'2024-05': 3, '2024-06': 1}
    """
    found: dict[str, int] = {}
    for place, count in sorted(counts.items()):
        short = place[: _PREFIX[unit]]
        found[short] = found.get(short, 0) + count
    return {place: count for place, count in found.items() if count}


def unit_counted(counts: Iterable[str]) -> Unit:
    """The coarsest unit among days, months and years; days if there are none."""
    return _UNITS[min(map(len, counts), default=LENGTH)]


def is_too_coarse(counts: Collection[str]) -> bool:
    """Whether dates would be counted by a finer unit: so it is once early or late ones are removed."""
    return _PREFIX[unit_counted(counts)] < _PREFIX[unit_of(counts)]
