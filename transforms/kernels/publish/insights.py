"""What the insights page draws, counted in the pass that writes: histograms, and a grid of the locations."""

import base64
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Self, TypeAlias, TypedDict, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.publish.rows import Sparse, sparse_columns
from transforms.kernels.summarize import histograms
from transforms.kernels.summarize.fields import locations
from transforms.rules.coordinates import KEYS
from transforms.rules.histograms import edges
from transforms.rules.values import JsonObject, JsonValue

GRID = 64
"""Rows and columns of the grid of locations."""
Grid: TypeAlias = npt.NDArray[np.int64]
"""int64[GRID, GRID]: rows from the south, columns from the west."""


class CountedJson(TypedDict):
    """What `Counted.document` gives: counts by field, and the grid as `grid_of` takes it."""

    histograms: dict[str, list[int]]
    grid: str | list[tuple[int, int, int]] | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box around all locations of a group, in decimal degrees."""

    south: float
    west: float
    north: float
    east: float


def field_edges(field: Mapping[str, JsonValue]) -> list[int] | list[float] | None:
    """The bin edges of a numerical or geographic field from its `schema.json` entry, None for other fields."""
    if field["storage"] not in ("long", "double") or field["minimum"] is None:
        return None
    low, high = cast("float", field["minimum"]), cast("float", field["maximum"])
    return list(_edges(low, high, integers=field["storage"] == "long"))


@lru_cache(maxsize=16_384, typed=True)
def _edges(low: float, high: float, *, integers: bool) -> tuple[int, ...] | tuple[float, ...]:
    """Edges, which every partition asks for again."""
    return tuple(edges(low, high, integers=integers))


def field_counts(fields: Mapping[str, JsonValue], columns: Mapping[str, Sparse]) -> dict[str, list[int]]:
    """The histogram counts of the numbers in some rows, by field."""
    return {
        key: _counts(fields[key], column)
        for key, column in columns.items()
        if field_edges(cast("JsonObject", fields[key])) is not None
    }


def _counts(field: JsonValue, column: Sparse) -> list[int]:
    """The histogram counts of the numbers of one field."""
    described = cast("JsonObject", field)
    bins = field_edges(described) or []
    if described["storage"] == "double":
        bins = [float(edge) for edge in bins]
    return histograms.counts(column.values.to_numpy(), bins)


def bounds(fields: Mapping[str, JsonValue]) -> Bounds | None:
    """The box given by the geographic fields, None where a group has no location."""
    extremes: dict[str, list[float]] = {"lat": [], "lon": []}
    for key in KEYS & fields.keys():
        field = cast("JsonObject", fields[key])
        if field["type"] == "geographic" and field["minimum"] is not None:
            extremes[key[:3]] += [cast("float", field["minimum"]), cast("float", field["maximum"])]
    if not extremes["lat"] or not extremes["lon"]:
        return None
    north, east = min(90.0, float(max(extremes["lat"]))), min(180.0, float(max(extremes["lon"])))
    return Bounds(max(-90.0, float(min(extremes["lat"]))), max(-180.0, float(min(extremes["lon"]))), north, east)


def grid_counts(locations: pl.DataFrame, box: Bounds) -> Grid:
    """The number of locations in each cell of the grid over a box."""
    located = locations.drop_nulls()
    rows = _cell(located["latitude"].to_numpy(), box.south, box.north)
    columns = _cell(located["longitude"].to_numpy(), box.west, box.east)
    return np.bincount(rows * GRID + columns, minlength=GRID * GRID).astype(np.int64).reshape(GRID, GRID)


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What was counted of some rows.

    Attributes:
        fields: The fields of the schema whose bins and bounds were used.
        histograms: Counts by numerical field.
        grid: The number of locations in each cell of the grid; None where the schema has none.
    """

    fields: Mapping[str, JsonValue]
    histograms: Mapping[str, list[int]]
    grid: Grid | None

    @classmethod
    def of(cls, document: JsonObject, fields: Mapping[str, JsonValue]) -> Self:
        """What `document` gave."""
        return cls(fields, cast("dict[str, list[int]]", document["histograms"]), grid_of(document["grid"]))

    def document(self) -> JsonObject:
        """As JSON; the grid as `grid_of` takes it."""
        is_empty = self.grid is None or not self.grid.any()
        grid = None if is_empty else base64.b64encode(cast("Grid", self.grid).astype("<i8").tobytes()).decode()
        histograms: JsonObject = {key: list(counts) for key, counts in sorted(self.histograms.items())}
        return {"histograms": histograms, "grid": grid}

    def continued(
        self,
        fields: Mapping[str, JsonValue],
        rows: Callable[[AbstractSet[str]], Batch],
        removed: Batch | None = None,
        added: tuple[Mapping[str, Sparse], pl.DataFrame] | None = None,
    ) -> "Counted":
        """Rows counted for another schema; only where bins or bounds are other ones all rows are looked at.

        Args:
            fields: The fields of that schema.
            rows: All rows, as they are now, with the values of these metadata keys at least.
            removed: Rows that were there when it was counted, and are no more; None if there are none.
            added: Of the rows that are there instead all values by field, and their locations, as `counted` takes them.
        """
        bins = {key: edges for key, field in fields.items() if (edges := field_edges(cast("JsonObject", field)))}
        same = {
            key
            for key, edges in bins.items()
            if key in self.histograms and _binned(self.fields[key]) == (_storage(fields[key]), edges)
        }
        box = bounds(fields)
        moved = box is not None and box != bounds(self.fields)
        histograms = {key: self.histograms[key] for key in same}
        grid = None if box is None or self.grid is None else self.grid.copy()
        if removed is not None and added is not None:
            columns, located = added
            before = sparse_columns(removed, {key: _storage(fields[key]) for key in same})
            for key, counts in histograms.items():
                out, into = (_counts(fields[key], of[key]) for of in (before, columns))
                histograms[key] = [here - less + more for here, less, more in zip(counts, out, into, strict=True)]
            if box is not None and grid is not None and not moved:
                grid -= grid_counts(locations(removed.rows), box)
                grid += grid_counts(located, box)
        if len(same) < len(bins) or moved:
            other = {key: _storage(fields[key]) for key in bins.keys() - same}
            batch = rows(other.keys() | (KEYS if moved else frozenset()))
            histograms |= field_counts(fields, sparse_columns(batch, other))
            if moved and box is not None:
                grid = grid_counts(locations(batch.rows), box)
        return Counted(fields, histograms, grid)


