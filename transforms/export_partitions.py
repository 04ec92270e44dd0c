"""ExportPartitions: writes the partitions of a version in the format of other programs."""

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam

from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, Packed, StepFn, call
from transforms.stages.coco_fragments import Fragment, write_fragments
from transforms.stages.coco_ids import Numbering, Survey, numbered, survey
from transforms.stages.export_coco import write_coco
from transforms.stages.export_partitions import (
    ExportedFile,
    ExportHead,
    Exporting,
    ExportPart,
    export_partition,
    write_document,
)
from transforms.stages.export_records import SceneFrames, export_records, export_scenes, frames_of


class ExportPartitions(beam.PTransform):
    """The root to one element that comes when all partitions, and `export.json` behind them, are written."""

    def __init__(self, parts: Sequence[ExportPart], exporting: Exporting, head: ExportHead) -> None:
        """Takes the partitions, at least one, the inputs of all, and the head of `export.json`."""
        super().__init__()
        self._parts = parts
        self._exporting = exporting
        self._head = head

    def expand(self, root: beam.Pipeline) -> beam.PCollection[None]:
        """Each partition is an element of its own, spread over the workers."""
        parts = (
            root
            | "ListPartitions" >> ListValues([(part.number, part) for part in self._parts], tuple[int, ExportPart])
            | "SpreadPartitions" >> beam.GroupByKey()
        )
        if self._exporting.form == "coco":
            return self._documents(parts)
        written = parts | "WriteParts" >> beam.ParDo(_ExportPartitionFn(self._exporting))
        if self._exporting.form == "nucleus":  # the frames of a scene are in any partition
            scenes = (
                parts
                | "ListFrames" >> beam.ParDo(_ListFramesFn(self._exporting))
                | "GroupFrames" >> beam.GroupByKey()
                | "WriteScenes" >> beam.ParDo(_ExportScenesFn(self._parts, self._exporting))
            )
            written = (written, scenes) | "FlattenFiles" >> beam.Flatten()
        return self._gathered(written)

    def _documents(self, parts: beam.PCollection[tuple[int, Iterable[ExportPart]]]) -> beam.PCollection[None]:
        """Once ids are known, each partition is written as fragments of documents, and each document from its own."""
        numbering = (
            parts
            | "SurveyPartitions" >> beam.ParDo(_SurveyFn())
            | "GatherSurveys" >> beam.GroupByKey()
            | "NumberElements" >> call(_number, self._exporting).with_output_types(Numbering)
        )
        documents = (
            parts
            | "WriteFragments" >> beam.ParDo(_WriteFragmentsFn(self._exporting), beam.pvalue.AsSingleton(numbering))
            | "GatherFragments" >> beam.GroupByKey()
            | "WriteDocuments" >> beam.ParDo(_WriteCocoFn(self._exporting), beam.pvalue.AsSingleton(numbering))
        )
        none = numbering | "NoFiles" >> call(_no_files).with_output_types(tuple[int, list[ExportedFile]])
        return self._gathered((documents, none) | "FlattenFiles" >> beam.Flatten())

    def _gathered(self, written: beam.PCollection[tuple[int, list[ExportedFile]]]) -> beam.PCollection[None]:
        return (
            written
            | "GatherFiles" >> beam.GroupByKey()
            | "WriteDocument" >> call(_write, self._exporting.root, self._head).with_output_types(type(None))
        )


class _ExportPartitionFn(StepFn):
    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting
        self._stage = Stage("export")

    def process(self, parts: tuple[int, Iterable[ExportPart]]) -> Iterator[tuple[int, list[ExportedFile]]]:
        export = export_records if self._exporting.form == "nucleus" else export_partition
        for files in self._stage.timed(export(part, self._exporting) for part in parts[1]):
            for each in files:
                self._stage.count(records=each.file.records, byte_count=each.file.bytes)
            yield 0, files


class _ListFramesFn(StepFn):
    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting

    def process(self, parts: tuple[int, Iterable[ExportPart]]) -> Iterator[tuple[int, SceneFrames]]:
        for part in parts[1]:
            yield from frames_of(part, self._exporting).items()


class _ExportScenesFn(StepFn):
    def __init__(self, parts: Sequence[ExportPart], exporting: Exporting) -> None:
        self._parts = Packed({part.number: part for part in parts})
        self._exporting = exporting

    def process(self, found: tuple[int, Iterable[SceneFrames]]) -> Iterator[tuple[int, list[ExportedFile]]]:
        number, frames = found
        yield 0, export_scenes(number, self._parts.value.get(number), frames, self._exporting)


class _SurveyFn(StepFn):
    def process(self, parts: tuple[int, Iterable[ExportPart]]) -> Iterator[tuple[int, Survey]]:
        for part in parts[1]:
            yield 0, survey(part)


class _WriteFragmentsFn(StepFn):
    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting
        self._stage = Stage("export")

    def process(self, parts: tuple[int, Iterable[ExportPart]], numbering: Numbering) -> Iterator[tuple[int, Fragment]]:
        for fragments in self._stage.timed(write_fragments(part, numbering, self._exporting) for part in parts[1]):
            yield from fragments


class _WriteCocoFn(StepFn):
    def __init__(self, exporting: Exporting) -> None:
        self._exporting = exporting

    def process(
        self, found: tuple[int, Iterable[Fragment]], numbering: Numbering
    ) -> Iterator[tuple[int, list[ExportedFile]]]:
        place, fragments = found
        yield 0, write_coco(place, fragments, numbering, self._exporting)


def _number(surveys: tuple[int, Iterable[Survey]], exporting: Exporting) -> Numbering:
    return numbered(surveys[1], exporting)


def _no_files(_: Numbering) -> tuple[int, list[ExportedFile]]:
    """What makes `export.json` come where there is no document."""
    return 0, []


def _write(files: tuple[int, Iterable[list[ExportedFile]]], root: str, head: ExportHead) -> None:
    write_document(root, head, (each for of_part in files[1] for each in of_part))
