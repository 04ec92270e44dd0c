"""ReadExports: the exports of a job as chunks of raw records, large files as byte ranges of whole lines (F, R2)."""

from collections.abc import Iterator, Sequence

import apache_beam as beam

from transforms.elements import Export, RawChunk, Stretch
from transforms.exports import RANGE_BYTES, read, stretches
from transforms.progress_notes import note_progress


@beam.typehints.with_output_types(RawChunk)
class ReadExports(beam.PTransform):
    """Exports, given at construction, to a PCollection of RawChunk."""

    def __init__(
        self, exports: Sequence[Export], *, range_bytes: int = RANGE_BYTES, progress: str | None = None
    ) -> None:
        """Plans the reading.

        Args:
            exports: In their order.
            range_bytes: See RANGE_BYTES.
            progress: A local file to which each finished stretch is noted, for a job whose workers run here.
        """
        super().__init__()
        self._loads = stretches(exports, range_bytes=range_bytes)
        self._progress = progress

    def expand(self, root: beam.Pipeline) -> beam.PCollection[RawChunk]:
        """Each load is an element of its own, spread over the workers."""
        return (
            root
            | "ListStretches" >> beam.Create(self._loads, reshuffle=False)
            | "SpreadStretches" >> beam.Reshuffle()
            | "ReadStretches" >> beam.ParDo(_ReadStretchesFn(self._progress))
        )


class _ReadStretchesFn(beam.DoFn):
    def __init__(self, progress: str | None) -> None:
        self._progress = progress

    def process(self, load: list[Stretch]) -> Iterator[RawChunk]:
        for stretch in load:
            records = 0
            for chunk in read(stretch):
                records += len(chunk.chunk.records) if chunk.chunk else 0
                yield chunk
            note_progress(self._progress, "read", stretch.stop - stretch.start, records)
