"""Normalize: validates raw records and turns them into batches of rows, keyed by partition (G, V, C, A)."""

import gc
from collections.abc import Iterator
from typing import Literal, TypeAlias

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import StepFn
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.hashing import partitions_of
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.declared_choices import reject_other_choices
from transforms.kernels.normalize.normalize import normalize
from transforms.raw_records import RawRecords
from transforms.rules.crowds import MAX_FIELDS
from transforms.rules.declared import Declared
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Code, Fault
from transforms.stages.elements import RawChunk, Reading, Rejection
from transforms.stages.exports import first_line

REJECTED = "rejected"
READINGS = "readings"
PIECE_BYTES = 4 * 1024 * 1024
"""Rows are buffered for about this many bytes of exports per partition: each batch has a fixed cost."""
MOST_PENDING_BYTES = 128 * 1024 * 1024


class Normalize(beam.PTransform):
    """Lists of RawChunk to (partition, Batch), beside it the outputs REJECTED (Rejection) and READINGS (Reading)."""

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


Outputs: TypeAlias = (
    tuple[int, Batch] | TaggedOutput[Literal["rejected"], Rejection] | TaggedOutput[Literal["readings"], Reading]
)


class _NormalizeFn(StepFn):
    def __init__(self, partitions: int, declared: Declared, max_fields: int) -> None:
        self._partitions = partitions
        self._declared = declared
        self._max_fields = max_fields
        self._stage = Stage("normalize")
        self._pending: dict[tuple[int, Group], list[Batch]] = {}
        self._pending_bytes = 0

    def start_bundle(self) -> None:
        self._pending, self._pending_bytes = {}, 0

    def process(self, raws: list[RawChunk]) -> Iterator[Outputs]:
        yield from self._stage.timed(self._normalized(raws))

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for each in self._stage.timed(self._released()):
            yield WindowedValue(each, window.max_timestamp(), (window,))

    def _normalized(self, raws: list[RawChunk]) -> Iterator[Outputs]:
        readings = [_reading(raw) for raw in raws]
        for raw, reading in zip(raws, readings, strict=True):
            if raw.chunk is not None:
                reading.warnings.update(raw.chunk.warnings)
            for rejection in _unreadable(raw):
                reading.read[rejection.group] += 1
                reading.rejected[rejection.group, rejection.code] += 1
                yield TaggedOutput(REJECTED, rejection)
        yield from self._rows([raw for raw in raws if raw.chunk is not None], readings[0])
        for reading in readings:
            yield TaggedOutput(READINGS, reading)

    def _rows(self, raws: list[RawChunk], reading: Reading) -> Iterator[Outputs]:
        """The batches and rejections of the records of these chunks, counted in the reading of the first chunk."""
        if not raws:
            return
        records, origin = _joined(raws)
        export = raws[0].byte_range.export
        with _no_collection():
            done = normalize(
                records,
                group=export.group,
                model_run=export.model_run,
                origin=origin,
                mode=export.mode,
                max_fields=self._max_fields,
            )
            reject_other_choices(done, self._declared, origin)
        reading.read.update(done.read)
        reading.warnings.update(done.warnings)
        self._stage.count(records=sum(done.read.values()), byte_count=sum(raw.byte_count for raw in raws))
        for each in done.rejected:
            reading.rejected[each.group, each.fault.code.value] += 1
            yield TaggedOutput(
                REJECTED,
                Rejection(
                    group=each.group,
                    code=each.fault.code.value,
                    message=each.fault.message,
                    field=each.fault.field,
                    export=int(np.broadcast_to(origin.export, len(records))[each.position]),
                    chunk=int(np.broadcast_to(origin.chunk, len(records))[each.position]),
                    line=int(origin.lines[each.position]),
                    offset=int(origin.offsets[each.position]),
                    part=0,
                    reference_id=each.reference_id,
                    raw=records[each.position],
                ),
            )
        for batch in done.batches:
            parts = partitions_of(batch.rows["reference_id"], self._partitions)
            for partition, piece in enumerate(batch.split(parts, self._partitions)):
                if piece is not None:
                    self._pending.setdefault((partition, piece.group), []).append(piece)
        self._pending_bytes += sum(raw.byte_count for raw in raws)
        if self._pending_bytes >= min(self._partitions * PIECE_BYTES, MOST_PENDING_BYTES):
            yield from self._released()

    def _released(self) -> Iterator[tuple[int, Batch]]:
        """The buffered rows, as one batch for each partition and group."""
        for (partition, _), pieces in self._pending.items():
            yield partition, Batch.concatenated(pieces)
        self._pending, self._pending_bytes = {}, 0


def _reading(raw: RawChunk) -> Reading:
    return Reading(
        export=raw.byte_range.export.number,
        start=raw.byte_range.start,
        line_count=raw.chunk.line_count if raw.chunk is not None and raw.position >= 0 else 0,
        digest=raw.digest,
    )


def _joined(raws: list[RawChunk]) -> tuple[RawRecords, Origin]:
    """The records of chunks, and the place of each."""
    chunks = [(raw, raw.chunk) for raw in raws if raw.chunk is not None]
    counts = [len(chunk.records) for _, chunk in chunks]
    records = RawRecords.joined([chunk.records for _, chunk in chunks])
    origin = Origin(
        export=np.repeat(np.array([raw.byte_range.export.number for raw, _ in chunks], np.int32), counts),
        chunk=np.repeat(np.array([raw.position for raw, _ in chunks], np.int64), counts),
        offsets=np.concatenate([chunk.offsets for _, chunk in chunks]),
        lines=np.concatenate([chunk.lines + first_line(raw) for raw, chunk in chunks]),
    )
    return records, origin


class _no_collection:  # noqa: N801 - used as a `with` word
    """Disables the cyclic garbage collector while a chunk is parsed: millions of objects, none of them in a cycle."""

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()


def _unreadable(raw: RawChunk) -> Iterator[Rejection]:
    """Rejections without a parsed record: the unreadable end of an export (R2), oversized records (F4, R6, R8)."""
    export = raw.byte_range.export
    if raw.unreadable is not None:
        yield Rejection(
            group=export.group,
            code=Code.UNREADABLE_EXPORT.value,
            message=str(raw.unreadable),
            field=None,
            export=export.number,
            chunk=-1,
            line=raw.unreadable.line,
            offset=raw.unreadable.offset,
            part=0,
            reference_id=None,
            raw=b"",
        )
    if raw.chunk is None:
        return
    for each in raw.chunk.oversized:
        fault = each.fault or Fault(
            Code.MALFORMED_JSON, f"expected a record that memory holds, got a line of {each.length} bytes"
        )
        yield Rejection(
            group=export.group,
            code=fault.code.value,
            message=fault.message,
            field=fault.field,
            export=export.number,
            chunk=raw.position,
            line=each.line + first_line(raw),
            offset=each.offset,
            part=0,
            reference_id=each.reference_id,
            raw=each.head,
            length=each.length if each.length > len(each.head) else None,
        )
