"""MergeRecords: all rows of one partition together, decided against each other and against the dataset (I, U)."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.elements import Partition, PublishedFiles, Rejection, Summaries
from transforms.beam.progress_notes import note_progress
from transforms.beam.stage_metrics import Stage
from transforms.beam.states import BASES, read_state, read_summaries, state_file, summaries_data
from transforms.beam.steps import ListValues, StepFn
from transforms.beam.stored_files import StoredFile, part_path, store
from transforms.errors import DamagedFileError
from transforms.kernels.batch.batch import Batch, no_cells
from transforms.kernels.merge.merge import GroupCounts, Merged, merge
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.kernels.publish.changed_rows import FEW, Touched
from transforms.kernels.summarize.fields import summarize
from transforms.rules.crowds import MAX_FIELDS
from transforms.rules.export_rows import ANNOTATION_GROUPS, GROUPS, REFERENCED_GROUPS, Group
from transforms.rules.fields import GroupSummary
from transforms.rules.policies import Step

SUMMARIES = "summaries"
COUNTS = "counts"
REJECTED = "rejected"
CHANGES = "changes"
"""Folder of what was changed in groups of which few rows were looked at: for the step that writes rows."""
OUTPUTS = (SUMMARIES, COUNTS, REJECTED)
MOST_WAITING = 50_000
"""Partitions of which little is touched are merged when there are so many records to be looked at."""


@dataclass(frozen=True, slots=True)
class Merging:
    """What a partition has to know to be merged.

    Attributes:
        partitions: How many there are.
        exports: URI of each export of the job, by its number.
        steps: The jobs that the exports come from.
        export_steps: The step of each export.
        published: What the dataset holds.
        limits: Group to field to how many distinct strings are counted, where it is not the usual number (D3).
        fresh: Groups whose summaries are made anew, because these limits are not those of the published version.
        progress: Local file for progress notes, None where the workers are elsewhere.
        max_fields: How many metadata keys a group may have (R5).
    """

    partitions: int
    exports: Sequence[str]
    steps: Sequence[Step] = (Step(),)
    export_steps: Sequence[int] = ()
    published: PublishedFiles = field(default_factory=PublishedFiles)
    limits: Mapping[Group, Mapping[str, int]] = field(default_factory=dict)
    fresh: Collection[Group] = ()
    progress: str | None = None
    max_fields: int = MAX_FIELDS


class GroupPartitions(beam.PTransform):
    """(partition, Batch) to (partition, batches): one GroupByKey for all groups.

    Partitions that the job does not touch come along where the dataset holds rows of them.
    """

    def __init__(self, published: PublishedFiles) -> None:
        """Takes what the dataset holds."""
        super().__init__()
        self._published = published

    def expand(self, batches: beam.PCollection[tuple[int, Batch]]) -> beam.PCollection[tuple[int, Iterable[Batch]]]:
        """Groups."""
        if self._published.states:  # else nothing is flattened: the local runner would copy all batches once more
            nothing = [_nothing(partition) for partition in sorted(self._published.states)]
            published = batches.pipeline | "ListPublished" >> ListValues(nothing, tuple[int, Batch])
            batches = (batches, published) | "FlattenPartitions" >> beam.Flatten()
        return batches | "GroupByPartition" >> beam.GroupByKey()


def _nothing(partition: int) -> tuple[int, Batch]:
    return partition, Batch("items", pl.DataFrame(), no_cells())


class MergeRecords(beam.PTransform):
    """(partition, batches) to Partition, beside it SUMMARIES, COUNTS ((group, GroupCounts)) and REJECTED (Rejection).

    The merged rows are written to state files below `root`: later steps read them there instead of passing rows on, and
    they are what the next version of the dataset is built from. What the job does not change is not read or written.
    """

    def __init__(self, merging: Merging, *, root: str, resolution: beam.PCollection[Resolution] | None = None) -> None:
        """Takes what a partition has to know, where state files go, and how type conflicts are settled.

        With a ruling that settles nothing there is no output at all: what was merged without one stands.
        """
        super().__init__()
        self._resolution = resolution
        self._merge = _MergePartitionFn(merging, root)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, partitions: beam.PCollection[tuple[int, Iterable[Batch]]]) -> beam.pvalue.DoOutputsTuple:
        """One partition after the other."""
        side_inputs = () if self._resolution is None else (beam.pvalue.AsSingleton(self._resolution),)
        merge_partitions = beam.ParDo(self._merge, *side_inputs).with_outputs(*OUTPUTS, main="partitions")
        return partitions | "MergePartitions" >> merge_partitions


Outputs: TypeAlias = (
    Partition
    | TaggedOutput[Literal["summaries"], Summaries]
    | TaggedOutput[Literal["counts"], tuple[str, GroupCounts]]
    | TaggedOutput[Literal["rejected"], Rejection]
)


@dataclass(frozen=True, slots=True)
class _MergeInput:
    """What a job brings to a partition, and what is looked at of the rows that it holds.

    Attributes:
        known: The summaries of what it holds.
        touched: Of the groups that come those of which the job brings so little that all other rows need not be looked
            at.
        repaired: Paths of damaged files that were made again.
    """

    number: int
    incoming: Mapping[Group, Sequence[Batch]]
    published: Mapping[Group, StoredFile]
    known: Mapping[Group, GroupSummary]
    touched: Mapping[Group, Touched]
    repaired: tuple[str, ...] = ()

    @property
    def has_few(self) -> bool:
        """Whether no group is looked at as a whole, but for its reference ids."""
        return bool(self.touched) and self.incoming.keys() & self.published.keys() == self.touched.keys()

    def rows(self) -> Iterator[tuple[Group, Batch]]:
        """What is looked at of the rows held; of groups that are only referred to (I4) the reference ids."""
        for group, published in self.published.items():
            if group in self.touched:
                yield group, self.touched[group].rows
            elif group in self.incoming:
                yield group, read_state(published)
            elif group in REFERENCED_GROUPS and not self.incoming.keys().isdisjoint(ANNOTATION_GROUPS):
                yield group, state_file(published).part(("reference_id",), ())

    @property
    def records(self) -> int:
        """How many records it is to merge them."""
        incoming = sum(batch.rows.height for batches in self.incoming.values() for batch in batches)
        return incoming + sum(each.rows.rows.height for each in self.touched.values())


class _MergePartitionFn(StepFn):
    """Merges partition by partition; of which little is touched, many at once, since each merge has its price."""

    def __init__(self, merging: Merging, root: str) -> None:
        self._merging = merging
        self._root = root
        self._stage = Stage("merge")
        self._waiting: list[_MergeInput] = []
        self._resolution: Resolution | None = None

    def start_bundle(self) -> None:
        self._waiting = []

    def process(self, element: tuple[int, Iterable[Batch]], resolution: Resolution | None = None) -> Iterator[Outputs]:
        self._resolution = resolution
        yield from self._stage.timed(self._merged(element))

    def finish_bundle(self) -> Iterator[object]:
        window = GlobalWindow()
        for each in self._stage.timed(self._flushed()):
            if isinstance(each, TaggedOutput):
                value = WindowedValue(each.value, window.max_timestamp(), (window,))
                yield TaggedOutput(each.tag, value)
            else:
                yield WindowedValue(each, window.max_timestamp(), (window,))

    def _merged(self, element: tuple[int, Iterable[Batch]]) -> Iterator[Outputs]:
        if self._resolution is not None and not self._resolution.kept_kinds:
            return
        given = self._input(*element)
        if not given.has_few:
            yield from self._merge_partitions([given])
            return
        self._waiting.append(given)
        if sum(each.records for each in self._waiting) >= MOST_WAITING:
            yield from self._flushed()

    def _flushed(self) -> Iterator[Outputs]:
        """What waits, merged."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            yield from self._merge_partitions(waiting)

    def _input(self, number: int, batches: Iterable[Batch]) -> _MergeInput:
        merging = self._merging
        incoming: dict[Group, list[Batch]] = {}
        for batch in batches:
            if batch.rows.height:
                incoming.setdefault(batch.group, []).append(batch)
        published = merging.published.states.get(number, {})
        known, repaired = self._known(number, published)
        every = [batch for batches in incoming.values() for batch in batches]
        few = sum(batch.rows.height for batch in every) * FEW
        touched = {
            group: Touched.of(state_file(published[group]), every, known[group], merging.limits.get(group))
            for group in incoming
            if group in published and few <= published[group].records and group not in merging.fresh
        }
        return _MergeInput(number, incoming, published, known, touched, repaired)

    def _known(
        self, number: int, published: Mapping[Group, StoredFile]
    ) -> tuple[Mapping[Group, GroupSummary], tuple[str, ...]]:
        """The summaries of the rows of a partition; made again of the rows, and named, where they are damaged (P7)."""
        file = self._merging.published.summaries.get(number)
        known: dict[Group, GroupSummary] = {}
        with suppress(DamagedFileError):
            known = {} if file is None else read_summaries(file)
        if known.keys() == published.keys():
            return known, ()
        made = {
            group: summarize(read_state(state), self._merging.limits.get(group, {}))
            for group, state in published.items()
        }
        return made, (part_path("state/summaries", number, self._merging.partitions, "json"),)

    def _merge_partitions(self, inputs: Sequence[_MergeInput]) -> Iterator[Outputs]:
        """Merges what is brought to one partition, or to several of which little is touched."""
        merging = self._merging
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
            resolution=self._resolution,
        )
        for frame in merged.rejected:
            for row in frame.iter_rows(named=True):
                yield TaggedOutput(REJECTED, Rejection(raw=None, **row))
        for group, counts in merged.counts.items():
            if counts != GroupCounts():
                yield TaggedOutput(COUNTS, (group, counts))
        numbers = [each.number for each in inputs]
        parts = [merged] if len(inputs) == 1 else merged.split(numbers, merging.partitions)
        for each, own in zip(inputs, parts, strict=True):
            summaries = Summaries()
            partition = self._stored(each, own, summaries)
            records = sum(state.records for state in partition.states.values()) if partition else 0
            note_progress(merging.progress, "merged", 1, records)
            if partition is not None:
                yield TaggedOutput(SUMMARIES, summaries)
                yield partition

    def _stored(self, given: _MergeInput, merged: Merged, summaries: Summaries) -> Partition | None:
        """Writes what is new of the partition, and gathers the summaries of all that it holds now."""
        merging, number, published = self._merging, given.number, given.published
        states: dict[Group, StoredFile] = {}
        changes: dict[Group, StoredFile] = {}
        for group in GROUPS:
            limits = merging.limits.get(group, {})
            if group in merged.changed and group in given.touched:
                state, changed, summaries[group] = given.touched[group].replaced(
                    merged.batches[group], limits, max_fields=merging.max_fields
                )
                stored = self._write("state", group, number, state.to_bytes(), state.records)
                states[group] = (
                    stored if state.delta is None else replace(stored, base=self._base(group, number, published[group]))
                )
                changes[group] = self._write(CHANGES, group, number, changed.to_bytes(), len(changed.places))
            elif group in merged.changed:
                batch = merged.batches[group]
                states[group] = self._write("state", group, number, batch.to_bytes(numbered=True), batch.rows.height)
                summaries[group] = summarize(batch, limits, max_fields=merging.max_fields)
            elif group in published:
                states[group] = published[group]
                fresh = group in merging.fresh
                summaries[group] = summarize(read_state(published[group]), limits) if fresh else given.known[group]
            if group in merged.changed:
                self._stage.count(records=states[group].records, byte_count=states[group].bytes)
        if not states:
            return None
        before = merging.published.summaries.get(number)
        if before is None or merged.changed or given.repaired or not published.keys().isdisjoint(merging.fresh):
            path = part_path("state/summaries", number, merging.partitions, "json")
            records = sum(state.records for state in states.values())
            before = store(self._root, path, summaries_data(summaries), records=records)
        return Partition(number, states, before, frozenset(merged.changed), changes, given.repaired)

    def _base(self, group: Group, number: int, published: StoredFile) -> StoredFile:
        """The file of the rows beneath those that are laid over: the version before has it, perhaps by another path."""
        path = part_path(f"{BASES}{group}", number, self._merging.partitions, "arrow")
        return published.base or replace(published, path=path)

    def _write(self, folder: str, group: Group, number: int, data: bytes, records: int) -> StoredFile:
        path = part_path(f"{folder}/{group}", number, self._merging.partitions, "arrow")
        return store(self._root, path, data, records=records)
