"""Merges metadata of updates into that of published rows (U3): keys of the update replace keys, null removes them."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions, cells_at
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.row_equality import json_value
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules import coordinates
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonObject

Mask = npt.NDArray[np.bool_]


def merge_metadata(pool: Batch, base: Positions, updates: Positions) -> tuple[Batch, dict[int, Fault]]:
    """Rows with the metadata of updates merged into theirs, and the faults of the resulting coordinates (C4, C5).

    Args:
        pool: A consolidated batch.
        base: Positions of the rows that are updated: int64[N]. All their columns but metadata and source are kept.
        updates: Positions of the rows whose metadata is merged into them: int64[N].

    Returns:
        N rows, and faults by position among them; a row with a fault must not be used.
    """
    base_rows, update_rows = pool.rows[base], pool.rows[updates]
    base_cells, update_cells = cells_at(pool.cells, base), cells_at(pool.cells, updates)
    touched = _touched(update_rows, update_cells)
    columns = {column.name: column for column in base_rows.iter_columns()}
    columns |= {name: update_rows[name] for name in ("export_name", "offset")}
    for name, base_values, update_values in zip(
        base_rows.columns, base_rows.iter_columns(), update_rows.iter_columns(), strict=True
    ):
        value = ValueColumn.of(name)
        if value and value.key in touched:
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
    """Key to the rows whose update has the key: bool[N], for the keys that have a column."""
    touched: dict[str, Mask] = {}
    for column in update_rows.iter_columns():
        value = ValueColumn.of(column.name)
        if value:
            key = value.key
            named = column.is_not_null().to_numpy()
            touched[key] = touched[key] | named if key in touched else named
    for (key,), rows in cells.partition_by("key", as_dict=True).items():
        if key in touched:
            touched[str(key)] = touched[str(key)].copy()
            touched[str(key)][rows["row"].to_numpy()] = True
    return {key: rows for key, rows in touched.items() if rows.any()}


def _relocated(columns: dict[str, pl.Series], touched: Mapping[str, Mask]) -> dict[int, Fault]:
    """Validates coordinates of rows whose update has one of their keys; strings become numbers, in place (C4)."""
    named = [touched[key] for key in coordinates.KEYS if key in touched]
    if not named:
        return {}
    rows: list[int] = np.flatnonzero(np.logical_or.reduce(named) & ~_has_sound_pair(columns)).tolist()
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
        of_strings, of_floats = ValueColumn("string", key).name, ValueColumn("float", key).name
        strings = columns[of_strings]
        is_kept = np.ones(len(strings), np.bool_)
        is_kept[where] = False
        # Not by scattering nulls: the strings below them would remain in memory, and show in the bytes (P3).
        columns[of_strings] = strings.zip_with(pl.Series(is_kept), _nothing("string", len(strings)))
        before = columns.get(of_floats, _nothing("float", len(strings)))
        columns[of_floats] = before.clone().scatter(where, list(changed.values())).alias(of_floats)
    return faults


def _has_sound_pair(columns: Mapping[str, pl.Series]) -> Mask:
    """Which rows have one pair of numbers within range and no other coordinate, as nearly all: bool[N]."""
    height = len(next(iter(columns.values())))
    is_there, is_fine = ({key: np.zeros(height, np.bool_) for key in coordinates.KEYS} for _ in range(2))
    for key, form in product(coordinates.KEYS, FORMS):
        column = columns.get(ValueColumn(form, key).name)
        if column is None or column.null_count() == height:
            continue
        is_there[key] |= column.is_not_null().to_numpy()
        if form in ("int", "float"):
            limit = coordinates.LIMITS[key]
            is_fine[key] |= column.cast(pl.Float64).is_between(-limit, limit).fill_null(value=False).to_numpy()
    found = np.zeros(height, np.bool_)
    for pair in coordinates.PAIRS:
        others = coordinates.KEYS.difference(pair)
        found |= np.logical_and.reduce([is_fine[key] for key in pair] + [~is_there[key] for key in others])
    return found


def _coordinate_values(columns: Mapping[str, pl.Series], rows: list[int]) -> list[JsonObject]:
    """The values of some rows under the keys of coordinates."""
    values: list[JsonObject] = [{} for _ in rows]
    for key in coordinates.KEYS:
        for form in FORMS:
            column = columns.get(ValueColumn(form, key).name)
            for place, value in enumerate([] if column is None else column.gather(rows).to_list()):
                if value is not None:
                    values[place][key] = json_value(form, value)
    return values
