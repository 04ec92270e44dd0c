"""Merges the incoming rows of partitions with the published rows, and writes their state files (I, U)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from transforms.errors import DamagedFileError
from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import GroupCounts, Merged, merge
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.kernels.publish.changed_rows import FEW, Touched
from transforms.kernels.summarize.fields import summarize
from transforms.rules.export_rows import ANNOTATION_GROUPS, GROUPS, REFERENCED_GROUPS, Group
from transforms.rules.fields import GroupSummary
from transforms.rules.key_limits import MAX_FIELDS
from transforms.rules.policies import Step
from transforms.stages.elements import Partition, PublishedFiles, Summaries
from transforms.stages.progress_notes import note_progress
from transforms.stages.rejections import Rejections
from transforms.storage.states import read_state, state_file
from transforms.storage.stored_files import BASES, Piece, StoredFile, part_path, store
from transforms.storage.summaries import read_summaries, summaries_data

CHANGES = "changes"
"""Folder of the changes of groups of which only the touched rows were read, for `write_partition`; no part of a
version."""
MOST_WAITING = 50_000
"""Records of buffered partitions, of which few rows are touched, that are merged at once."""


@dataclass(frozen=True, slots=True)
class Merging:
    """The inputs of a merge that are the same for all partitions.

    Attributes:
        root: Folder of the state files.
        partitions: Number of partitions.
        exports: URI of each export of the job, by its number.
        steps: The jobs of the exports: one, or several of a backfill.
        export_steps: The step of each export.
        published: The files of the published version.
        limits: Group to field to the number of distinct strings that are counted, if not the default (D3).
        fresh: Groups whose summaries are rebuilt, because their limits differ from those of the published version.
        progress: Local file for progress notes, None if the workers are on other machines.
        max_fields: Maximum number of metadata keys of a group (R5).
    """

    root: str
    partitions: int
    exports: Sequence[str]
    steps: Sequence[Step] = (Step(),)
    export_steps: Sequence[int] = ()
    published: PublishedFiles = field(default_factory=PublishedFiles)
    limits: Mapping[Group, Mapping[str, int]] = field(default_factory=dict)
    fresh: Collection[Group] = ()
    progress: str | None = None
    max_fields: int = MAX_FIELDS


@dataclass(frozen=True, slots=True)
class MergeInput:
    """The incoming batches of a partition, and the published files that they are merged with.

    Attributes:
        number: Number of the partition.
        incoming: Group to its incoming batches.
        published: Group to its published state file.
        known: Group to the summary of its published rows.
        touched: The incoming groups with so few rows, compared to the published ones, that only the published rows with
            the same reference ids are read.
        repaired: Paths of damaged files that were rebuilt.
    """

    number: int
    incoming: Mapping[Group, Sequence[Batch]]
    published: Mapping[Group, StoredFile]
    known: Mapping[Group, GroupSummary]
    touched: Mapping[Group, Touched]
    repaired: tuple[str, ...] = ()

    @property
    def has_few(self) -> bool:
        """Whether all incoming groups with published rows are in `touched`, so that no group is read as a whole."""
        return bool(self.touched) and self.incoming.keys() & self.published.keys() == self.touched.keys()

    def rows(self) -> Iterator[tuple[Group, Batch]]:
        """The published rows that the merge needs; of groups that are only referred to (I4) the reference ids."""
        for group, published in self.published.items():
            if group in self.touched:
                yield group, self.touched[group].rows
            elif group in self.incoming:
                yield group, read_state(published)
            elif group in REFERENCED_GROUPS and not self.incoming.keys().isdisjoint(ANNOTATION_GROUPS):
                yield group, state_file(published).part(("reference_id",), ())

    @property
    def records(self) -> int:
        """Number of records that the merge reads."""
        incoming = sum(batch.rows.height for batches in self.incoming.values() for batch in batches)
        return incoming + sum(each.rows.rows.height for each in self.touched.values())


@dataclass(frozen=True, slots=True)
class MergedPartitions:
    """What becomes of one partition, or of several that are merged at once.

    Attributes:
        partitions: Each partition with a row, and the summaries of its rows.
        counts: What became of the incoming records, by group; groups without any are left out (U4).
        rejections: The records that only a merge can reject, without their bytes.
    """

    partitions: Sequence[tuple[Partition, Summaries]]
    counts: Mapping[Group, GroupCounts]
    rejections: Rejections


class PartitionMerger:
    """Merges partition after partition; those of which few rows are touched wait for others: a merge has a fixed cost.

    The merged rows are written to state files, which later stages read, and from which the next version of the dataset
    is built. Groups that the job does not change are not read or written.
    """

    def __init__(self, merging: Merging, resolution: Resolution | None = None) -> None:
        """Takes the inputs of all partitions, and for a second merge how type conflicts are resolved (T6)."""
        self._merging = merging
        self._resolution = resolution
        self._waiting: list[MergeInput] = []

    def add(self, number: int, batches: Iterable[Batch]) -> Iterator[MergedPartitions]:
        """Merges a partition, now or with later ones; the batches are the incoming rows of all groups."""
        given = load_merge_input(number, batches, self._merging)
        if not given.has_few:
            yield merge_partitions([given], self._merging, self._resolution)
            return
        self._waiting.append(given)
        if sum(each.records for each in self._waiting) >= MOST_WAITING:
            yield from self.flush()

    def flush(self) -> Iterator[MergedPartitions]:
        """Merges the partitions that wait."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            yield merge_partitions(waiting, self._merging, self._resolution)


