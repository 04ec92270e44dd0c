"""Counts histograms of numbers, dates and a grid of locations for the insights page, while rows are written."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import NotRequired, Self, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.publish.annotation_counts import AnnotationCounts, AnnotationCountsJson
from transforms.kernels.publish.date_counts import DateCounts, date_counts, is_text, summed
from transforms.kernels.publish.rows import Sparse, sparse_columns
from transforms.kernels.summarize import histograms
from transforms.kernels.summarize.locations import locations
from transforms.rules.coordinates import KEYS
from transforms.rules.dates import is_too_coarse
from transforms.rules.export_rows import REFERENCED_GROUPS
from transforms.rules.histograms import edges
from transforms.rules.schema_json import StorageName, StoredFieldJson

GRID = 64
"""Rows and columns of the grid of locations."""
Grid: TypeAlias = npt.NDArray[np.int64]
"""int64[GRID, GRID]: rows from the south, columns from the west."""


class CountedJson(TypedDict):
    """The JSON of `Counted.document`: counts by field, and the grid in the format of `grid_of`.

    Attributes:
        dates: As `date_counts.DateCounts`; earlier versions have none.
    """

    histograms: dict[str, list[int]]
    grid: str | list[tuple[int, int, int]] | None
    annotations: AnnotationCountsJson | None
    dates: NotRequired[dict[str, dict[str, int]]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A box around all locations of a group, in decimal degrees."""

    south: float
    west: float
    north: float
    east: float


def field_edges(field: StoredFieldJson) -> list[int] | list[float] | None:
    """The bin edges of a numerical or geographic field from its `schema.json` entry; None for other fields."""
    low, high = field["minimum"], field["maximum"]
    if field["storage"] not in ("long", "double") or low is None or high is None:
        return None
    return list(_edges(low, high, integers=field["storage"] == "long"))


@lru_cache(maxsize=16_384, typed=True)
def _edges(low: float, high: float, *, integers: bool) -> tuple[int, ...] | tuple[float, ...]:
    """`histograms.edges`, cached because every partition needs the same."""
    return tuple(edges(low, high, integers=integers))


def field_counts(fields: Mapping[str, StoredFieldJson], columns: Mapping[str, Sparse]) -> dict[str, list[int]]:
    """The histogram counts of the numbers in some rows, by field."""
    return {
        key: _counts(fields[key], column) for key, column in columns.items() if field_edges(fields[key]) is not None
    }


def _counts(field: StoredFieldJson, column: Sparse) -> list[int]:
    """The histogram counts of the numbers of one field."""
    bins = field_edges(field) or []
    if field["storage"] == "double":
        bins = [float(edge) for edge in bins]
    return histograms.counts(column.values.to_numpy(), bins)


def bounds(fields: Mapping[str, StoredFieldJson]) -> Bounds | None:
    """The bounding box of the geographic fields; None if the group has no location."""
    extremes: dict[str, list[float]] = {"lat": [], "lon": []}
    for key in KEYS & fields.keys():
        low, high = fields[key]["minimum"], fields[key]["maximum"]
        if fields[key]["type"] == "geographic" and low is not None and high is not None:
            extremes[key[:3]] += [low, high]
    if not extremes["lat"] or not extremes["lon"]:
        return None
    north, east = min(90.0, float(max(extremes["lat"]))), min(180.0, float(max(extremes["lon"])))
    return Bounds(max(-90.0, float(min(extremes["lat"]))), max(-180.0, float(min(extremes["lon"]))), north, east)


def grid_counts(locations: pl.DataFrame, box: Bounds) -> Grid:
    """The number of locations in each cell of the grid over a box."""
    cells = grid_cells(locations.drop_nulls(), box)
    return np.bincount(cells, minlength=GRID * GRID).astype(np.int64).reshape(GRID, GRID)


