"""ReadExports: reads the exports of a job as chunks of raw records, large files in byte ranges (F, R2)."""

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam

from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, call, call_each
from transforms.stages.elements import ByteRange, Export, RawChunk
from transforms.stages.exports import byte_ranges
from transforms.stages.read_exports import read_byte_ranges


@beam.typehints.with_output_types(list[RawChunk])
class ReadExports(beam.PTransform):
    """Exports, given at construction, to a PCollection of lists of RawChunk.

    The chunks of one list are normalized alike (group, model run, mode, strictness); large chunks are alone in theirs.

    Examples:
        >>> import apache_beam as beam
        >>> from apache_beam.runners.portability.fn_api_runner import FnApiRunner
        >>> from transforms.api import local_exports
        >>> with beam.Pipeline(runner=FnApiRunner()) as root:
        ...     chunks = root | ReadExports(local_exports([("items", "items.ndjson", None)]))
        ...     _ = chunks | beam.Map(lambda found: print(sum(len(each.chunk.records) for each in found)))
        3
    """

    def __init__(self, exports: Sequence[Export], *, progress: str | None = None) -> None:
        """Plans the reading.

        Args:
            exports: In their order.
            progress: A local file for notes of finished byte ranges; None if the workers are on other machines.
        """
        super().__init__()
        self._loads = byte_ranges(exports)
        self._progress = progress

    def expand(self, root: beam.Pipeline) -> beam.PCollection[list[RawChunk]]:
        """Each load is an element of its own, spread over the workers."""
        return (
            root
            | "ListByteRanges" >> ListValues(self._loads, list[ByteRange])
            | "SpreadByteRanges" >> _SpreadByteRanges()
            | "ReadByteRanges" >> beam.ParDo(_ReadByteRangesFn(self._progress))
        )


class _SpreadByteRanges(beam.Reshuffle):
    """Reshuffle, which engines know by name, in half as many steps: the place is the key, timestamps are dropped."""

    def expand(self, loads: beam.PCollection[list[ByteRange]]) -> beam.PCollection[list[ByteRange]]:
        return (
            loads
            | "KeyByPlace" >> call(_placed).with_output_types(tuple[tuple[int, int], list[ByteRange]])
            | "GroupByPlace" >> beam.GroupByKey()
            | "ForgetPlaces" >> call_each(_loads).with_output_types(list[ByteRange])
        )


def _placed(load: list[ByteRange]) -> tuple[tuple[int, int], list[ByteRange]]:
    return (load[0].export.number, load[0].start), load


def _loads(placed: tuple[tuple[int, int], Iterable[list[ByteRange]]]) -> Iterable[list[ByteRange]]:
    return placed[1]


class _ReadByteRangesFn(StepFn):
    def __init__(self, progress: str | None) -> None:
        self._progress = progress
        self._stage = Stage("read")

    def process(self, load: list[ByteRange]) -> Iterator[list[RawChunk]]:
        for chunks in self._stage.timed(read_byte_ranges(load, progress=self._progress)):
            found = [each.chunk for each in chunks if each.chunk]
            self._stage.count(
                records=sum(len(chunk.records) for chunk in found), byte_count=sum(chunk.byte_count for chunk in found)
            )
            yield chunks
