"""Replaces values by hashes of their keys in batches with more metadata keys than a group may have (R5).

A batch thus never has more columns, or keys of rare values, than `rules.key_limits.most_fields`. The rows are merged
like all others, so that keys of ignored or rejected rows do not count.
"""

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, no_cells
from transforms.kernels.batch.metadata_columns import KEY_SKETCH, Shapes, columns_and_cells
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.key_limits import MOST_COUNTED, key_digest, key_hashes, smallest
from transforms.rules.values import Objects

_KEY = "\0key_sketch"
"""The key under which the hashes are kept; a key of the data may be the same, in another form."""


def key_count(objects: Objects, known: Shapes | None = None) -> int:
    """The number of distinct keys of some objects; `known` are their shapes, if they are known already."""
    return len(set[str]().union(*(objects if known is None else known)))


def counted_only(objects: Objects) -> tuple[dict[str, pl.Series], pl.DataFrame]:
    """The columns and cells of rows with the hashes of their metadata keys instead of values."""
    rows = np.array([row for row, each in enumerate(objects) if each], np.int64)
    texts = [b"".join(map(key_digest, each)).hex() for each in objects if each]
    columns, cells = columns_and_cells(
        [(_KEY, KEY_SKETCH, rows, pl.Series(values=texts, dtype=pl.String))], len(objects)
    )
    return columns, cells if len(rows) else no_cells()


def keys_of(batch: Batch) -> tuple[set[str], frozenset[int]]:
    """The metadata keys with values in a batch, and the hashes of keys without values."""
    height = batch.rows.height
    keys = {
        value.key
        for column in batch.rows.iter_columns()
        if column.null_count() < height and (value := ValueColumn.of(column.name))
    }
    keys |= set(batch.cells["key"].unique().to_list())
    if _KEY not in keys:
        return keys, frozenset()
    texts = batch.cells.filter(key=_KEY, form=KEY_SKETCH)["text"].to_list()
    column = batch.rows.get_column(ValueColumn(KEY_SKETCH, _KEY).name, default=None)
    texts += [] if column is None else column.drop_nulls().to_list()
    hashes = np.unique(np.frombuffer(bytes.fromhex("".join(texts)), ">u8"))
    return keys, frozenset(hashes[:MOST_COUNTED].tolist())


def hashes_of(batch: Batch) -> frozenset[int]:
    """The hashes of all metadata keys of a batch."""
    keys, counted = keys_of(batch)
    return smallest(counted | key_hashes(keys - {_KEY}))
