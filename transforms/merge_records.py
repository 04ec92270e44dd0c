"""MergeRecords: merges the incoming rows of each partition with the published rows (I, U)."""

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
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn
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
from transforms.stages.elements import Partition, PublishedFiles, Rejection, Summaries
from transforms.stages.progress_notes import note_progress
from transforms.storage.states import read_state, read_summaries, state_file, summaries_data
from transforms.storage.stored_files import BASES, StoredFile, part_path, store

SUMMARIES = "summaries"
COUNTS = "counts"
REJECTED = "rejected"
CHANGES = "changes"
"""Folder of the changes of groups of which only the touched rows were read, for WriteRows; no part of a version."""
OUTPUTS = (SUMMARIES, COUNTS, REJECTED)
MOST_WAITING = 50_000
"""Records of buffered partitions, of which few rows are touched, that are merged at once."""


@dataclass(frozen=True, slots=True)
class Merging:
    """The inputs of a merge that are the same for all partitions.

    Attributes:
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

    Published partitions without an incoming row are in the output, too, with one empty batch.
    """

    def __init__(self, published: PublishedFiles) -> None:
        """Takes the files of the published version."""
        super().__init__()
        self._published = published

    def expand(self, batches: beam.PCollection[tuple[int, Batch]]) -> beam.PCollection[tuple[int, Iterable[Batch]]]:
        """Adds an empty batch for each published partition, and groups."""
        if self._published.states:  # else nothing is flattened: the local runner would copy all batches once more
            nothing = [_nothing(partition) for partition in sorted(self._published.states)]
            published = batches.pipeline | "ListPublished" >> ListValues(nothing, tuple[int, Batch])
            batches = (batches, published) | "FlattenPartitions" >> beam.Flatten()
        return batches | "GroupByPartition" >> beam.GroupByKey()


def _nothing(partition: int) -> tuple[int, Batch]:
    return partition, Batch("items", pl.DataFrame(), no_cells())


class MergeRecords(beam.PTransform):
    """(partition, batches) to Partition, beside it SUMMARIES, COUNTS ((group, GroupCounts)) and REJECTED (Rejection).

    The merged rows are written to state files below `root`, which later steps read instead of receiving the rows, and
    from which the next version of the dataset is built. Groups that the job does not change are not read or written.
    """

    def __init__(self, merging: Merging, *, root: str, resolution: beam.PCollection[Resolution] | None = None) -> None:
        """Takes the inputs of all partitions, the folder of state files, and how type conflicts are resolved.

        Args:
            merging: The inputs that all partitions share.
            root: Folder of the state files.
            resolution: For the second merge, after conflicts were found. Without kept kinds there is no output: the
                first merge is effective.
        """
        super().__init__()
        self._resolution = resolution
        self._merge = _MergePartitionFn(merging, root)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, partitions: beam.PCollection[tuple[int, Iterable[Batch]]]) -> beam.pvalue.DoOutputsTuple:
        """Merges each partition on its own."""
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


class _MergePartitionFn(StepFn):
    """Merges each partition, or several at once if few of their rows are touched: each merge has a fixed cost."""

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
        """Merges the buffered partitions."""
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
        """The summaries of published rows, and the path of their file if it was damaged and is rebuilt (P7)."""
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
        """Merges one partition, or several of which few rows are touched, and yields the output of each."""
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
        """Writes the new files of a partition and fills `summaries` with those of all its rows; None if it is empty."""
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
        """The base of a new delta: that of the published delta, or the published file under the path of bases."""
        path = part_path(f"{BASES}{group}", number, self._merging.partitions, "arrow")
        return published.base or replace(published, path=path)

    def _write(self, folder: str, group: Group, number: int, data: bytes, records: int) -> StoredFile:
        path = part_path(f"{folder}/{group}", number, self._merging.partitions, "arrow")
        return store(self._root, path, data, records=records)
