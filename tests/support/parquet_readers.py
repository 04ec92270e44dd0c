"""Reads exported Parquet files with the libraries that users have."""

from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq

Row = dict[str, Any]


def by_polars(paths: list[str]) -> list[Row]:
    return pl.concat([pl.read_parquet(path) for path in paths]).to_dicts()


def by_pyarrow(paths: list[str]) -> list[Row]:
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def by_pandas(paths: list[str]) -> list[Row]:
    frame = pd.concat([pd.read_parquet(path, dtype_backend="pyarrow") for path in paths])
    return [
        {name: None if value is pd.NA else value for name, value in row.items()} for row in frame.to_dict("records")
    ]


def by_duckdb(paths: list[str]) -> list[Row]:
    found = duckdb.sql(f"SELECT * FROM read_parquet({paths!r})")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


READERS: dict[str, Callable[[list[str]], list[Row]]] = {
    "polars": by_polars,
    "pyarrow": by_pyarrow,
    "pandas": by_pandas,
    "duckdb": by_duckdb,
}
