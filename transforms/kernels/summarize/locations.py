"""Finds the location of each row of a batch among its metadata."""

import polars as pl

from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.coordinates import PAIRS


def locations(rows: pl.DataFrame) -> pl.DataFrame:
    """Columns latitude and longitude, float64[rows] in decimal degrees, null where a row has no coordinate (C1, C2)."""
    pairs = [[coordinate(rows, key) for key in pair] for pair in PAIRS]
    complete = [north.is_not_null() & east.is_not_null() for north, east in pairs]
    (north, east), (other_north, other_east) = pairs
    return rows.with_columns(
        latitude=pl.when(complete[0]).then(north).when(complete[1]).then(other_north),
        longitude=pl.when(complete[0]).then(east).when(complete[1]).then(other_east),
    ).select("latitude", "longitude")


def coordinate(rows: pl.DataFrame, key: str) -> pl.Expr:
    """The numbers of a metadata key, float64."""
    forms = [
        pl.col(name).cast(pl.Float64)
        for name in (ValueColumn(form, key).name for form in ("float", "int"))
        if name in rows.columns
    ]
    return pl.coalesce(forms) if forms else pl.lit(None, pl.Float64)
