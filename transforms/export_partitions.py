"""ExportPartitions: writes the partitions of a version in the format of other programs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, call
from transforms.stages.export_partitions import (
    ExportedFile,
    Exporting,
    ExportPart,
    export_partition,
    write_document,
)


class ExportPartitions(beam.PTransform):
    """The root to one element that comes when all partitions, and `export.json` behind them, are written."""

    def __init__(self, parts: Sequence[ExportPart], exporting: Exporting, head: Mapping[str, object]) -> None:
        """Takes the partitions, at least one, the inputs of all, and the head of `export.json`."""
        super().__init__()
        self._parts = parts
        self._exporting = exporting
        self._head = dict(head)

    def expand(self, root: beam.Pipeline) -> beam.PCollection[None]:
        """Each partition is an element of its own, spread over the workers."""
        return (
            root
            | "ListPartitions" >> ListValues([(part.number, part) for part in self._parts], tuple[int, ExportPart])
            | "SpreadPartitions" >> beam.GroupByKey()
            | "WriteParts" >> beam.ParDo(_ExportPartitionFn(self._exporting))
            | "GatherFiles" >> beam.GroupByKey()
            | "WriteDocument" >> call(_write, self._exporting.root, self._head).with_output_types(type(None))
        )


class _ExportPartitionFn(StepFn):
    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting
        self._stage = Stage("export")

    def process(self, parts: tuple[int, Iterable[ExportPart]]) -> Iterator[tuple[int, list[ExportedFile]]]:
        for files in self._stage.timed(export_partition(part, self._exporting) for part in parts[1]):
            for each in files:
                self._stage.count(records=each.file.records, byte_count=each.file.bytes)
            yield 0, files


def _write(files: tuple[int, Iterable[list[ExportedFile]]], root: str, head: Mapping[str, object]) -> None:
    write_document(root, head, (each for of_part in files[1] for each in of_part))
