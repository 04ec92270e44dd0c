"""Counts the words of annotations (labels, types, taxonomies, model runs) and their shapes, while rows are written."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import chain
from typing import Self, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.list_columns import lists_of_texts

COUNTED = ("label", "labels", "type", "taxonomy_name", "model_run", "confidence", "geometry", "reference_id")
"""The columns that are counted."""
CONFIDENCE_EDGES = tuple(step / 20 for step in range(21))
"""Edges of 20 bins; what lies outside of them is in the first or the last."""
SIZE_EDGES = (0, *(2**power for power in range(17)))
"""Edges in pixels for the side of a square with the area of a box; a larger one is in the last bin."""
PER_RECORD_EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000)
"""Edges for the number of annotations of an item or a scene; a larger one is in the last bin."""
_SLICE_ROWS = 4_096
"""So many lists of labels are decoded at once: each label is an object until it is counted."""
Words: TypeAlias = Mapping[str, int]
Table: TypeAlias = Mapping[str, Words]


class AnnotationCountsJson(TypedDict):
    """The JSON of `AnnotationCounts`, without zeros, in the order of its keys; bins are counted by their number."""

    labels: dict[str, int]
    types: dict[str, int]
    classes: dict[str, dict[str, int]]
    taxonomies: dict[str, int]
    runs: dict[str, int]
    per_record: dict[str, int]
    sizes: dict[str, int]
    confidence: dict[str, dict[str, int]]
    unsure: dict[str, int]


@dataclass(frozen=True, slots=True)
class AnnotationCounts:
    """The counts of some annotations or predictions; they can be added and subtracted.

    Attributes:
        labels: Number of rows with each label, alone or among the labels of a multicategory.
        types: Number of rows by type.
        taxonomies: Number of rows by taxonomy.
        classes: By taxonomy, the number of rows with each class.
        runs: Number of rows by model run.
        per_record: By the number of the bin of PER_RECORD_EDGES, how many items or scenes have so many rows.
        sizes: By the number of the bin of SIZE_EDGES, the number of boxes.
        confidence: By model run, and by the number of the bin of CONFIDENCE_EDGES, the number of rows.
        unsure: By model run, the number of rows without a confidence.
    """

    labels: Words
    types: Words
    taxonomies: Words
    classes: Table
    runs: Words
    per_record: Words
    sizes: Words
    confidence: Table
    unsure: Words

    @classmethod
    def none(cls) -> Self:
        """The counts of no rows."""
        return cls({}, {}, {}, {}, {}, {}, {}, {}, {})

    @classmethod
    def of(cls, rows: pl.DataFrame) -> Self:
        """The counts of rows of a batch, in its order; all rows of an item or a scene are among them, or none is."""
        known = {name: rows.get_column(name, default=None) for name in COUNTED}
        nothing = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
        frame = pl.DataFrame({name: nothing if column is None else column for name, column in known.items()})
        predicted = frame.select("model_run", "confidence").filter(pl.col("model_run").is_not_null())
        sure = predicted.drop_nulls()
        bins = _bins(sure["confidence"].cast(pl.Float64), CONFIDENCE_EDGES)
        listed = _listed(frame)
        labels = Counter(_values(frame["label"]))
        for of in listed.values():
            labels.update(of)
        return cls(
            labels=labels,
            types=_values(frame["type"]),
            taxonomies=_values(frame["taxonomy_name"]),
            classes=_classes(frame, listed),
            runs=_values(frame["model_run"]),
            per_record=_binned(_bins(_lengths(frame["reference_id"]), PER_RECORD_EDGES)),
            sizes=_binned(_bins(_sides(frame.select("type", "geometry")), SIZE_EDGES)),
            confidence={
                run: {f"{at}": count for at, count in of.items()}
                for run, of in _table(pl.DataFrame({"key": sure["model_run"], "value": bins})).items()
            },
            unsure=_values(predicted.filter(pl.col("confidence").is_null())["model_run"]),
        )

    @classmethod
    def from_json(cls, document: AnnotationCountsJson) -> Self:
        """The counts in a document."""
        return cls(**document)

    def document(self) -> AnnotationCountsJson:
        """The counts as JSON."""
        return {
            "labels": dict(sorted(self.labels.items())),
            "types": dict(sorted(self.types.items())),
            "classes": {key: dict(sorted(of.items())) for key, of in sorted(self.classes.items())},
            "taxonomies": dict(sorted(self.taxonomies.items())),
            "runs": dict(sorted(self.runs.items())),
            "per_record": dict(sorted(self.per_record.items())),
            "sizes": dict(sorted(self.sizes.items())),
            "confidence": {key: dict(sorted(of.items())) for key, of in sorted(self.confidence.items())},
            "unsure": dict(sorted(self.unsure.items())),
        }

    def __add__(self, other: Self) -> Self:
        """The counts of the rows of both."""
        return self._combined(other, 1)

    def __sub__(self, other: Self) -> Self:
        """The counts without those of rows that were counted before."""
        return self._combined(other, -1)

    def _combined(self, other: Self, sign: int) -> Self:
        def table(one: Table, two: Table) -> Table:
            every = {key: _added(one.get(key, {}), two.get(key, {}), sign) for key in one.keys() | two.keys()}
            return {key: of for key, of in every.items() if of}

        words = {
            each.name: _added(getattr(self, each.name), getattr(other, each.name), sign)
            for each in fields(self)
            if each.name not in ("classes", "confidence")
        }
        return type(self)(
            classes=table(self.classes, other.classes), confidence=table(self.confidence, other.confidence), **words
        )


def _added(one: Words, two: Words, sign: int) -> dict[str, int]:
    found = dict(one)
    for key, count in two.items():
        found[key] = found.get(key, 0) + sign * count
        if not found[key]:
            del found[key]
    return found


def _values(column: pl.Series) -> dict[str, int]:
    counts = column.drop_nulls().value_counts(name="count")
    return dict(zip(counts[column.name].to_list(), counts["count"].to_list(), strict=True))


def _table(frame: pl.DataFrame) -> dict[str, dict[str, int]]:
    """The number of rows by key and value, of the columns `key` and `value`, without nulls."""
    found: dict[str, dict[str, int]] = {}
    for key, value, count in frame.drop_nulls().group_by("key", "value").len("count").iter_rows():
        found.setdefault(key, {})[value] = count
    return found


def _listed(frame: pl.DataFrame) -> Mapping[str | None, Words]:
    """By taxonomy, None without one, the number of multicategories with each label.

    A counter of decoded labels takes half the time of grouping columns of texts.
    """
    found: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    several = frame.select("taxonomy_name", "labels").filter(pl.col("labels").is_not_null())
    for rows in several.iter_slices(_SLICE_ROWS):
        of_each: defaultdict[str | None, list[list[str]]] = defaultdict(list)
        lists = lists_of_texts(rows["labels"].to_list())
        for taxonomy, labels in zip(rows["taxonomy_name"].to_list(), lists, strict=True):
            of_each[taxonomy].append(labels)
        for taxonomy, lists in of_each.items():
            found[taxonomy].update(chain.from_iterable(map(set, lists)))
    return found


def _classes(frame: pl.DataFrame, listed: Mapping[str | None, Words]) -> dict[str, Words]:
    """By taxonomy, the number of rows with each class, those of multicategories as `_listed` counts them."""
    found: dict[str, Words] = {**_table(frame.select(key="taxonomy_name", value="label"))}
    for taxonomy, of in listed.items():
        if taxonomy is not None:
            found[taxonomy] = _added(found[taxonomy], of, 1) if taxonomy in found else of
    return {taxonomy: of for taxonomy, of in found.items() if of}


def _lengths(names: pl.Series) -> pl.Series:
    """How often each name follows upon itself: int64[runs]; in the order of a batch, how often it is there."""
    starts = np.flatnonzero((names != names.shift(1)).fill_null(value=True).to_numpy())
    return pl.Series(np.diff(starts, append=len(names)))


def _bins(values: pl.Series, edges: tuple[float, ...]) -> npt.NDArray[np.int64]:
    """The number of the bin of each value: int64[N]; what lies outside is in the first or the last bin."""
    places = np.searchsorted(np.asarray(edges, np.float64), values.to_numpy(), side="right") - 1
    clipped: npt.NDArray[np.int64] = np.clip(places, 0, len(edges) - 2)
    return clipped


def _binned(bins: npt.NDArray[np.int64]) -> dict[str, int]:
    counts = np.bincount(bins)
    return {f"{at}": int(counts[at]) for at in np.flatnonzero(counts)}


def _sides(frame: pl.DataFrame) -> pl.Series:
    """The side in pixels of a square with the area of each box: float64[boxes]."""
    boxes = frame.filter(pl.col("type") == "box", pl.col("geometry").is_not_null())["geometry"]
    # Canonical JSON: of a box without other members these two are the first; what is no number is looked at again.
    behind = boxes.str.strip_prefix('{"height":').str.splitn(',"width":', 2).struct.unnest()
    texts = (behind["field_0"], behind["field_1"].str.splitn(',"x":', 2).struct.field("field_0"))
    sizes = [text.cast(pl.Float64, strict=False) for text in texts]
    if any(size.null_count() for size in sizes):
        others = [boxes.str.json_path_match(f"$.{name}").cast(pl.Float64, strict=False) for name in ("height", "width")]
        sizes = [one.fill_null(other) for one, other in zip(sizes, others, strict=True)]
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is in the last bin
        area = sizes[0].fill_null(0.0).to_numpy() * sizes[1].fill_null(0.0).to_numpy()
        return pl.Series("side", np.sqrt(np.maximum(area, 0.0)))