def grid_cells(locations: pl.DataFrame, box: Bounds) -> npt.NDArray[np.int64]:
    """The cell of each location, row by row of the grid: int64[N]. `locations` are without nulls."""
    rows = _cell(locations["latitude"].to_numpy(), box.south, box.north)
    columns = _cell(locations["longitude"].to_numpy(), box.west, box.east)
    return rows * GRID + columns


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """The counts of some rows.

    Attributes:
        fields: The fields of the schema whose bins and bounds were used.
        histograms: Counts by numerical field.
        grid: The number of locations in each cell of the grid; None if the schema has no location.
        annotations: What annotations or predictions are counted by; None for items and scenes.
        dates: The dates among the strings of text fields; None if they were not counted.
    """

    fields: Mapping[str, StoredFieldJson]
    histograms: Mapping[str, list[int]]
    grid: Grid | None
    annotations: AnnotationCounts | None = None
    dates: DateCounts | None = None

    @classmethod
    def of(cls, document: CountedJson, fields: Mapping[str, StoredFieldJson]) -> Self:
        """The counts in a document, which were made for these fields."""
        of = document["annotations"]
        annotations = None if of is None else AnnotationCounts.from_json(of)
        return cls(fields, document["histograms"], grid_of(document["grid"]), annotations, document.get("dates"))

    def document(self) -> CountedJson:
        """The counts as JSON; the grid in the format of `grid_of`."""
        grid = None
        if self.grid is not None and self.grid.any():
            grid = base64.b64encode(self.grid.astype("<i8").tobytes()).decode()
        histograms = {key: list(counts) for key, counts in sorted(self.histograms.items())}
        annotations = None if self.annotations is None else self.annotations.document()
        found: CountedJson = {"histograms": histograms, "grid": grid, "annotations": annotations}
        if self.dates is not None:
            found["dates"] = {key: dict(sorted(of.items())) for key, of in sorted(self.dates.items())}
        return found

    def continued(
        self,
        fields: Mapping[str, StoredFieldJson],
        rows: Callable[[AbstractSet[str]], Batch],
        removed: Batch | None = None,
        added: tuple[Mapping[str, Sparse], pl.DataFrame, AnnotationCounts | None] | None = None,
    ) -> "Counted":
        """The counts for another schema; all rows are read only for fields whose bins or bounds differ.

        Args:
            fields: The fields of that schema.
            rows: Reads all current rows with at least the values of these metadata keys.
            removed: Rows that were counted and are removed; None if there are none.
            added: Values by field, locations and counts of the added rows, as in `counted`; None if there are none.
        """
        bins = {key: edges for key, field in fields.items() if (edges := field_edges(field))}
        same = {
            key
            for key, edges in bins.items()
            if key in self.histograms and _binned(self.fields[key]) == (fields[key]["storage"], edges)
        }
        texts = {key for key, field in fields.items() if is_text(field)}
        read = {key for key in texts if self.dates is not None and key in self.fields and is_text(self.fields[key])}
        box = bounds(fields)
        moved = box is not None and box != bounds(self.fields)
        histograms = {key: self.histograms[key] for key in same}
        dates = {key: dict(of) for key, of in (self.dates or {}).items() if key in read}
        grid = None if box is None or self.grid is None else self.grid.copy()
        annotations = self.annotations
        if removed is not None and added is not None:
            columns, located, others = added
            if annotations is not None and others is not None:
                annotations = annotations - AnnotationCounts.of(removed.rows) + others
            before = sparse_columns(removed, _storages(fields, same | read))
            for key, counts in histograms.items():
                out, into = (_counts(fields[key], of[key]) for of in (before, columns))
                histograms[key] = [here - less + more for here, less, more in zip(counts, out, into, strict=True)]
            out_of, into_it = (date_counts(fields, {key: of[key] for key in read}) for of in (before, columns))
            dates = summed([dates, into_it], removed=out_of)
            if box is not None and grid is not None and not moved:
                grid -= grid_counts(locations(removed.rows), box)
                grid += grid_counts(located, box)
        again = texts - read | {key for key, of in dates.items() if is_too_coarse(of)}
        if len(same) < len(bins) or moved or again:
            other = _storages(fields, again | (bins.keys() - same))
            batch = rows(other.keys() | (KEYS if moved else frozenset()))
            values = sparse_columns(batch, other)
            histograms |= field_counts(fields, values)
            dates = {key: of for key, of in dates.items() if key not in again} | date_counts(fields, values)
            if moved and box is not None:
                grid = grid_counts(locations(batch.rows), box)
        return Counted(fields, histograms, grid, annotations, dates)


def grid_of(stored: str | Sequence[tuple[int, int, int]] | None) -> Grid:
    """The grid in a document: base64 of its little-endian int64, or null for an empty grid.

    Earlier versions have [row, column, count] of each non-empty cell.
    """
    grid = no_locations()
    if isinstance(stored, str):
        grid[:] = np.frombuffer(base64.b64decode(stored), "<i8").reshape(GRID, GRID)
    elif stored is not None:
        rows, columns, counts = np.array(stored, np.int64).reshape(-1, 3).T
        grid[rows, columns] = counts
    return grid


def counted(
    fields: Mapping[str, StoredFieldJson],
    columns: Mapping[str, Sparse],
    located: pl.DataFrame,
    annotations: AnnotationCounts | None = None,
) -> Counted:
    """Counts rows: typed metadata values, locations (`kernels.summarize.fields.locations`), and annotations."""
    box = bounds(fields)
    grid = None if box is None else grid_counts(located, box)
    return Counted(fields, field_counts(fields, columns), grid, annotations, date_counts(fields, columns))


def annotation_counts(batch: Batch) -> AnnotationCounts | None:
    """The counts of annotations or predictions; None for items and scenes."""
    return None if batch.group in REFERENCED_GROUPS else AnnotationCounts.of(batch.rows)


def no_locations() -> Grid:
    """An empty grid."""
    return np.zeros((GRID, GRID), np.int64)


def _storages(fields: Mapping[str, StoredFieldJson], keys: Iterable[str]) -> dict[str, StorageName]:
    return {key: storage for key in keys if (storage := fields[key]["storage"]) is not None}


def _binned(field: StoredFieldJson) -> tuple[StorageName | None, list[int] | list[float] | None]:
    """The storage and edges that the counts of a field depend on: as double, a long may fall into another bin."""
    return field["storage"], field_edges(field)


def _cell(degrees: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.int64]:
    if high <= low:
        return np.zeros(len(degrees), np.int64)
    return np.clip(((degrees - low) / (high - low) * GRID).astype(np.int64), 0, GRID - 1)
