"""Counts the dates among the strings of text fields, for the timelines of the insights page, while rows are written."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import polars as pl

from transforms.kernels.publish.rows import Sparse
from transforms.rules.dates import DATE, LENGTH, counted_by, is_day, is_too_coarse, unit_counted, unit_of
from transforms.rules.schema_json import StoredFieldJson

DateCounts: TypeAlias = Mapping[str, Mapping[str, int]]
"""Text field to the number of its dates by day, month or year (`rules.dates.unit_of`); absent without any date."""


def is_text(field: StoredFieldJson) -> bool:
    """Whether the dates of a field are counted row by row; of a categorical one the schema has all values."""
    return field["type"] == "text" and field["storage"] == "string"


def date_counts(fields: Mapping[str, StoredFieldJson], columns: Mapping[str, Sparse]) -> dict[str, dict[str, int]]:
    """The dates of the text fields among some columns, in the unit that their span needs."""
    return summed([{key: _days(column.values) for key, column in columns.items() if is_text(fields[key])}])


def summed(parts: Iterable[DateCounts], removed: DateCounts | None = None) -> dict[str, dict[str, int]]:
    """The counts of several parts, each field in the unit of all its dates, or in the coarsest one of its parts.

    Args:
        parts: The counts of parts.
        removed: Counts of rows that were counted in a part, which are subtracted.
    """
    every: dict[str, dict[str, int]] = {}
    for sign, counts in [*((1, part) for part in parts), (-1, removed or {})]:
        for key, of in counts.items():
            found = every.setdefault(key, {})
            for place, count in of.items():
                found[place] = found.get(place, 0) + sign * count
    return {key: dates for key, of in sorted(every.items()) if (dates := in_one_unit(of))}


def in_one_unit(counts: Mapping[str, int]) -> dict[str, int]:
    """Dates that are counted by day, by month and by year at once, in the unit of all of them."""
    common = counted_by(unit_counted(counts), counts)
    return counted_by(unit_of(common), common) if common and not is_too_coarse(common) else common


def days(values: pl.Series) -> pl.Series:
    """The day of each string that is a date, null for the others (`rules.dates.day_of`)."""
    made = values.str.slice(0, LENGTH)
    dates = values.str.contains(DATE) & made.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return made.to_frame("day").select(pl.when(dates & (made > "0001")).then("day")).to_series()


def _days(values: pl.Series) -> dict[str, int]:
    """The number of dates by day, in order of time."""
    days = values.filter(values.str.contains(DATE)).str.slice(0, LENGTH).rename("day")
    counted = days.value_counts(name="count").sort("day")
    return {day: count for day, count in counted.iter_rows() if is_day(day)}
