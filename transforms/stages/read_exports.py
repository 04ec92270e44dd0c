"""Reads loads of byte ranges as lists of chunks of raw records (F, R2)."""

from collections.abc import Iterator, Sequence

from transforms.stages.elements import ByteRange, RawChunk
from transforms.stages.exports import read
from transforms.stages.progress_notes import note_progress

COMBINED_BYTES = 4 * 1024 * 1024
"""Chunks of small exports of the same kind are combined up to this size: each element has a fixed cost."""
NOTED_BYTES = 1024 * 1024
"""Progress is noted once for so many bytes of small exports."""


def read_byte_ranges(load: Sequence[ByteRange], *, progress: str | None = None) -> Iterator[list[RawChunk]]:
    """The chunks of byte ranges; those of one list are normalized alike, a large chunk is alone in its.

    Args:
        load: As `transforms.stages.exports.byte_ranges` plans them.
        progress: A local file for notes of finished byte ranges; None if the workers are on other machines.

    Examples:
        >>> from transforms.api import byte_ranges, local_exports
        >>> (load,) = byte_ranges(local_exports([("items", "items.ndjson", None)]))
        >>> [[len(each.chunk.records) for each in chunks] for chunks in read_byte_ranges(load)]
        [[3]]
    """
    combined: list[RawChunk] = []
    size = done = records = 0
    for byte_range in load:
        for chunk in read(byte_range):
            records += len(chunk.chunk.records) if chunk.chunk else 0
            byte_count = chunk.chunk.byte_count if chunk.chunk else 0
            if combined and (size + byte_count > COMBINED_BYTES or not _are_alike(combined[0], chunk)):
                yield combined
                combined, size = [], 0
            combined.append(chunk)
            size += byte_count
        done += byte_range.stop - byte_range.start
        if done >= NOTED_BYTES:
            note_progress(progress, "read", done, records)
            done = records = 0
    if done:
        note_progress(progress, "read", done, records)
    if combined:
        yield combined


def _are_alike(one: RawChunk, other: RawChunk) -> bool:
    a, b = one.byte_range.export, other.byte_range.export
    return (a.group, a.model_run, a.mode, a.strict) == (b.group, b.model_run, b.mode, b.strict)
