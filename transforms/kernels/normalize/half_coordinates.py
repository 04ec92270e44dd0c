"""Finds the rows of a batch that have a coordinate without its partner, as examples of a warning (C3, R7)."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.rules import coordinates
from transforms.rules.values import JsonValue


def half_coordinates(batch: Batch) -> Iterator[tuple[str, Positions]]:
    """(key, the rows in which it has no partner) of each key of coordinates, as `coordinates.locate` warns of them."""
    given = {key: _has(batch, key) for key in coordinates.KEYS}
    for north, east in coordinates.PAIRS:
        for key, other in ((north, east), (east, north)):
            rows = np.flatnonzero(given[key] & ~given[other])
            if len(rows):
                yield key, rows


def value_at(batch: Batch, key: str, row: int) -> JsonValue:
    """The value of a key of coordinates in a row of a batch, None if it is null."""
    for name in _columns(batch, key):
        value: JsonValue = batch.rows[name][row]
        form = name.partition(":")[0]
        if value is not None and form != "null":
            return exact_json(f"{value}") if form in ("json", "big") else value
    return None


def _columns(batch: Batch, key: str) -> list[str]:
    return [name for form in FORMS if (name := f"{form}:{key}") in batch.rows.columns]


def _has(batch: Batch, key: str) -> npt.NDArray[np.bool_]:
    """Whether each row has the key, null or not: bool[rows]."""
    found = np.zeros(batch.rows.height, np.bool_)
    for name in _columns(batch, key):
        found |= batch.rows[name].is_not_null().to_numpy()
    return found
