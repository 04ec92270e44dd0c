"""Decides the outcome of each incoming row, in rounds over the rows of each identity (U1 to U3, I3, I4).

The first round decides the first row of every identity, the second round the second row, and so on; only a backfill has
several. The time therefore depends on the number of rows, not of steps. Masks are decided before their segments, which
share their outcome.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.row_equality import consolidated_from, differing
from transforms.kernels.merge.merge_metadata import merge_metadata
from transforms.kernels.merge.rejections import Duplicates, Unknown
from transforms.kernels.merge.timeline import NEVER, PUBLISHED, follow_masks, removed_segments
from transforms.rules.annotations import SEGMENT
from transforms.rules.policies import Step
from transforms.rules.rejections import Fault

FROM = ("exists_from", "exists_from_without_conflicts")
"""Columns of `Decisions.known`: the step from which on an item or scene exists, and would exist without rejections of
type conflicts."""


class RowOutcome(IntEnum):
    """The possible outcomes of an incoming row (U4)."""

    OPEN = 0
    CREATED = 1
    UPDATED = 2
    IGNORED = 3
    UNCHANGED = 4
    DUPLICATE = 5
    UNKNOWN = 6
    FAULTY = 7


_APPEND, _REPLACE, _MERGE = range(3)
_MODES = {"append": _APPEND, "replace": _REPLACE, "merge": _MERGE}


class Decisions:
    """Decides the lines of a `timeline`.

    Attributes:
        pool: The published rows, the incoming rows, and after them the rows that merging metadata added.
    """

    def __init__(
        self,
        lines: pl.DataFrame,
        pool: Batch,
        steps: Sequence[Step],
        *,
        has_masks: bool,
        referenced: tuple[Positions, Positions] | None = None,
    ) -> None:
        """Takes what is to be decided.

        Args:
            lines: The timeline.
            pool: The batch that its column `row` refers to.
            steps: The jobs, in their order.
            has_masks: Whether the rows may be masks and their segments.
            referenced: int64[lines] each: the step from which on the item or scene that a line refers to exists (I4),
                and the same step if no row had been rejected for a type conflict; None where rows refer to nothing.
        """
        self.pool = pool
        published: Positions = np.full(lines.height, PUBLISHED, np.int64)
        self._referenced_from, self._referenced_from_without_conflicts = referenced or (published, published)
        self._lines = lines
        self._steps = steps
        self._identity: Positions = lines["identity"].to_numpy()
        self._step: Positions = lines["step"].to_numpy().astype(np.int64)
        self._row: Positions = lines["row"].to_numpy()
        modes = np.array([_MODES[step.mode] for step in steps], np.int8)
        self._mode = modes[np.maximum(self._step, 0)] if lines.height else np.empty(0, np.int8)
        self._outcomes = np.zeros(lines.height, np.int8)
        self._outcomes[~lines["is_effective"].to_numpy()] = RowOutcome.DUPLICATE
        self._faults: dict[int, Fault] = {}
        self._has_conflict = np.zeros(lines.height, np.bool_)
        self._has_masks = has_masks
        self._masks: Positions = np.full(lines.height, -1, np.int64)
        count = int(self._identity[-1]) + 1 if lines.height else 0
        self._current_row = np.full(count, -1, np.int64)
        self._exists_from = np.full(count, NEVER, np.int64)
        self._exists_from_without_conflicts = np.full(count, NEVER, np.int64)
        self._is_changed = np.zeros(count, np.bool_)
        is_published = self._step == PUBLISHED
        self._current_row[self._identity[is_published]] = self._row[is_published]
        self._exists_from[self._identity[is_published]] = self._exists_from_without_conflicts[
            self._identity[is_published]
        ] = PUBLISHED

    def reject(self, faults: Mapping[int, Fault]) -> None:
        """Marks rows, by number in the pool, to be rejected if they would be created or would update a row."""
        self._has_conflict = np.isin(self._row, np.array(sorted(faults), np.int64)) & (self._step != PUBLISHED)
        for line in np.flatnonzero(self._has_conflict).tolist():
            self._faults[line] = faults[int(self._row[line])]

    def decide(self) -> None:
        """Decides all lines."""
        is_incoming = self._step != PUBLISHED
        if not self._has_masks:
            self._decide_in_rounds(np.flatnonzero(is_incoming & (self._outcomes == RowOutcome.OPEN)), {})
            return
        masks = self._masks = follow_masks(self._lines)
        segments = (self._lines["space"] == SEGMENT).to_numpy() & is_incoming
        # The segments of a duplicate mask are duplicates, even if no other mask of the job has their index.
        owned = segments & (masks >= 0)
        lost = owned & (self._outcomes[masks] == RowOutcome.DUPLICATE)
        self._outcomes[lost] = RowOutcome.DUPLICATE
        self._decide_in_rounds(np.flatnonzero(is_incoming & ~segments & (self._outcomes == RowOutcome.OPEN)), {})
        owned &= self._outcomes == RowOutcome.OPEN
        self._outcomes[owned & (self._outcomes[masks] == RowOutcome.IGNORED)] = RowOutcome.IGNORED
        self._outcomes[owned & (self._outcomes[masks] == RowOutcome.UNKNOWN) & ~self._has_conflict] = RowOutcome.UNKNOWN
        open_segments = np.flatnonzero(segments & (self._outcomes == RowOutcome.OPEN))
        removed = removed_segments(self._lines, masks, [step.mode == "replace" for step in self._steps])
        self._decide_in_rounds(
            open_segments, dict(zip(removed.select("identity", "step").rows(), removed["mask"].to_list(), strict=True))
        )

    def rows(self) -> Positions:
        """The rows of the pool that exist after the merge, in the order of their identity: int64[N]."""
        return self._current_row[self._current_row >= 0]

    def known(self) -> pl.DataFrame:
        """The step from which on each item or scene exists, and would exist without `reject`.

        Columns reference_id, exists_from, exists_from_without_conflicts.
        """
        return pl.DataFrame(
            [
                self._ids(),
                pl.Series(FROM[0], self._exists_from),
                pl.Series(FROM[1], self._exists_from_without_conflicts),
            ]
        )

    def changed(self) -> pl.Series:
        """The reference ids, one for each identity, of rows that differ from the published ones."""
        return self._ids().filter(pl.Series(self._is_changed))

    def _ids(self) -> pl.Series:
        """The reference id of each identity."""
        return self._lines["reference_id"].gather(np.flatnonzero(np.diff(self._identity, prepend=-1)))

    def count(self, outcome: RowOutcome) -> int:
        """Number of incoming rows with this outcome."""
        return int(np.count_nonzero(self._outcomes == outcome))

    def rows_with(self, *outcomes: RowOutcome) -> set[int]:
        """The incoming rows, by number in the pool, that have one of these outcomes."""
        return set(self._row[np.isin(self._outcomes, outcomes) & (self._step != PUBLISHED)].tolist())

    def rejections(self) -> Iterator[tuple[Positions, list[Fault] | Duplicates | Unknown]]:
        """Rejected incoming rows, by number in the pool, with a fault for each or with one reason for all of them."""
        duplicates = np.flatnonzero(self._outcomes == RowOutcome.DUPLICATE)
        if len(duplicates):
            yield self._row[duplicates], self._kept_of_duplicates(duplicates)
        for merging in (False, True):
            unknown = (self._outcomes == RowOutcome.UNKNOWN) & ((self._mode == _MERGE) == merging)
            if unknown.any():
                yield self._row[unknown], Unknown(merging)
        faulty = np.flatnonzero(self._outcomes == RowOutcome.FAULTY)
        if len(faulty):
            yield self._row[faulty], [self._faults[line] for line in faulty.tolist()]

    def _kept_of_duplicates(self, lines: Positions) -> Duplicates:
        """The rows that are kept instead of duplicate lines: the effective line of each identity and step (I3)."""
        masks = self._masks[lines]
        by_mask = (masks >= 0) & (self._outcomes[masks] == RowOutcome.DUPLICATE)
        of = np.where(by_mask, masks, lines)
        begins = (np.diff(self._identity, prepend=-1) != 0) | (np.diff(self._step, prepend=PUBLISHED - 1) != 0)
        numbers = np.cumsum(begins) - 1
        effective = np.flatnonzero(self._lines["is_effective"].to_numpy())  # one of each number, in their order
        return Duplicates(self._row[effective[numbers[of]]], by_mask)

    def _decide_in_rounds(self, lines: Positions, removed: Mapping[tuple[int, int], int]) -> None:
        """Decides open lines.

        Args:
            lines: Positions of lines whose outcome is open: int64[N].
            removed: Segments that are removed at a step: (identity, step) to the line of the mask that removes them.
        """
        ends = np.array(sorted(removed), np.int64).reshape(-1, 2)
        identities = np.concatenate([self._identity[lines], ends[:, 0]])
        step = np.concatenate([self._step[lines], ends[:, 1]])
        line = np.concatenate([lines, np.full(len(ends), -1, np.int64)])
        order = np.lexsort((step, identities))
        identities, step, line = identities[order], step[order], line[order]
        first = np.flatnonzero(np.diff(identities, prepend=-1))
        numbers = np.arange(len(identities)) - np.repeat(first, np.diff(np.append(first, len(identities))))
        for number in range(int(numbers.max(initial=-1)) + 1):
            now = numbers == number
            decided = now & (line >= 0)
            self._round(line[decided])
            for place in np.flatnonzero(now & (line < 0)).tolist():
                if self._current_row[identities[place]] >= 0:
                    self._current_row[identities[place]] = -1
                    self._is_changed[identities[place]] = True
                    self._remove_segment(removed[int(identities[place]), int(step[place])])

    def _remove_segment(self, mask: int) -> None:
        """Counts an unchanged mask as updated if a segment was removed: its own row may be equal, the mask is not."""
        if self._outcomes[mask] != RowOutcome.UNCHANGED:
            return
        self._outcomes[mask] = RowOutcome.UPDATED
        self._is_changed[self._identity[mask]] = True
        identities = self._identity == self._identity[mask]
        later = identities & (self._step > self._step[mask]) & (self._outcomes == RowOutcome.UPDATED)
        if not later.any():
            self._current_row[self._identity[mask]] = self._row[mask]

    def _round(self, lines: Positions) -> None:
        """Decides lines of distinct identities: int64[N]."""
        identities, mode = self._identity[lines], self._mode[lines]
        before = self._current_row[identities]
        known = before >= 0
        outcomes = np.zeros(len(lines), np.int8)
        outcomes[known & (mode == _APPEND)] = RowOutcome.IGNORED
        has_conflict = self._has_conflict[lines]
        # The type conflict of a row precedes that of its item or scene: its reference is unknown only if there was no
        # such item or scene before any conflict.
        has_referenced = (
            np.where(has_conflict, self._referenced_from_without_conflicts[lines], self._referenced_from[lines])
            <= self._step[lines]
        )
        outcomes[~known] = np.where((mode != _MERGE) & has_referenced, RowOutcome.CREATED, RowOutcome.UNKNOWN)[~known]
        created = outcomes == RowOutcome.CREATED
        self._exists_from_without_conflicts[identities[created]] = np.minimum(
            self._exists_from_without_conflicts[identities[created]], self._step[lines][created]
        )
        outcomes[has_conflict & (created | (outcomes == RowOutcome.OPEN))] = RowOutcome.FAULTY
        rows = self._row[lines].copy()
        merging = np.flatnonzero(known & (mode == _MERGE) & (outcomes == RowOutcome.OPEN))
        if len(merging):
            start = self.pool.rows.height
            merged, faults = merge_metadata(self.pool, before[merging], rows[merging])
            self.pool = consolidated_from([self.pool, merged])
            rows[merging] = np.arange(start, start + len(merging))
            for place, fault in faults.items():
                outcomes[merging[place]] = RowOutcome.FAULTY
                self._faults[int(lines[merging[place]])] = fault
        compared = np.flatnonzero(known & (mode != _APPEND) & (outcomes == RowOutcome.OPEN))
        if len(compared):
            differs = differing(self.pool, before[compared], rows[compared])
            outcomes[compared] = np.where(differs, RowOutcome.UPDATED, RowOutcome.UNCHANGED)
        self._outcomes[lines] = outcomes
        new = np.isin(outcomes, (RowOutcome.CREATED, RowOutcome.UPDATED))
        self._current_row[identities[new]] = rows[new]
        created = outcomes == RowOutcome.CREATED
        self._exists_from[identities[created]] = self._step[lines][created]
        self._is_changed[identities[new]] = True
