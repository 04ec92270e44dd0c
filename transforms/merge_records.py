"""MergeRecords: merges the incoming rows of each partition with the published rows (I, U)."""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, at_the_end
from transforms.kernels.batch.batch import Batch, no_cells
from transforms.kernels.merge.merge import GroupCounts
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.stages.elements import Partition, PublishedFiles, Summaries
from transforms.stages.merge_records import MergedPartitions, Merging, PartitionMerger
from transforms.stages.rejections import Rejections

SUMMARIES = "summaries"
COUNTS = "counts"
REJECTED = "rejected"
OUTPUTS = (SUMMARIES, COUNTS, REJECTED)


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
    """(partition, batches) to Partition, beside it SUMMARIES, COUNTS ((group, GroupCounts)) and REJECTED (Rejections).

    The merged rows are written to state files, which later steps read instead of receiving the rows, and
    from which the next version of the dataset is built. Groups that the job does not change are not read or written.
    """

    def __init__(self, merging: Merging, *, resolution: beam.PCollection[Resolution] | None = None) -> None:
        """Takes the inputs of all partitions, and how type conflicts are resolved.

        Args:
            merging: The inputs that all partitions share.
            resolution: For the second merge, after conflicts were found. Without kept kinds there is no output: the
                first merge is effective.
        """
        super().__init__()
        self._resolution = resolution
        self._merge = _MergePartitionFn(merging)

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
    | TaggedOutput[Literal["rejected"], Rejections]
)


class _MergePartitionFn(StepFn):
    def __init__(self, merging: Merging) -> None:
        self._merging = merging
        self._stage = Stage("merge")
        self._merger: PartitionMerger | None = None

    def start_bundle(self) -> None:
        self._merger = None

    def process(self, element: tuple[int, Iterable[Batch]], resolution: Resolution | None = None) -> Iterator[Outputs]:
        if resolution is not None and not resolution.kept_kinds:
            return
        if self._merger is None:
            self._merger = PartitionMerger(self._merging, resolution)
        yield from self._stage.timed(self._outputs(self._merger.add(*element)))

    def finish_bundle(self) -> Iterator[object]:
        if self._merger is not None:
            yield from at_the_end(self._stage.timed(self._outputs(self._merger.flush())))

    def _outputs(self, merged: Iterable[MergedPartitions]) -> Iterator[Outputs]:
        for each in merged:
            if len(each.rejections):
                yield TaggedOutput(REJECTED, each.rejections)
            for counted in each.counts.items():
                yield TaggedOutput(COUNTS, counted)
            for partition, summaries in each.partitions:
                for group in partition.changed:
                    state = partition.states[group]
                    self._stage.count(records=state.records, byte_count=state.bytes)
                yield TaggedOutput(SUMMARIES, summaries)
                yield partition
