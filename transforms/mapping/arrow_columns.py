"""Turns columns of Arrow into columns that every map takes the same way: moments are texts, durations numbers."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa
from polars.exceptions import PolarsError

_EPOCH: Final = dt.date(1970, 1, 1)
_FIRST_DAY: Final = (dt.date.min - _EPOCH).days
_LAST_DAY: Final = (dt.date.max - _EPOCH).days
_DAY_SECONDS: Final = 86_400
_MOST_DURATION: Final = dt.timedelta.max.days * _DAY_SECONDS
_MOST: Final = 2**63 - 1
_PER_SECOND: Final = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_PER_MICROSECOND: Final = 1000
_MICROSECOND_DIGITS: Final = 6


def column_values(name: str, column: pa.Array) -> pl.Series:
    """The values of a column; of a type that the library lacks as Python's.

    Dates, times and moments are ISO text with all digits that they have, each by itself; the bare number beyond the
    years of Python's calendar (R6). Durations are seconds.

    Raises:
        ValueError: A list or struct has a moment beyond that calendar, or a number is too large for its unit.
    """
    values = _imported(column)
    if values.dtype in (pl.Date, pl.Datetime, pl.Time):
        return _iso(values)
    if isinstance(values.dtype, pl.Duration):
        per_second = _PER_SECOND[values.dtype.time_unit]
        seconds = [None if each is None else each / per_second for each in values.to_physical().to_list()]
        return pl.Series(values.name, seconds, pl.Float64)
    if values.dtype.is_nested() and not all(_in_calendar(_imported(leaf)).all() for leaf in _leaves(column)):
        raise ValueError(f"a moment outside the years 1 to 9999 in a list or struct of the column {name}")
    return values


def _imported(column: pa.Array) -> pl.Series:
    if _is_foreign(column.type):
        return pl.Series(column.to_pylist(), dtype=pl.Object)
    if pa.types.is_timestamp(column.type) and column.type.unit == "s":
        column = column.cast(pa.timestamp("ms", column.type.tz))  # the library would not see that it is too large
    elif pa.types.is_duration(column.type) and column.type.unit == "s":
        column = column.cast(pa.duration("ms"))
    try:
        return pl.Series(pl.from_arrow(column))
    except (PolarsError, pa.ArrowException, ValueError, TypeError):
        return pl.Series(column.to_pylist(), dtype=pl.Object)


def _is_foreign(kind: pa.DataType) -> bool:
    """Whether a type has decimals of more than 38 digits, at which the library ends the process."""
    inside = [kind.field(place).type for place in range(kind.num_fields)]
    if isinstance(kind, pa.DictionaryType):
        inside.append(kind.value_type)
    return pa.types.is_decimal256(kind) or any(map(_is_foreign, inside))


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The columns inside lists and structs."""
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        yield from _leaves(column.storage)
    elif pa.types.is_struct(kind):
        for each in column.flatten():
            yield from _leaves(each)
    elif pa.types.is_map(kind):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif isinstance(column, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        yield from _leaves(column.flatten())
    else:
        yield column


def _in_calendar(values: pl.Series) -> pl.Series:
    """Whether each value is one of Python's; null where there is none."""
    kind = values.dtype
    if isinstance(kind, pl.Date):
        low, high = _FIRST_DAY, _LAST_DAY
    elif isinstance(kind, pl.Datetime):
        unit = _PER_SECOND[kind.time_unit]
        margin = 0 if kind.time_zone is None else 1  # days, in which the zone may leave the calendar
        low = (_FIRST_DAY + margin) * _DAY_SECONDS * unit
        high = (_LAST_DAY + 1 - margin) * _DAY_SECONDS * unit - 1
    elif isinstance(kind, pl.Duration):
        high = _MOST_DURATION * _PER_SECOND[kind.time_unit]
        low = -high
    else:
        return pl.Series(values.name, [True], pl.Boolean)
    return values.to_physical().is_between(max(low, -_MOST), min(high, _MOST))


def _iso(values: pl.Series) -> pl.Series:
    """The ISO text of each value, with nine digits where it has nanoseconds."""
    numbers = values.to_physical()
    if values.dtype != pl.Time:
        inside = _in_calendar(values)
        values = pl.select(pl.when(inside).then(values)).to_series()
    found = pl.Series([None if each is None else each.isoformat() for each in values.to_list()], dtype=pl.String)
    if values.dtype == pl.Time or (isinstance(values.dtype, pl.Datetime) and values.dtype.time_unit == "ns"):
        below = numbers % _PER_MICROSECOND
        places = (below != 0).fill_null(value=False).arg_true().to_list()
        found = found.scatter(places, [_with_nanoseconds(values[place], below[place]) for place in places])
    return found.fill_null(numbers.cast(pl.String))


def _with_nanoseconds(value: dt.datetime | dt.time, below: int) -> str:
    whole = value.isoformat(timespec="microseconds")
    end = whole.index(".") + 1 + _MICROSECOND_DIGITS
    return f"{whole[:end]}{below:03d}{whole[end:]}"
