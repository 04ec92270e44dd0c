"""Consolidates batches, so that values of one key and form are in one place, and compares rows.

A concatenation of batches may have values of one key and form both in a column and in cells. In a consolidated batch
they are in one of the two, chosen by the number of rows that have a value. The layout depends on the rows alone.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions, cells_at
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import ALWAYS_COLUMNS, DENSITY, FORMS, Found, cells_of, spread
from transforms.kernels.batch.null_columns import null_column, without
from transforms.kernels.batch.sparse_values import cell_groups, cell_values, without_values
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.values import JsonValue

_SOURCE = ("export_name", "offset")
"""Columns with the source of a row, which are not part of its value."""


def consolidated(batch: Batch) -> Batch:
    """The same rows, each key and form in one place: a column if it is frequent, else cells."""
    height = batch.rows.height
    in_cells = _cell_counts(batch.cells)
    columns = {value: column for column in batch.rows.iter_columns() if (value := ValueColumn.of(column.name))}
    in_columns = {value: height - column.null_count() for value, column in columns.items()}
    frequent = {
        value
        for value in in_columns.keys() | in_cells.keys()
        if _is_frequent(value.key, in_columns.get(value, 0) + in_cells.get(value, 0), height)
    }
    rows = without(batch.rows, {columns[value].name for value in in_columns.keys() - frequent})
    rare = [(columns[value], *value) for value, count in in_columns.items() if count and value not in frequent]
    moved = frequent & in_cells.keys()
    cells = batch.cells
    if moved:
        rows = rows.with_columns(
            _whole_column(columns.get(value), form, found, height).alias(value.name)
            for (key, form), found in cell_groups(batch)
            if (value := ValueColumn(form, key)) in moved
        )
        cells = without_values(cells, moved)
    if rare:
        cells = pl.concat([cells, _as_cells(rare)])
    return Batch(batch.group, rows, cells.sort("row", "key", "form") if rare or moved else cells)


def _cell_counts(cells: pl.DataFrame) -> dict[ValueColumn, int]:
    counted = cells.group_by("key", "form").len()
    return {ValueColumn(form, key): count for key, form, count in counted.iter_rows()}


def _is_frequent(key: str, count: int, height: int) -> bool:
    return count > 0 and (count * DENSITY >= height or key in ALWAYS_COLUMNS)


def _whole_column(column: pl.Series | None, form: str, cells: pl.DataFrame, height: int) -> pl.Series:
    """All values of one form and key: those of its column, if it has one, and those of its cells."""
    given = cell_values(cells, form).cast(FORMS[form])
    values = spread(given, cells["row"].to_numpy().astype(np.int64), height)
    return values if column is None else pl.select(pl.coalesce(column, values)).to_series()


def _as_cells(columns: Sequence[tuple[pl.Series, str, str]]) -> pl.DataFrame:
    """The values of columns, given with form and key, as cells."""
    present = pl.DataFrame([values for values, _, _ in columns]).select(pl.all().is_not_null())
    found: list[Found] = []
    for (values, form, key), there in zip(columns, present.iter_columns(), strict=True):
        where = np.flatnonzero(there.to_numpy())
        found.append((key, form, where, values if len(where) == len(values) else values.gather(where)))
    return cells_of(found)


def differing(pool: Batch, before: Positions, after: Positions) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether rows differ: bool[N] for two int64[N] of positions in a consolidated batch.

    The source of a row is not compared.
    """
    count = len(before)
    found = np.zeros(count, np.bool_)
    for values in pool.rows.iter_columns():
        if values.name not in _SOURCE and values.null_count() < len(values):
            exact = _exact(values)
            found |= exact.gather(before).ne_missing(exact.gather(after)).to_numpy()
    if pool.cells.height and not found.all():
        cells = pool.cells.with_columns(_exact(pool.cells["float"]))
        one, other = (cells_at(cells, positions) for positions in (before, after))
        for a, b in ((one, other), (other, one)):
            lost = a.join(b, on=a.columns, how="anti", nulls_equal=True)
            found[lost["row"].to_numpy()] = True
    return found


def _exact(values: pl.Series) -> pl.Series:
    """The values, doubles as their bits: 0.0 and -0.0 differ."""
    return values.reinterpret(dtype=pl.Int64) if values.dtype == pl.Float64 else values


def json_value(form: str, stored: bool | float | str) -> JsonValue:  # noqa: FBT001 - a stored value
    """The JSON value of a stored value of this form."""
    match form, stored:
        case "null", _:
            return None
        case "json", str():
            return exact_json(stored)
        case "big", str():
            return int(stored)
        case _:
            return stored


def consolidated_from(batches: Iterable[Batch]) -> Batch:
    """All rows of several batches as one consolidated batch."""
    return consolidated(Batch.concatenated(list(batches)))


def canonical(batch: Batch) -> Batch:
    """The same rows with columns sorted by name and rebuilt buffers: equal rows have equal bytes (P3)."""
    ordered = batch.canonical()
    return Batch(batch.group, _rebuilt(ordered.rows), _rebuilt(ordered.cells))


def _rebuilt(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([_compact(values) for values in frame.iter_columns()])


def _compact(values: pl.Series) -> pl.Series:
    """The same values in new buffers, because unused bits of a slice or selection depend on its origin."""
    missing = values.null_count()
    if missing == len(values):
        return null_column(values.name, values.dtype, len(values))
    if not missing and values.dtype != pl.Boolean:
        return values  # numbers have no unused bits, and only the bytes of strings are written
    present = np.flatnonzero(values.is_not_null().to_numpy())
    return spread(values.drop_nulls(), present, len(values)) if missing else values.gather(present)
