"""Metadata laid over metadata, row by row (U3): the keys of the upper row win, a null there removes the key."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions, cells_at
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.row_equality import json_value
from transforms.kernels.batch.value_columns import column_name, form_and_key
from transforms.rules import coordinates
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonObject

Mask = npt.NDArray[np.bool_]


def merge_metadata(pool: Batch, base: Positions, updates: Positions) -> tuple[Batch, dict[int, Fault]]:
    """Rows with the metadata of others laid over theirs, and what is wrong with the coordinates that come out (C4, C5).

    Args:
        pool: An arranged batch.
        base: int64[N], the rows that are updated: all but metadata and source stays theirs.
        updates: int64[N], the rows whose metadata is laid over.

    Returns:
        N rows, and faults by position among them; a row with a fault is not to be used.
    """
    base_rows, update_rows = pool.rows[base], pool.rows[updates]
    base_cells, update_cells = cells_at(pool.cells, base), cells_at(pool.cells, updates)
    touched = _touched(update_rows, update_cells)
    columns = {column.name: column for column in base_rows.iter_columns()}
    columns |= {name: update_rows[name] for name in ("export_name", "offset")}
    for name, base_values, update_values in zip(
        base_rows.columns, base_rows.iter_columns(), update_rows.iter_columns(), strict=True
    ):
        value = form_and_key(name)
        if value and value[1] in touched:
            form, key = value
            values = _nothing(form, len(base)) if form == "null" else update_values
            columns[name] = values.zip_with(pl.Series(touched[key]), base_values)
    kept = base_cells
    if kept.height:
        in_cells = set(kept["key"].unique().to_list())
        dense = [key for key in touched if key in in_cells]
        covered = [update_cells.select("row", "key")]
        for key in dense:
            rows = np.flatnonzero(touched[key]).astype(np.uint32)
            covered.append(pl.DataFrame({"row": rows, "key": pl.Series([key]).new_from_index(0, len(rows))}))
        kept = kept.join(pl.concat(covered), on=["row", "key"], how="anti")
    cells = pl.concat([kept, update_cells.filter(pl.col("form") != "null")]).sort("row", "key", "form")
    faults = _relocated(columns, touched)
    return Batch(pool.group, pl.DataFrame(columns), cells), faults


def _nothing(form: str, height: int) -> pl.Series:
    """A column of this form without a value."""
    return pl.Series([None], dtype=FORMS[form]).new_from_index(0, height)


def _touched(update_rows: pl.DataFrame, cells: pl.DataFrame) -> dict[str, Mask]:
    """Key to the rows of which the update names it, for the keys that have a column."""
    touched: dict[str, Mask] = {}
    for column in update_rows.iter_columns():
        value = form_and_key(column.name)
        if value:
            key = value[1]
            named = column.is_not_null().to_numpy()
            touched[key] = touched[key] | named if key in touched else named
    for (key,), rows in cells.partition_by("key", as_dict=True).items():
        if key in touched:
            touched[str(key)] = touched[str(key)].copy()
            touched[str(key)][rows["row"].to_numpy()] = True
    return {key: rows for key, rows in touched.items() if rows.any()}


def _relocated(columns: dict[str, pl.Series], touched: Mapping[str, Mask]) -> dict[int, Fault]:
    """Judges the coordinates of the rows where the update names one of their keys; strings become numbers (C4)."""
    named = [touched[key] for key in coordinates.KEYS if key in touched]
    if not named:
        return {}
    rows = np.flatnonzero(np.logical_or.reduce(named)).tolist()
    faults: dict[int, Fault] = {}
    numbers: dict[str, dict[int, float]] = {}
    for row, metadata in zip(rows, _coordinate_values(columns, rows), strict=True):
        found = coordinates.locate(metadata)
        if isinstance(found, Fault):
            faults[row] = found
        else:
            for key, number in found.numbers.items():
                numbers.setdefault(key, {})[row] = number
    for key, changed in numbers.items():
        where = list(changed)
        strings = columns[column_name("string", key)]
        is_kept = np.ones(len(strings), np.bool_)
        is_kept[where] = False
        # Not by scattering null, below which the strings would go on: they would show in the bytes (P3).
        columns[column_name("string", key)] = strings.zip_with(pl.Series(is_kept), _nothing("string", len(strings)))
        before = columns.get(column_name("float", key), _nothing("float", len(strings)))
        columns[column_name("float", key)] = (
            before.clone().scatter(where, list(changed.values())).alias(column_name("float", key))
        )
    return faults


def _coordinate_values(columns: Mapping[str, pl.Series], rows: list[int]) -> list[JsonObject]:
    """What some rows hold under the keys of coordinates."""
    values: list[JsonObject] = [{} for _ in rows]
    for key in coordinates.KEYS:
        for form in FORMS:
            column = columns.get(column_name(form, key))
            for place, value in enumerate([] if column is None else column.gather(rows).to_list()):
                if value is not None:
                    values[place][key] = json_value(form, value)
    return values
