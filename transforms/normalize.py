"""Normalize: validates raw records, or records that are dicts, and turns them into batches of rows (G, V, C, A)."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, TypeAlias

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import StepFn, at_the_end
from transforms.kernels.batch.batch import Batch
from transforms.rules.declared import Declared
from transforms.rules.export_rows import Group
from transforms.rules.key_limits import MAX_FIELDS
from transforms.rules.policies import Mode
from transforms.stages.elements import RawChunk, Reading, Rejection
from transforms.stages.normalize import NormalizedChunks, PartitionBuffer, normalize_chunks, normalize_records
from transforms.stages.rejections import Rejections

RecordDict: TypeAlias = dict[str, object]
"""A raw record as an exporter has it, with the keys of `docs/input.md`."""
REJECTED = "rejected"
"""The output with a Rejection for each record, or part of one, that is not accepted."""
READINGS = "readings"
"""The output with a Reading for each chunk: what was read, rejected and warned of."""
MOST_RECORDS = 5_000
"""Records that are Python values are checked so many at a time: each batch has a fixed cost."""


class Normalize(beam.PTransform):
    """Lists of RawChunk to (partition, Batch), beside it the outputs REJECTED (Rejections) and READINGS (Reading).

    Examples:
        >>> import apache_beam as beam
        >>> from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        >>> from transforms.api import ReadExports, local_exports
        >>> with beam.Pipeline(runner=FnApiRunner()) as root:
        ...     chunks = root | ReadExports(local_exports([("items", "items.ndjson", None)]))
        ...     checked = chunks | Normalize(partitions=1)
        ...     _ = checked.batches | beam.MapTuple(lambda partition, batch: print(partition, batch.rows.height))
        0 2
    """

    def __init__(self, *, partitions: int, declared: Declared | None = None, max_fields: int = MAX_FIELDS) -> None:
        """Takes how rows are checked.

        Args:
            partitions: How many there are, at least 1.
            declared: The declared schema; values that are no declared choice are rejected (D2).
            max_fields: How many metadata keys a group may have (R5).
        """
        super().__init__()
        if partitions < 1:
            raise ValueError(f"expected at least one partition, got {partitions}")
        self._partitions = partitions
        self._declared = declared or {}
        self._max_fields = max_fields

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, chunks: beam.PCollection[list[RawChunk]]) -> beam.pvalue.DoOutputsTuple:
        """One pass over the records of each chunk; chunks of small exports are normalized as one."""
        return chunks | "NormalizeChunks" >> beam.ParDo(
            _NormalizeFn(self._partitions, self._declared, self._max_fields)
        ).with_outputs(REJECTED, READINGS, main="batches")


class NormalizeRecords(beam.PTransform):
    """PCollection of dicts to Batch, beside it the outputs REJECTED (Rejection) and READINGS (Reading).

    For the records of an exporter in a pipeline of one's own. They have no place in a file: those of one bundle are
    numbered, from line 1.

    Examples:
        >>> import apache_beam as beam
        >>> from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        >>> with beam.Pipeline(runner=FnApiRunner()) as root:
        ...     checked = root | beam.Create([{"reference_id": "b"}]) | NormalizeRecords("items")
        ...     _ = checked[REJECTED] | beam.Map(lambda each: print(each.code, each.reference_id))
        missing_url b
    """

    def __init__(
        self,
        group: Group,
        *,
        model_run: str | None = None,
        mode: Mode = "append",
        strict: bool = False,
        declared: Declared | None = None,
        max_fields: int = MAX_FIELDS,
    ) -> None:
        """Takes the group of the records, and how they are checked; the arguments are those of `normalize_records`."""
        super().__init__()
        self._normalize = partial(
            normalize_records,
            group=group,
            model_run=model_run,
            mode=mode,
            strict=strict,
            declared=declared,
            max_fields=max_fields,
        )

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, records: beam.PCollection[RecordDict]) -> beam.pvalue.DoOutputsTuple:
        """The records of a bundle are normalized together, some thousands at a time."""
        return records | "NormalizeRecords" >> beam.ParDo(_NormalizeRecordsFn(self._normalize)).with_outputs(
            REJECTED, READINGS, main="batches"
        )


Readings: TypeAlias = TaggedOutput[Literal["readings"], Reading]
Outputs: TypeAlias = tuple[int, Batch] | TaggedOutput[Literal["rejected"], Rejections] | Readings
RecordOutputs: TypeAlias = Batch | TaggedOutput[Literal["rejected"], Rejection] | Readings


class _NormalizeFn(StepFn):
    def __init__(self, partitions: int, declared: Declared, max_fields: int) -> None:
        self._partitions = partitions
        self._declared = declared
        self._max_fields = max_fields
        self._stage = Stage("normalize")
        self._buffer = PartitionBuffer(partitions)

    def start_bundle(self) -> None:
        self._buffer = PartitionBuffer(self._partitions)

    def process(self, chunks: list[RawChunk]) -> Iterator[Outputs]:
        yield from self._stage.timed(self._outputs(chunks))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        yield from at_the_end(self._stage.timed(self._buffer.release()))

    def _outputs(self, chunks: list[RawChunk]) -> Iterator[Outputs]:
        done = normalize_chunks(chunks, declared=self._declared, max_fields=self._max_fields)
        self._stage.count(records=done.records, byte_count=done.byte_count)
        if len(done.rejections):
            yield TaggedOutput(REJECTED, done.rejections)
        for reading in done.readings:
            yield TaggedOutput(READINGS, reading)
        yield from self._buffer.add(done)


class _NormalizeRecordsFn(StepFn):
    def __init__(self, normalize_records: Callable[[list[RecordDict]], NormalizedChunks]) -> None:
        self._normalize_records = normalize_records
        self._pending: list[RecordDict] = []

    def start_bundle(self) -> None:
        self._pending = []

    def process(self, record: RecordDict) -> Iterator[RecordOutputs]:
        self._pending.append(record)
        if len(self._pending) >= MOST_RECORDS:
            yield from self._outputs()

    def finish_bundle(self) -> Iterator[object]:
        yield from at_the_end(self._outputs())

    def _outputs(self) -> Iterator[RecordOutputs]:
        if self._pending:
            pending, self._pending = self._pending, []
            done = self._normalize_records(pending)
            yield from done.batches
            for rejection in done.rejections:
                yield TaggedOutput(REJECTED, rejection)
            for reading in done.readings:
                yield TaggedOutput(READINGS, reading)
