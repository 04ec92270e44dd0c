"""The few rows of a group of a partition that a job touches: all others are neither decoded nor looked at.

Rows that are decided together have one reference id (`kernels.merging`). So those with another id than any that a job
brings stay as they are, and what the job makes of the others can be laid over them.
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
from transforms.kernels.batch.value_columns import form_and_key
from transforms.kernels.publish.rows import USED
from transforms.kernels.summarize.fields import summarize
from transforms.kernels.summarize.unchanged_rows import unchanged_values
from transforms.rules.fields import GroupSummary, merge_groups
from transforms.rules.retraction import UnchangedValues, open_fields, replaced_group
from transforms.rules.strings import ALL_VALUES

FEW = 4
"""Rows are looked at alone where the dataset holds so many times more than a job brings."""
_HEADER = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class Changes:
    """What a job changes in the rows of a group of a partition.

    Attributes:
        removed: The numbers of rows that were there before, ascending: int64[G].
        before: These G rows, as far as their numbers and URLs go: what was counted of them, and what they use.
        after: The N rows that are there instead; some may say what they said before.
        places: Their numbers among all rows there are then, ascending: int64[N].
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
    """The held rows whose reference id a job brings, and what has to be known of the others to do without them.

    Attributes:
        state: Where they are held, with all others.
        names: The reference ids that the job brings, ascending: N strings.
        standing: For each of these how many of the other rows are before it: int64[N].
        numbers: Theirs among all rows, ascending: int64[N].
        rows: These N rows.
        known: The summary of all rows.
        summary: That of the N rows, all their strings counted.
        unchanged: Of the others, the fields of which these summaries do not say enough (`rules.retraction`).
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
        """The rows that these batches may touch.

        Args:
            state: All rows; when this returns it keeps nothing of them but their bytes.
            incoming: What the job brings.
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
        """The state file with these rows in place of those, the changes that this makes, and the summary of all.

        `limits` as in `of`, `max_fields` as in `summarize`.
        """
        groups = self.names.search_sorted(rows.rows["reference_id"]).to_numpy()
        places = self.standing[groups] + np.arange(len(groups))
        state = self.state.replaced(self.numbers, rows, places)
        added = summarize(rows, most=ALL_VALUES, max_fields=max_fields)
        changes = Changes(self.numbers, _counted(self.rows), rows, places)
        if added.crowd:
            return state, changes, merge_groups(GroupSummary(state.records - added.records, self.known.fields), added)
        fields = replaced_group(self.known, self.summary, added, self.unchanged, limits)
        return state, changes, GroupSummary(state.records, fields)


def _counted(batch: Batch) -> Batch:
    """Of some rows the columns and cells of numbers, and the columns from which their uses of URLs are told."""
    used = USED[batch.group]
    names = [name for name in batch.rows.columns if name in used or _is_number(name)]
    cells = batch.cells.filter(pl.col("form").is_in(KIND_FORMS["number"])) if batch.cells.height else batch.cells
    return Batch(batch.group, batch.rows.select(names), cells)


def _is_number(name: str) -> bool:
    """Whether a column is one of numbers of the metadata."""
    value = form_and_key(name)
    return value is not None and value[0] in KIND_FORMS["number"]
