"""Validates chunks of raw records and turns them into batches of rows, rejections and counts (G, V, C, A)."""

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.formats.lines import split_lines
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.hashing import partitions_of
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.declared_choices import reject_other_choices
from transforms.kernels.normalize.irregularities import (
    Irregular,
    IrregularExample,
    irregular_rows,
    reject_irregular_rows,
)
from transforms.kernels.normalize.normalize import normalize
from transforms.raw_records import JoinedSources, RawRecords
from transforms.rules.declared import Declared
from transforms.rules.export_rows import Group
from transforms.rules.irregularities import NOT_TAKEN
from transforms.rules.key_limits import MAX_FIELDS
from transforms.rules.policies import Mode
from transforms.rules.rejections import Code, Fault
from transforms.stages.elements import ByteRange, Export, RawChunk, Reading, Rejection
from transforms.stages.exports import first_line
from transforms.stages.rejections import Rejections

PIECE_BYTES = 4 * 1024 * 1024
"""Rows are buffered for about this many bytes of exports per partition: each batch has a fixed cost."""
MOST_PENDING_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NormalizedChunks:
    """What becomes of the raw records of some chunks.

    Attributes:
        batches: The checked rows, one or more batches per group.
        rejections: The rejected records, an iterable of Rejection.
        readings: The counts of each chunk; those of records are with the first chunk that has some.
        records: How many records were parsed.
        byte_count: Bytes of the stored exports that they stand for.

    Examples:
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg"}, {"reference_id": "b"}]
        >>> done = normalize_records(records, "items")
        >>> done.records, [batch.rows.height for batch in done.batches], len(done.rejections)
        (2, [1], 1)
    """

    batches: Sequence[Batch]
    rejections: Rejections
    readings: Sequence[Reading]
    records: int
    byte_count: int


def normalize_chunks(
    chunks: Sequence[RawChunk], *, declared: Declared | None = None, max_fields: int = MAX_FIELDS
) -> NormalizedChunks:
    """Checks the records of chunks of one group, model run and mode, in one pass.

    Args:
        chunks: At least one, as `read_byte_ranges` yields them.
        declared: The declared schema; values that are no declared choice are rejected (D2).
        max_fields: How many metadata keys a group may have (R5).

    Examples:
        >>> from transforms.api import byte_ranges, local_exports, read_byte_ranges
        >>> (load,) = byte_ranges(local_exports([("items", "items.ndjson", None)]))
        >>> done = [normalize_chunks(chunks) for chunks in read_byte_ranges(load)]
        >>> [(each.records, dict(each.rejections.counts())) for each in done]
        [(3, {('items', 'missing_url'): 1})]
    """
    readings = [_reading(chunk) for chunk in chunks]
    unreadable = []
    for chunk, reading in zip(chunks, readings, strict=True):
        if chunk.chunk is not None:
            reading.warnings.update(chunk.chunk.warnings)
            if chunk.chunk.set_aside:
                reading.warnings[NOT_TAKEN] += sum(each.count for each in chunk.chunk.set_aside)
            reading.irregular.extend(_set_aside(chunk))
        for rejection in _unreadable(chunk):
            reading.read[rejection.group] += 1
            reading.rejected[rejection.group, rejection.code] += 1
            unreadable.append(rejection)
    readable = [chunk for chunk in chunks if chunk.chunk is not None]
    if not readable:
        return NormalizedChunks((), Rejections.of(unreadable), readings, 0, 0)
    records, origin = _joined(readable)
    export = readable[0].byte_range.export
    with _no_collection():
        done = normalize(
            records,
            group=export.group,
            model_run=export.model_run,
            origin=origin,
            mode=export.mode,
            max_fields=max_fields,
        )
        reject_other_choices(done, declared or {}, origin)
        if export.strict:
            reject_irregular_rows(done, origin)
    reading = readings[0]
    reading.read.update(done.read)
    reading.irregular.extend(irregular_rows(done))
    reading.warnings.update(done.warnings)
    rejections = Rejections.of_records(done.rejected, records, origin, _sources(readable), export.map)
    reading.rejected.update(rejections.counts())
    return NormalizedChunks(
        batches=done.batches,
        rejections=Rejections.joined([Rejections.of(unreadable), rejections]),
        readings=readings,
        records=sum(done.read.values()),
        byte_count=sum(chunk.byte_count for chunk in readable),
    )


