"""WriteRows: writes partitions as Avro part files, with counts for the insights page and the uses of URLs."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import StepFn, at_the_end
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.elements import Partition, WrittenPartition
from transforms.stages.write_rows import UsesBuffer, Writing, write_partition

USES = "uses"


class WriteRows(beam.PTransform):
    """Partition, with the schema as side input, to WrittenPartition; beside it USES ((key partition, frame of uses)).

    A published Avro part is taken over if neither its rows nor its schema changed, and its counts if the bins are the
    same. Uses are those of changed rows only.

    Writes nothing if the schema has conflicts (T6, policy `fail`), too many fields (R5) or undeclared choices (D2).
    """

    def __init__(self, writing: Writing, *, schema: beam.PCollection[ResolvedJson]) -> None:
        """Takes the inputs of all partitions, and the one schema."""
        super().__init__()
        self._schema = schema
        self._write = _WriteRowsFn(writing)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, partitions: beam.PCollection[Partition]) -> beam.pvalue.DoOutputsTuple:
        """One part file for each group of each partition."""
        return partitions | "WriteParts" >> beam.ParDo(self._write, beam.pvalue.AsSingleton(self._schema)).with_outputs(
            USES, main="written"
        )


Outputs: TypeAlias = WrittenPartition | TaggedOutput[Literal["uses"], tuple[int, pl.DataFrame]]


class _WriteRowsFn(StepFn):
    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        self._stage = Stage("write")
        self._uses = UsesBuffer(writing.partitions)

    def start_bundle(self) -> None:
        self._uses = UsesBuffer(self._writing.partitions)

    def process(self, partition: Partition, schema: ResolvedJson) -> Iterator[Outputs]:
        yield from self._stage.timed(self._outputs(partition, schema))

    def finish_bundle(self) -> Iterator[object]:
        yield from at_the_end(TaggedOutput(USES, each) for each in self._stage.timed(self._uses.release()))

    def _outputs(self, partition: Partition, schema: ResolvedJson) -> Iterator[Outputs]:
        written = write_partition(partition, schema, self._writing)
        if written is None:
            return
        for file in written.stored:
            self._stage.count(records=file.records, byte_count=file.bytes)
        yield written.partition
        for each in self._uses.add(written.uses):
            yield TaggedOutput(USES, each)