def merge_partition(
    number: int, batches: Iterable[Batch], merging: Merging, resolution: Resolution | None = None
) -> MergedPartitions:
    """Merges one partition.

    Args:
        number: Its number.
        batches: The incoming rows of all groups.
        merging: The inputs that all partitions share.
        resolution: How type conflicts are resolved, for a second merge (T6).
    """
    return merge_partitions([load_merge_input(number, batches, merging)], merging, resolution)


def load_merge_input(number: int, batches: Iterable[Batch], merging: Merging) -> MergeInput:
    """Loads the published state of a partition, as far as the merge needs it."""
    incoming: dict[Group, list[Batch]] = {}
    for batch in batches:
        if batch.rows.height:
            incoming.setdefault(batch.group, []).append(batch)
    published = merging.published.states.get(number, {})
    known, repaired = _known(number, published, merging)
    every = [batch for batches in incoming.values() for batch in batches]
    few = sum(batch.rows.height for batch in every) * FEW
    touched = {
        group: Touched.of(state_file(published[group]), every, known[group], merging.limits.get(group))
        for group in incoming
        if group in published and few <= published[group].records and group not in merging.fresh
    }
    return MergeInput(number, incoming, published, known, touched, repaired)


def _known(
    number: int, published: Mapping[Group, StoredFile], merging: Merging
) -> tuple[Mapping[Group, GroupSummary], tuple[str, ...]]:
    """The summaries of published rows, and the path of their file if it was damaged and is rebuilt (P7)."""
    file = merging.published.summaries.get(number)
    known: dict[Group, GroupSummary] = {}
    with suppress(DamagedFileError):
        known = {} if file is None else read_summaries(file)
    if known.keys() == published.keys():
        return known, ()
    made = {group: summarize(read_state(state), merging.limits.get(group, {})) for group, state in published.items()}
    return made, (part_path("state/summaries", number, merging.partitions, "json"),)


def merge_partitions(
    inputs: Sequence[MergeInput], merging: Merging, resolution: Resolution | None = None
) -> MergedPartitions:
    """Merges one partition, or several of which few rows are touched, and writes the state files of each."""
    incoming: dict[Group, list[Batch]] = {}
    published: dict[Group, list[Batch]] = {}
    for each in inputs:
        for group, batches in each.incoming.items():
            incoming.setdefault(group, []).extend(batches)
        for group, rows in each.rows():
            published.setdefault(group, []).append(rows)
    merged = merge(
        incoming,
        {group: Batch.concatenated(batches) for group, batches in published.items()},
        exports=merging.exports,
        steps=merging.steps,
        export_steps=merging.export_steps,
        resolution=resolution,
    )
    numbers = [each.number for each in inputs]
    parts = [merged] if len(inputs) == 1 else merged.split(numbers, merging.partitions)
    found = []
    for each, own in zip(inputs, parts, strict=True):
        summaries = Summaries()
        partition = _stored(each, own, summaries, merging)
        records = sum(state.records for state in partition.states.values()) if partition else 0
        note_progress(merging.progress, "merged", 1, records)
        if partition is not None:
            found.append((partition, summaries))
    counts = {group: each for group, each in merged.counts.items() if each != GroupCounts()}
    return MergedPartitions(found, counts, Rejections.of_rows(merged.rejected))


def _stored(given: MergeInput, merged: Merged, summaries: Summaries, merging: Merging) -> Partition | None:
    """Writes the new files of a partition and fills `summaries` with those of all its rows; None if it is empty."""
    number, published = given.number, given.published
    states: dict[Group, StoredFile] = {}
    changes: dict[Group, StoredFile] = {}
    for group in GROUPS:
        limits = merging.limits.get(group, {})
        if group in merged.changed and group in given.touched:
            state, changed, summaries[group] = given.touched[group].replaced(
                merged.batches[group], limits, max_fields=merging.max_fields
            )
            stored = _write(merging, "state", group, number, state.to_bytes(), state.records)
            states[group] = (
                stored if state.delta is None else replace(stored, base=_base(group, number, published[group], merging))
            )
            changes[group] = _write(merging, CHANGES, group, number, changed.to_bytes(), len(changed.places))
        elif group in merged.changed:
            batch = merged.batches[group]
            states[group] = _write(merging, "state", group, number, batch.pieces(numbered=True), batch.rows.height)
            summaries[group] = summarize(batch, limits, max_fields=merging.max_fields)
        elif group in published:
            states[group] = published[group]
            fresh = group in merging.fresh
            summaries[group] = summarize(read_state(published[group]), limits) if fresh else given.known[group]
    if not states:
        return None
    before = merging.published.summaries.get(number)
    if before is None or merged.changed or given.repaired or not published.keys().isdisjoint(merging.fresh):
        path = part_path("state/summaries", number, merging.partitions, "json")
        records = sum(state.records for state in states.values())
        before = store(merging.root, path, summaries_data(summaries), records=records)
    return Partition(number, states, before, frozenset(merged.changed), changes, given.repaired)


def _base(group: Group, number: int, published: StoredFile, merging: Merging) -> StoredFile:
    """The base of a new delta: that of the published delta, or the published file under the path of bases."""
    path = part_path(f"{BASES}{group}", number, merging.partitions, "arrow")
    return published.base or replace(published, path=path)


def _write(
    merging: Merging, folder: str, group: Group, number: int, data: Piece | Iterable[Piece], records: int
) -> StoredFile:
    path = part_path(f"{folder}/{group}", number, merging.partitions, "arrow")
    return store(merging.root, path, data, records=records)
