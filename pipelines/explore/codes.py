"""Codes of the values of a version: for each row the bin or the category of a field, so that counting is one pass.

A code is 0 where a row has no value, else 1 + the number of its bin, category or cell of the map. The codes of a field
are read once and kept; a result is counted by looking up its rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.explore.snapshots import Snapshot
from pipelines.queries.conditions import LATITUDE, LONGITUDE, AnnotationGroup, Column
from pipelines.queries.partition_frames import REFERENCE_ID, labels
from pipelines.queries.reading import read_columns
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.date_counts import days
from transforms.kernels.publish.insights import Bounds, grid_cells
from transforms.rules.export_rows import Group

Codes = npt.NDArray[np.uint16]
"""uint16[N], for each row of a group, partition by partition."""
Coded: TypeAlias = Callable[[pl.Series], npt.NDArray[np.integer]]
"""Codes of the values of one partition."""
Word = Literal["label", "type"]


def of_numbers(snapshot: Snapshot, group: Group, key: str, edges: Sequence[float]) -> Codes:
    """The bin of each row in a field of numbers; edges as in `insights.json`."""
    return _kept(snapshot, group, key, partial(_bins, edges=edges))


def of_categories(snapshot: Snapshot, group: Group, key: str, categories: Sequence[str]) -> Codes:
    """The category of each row in a field."""
    return _kept(snapshot, group, key, partial(_categories, categories=categories))


def of_dates(snapshot: Snapshot, group: Group, key: str, places: Sequence[str]) -> Codes:
    """The day, month or year of each row in a field of dates; `places` as in `insights.json`, all of one unit."""
    return _kept(snapshot, group, key, partial(_dates, places=places), "dates")


def dates_of(categories: Sequence[str], places: Sequence[str]) -> npt.NDArray[np.int64]:
    """The code of each of some texts among days, months or years: of a field of categories only these are looked at.

    >>> dates_of(["2024-05-01T10:00:00Z", "never", "2024-05"], ["2024-05-01", "2024-05-02"]).tolist()
    [1, 0, 0]
    """
    return _dates(pl.Series(categories, dtype=pl.String), places)


def of_locations(snapshot: Snapshot, group: Group, box: Bounds) -> Codes:
    """The cell of each row in the grid over a box."""

    def make() -> Codes:
        found = []
        for frame in _frames(snapshot, group, [LATITUDE, LONGITUDE]):
            located = frame.rename({LATITUDE.alias: "latitude", LONGITUDE.alias: "longitude"})
            there = located["latitude"].is_not_null().to_numpy() & located["longitude"].is_not_null().to_numpy()
            codes = np.zeros(frame.height, np.uint16)
            codes[there] = grid_cells(located.filter(pl.Series(there)), box) + 1
            found.append(codes)
        return _joined(found)

    return snapshot.cache.get(("locations", group), make, lambda each: each.nbytes)


@dataclass(frozen=True, slots=True)
class Words:
    """Labels or types of annotations, and the listed rows that they belong to.

    Attributes:
        values: The words, the most frequent first.
        owners: int64[M], the row of each annotation with a word; an annotation with several labels is there as often.
        words: int64[M], its word.
    """

    values: tuple[str, ...]
    owners: Positions
    words: Positions

    def counts(self, places: Positions | None) -> list[int]:
        """How often each word is there, in all rows or in some: int64[N], rows of the group."""
        if places is None or not len(self.words):
            return list(map(int, np.bincount(self.words, minlength=len(self.values))))
        wanted = np.zeros(max(int(self.owners.max()), int(places.max(initial=0))) + 1, np.bool_)
        wanted[places] = True
        return list(map(int, np.bincount(self.words[wanted[self.owners]], minlength=len(self.values))))


def of_words(snapshot: Snapshot, group: Group, word: Word) -> Words:
    """Labels or types: of the rows themselves for annotations and predictions, else of the annotations on them."""
    make = partial(_words, snapshot, group, word)
    return snapshot.cache.get((word, group), make, lambda each: each.owners.nbytes + each.words.nbytes)


def counted(codes: Codes, size: int, places: Positions) -> tuple[int, list[int]]:
    """How many of some rows have a value, and how many have each: the counts of `size` codes.

    Args:
        codes: Of all rows.
        size: Number of bins, categories or cells.
        places: int64[N], rows of the group.
    """
    counts = np.bincount(codes[places], minlength=size + 1)
    return len(places) - int(counts[0]), counts[1:].tolist()


def _kept(snapshot: Snapshot, group: Group, key: str, coded: Coded, kind: str = "codes") -> Codes:
    def make() -> Codes:
        storage = snapshot.fields(group)[key]["storage"]
        column = Column("metadata", key, "string" if storage == "json" else storage)
        return _joined([coded(frame[column.alias]).astype(np.uint16) for frame in _frames(snapshot, group, [column])])

    return snapshot.cache.get((kind, group, key), make, lambda each: each.nbytes)


def _frames(snapshot: Snapshot, group: Group, columns: Sequence[Column]) -> Iterator[pl.DataFrame]:
    for _, state in sorted(snapshot.version.states(group).items()):
        yield read_columns(state, (REFERENCE_ID,), columns)


def _joined(found: Sequence[Codes]) -> Codes:
    return np.concatenate(found) if found else np.empty(0, np.uint16)


def _bins(values: pl.Series, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    codes = np.zeros(len(values), np.int64)
    there = values.is_not_null().to_numpy()
    numbers = values.drop_nulls().to_numpy()
    # Bins are half-open, the last one is closed: its upper edge is not searched. Integers stay integers.
    inner = np.array(edges[1:-1], numbers.dtype)
    codes[there] = np.searchsorted(inner, numbers, side="right") + 1
    return codes


def _categories(values: pl.Series, categories: Sequence[str]) -> npt.NDArray[np.int64]:
    codes = values.cast(pl.Enum(list(categories)), strict=False).to_physical().cast(pl.Int64) + 1
    return codes.fill_null(0).to_numpy()


def _dates(values: pl.Series, places: Sequence[str]) -> npt.NDArray[np.int64]:
    return _categories(days(values).str.slice(0, len(places[0])), places)


def _words(snapshot: Snapshot, group: Group, word: Word) -> Words:
    of: AnnotationGroup = "predictions" if group == "predictions" else "annotations"
    version = snapshot.version
    states = version.states(of)
    found = []
    for number in sorted(states):
        core = (REFERENCE_ID, "label", "labels") if word == "label" else (REFERENCE_ID, "type")
        rows = read_columns(states[number], core, ())
        if group == of:
            rows = rows.with_row_index("owner").with_columns(pl.col("owner").cast(pl.Int64))
        elif number in (own := version.states(group)):
            owners = read_columns(own[number], (REFERENCE_ID,), ()).with_row_index("owner")
            rows = rows.join(owners.with_columns(pl.col("owner").cast(pl.Int64)), on=REFERENCE_ID, how="inner")
        else:
            continue
        if word == "label":
            alone = rows.select("owner", pl.col("label").alias("word"))
            several = rows.filter(pl.col("labels").is_not_null()).select("owner", labels().list.unique().alias("word"))
            rows = pl.concat([alone, several.explode("word")])
        else:
            rows = rows.select("owner", pl.col("type").alias("word"))
        start = snapshot.start(group, number)
        found.append(rows.filter(pl.col("word").is_not_null()).with_columns(pl.col("owner") + start))
    if not found:
        return Words((), np.empty(0, np.int64), np.empty(0, np.int64))
    every = pl.concat(found)
    counts = every["word"].value_counts(name="count").sort("count", "word", descending=[True, False])
    values = counts["word"].to_list()
    words = every["word"].cast(pl.Enum(values)).to_physical().cast(pl.Int64)
    return Words(tuple(values), every["owner"].to_numpy(), words.to_numpy())
