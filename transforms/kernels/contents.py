"""What rows say, whatever columns say it: one form of one key is a column or cells, and rows can be compared.

A batch that was put together from others may hold values of one key and form in a column and in cells. Here each form
of each key gets one place, chosen by how many rows of the whole have it: so the place depends on the rows alone.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from transforms.kernels.batch import CELLS, Batch, Positions, cells_at
from transforms.kernels.cells import cell_groups, cell_values
from transforms.kernels.metadata import ALWAYS_COLUMNS, CELL_COLUMN, DENSITY, FORMS, spread
from transforms.kernels.parsing import parse
from transforms.kernels.silence import silence
from transforms.rules.values import JsonValue

_SOURCE = ("export_name", "offset")
"""Columns that say where a row came from, and nothing about it."""


def arranged(batch: Batch) -> Batch:
    """The same rows, each form of each key in its place: a column where it is frequent, else cells."""
    height = batch.rows.height
    in_cells = _cell_counts(batch.cells)
    in_columns = {name: height - batch.rows[name].null_count() for name in batch.rows.columns if ":" in name}
    frequent = {
        name
        for name in in_columns.keys() | in_cells.keys()
        if _is_frequent(name, in_columns.get(name, 0) + in_cells.get(name, 0), height)
    }
    rows = batch.rows.drop(in_columns.keys() - frequent)
    rare = [_as_cells(batch.rows[name], name) for name, count in in_columns.items() if count and name not in frequent]
    moved = frequent & in_cells.keys()
    cells = batch.cells
    if moved:
        rows = rows.with_columns(
            _whole_column(batch, name, found).alias(name) for name, found in _cells_of(batch, moved)
        )
        cells = cells.filter(~(pl.col("form") + ":" + pl.col("key")).is_in(list(moved)))
    if rare:
        cells = pl.concat([cells, *rare])
    return Batch(batch.group, rows, cells.sort("row", "key", "form") if rare or moved else cells)


def _cell_counts(cells: pl.DataFrame) -> dict[str, int]:
    counted = cells.group_by("key", "form").len()
    return {f"{form}:{key}": count for key, form, count in counted.iter_rows()}


def _is_frequent(name: str, count: int, height: int) -> bool:
    key = name.partition(":")[2]
    return count > 0 and (count * DENSITY >= height or key in ALWAYS_COLUMNS)


def _cells_of(batch: Batch, names: set[str]) -> Iterator[tuple[str, pl.DataFrame]]:
    for (key, form), cells in cell_groups(batch):
        if f"{form}:{key}" in names:
            yield f"{form}:{key}", cells


def _whole_column(batch: Batch, name: str, cells: pl.DataFrame) -> pl.Series:
    """All values of one form and key: those of its column, and those of its cells."""
    form = name.partition(":")[0]
    given = cell_values(cells, form).cast(FORMS[form])
    values = spread(given, cells["row"].to_numpy().astype(np.int64), batch.rows.height)
    if name not in batch.rows.columns:
        return values
    return pl.select(pl.coalesce(batch.rows[name], values)).to_series()


def _as_cells(values: pl.Series, name: str) -> pl.DataFrame:
    """The values of a column as cells."""
    form, _, key = name.partition(":")
    where = np.flatnonzero(values.is_not_null().to_numpy())
    given = values.gather(where)
    target = CELL_COLUMN.get(form, "text")
    columns = [
        pl.Series("row", where.astype(np.uint32)),
        pl.Series("key", [key], pl.String).new_from_index(0, len(where)),
        pl.Series("form", [form], pl.String).new_from_index(0, len(where)),
    ]
    for column in ("int", "float", "text"):
        if column == target:
            columns.append(given.cast(CELLS[column]).alias(column))
        else:
            columns.append(pl.Series(column, [None], CELLS[column]).new_from_index(0, len(where)))
    return pl.DataFrame(columns)


def differing(pool: Batch, before: Positions, after: Positions) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Whether rows say something else than others: bool[N] for two int64[N] of positions in an arranged batch.

    Where a row came from is not compared.
    """
    count = len(before)
    found = np.zeros(count, np.bool_)
    for name in pool.rows.columns:
        if name not in _SOURCE:
            values = pool.rows[name]
            if values.null_count() < len(values):
                values = _exact(values)
                found |= values.gather(before).ne_missing(values.gather(after)).to_numpy()
    if pool.cells.height and not found.all():
        exact = Batch(pool.group, pool.rows, pool.cells.with_columns(_exact(pool.cells["float"])))
        one, other = (cells_at(exact.cells, positions) for positions in (before, after))
        for a, b in ((one, other), (other, one)):
            lost = a.join(b, on=a.columns, how="anti", nulls_equal=True)
            found[lost["row"].to_numpy()] = True
    return found


def _exact(values: pl.Series) -> pl.Series:
    """The values, doubles by their bits: 0.0 and -0.0 are told apart."""
    return values.reinterpret(dtype=pl.Int64) if values.dtype == pl.Float64 else values


def json_value(form: str, stored: bool | float | str) -> JsonValue:  # noqa: FBT001 - a stored value
    """The JSON value that a column or a cell of this form holds."""
    match form, stored:
        case "null", _:
            return None
        case "json", str():
            # Not the fast parser alone: the integers in it may be of any size.
            return parse([stored.encode()]).values[0]
        case "big", str():
            return int(stored)
        case _:
            return stored


def together(batches: Iterable[Batch]) -> Batch:
    """All rows of batches, arranged."""
    return arranged(Batch.concatenated(list(batches)))


def canonical(batch: Batch) -> Batch:
    """The same rows with their columns by name; their bytes show nothing of how they came together (P3)."""
    ordered = batch.canonical()
    return Batch(batch.group, _made_anew(ordered.rows), _made_anew(ordered.cells))


def _made_anew(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([_laid_out(values) for values in frame.iter_columns()])


def _laid_out(values: pl.Series) -> pl.Series:
    """The same values, their memory made of them alone: its unused bits depend on where the values were taken from."""
    missing = values.null_count()
    if missing == len(values):
        return silence(values.name, values.dtype, len(values))
    if not missing and values.dtype != pl.Boolean:
        return values  # numbers leave no bits between them, and of strings their bytes alone are written
    present = np.flatnonzero(values.is_not_null().to_numpy())
    return spread(values.drop_nulls(), present, len(values)) if missing else values.gather(present)
