"""Merges the incoming rows of a partition with its published rows: identity, duplicates, references, updates (I, U).

Items and scenes are partitioned by their reference id, annotations and predictions by that of their item or scene. Each
partition is therefore merged independently of all others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions, no_cells
from transforms.kernels.batch.hashing import partitions_of
from transforms.kernels.batch.row_equality import canonical, consolidated
from transforms.kernels.merge.decisions import FROM, Decisions, RowOutcome
from transforms.kernels.merge.rejections import Duplicates, Unknown, duplicate_rows, faulty_rows, unknown_rows
from transforms.kernels.merge.resolve_conflicts import Resolution, cleared, dropped_values
from transforms.kernels.merge.timeline import NEVER, PUBLISHED, timeline
from transforms.rules.export_rows import ANNOTATION_GROUPS, GROUPS, REFERENCED_GROUPS, Group
from transforms.rules.policies import Step
from transforms.rules.rejections import Fault

_INCOMING_ONLY = ("export", "chunk", "line", "part")


@dataclass(slots=True)
class GroupCounts:
    """Counts of the outcomes of incoming rows of one group (U4).

    Attributes:
        cleared: Values cleared by the policy `null` (T6); their rows are counted under their own outcome, too.
    """

    created: int = 0
    updated: int = 0
    ignored: int = 0
    unchanged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    cleared: int = 0


@dataclass(slots=True)
class Merged:
    """A partition after the merge.

    Attributes:
        batches: Group to its rows, in the order of their identity; groups without rows are absent.
        changed: The groups that differ from the published ones, with the reference ids of rows that were added, removed
            or changed; an id may occur several times.
        counts: Group to the outcomes of its incoming rows.
        rejected: Rows that are not accepted and values that were cleared, with the columns of `rejections.REJECTED`.
    """

    batches: dict[Group, Batch] = field(default_factory=dict)
    changed: dict[Group, pl.Series] = field(default_factory=dict)
    counts: dict[Group, GroupCounts] = field(default_factory=lambda: {group: GroupCounts() for group in GROUPS})
    rejected: list[pl.DataFrame] = field(default_factory=list)

    def split(self, numbers: Sequence[int], partitions: int) -> "list[Merged]":
        """Splits the merge of several partitions; the parts have no counts and no rejections.

        Args:
            numbers: The numbers of these partitions.
            partitions: Number of all partitions.
        """
        found = [Merged() for _ in numbers]
        places = np.full(partitions, -1, np.int64)
        places[list(numbers)] = np.arange(len(numbers))
        for group, batch in self.batches.items():
            parts = places[partitions_of(batch.rows["reference_id"], partitions)]
            for own, rows in zip(found, batch.split(parts, len(numbers)), strict=True):
                if rows is not None:
                    own.batches[group] = rows
        for group, ids in self.changed.items():
            parts = places[partitions_of(ids, partitions)]
            for place in np.unique(parts).tolist():
                own = found[place]
                own.changed[group] = ids.filter(pl.Series(parts == place))
                own.batches.setdefault(group, Batch(group, self.batches[group].rows.clear(), no_cells()))
        return found


def merge(
    incoming: Mapping[Group, Sequence[Batch]],
    published: Mapping[Group, Batch],
    *,
    exports: Sequence[str],
    steps: Sequence[Step] = (Step(),),
    export_steps: Sequence[int] = (),
    resolution: Resolution | None = None,
) -> Merged:
    """Merges the rows of one partition, step by step.

    Args:
        incoming: The batches of the job, in any order.
        published: Group to the published rows that the merge needs.
        exports: Name of each export of the job.
        steps: The jobs that these exports come from, one or (a backfill) several, in their order.
        export_steps: The step of each export; by default all belong to the first.
        resolution: How type conflicts are resolved, None for the first merge, which only finds them (T6).
    """
    merged = Merged()
    referenced = pl.DataFrame(schema={"reference_id": pl.String} | dict.fromkeys(FROM, pl.Int64()))
    for group in GROUPS:
        batches, before = incoming.get(group, ()), published.get(group)
        if batches:
            one = _Group(merged, group, Batch.concatenated(batches), before, exports, resolution)
            known = one.merge(steps, export_steps or [0] * len(exports), referenced)
        elif before is not None:
            merged.batches[group] = before
            known = before.rows.select("reference_id", *(pl.lit(PUBLISHED, pl.Int64).alias(name) for name in FROM))
        else:
            continue
        if group in REFERENCED_GROUPS:
            referenced = pl.concat([referenced, known])
    return merged


class _Group:
    """The rows of one group of a partition during the merge."""

    def __init__(
        self,
        merged: Merged,
        group: Group,
        incoming: Batch,
        published: Batch | None,
        exports: Sequence[str],
        resolution: Resolution | None,
    ) -> None:
        self._merged = merged
        self._group: Group = group
        self._published = published
        self._incoming = incoming
        self._conflicts: list[tuple[int, Fault]] = []
        self._clears = False
        if resolution is not None and (kept_kinds := resolution.kept_kinds.get(group)):
            self._conflicts = list(dropped_values(incoming, kept_kinds))
            self._clears = resolution.on_conflict == "null"
            if self._clears:
                incoming = cleared(incoming, kept_kinds)
        names = pl.Series("export_name", list(exports), pl.String)
        rows = incoming.rows.with_columns(export_name=names.gather(incoming.rows["export"])).drop(_INCOMING_ONLY)
        named = Batch(group, rows, incoming.cells)
        self._pool = consolidated(named if published is None else Batch.concatenated([published, named]))

    def merge(self, steps: Sequence[Step], export_steps: Sequence[int], referenced: pl.DataFrame) -> pl.DataFrame:
        """Decides every row; returns the columns of `Decisions.known`.

        Args:
            steps: The jobs, in their order.
            export_steps: The step of each export.
            referenced: `Decisions.known` of items and scenes; not used for these groups themselves.
        """
        published = None if self._published is None else self._published.rows
        lines = timeline(self._group, self._incoming.rows, published, steps=steps, export_steps=export_steps)
        start = 0 if published is None else published.height
        refers = self._group in ANNOTATION_GROUPS
        of_lines = self._referenced_from(lines, referenced) if refers else None
        decisions = Decisions(lines, self._pool, steps, has_masks=refers, referenced=of_lines)
        if self._conflicts and not self._clears:
            of_row: dict[int, Fault] = {}
            for row, fault in self._conflicts:
                of_row.setdefault(start + row, fault)
            decisions.reject(of_row)
        decisions.decide()
        self._count(decisions, start)
        rows = decisions.rows()
        changed = decisions.changed()
        if len(changed):
            whole = (
                consolidated(decisions.pool.take(rows))
                if len(rows) < decisions.pool.rows.height
                else decisions.pool.take(rows)
            )
            self._merged.batches[self._group] = canonical(whole)
            self._merged.changed[self._group] = changed
        elif self._published is not None:
            self._merged.batches[self._group] = self._published
        return decisions.known()

    @staticmethod
    def _referenced_from(lines: pl.DataFrame, referenced: pl.DataFrame) -> tuple[Positions, Positions]:
        """The columns FROM of the item or scene of each line, NEVER if it does not exist: 2 x int64[lines]."""
        earliest = referenced.group_by("reference_id").agg(pl.col(FROM).min())
        joined = lines.select("reference_id").join(earliest, on="reference_id", how="left", maintain_order="left")
        first, second = (joined[name].fill_null(NEVER).to_numpy() for name in FROM)
        return first, second

    def _count(self, decisions: Decisions, start: int) -> None:
        """Counts the outcomes of the incoming rows, and collects the rejected ones."""
        counts = self._merged.counts[self._group]
        counts.created += decisions.count(RowOutcome.CREATED)
        counts.updated += decisions.count(RowOutcome.UPDATED)
        counts.ignored += decisions.count(RowOutcome.IGNORED)
        counts.unchanged += decisions.count(RowOutcome.UNCHANGED)
        for rows, reason in decisions.rejections():
            incoming = self._incoming.rows[rows - start]
            match reason:
                case Duplicates():
                    kept = self._incoming.rows[reason.kept - start]
                    frame = duplicate_rows(incoming, self._group, kept, reason.by_mask.tolist())
                case Unknown():
                    frame = unknown_rows(incoming, self._group, merging=reason.merging)
                case faults:
                    frame = faulty_rows(incoming, self._group, faults)
            self._merged.rejected.append(frame)
            counts.rejected.update(frame["code"].to_list())
        if self._clears:
            effective = decisions.rows_with(RowOutcome.CREATED, RowOutcome.UPDATED, RowOutcome.UNCHANGED)
            found = [(row, fault) for row, fault in self._conflicts if start + row in effective]
            if found:
                where = np.array([row for row, _ in found], np.int64)
                faults = [fault for _, fault in found]
                self._merged.rejected.append(faulty_rows(self._incoming.rows[where], self._group, faults))
                counts.cleared += len(found)
