"""Turns the decimal strings of coordinates into numbers, column by column (C4)."""

import polars as pl

from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.coordinates import DECIMAL, LATITUDE_LIMIT, LONGITUDE_LIMIT, PAIRS

_LIMITS = {key: limit for pair in PAIRS for key, limit in zip(pair, (LATITUDE_LIMIT, LONGITUDE_LIMIT), strict=True)}
"""Key of a coordinate to the most degrees that it may have, to either side."""


def with_degrees(dense: dict[str, pl.Series]) -> tuple[dict[str, pl.Series], set[int]]:
    """Columns of metadata with the strings of coordinates as numbers, and the rows that only the rule can judge.

    Args:
        dense: The columns, all those of coordinates among them: each row has one whole pair, or none.
    """
    found = dict(dense)
    odd: set[int] = set()
    for key, limit in _LIMITS.items():
        texts = found.pop(ValueColumn("string", key).name, None)
        if texts is None:
            continue
        given = degrees(texts)
        is_sound = texts.is_null() | (given.abs() <= limit).fill_null(value=False)
        odd.update((~is_sound).arg_true().to_list())
        name = ValueColumn("float", key).name
        found[name] = pl.select(pl.coalesce(found[name], given)).to_series() if name in found else given.alias(name)
    return found, odd


def degrees(texts: pl.Series) -> pl.Series:
    """Decimal strings as float64[N]; null for all others, and for some that only the rule reads."""
    decimal = texts.set(~texts.str.contains(f"^(?:{DECIMAL})$"), None).str.strip_chars().str.strip_prefix("+")
    return decimal.cast(pl.Float64, strict=False)
