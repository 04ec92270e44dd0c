"""Reads the columns that a query needs from the state files of a partition, as they are published.

State files are columnar. The Avro parts are written from them, in the same order and with the same values, but are
stored by row: reading one field of them means reading all.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import polars as pl

from pipelines.queries.conditions import Column
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import columns_of
from transforms.kernels.publish.rows import typed_columns
from transforms.kernels.summarize.locations import locations
from transforms.rules.coordinates import KEYS
from transforms.storage.states import state_file
from transforms.storage.stored_files import StoredFile

_SIZES = {"x": "width", "y": "height"}


Read: TypeAlias = Callable[[StoredFile, Iterable[str], Iterable[Column]], pl.DataFrame]
"""Reads columns of a state file, as `read_columns` does: a program that asks many queries keeps some of them."""


def read_columns(state: StoredFile, core: Iterable[str], columns: Iterable[Column]) -> pl.DataFrame:
    """Columns of a state file, in the order of its rows: the core columns, then the others by their aliases.

    Args:
        state: State file of one group.
        core: At least one core column, which keeps its name.
        columns: Other columns, each named by its alias.
    """
    kept, wanted = sorted(set(core)), sorted(set(columns), key=lambda column: column.alias)
    storages = {each.name: str(each.storage) for each in wanted if each.form == "metadata" and each.storage}
    located = any(each.form == "location" for each in wanted)
    shaped = any(each.form == "geometry" for each in wanted)
    keys = storages.keys() | (KEYS if located else frozenset())
    names = {*kept, *(each.name for each in wanted if each.form == "core"), *(("geometry", "type") if shaped else ())}
    batch = read_pruned(state, names, keys)
    metadata = typed_columns(batch, storages)
    places = locations(batch.rows)
    nothing = pl.Series([None], dtype=pl.Float64).new_from_index(0, batch.rows.height)
    found = [batch.rows[name] for name in kept]
    for column in wanted:
        match column.form:
            case "core":
                values = batch.rows[column.name]
            case "location":
                values = places[column.name]
            case "geometry":
                values = batch.rows.select(_geometry(column.name)).to_series()
            case "metadata":
                values = metadata.get(column.name, nothing)
        found.append(values.alias(column.alias))
    return pl.DataFrame(found)


def read_pruned(state: StoredFile, names: AbstractSet[str], keys: AbstractSet[str]) -> Batch:
    """The batch of a state file, with only these columns and these metadata keys."""
    wanted = names | columns_of(keys, FORMS)
    return state_file(state).part(wanted, keys)


def _geometry(name: str) -> pl.Expr:
    """A position or a dimension of boxes and cuboids, float64; null for other types."""
    what, _, axis = name.partition(".")
    cuboid = _at(f"$.{what}.{axis}", "cuboid")
    if axis == "z":
        return cuboid
    return pl.coalesce(cuboid, _at(f"$.{axis if what == 'position' else _SIZES[axis]}", "box"))


def _at(path: str, kind: str) -> pl.Expr:
    text = pl.when(pl.col("type") == kind).then(pl.col("geometry"))
    return text.str.json_path_match(pl.lit(path)).cast(pl.Float64, strict=False)
