"""Keeps the columns that queries read and the rows that are listed, so that the next answer reads only what is new."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from pipelines.explore.caches import Cache
from pipelines.queries.conditions import Column
from pipelines.queries.reading import read_columns
from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.state_files import StateFile
from transforms.storage.states import state_file
from transforms.storage.stored_files import StoredFile

COLUMN_BYTES = 192 * 2**20
"""What is kept of the columns that queries read: for a million items their ids and some fields."""


ROW_BYTES = 192 * 2**20
"""What is kept of state files from which rows were listed: a sorted page has rows of all of them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of state files, by the digest of their bytes, so that versions share them.

    Attributes:
        cache: Where those that queries read are kept.
        files: Where decompressed files are kept.
    """

    cache: Cache = field(default_factory=partial(Cache, COLUMN_BYTES))
    files: Cache = field(default_factory=partial(Cache, ROW_BYTES))

    def read(self, state: StoredFile, core: Iterable[str], columns: Iterable[Column]) -> pl.DataFrame:
        """As `pipelines.queries.reading.read_columns`, of which this is a `Read`."""
        files = tuple(file.sha256 for file in state.files)
        found = [self.cache.get((files, name), partial(_one, state, (name,), ()), _size) for name in sorted(set(core))]
        for each in sorted(set(columns), key=lambda column: column.alias):
            make = partial(_one, state, ("reference_id",), (each,))
            found.append(self.cache.get((files, each), make, _size))
        return pl.DataFrame(found)

    def rows(self, state: StoredFile, positions: Positions) -> Batch:
        """The rows at these positions of a state file, ascending: int64[N]."""
        digests = tuple(file.sha256 for file in state.files)
        return self.files.get(digests, partial(_decompressed, state), lambda each: each.kept_bytes).rows(positions)


def _decompressed(state: StoredFile) -> StateFile:
    file = state_file(state)
    file.keep()
    return file


def _size(values: pl.Series) -> int:
    return int(values.estimated_size())


def _one(state: StoredFile, core: Iterable[str], columns: Iterable[Column]) -> pl.Series:
    """The last of some columns."""
    return read_columns(state, core, columns).to_series(-1)
