"""MergeRecords: all rows of one partition together, decided against each other and against the dataset (I, U)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.elements import Partition, Rejection
from transforms.kernels.batch import Batch, no_cells
from transforms.kernels.merging import GroupCounts, OnDuplicate, merge
from transforms.progress_notes import note_progress
from transforms.rules.export_rows import GROUPS, Group
from transforms.stored_files import StoredFile, part_path, read_bytes, store

BATCHES = "batches"
COUNTS = "counts"
REJECTED = "rejected"


class MergeRecords(beam.PTransform):
    """(partition, Batch) to Partition, beside it BATCHES (Batch), COUNTS ((group, GroupCounts)), REJECTED (Rejection).

    The merged rows are written to state files below `root`: later steps read them there instead of passing rows on, and
    they are what the next version of the dataset is built from.
    """

    def __init__(
        self,
        *,
        root: str,
        partitions: int,
        exports: Sequence[str],
        held: Mapping[int, Mapping[Group, str]],
        on_duplicate: OnDuplicate = "reject",
        progress: str | None = None,
    ) -> None:
        """Takes what a partition has to know.

        Args:
            root: Where state files go.
            partitions: How many there are.
            exports: URI of each export of the job, by its number.
            held: Partition to group to the URI of the state file in the published version.
            on_duplicate: See `transforms.kernels.merging`.
            progress: See ReadExports.
        """
        super().__init__()
        self._partitions = partitions
        self._held = held
        self._merge = _MergePartitionFn(root, partitions, list(exports), dict(held), on_duplicate, progress)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, batches: beam.PCollection[tuple[int, Batch]]) -> beam.pvalue.DoOutputsTuple:
        """One GroupByKey for all groups; partitions that the job does not touch come along when they hold rows."""
        untouched = (
            batches.pipeline
            | "ListHeld" >> beam.Create(sorted(self._held), reshuffle=False).with_output_types(int)
            | "KeyHeld" >> beam.Map(_nothing).with_output_types(tuple[int, Batch])
        )
        return (
            (batches, untouched)
            | "FlattenPartitions" >> beam.Flatten()
            | "GroupByPartition" >> beam.GroupByKey()
            | "MergePartitions" >> beam.ParDo(self._merge).with_outputs(BATCHES, COUNTS, REJECTED, main="partitions")
        )


def _nothing(partition: int) -> tuple[int, Batch]:
    return partition, Batch("items", pl.DataFrame(), no_cells())


Outputs: TypeAlias = (
    Partition
    | TaggedOutput[Literal["batches"], Batch]
    | TaggedOutput[Literal["counts"], tuple[str, GroupCounts]]
    | TaggedOutput[Literal["rejected"], Rejection]
)


class _MergePartitionFn(beam.DoFn):
    def __init__(
        self,
        root: str,
        partitions: int,
        exports: list[str],
        held: dict[int, Mapping[Group, str]],
        on_duplicate: OnDuplicate,
        progress: str | None,
    ) -> None:
        self._root = root
        self._partitions = partitions
        self._exports = exports
        self._held = held
        self._on_duplicate: OnDuplicate = on_duplicate
        self._progress = progress

    def process(self, element: tuple[int, Iterable[Batch]]) -> Iterator[Outputs]:
        number, batches = element
        incoming: dict[Group, list[Batch]] = {}
        for batch in batches:
            if batch.rows.height:
                incoming.setdefault(batch.group, []).append(batch)
        held = {group: Batch.from_bytes(read_bytes(uri)) for group, uri in self._held.get(number, {}).items()}
        merged = merge(incoming, held, exports=self._exports, on_duplicate=self._on_duplicate)
        for frame in merged.rejected:
            for row in frame.iter_rows(named=True):
                yield TaggedOutput(REJECTED, Rejection(raw=None, **row))
        for group, counts in merged.counts.items():
            if counts != GroupCounts():
                yield TaggedOutput(COUNTS, (group, counts))
        states: dict[Group, StoredFile] = {}
        for group in GROUPS:
            if group in merged.batches:
                batch = merged.batches[group]
                path = part_path(f"state/{group}", number, self._partitions, "arrow")
                states[group] = store(self._root, path, batch.to_bytes(), records=batch.rows.height)
                yield TaggedOutput(BATCHES, batch)
        note_progress(self._progress, "merged", 1, sum(state.records for state in states.values()))
        if states:
            yield Partition(number, states)