def grid_of(stored: JsonValue) -> Grid:
    """The grid in a document: base64 of its little-endian int64; null where all of it is empty.

    At first it was [row, column, count] of each cell that is not empty.
    """
    grid = no_locations()
    if isinstance(stored, str):
        grid[:] = np.frombuffer(base64.b64decode(stored), "<i8").reshape(GRID, GRID)
    elif stored is not None:
        rows, columns, counts = np.array(stored, np.int64).reshape(-1, 3).T
        grid[rows, columns] = counts
    return grid


def counted(fields: Mapping[str, JsonValue], columns: Mapping[str, Sparse], located: pl.DataFrame) -> Counted:
    """Counts rows, given by the typed values of their metadata, and their locations as `kernels.fields` has them."""
    box = bounds(fields)
    return Counted(fields, field_counts(fields, columns), None if box is None else grid_counts(located, box))


def no_locations() -> Grid:
    """An empty grid."""
    return np.zeros((GRID, GRID), np.int64)


def _storage(field: JsonValue) -> str:
    return str(cast("JsonObject", field)["storage"])


def _binned(field: JsonValue) -> tuple[str, list[int] | list[float] | None]:
    """What the counts of a field depend on: as a double a long may lie in the next bin, though the edges are equal."""
    return _storage(field), field_edges(cast("JsonObject", field))


def _cell(degrees: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.int64]:
    if high <= low:
        return np.zeros(len(degrees), np.int64)
    return np.clip(((degrees - low) / (high - low) * GRID).astype(np.int64), 0, GRID - 1)
