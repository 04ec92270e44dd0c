"""Logical types of Avro that Python's calendar or numbers may not hold, as JSON has them (RULES R6).

What ISO 8601 can say is text, years beyond four digits in its expanded form (`+10000-01-01`), so that the values of a
field stay of one kind.
"""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from transforms.rules.limits import MAX_DECIMAL_BYTES

OUT_OF_RANGE: Final = "avro_value_out_of_range"
"""Warning: a date or timestamp that a calendar of four-digit years does not hold, or 24:00."""
INVALID_UUID: Final = "avro_invalid_uuid"
"""Warning: a UUID that is none; the text is kept as it is."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_SECOND: Final = 1_000_000  # in microseconds
_DAY: Final = 86_400 * _SECOND
_ERA_DAYS: Final = 146_097
"""Days of 400 years, after which the calendar begins again."""
_MOST_ZEROS: Final = 400
"""Zeros that a decimal is written with; beyond them it has an exponent."""


class NoJsonFormError(ValueError):
    """A value that has no form in JSON; `wanted` and `got` are what a rejection says of it."""

    def __init__(self, wanted: str, got: str) -> None:
        super().__init__(wanted, got)
        self.wanted, self.got = wanted, got


Warn = Callable[[str], None]


def days(value: int, warn: Warn) -> date | str:
    """A date, of days since 1970."""
    try:
        return date.fromordinal(value + _EPOCH_ORDINAL)
    except (ValueError, OverflowError):
        warn(OUT_OF_RANGE)
        return _date_text(value)


def millis(value: int, warn: Warn) -> datetime | str:
    """An instant, of milliseconds since 1970."""
    return micros(value * 1000, warn)


def micros(value: int, warn: Warn) -> datetime | str:
    """An instant, of microseconds since 1970."""
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        warn(OUT_OF_RANGE)
        return _instant_text(value) + "+00:00"


def local_millis(value: int, warn: Warn) -> datetime | str:
    """A time on a calendar and a clock, of milliseconds since 1970 there."""
    return local_micros(value * 1000, warn)


def local_micros(value: int, warn: Warn) -> datetime | str:
    """A time on a calendar and a clock, of microseconds since 1970 there."""
    try:
        return _LOCAL_EPOCH + timedelta(microseconds=value)
    except OverflowError:
        warn(OUT_OF_RANGE)
        return _instant_text(value)


def time_millis(value: int, warn: Warn) -> time | str:
    """A time of day, of milliseconds since midnight."""
    return _time(value, 1000, "milliseconds", warn)


def time_micros(value: int, warn: Warn) -> time | str:
    """A time of day, of microseconds since midnight."""
    return _time(value, 1, "microseconds", warn)


def uuid_text(value: str, warn: Warn) -> uuid.UUID | str:
    """A UUID; text that is no UUID is returned as it is."""
    try:
        return uuid.UUID(value)
    except ValueError:
        warn(INVALID_UUID)
        return value


def decimal(value: bytes, scale: int) -> Decimal:
    """A decimal number with all its digits.

    Raises:
        NoJsonFormError: Its unscaled number has more than MAX_DECIMAL_BYTES.
    """
    if len(value) > MAX_DECIMAL_BYTES:
        raise NoJsonFormError(f"a decimal of at most {MAX_DECIMAL_BYTES:,} bytes", f"one of {len(value):,} bytes")
    unscaled = Decimal(int.from_bytes(value, "big", signed=True))
    sign, digits, _ = unscaled.as_tuple()
    return Decimal((sign, digits, -scale))


def decimal_text(value: Decimal) -> str:
    """A decimal as JSON has it: with an exponent where it would be mostly zeros.

    >>> decimal_text(Decimal("1.20")), decimal_text(Decimal((0, (1,), -1000)))
    ('1.20', '1E-1000')
    """
    exponent = value.as_tuple().exponent
    is_long = isinstance(exponent, int) and -exponent > len(value.as_tuple().digits) + _MOST_ZEROS
    return str(value) if is_long else format(value, "f")


def _time(value: int, unit: int, name: str, warn: Warn) -> time | str:
    if not 0 <= value * unit <= _DAY:
        raise NoJsonFormError("a time of day", f"{value} {name} since midnight")
    if value * unit == _DAY:
        warn(OUT_OF_RANGE)
        return "24:00:00"
    seconds, micro = divmod(value * unit, _SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return time(hour, minute, second, micro)


def _instant_text(value: int) -> str:
    day, micro = divmod(value, _DAY)
    return f"{_date_text(day)}T{_time(micro, 1, 'microseconds', lambda _: None)}"


def _date_text(day: int) -> str:
    """Days since 1970 in the expanded form of ISO 8601; there is a year 0."""
    ordinal = day + _EPOCH_ORDINAL
    eras, inside = divmod(ordinal - 1, _ERA_DAYS)
    found = date.fromordinal(inside + 1)
    year = found.year + 400 * eras
    sign = "-" if year < 0 else "+" if year > date.max.year else ""
    return f"{sign}{abs(year):04}-{found.month:02}-{found.day:02}"
