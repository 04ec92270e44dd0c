"""Applies a job that touches few rows of a partition without decoding the other rows.

Rows that are merged with each other have the same reference id (`kernels.merge`). Published rows whose id no incoming
row has are therefore unchanged, and the changes of the others are written as a delta.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.metadata_columns import KIND_FORMS
from transforms.kernels.batch.state_files import StateFile
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.publish.annotation_counts import COUNTED
from transforms.kernels.publish.rows import USED
from transforms.kernels.summarize.fields import summarize
from transforms.kernels.summarize.unchanged_rows import unchanged_values
from transforms.rules.dates import DATE
from transforms.rules.export_rows import REFERENCED_GROUPS
from transforms.rules.fields import GroupSummary, merge_groups
from transforms.rules.retraction import UnchangedValues, open_fields, replaced_group
from transforms.rules.strings import ALL_VALUES

FEW = 4
"""Only touched rows are read if the published rows are at least this many times the incoming ones."""
_STRING = "string"
_HEADER = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a job to the rows of a group of a partition.

    Attributes:
        removed: Positions of removed rows among the published rows, ascending: int64[G].
        before: These G rows with only the columns that are counted, and those of URLs, to subtract counts and uses.
        after: The N added rows; some may equal a removed one.
        places: Positions of the added rows among all rows afterwards, ascending: int64[N].
    """

    removed: Positions
    before: Batch
    after: Batch
    places: Positions

    def to_bytes(self) -> bytes:
        """The changes as bytes."""
        pieces = (self.removed.tobytes(), self.places.tobytes(), self.before.to_bytes())
        return b"".join((_HEADER.pack(*map(len, pieces)), *pieces, self.after.to_bytes()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The changes that `to_bytes` wrote."""
        first, second, third = (np.cumsum(_HEADER.unpack_from(data)) + _HEADER.size).tolist()
        removed, places = (
            np.frombuffer(data[start:stop], np.int64) for start, stop in ((_HEADER.size, first), (first, second))
        )
        return cls(removed, Batch.from_bytes(data[second:third]), Batch.from_bytes(data[third:]), places)


@dataclass(frozen=True, slots=True)
class Touched:
    """The published rows with an incoming reference id, and the facts about all other rows that the merge needs.

    Attributes:
        state: The state file with all published rows.
        names: The incoming reference ids, ascending: M strings.
        standing: The number of untouched rows before each id: int64[M].
        numbers: Positions of the touched rows among all rows, ascending: int64[N].
        rows: The N touched rows.
        known: The summary of all rows.
        summary: The summary of the N touched rows, with all their strings counted.
        unchanged: Extremes and strings of the untouched rows, for fields where both summaries are not sufficient
            (`rules.retraction`).
    """

    state: StateFile
    names: pl.Series
    standing: Positions
    numbers: Positions
    rows: Batch
    known: GroupSummary
    summary: GroupSummary
    unchanged: Mapping[str, UnchangedValues]

    @classmethod
    def of(
        cls,
        state: StateFile,
        incoming: Sequence[Batch],
        known: GroupSummary,
        limits: Mapping[str, int] | None = None,
    ) -> Self:
        """The published rows that these batches may touch.

        Args:
            state: All published rows; its decompressed columns are dropped before the return.
            incoming: The batches of the job.
            known: The summary of all rows.
            limits: As in `summarize`.
        """
        names = pl.concat([batch.rows["reference_id"] for batch in incoming]).unique().sort()
        state.keep()
        ids = state.reference_ids()
        first, last = (ids.search_sorted(names, side).to_numpy().astype(np.int64) for side in ("left", "right"))
        counts = last - first
        before = np.cumsum(counts) - counts
        numbers = np.arange(counts.sum()) + np.repeat(first - before, counts)
        rows = state.rows(numbers)
        summary = summarize(rows, most=ALL_VALUES)
        is_unchanged = np.ones(state.records, np.bool_)
        is_unchanged[numbers] = False
        unchanged = unchanged_values(state, is_unchanged, open_fields(known, summary), limits)
        state.forget()
        return cls(state, names, first - before, numbers, rows, known, summary, unchanged)

    def replaced(
        self, rows: Batch, limits: Mapping[str, int] | None = None, *, max_fields: int | None = None
    ) -> tuple[StateFile, Changes, GroupSummary]:
        """The state file with the touched rows replaced, the changes, and the summary of all rows afterwards.

        Args:
            rows: The rows that replace the touched ones, in the order of their identity.
            limits: As in `of`.
            max_fields: As in `summarize`.
        """
        groups = self.names.search_sorted(rows.rows["reference_id"]).to_numpy()
        places = self.standing[groups] + np.arange(len(groups))
        state = self.state.replaced(self.numbers, rows, places)
        added = summarize(rows, most=ALL_VALUES, max_fields=max_fields)
        changes = Changes(self.numbers, _counted(self.rows), rows, places)
        if added.key_sketch:
            return state, changes, merge_groups(GroupSummary(state.records - added.records, self.known.fields), added)
        fields = replaced_group(self.known, self.summary, added, self.unchanged, limits)
        return state, changes, GroupSummary(state.records, fields)


def _counted(batch: Batch) -> Batch:
    """The columns and cells of numbers and dates, what annotations are counted by, and the columns of uses of URLs."""
    used = USED[batch.group] | (frozenset() if batch.group in REFERENCED_GROUPS else frozenset(COUNTED))
    names = [each.name for each in batch.rows.iter_columns() if each.name in used or _is_counted(each)]
    cells = batch.cells
    if cells.height:
        numbers = pl.col("form").is_in(KIND_FORMS["number"])
        cells = cells.filter(numbers | ((pl.col("form") == _STRING) & pl.col("text").str.contains(DATE)))
    return Batch(batch.group, batch.rows.select(names), cells)


def _is_counted(column: pl.Series) -> bool:
    """Whether a column has numbers of metadata, or strings of which some are dates."""
    value = ValueColumn.of(column.name)
    if value is None:
        return False
    return value.form in KIND_FORMS["number"] or (value.form == _STRING and bool(column.str.contains(DATE).any()))