def normalize_records(
    records: Iterable[Mapping[str, object]],
    group: Group,
    *,
    model_run: str | None = None,
    mode: Mode = "append",
    strict: bool = False,
    declared: Declared | None = None,
    max_fields: int = MAX_FIELDS,
) -> NormalizedChunks:
    """Checks records that are Python values already, such as those of an exporter, as the lines of an export.

    Args:
        records: Dicts with the keys of raw records.
        group: Their group.
        model_run: Of predictions (G5).
        mode: How they update published rows (U1 to U3).
        strict: Whether irregular records are rejected (R7).
        declared: As `normalize_chunks` takes it.
        max_fields: Likewise.

    Raises:
        TypeError: A record has a value that JSON has no form for, such as a date.

    Examples:
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg"}, {"reference_id": "b"}]
        >>> done = normalize_records(records, "items")
        >>> [batch.rows["reference_id"].to_list() for batch in done.batches]
        [['a']]
        >>> [(each.code, each.reference_id) for each in done.rejections]
        [('missing_url', 'b')]
    """
    # Not orjson, which refuses NaN, long integers and lone surrogates: the rules reject them by name.
    data = "\n".join(map(json.dumps, records)).encode()
    export = Export(0, "", group, model_run, len(data), mode=mode, strict=strict)
    chunk = split_lines(data, first_line=1)
    raw = RawChunk(ByteRange(export, 0, len(data)), -1, chunk, None, chunk.byte_count, None)
    return normalize_chunks([raw], declared=declared, max_fields=max_fields)


def split_by_partition(batch: Batch, partitions: int) -> Iterator[tuple[int, Batch]]:
    """(partition, its rows) of a batch; an item and all that refers to it are in one partition.

    Examples:
        >>> records = [{"reference_id": name, "image_url": f"s3://b/{name}.jpg"} for name in "abc"]
        >>> (batch,) = normalize_records(records, "items").batches
        >>> [(partition, rows.rows["reference_id"].to_list()) for partition, rows in split_by_partition(batch, 4)]
        [(1, ['b']), (3, ['a', 'c'])]
    """
    parts = partitions_of(batch.rows["reference_id"], partitions)
    for partition, piece in enumerate(batch.split(parts, partitions)):
        if piece is not None:
            yield partition, piece


class PartitionBuffer:
    """Buffers rows by partition and group, and releases them as batches that are worth their fixed cost."""

    def __init__(self, partitions: int) -> None:
        """Takes how many partitions there are."""
        self._partitions = partitions
        self._pending: dict[tuple[int, Group], list[Batch]] = {}
        self._pending_bytes = 0

    def add(self, normalized: NormalizedChunks) -> Iterator[tuple[int, Batch]]:
        """Buffers rows; yields (partition, batch) of all buffered ones once they are many."""
        for batch in normalized.batches:
            for partition, piece in split_by_partition(batch, self._partitions):
                self._pending.setdefault((partition, piece.group), []).append(piece)
        self._pending_bytes += normalized.byte_count
        if self._pending_bytes >= min(self._partitions * PIECE_BYTES, MOST_PENDING_BYTES):
            yield from self.release()

    def release(self) -> Iterator[tuple[int, Batch]]:
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


def _sources(raws: list[RawChunk]) -> Sequence[bytes] | None:
    """The bytes in their exports of the records of chunks; None if these are the records themselves."""
    chunks = [raw.chunk for raw in raws if raw.chunk is not None]
    if all(chunk.sources is None for chunk in chunks):
        return None
    return JoinedSources([chunk.records if chunk.sources is None else chunk.sources for chunk in chunks])


def _set_aside(raw: RawChunk) -> Iterator[Irregular]:
    """What a map does not take of a chunk, as it is told to a person (R7)."""
    export = raw.byte_range.export
    for each in () if raw.chunk is None else raw.chunk.set_aside:
        line = each.line + first_line(raw)
        example = IrregularExample(export.number, raw.position, line, each.offset, "", each.value)
        yield Irregular(export.group, NOT_TAKEN, each.name, export.group, each.count, example)


class _no_collection:  # noqa: N801 - used as a `with` word
    """Disables the cyclic garbage collector while a chunk is parsed: millions of objects, none of them in a cycle."""

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()


def _unreadable(raw: RawChunk) -> Iterator[Rejection]:
    """Rejections without a parsed record: the unreadable end of an export (R2), refused records (F4, R6, R8)."""
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
    for each in raw.chunk.refused:
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
