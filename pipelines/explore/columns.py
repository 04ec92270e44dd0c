"""Keeps the columns that queries read, so that a query after another one reads only what is new in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from pipelines.explore.caches import Cache
from pipelines.queries.conditions import Column
from pipelines.queries.reading import read_columns
from transforms.storage.stored_files import StoredFile

COLUMN_BYTES = 192 * 2**20
"""What is kept of the columns that queries read: for a million items their ids and some fields."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of state files, by the digest of their bytes, so that versions share them.

    Attributes:
        cache: Where they are kept.
    """

    cache: Cache = field(default_factory=partial(Cache, COLUMN_BYTES))

    def read(self, state: StoredFile, core: Iterable[str], columns: Iterable[Column]) -> pl.DataFrame:
        """As `pipelines.queries.reading.read_columns`, of which this is a `Read`."""
        files = tuple(file.sha256 for file in state.files)
        found = [self.cache.get((files, name), partial(_one, state, (name,), ()), _size) for name in sorted(set(core))]
        for each in sorted(set(columns), key=lambda column: column.alias):
            make = partial(_one, state, ("reference_id",), (each,))
            found.append(self.cache.get((files, each), make, _size))
        return pl.DataFrame(found)


def _size(values: pl.Series) -> int:
    return int(values.estimated_size())


def _one(state: StoredFile, core: Iterable[str], columns: Iterable[Column]) -> pl.Series:
    """The last of some columns."""
    return read_columns(state, core, columns).to_series(-1)
