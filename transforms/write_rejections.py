"""WriteRejections: writes rejected records as NDJSON with their raw bytes, so that they can be re-ingested (R1)."""

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam

from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import Packed, StepFn, call, call_each
from transforms.stages.cascades import related_and_others
from transforms.stages.elements import Export, WrittenRejections
from transforms.stages.rejection_lines import FirstLines
from transforms.stages.rejections import Rejections
from transforms.stages.write_rejections import RejectionParts


class WriteRejections(beam.PTransform):
    """PCollection[Rejections] to WrittenRejections, with the first line of each byte range as side input.

    Part files are in the order of the exports, and rejections within one by export and position. The rejection of an
    annotation whose item or scene was rejected in the same job names that rejection (I4): with one part file it is
    found while the file is written; with several the rejections are grouped by reference id first.
    """

    def __init__(
        self,
        *,
        root: str,
        exports: Sequence[Export],
        first_lines: beam.PCollection[object],
    ) -> None:
        """Takes where to write, the exports in order, and the output of LineNumbers."""
        super().__init__()
        self._first_lines = first_lines
        parts = RejectionParts(root, exports)
        self._count = parts.count
        self._parts = Packed(parts)

    def expand(self, rejections: beam.PCollection[Rejections]) -> beam.PCollection[WrittenRejections]:
        """One part for each BUCKET_BYTES of exports that have rejections."""
        if self._count > 1:
            related = (
                rejections
                | "KeyByReferenceId" >> call_each(self._by_reference_id).with_output_types(tuple[int, Rejections])
                | "GroupByReferenceId" >> beam.GroupByKey()
                | "RelateToCauses" >> call(self._related).with_output_types(Rejections)
            )
            others = rejections | "LeaveUnrelated" >> call_each(_unrelated).with_output_types(Rejections)
            rejections = (related, others) | "FlattenRelated" >> beam.Flatten()
        return (
            rejections
            | "KeyByPlace" >> call_each(self._by_part).with_output_types(tuple[int, Rejections])
            | "GroupByPlace" >> beam.GroupByKey()
            | "WriteRejectionParts"
            >> beam.ParDo(_WriteBucketFn(self._parts), beam.pvalue.AsDict(self._first_lines)).with_output_types(
                WrittenRejections
            )
        )

    def _by_reference_id(self, rejections: Rejections) -> Iterator[tuple[int, Rejections]]:
        return self._parts.value.by_reference_id(rejections)

    def _related(self, grouped: tuple[int, Iterable[Rejections]]) -> Rejections:
        return self._parts.value.related(grouped[1])

    def _by_part(self, rejections: Rejections) -> Iterator[tuple[int, Rejections]]:
        return self._parts.value.by_part(rejections)


class _WriteBucketFn(StepFn):
    def __init__(self, parts: Packed[RejectionParts]) -> None:
        self._parts = parts
        self._stage = Stage("write_rejections")

    def process(
        self, element: tuple[int, Iterable[Rejections]], first_lines: FirstLines
    ) -> Iterator[WrittenRejections]:
        yield from self._stage.timed(self._written(element, first_lines))

    def _written(
        self, element: tuple[int, Iterable[Rejections]], first_lines: FirstLines
    ) -> Iterator[WrittenRejections]:
        written = self._parts.value.write(*element, first_lines)
        self._stage.count(records=written.file.records, byte_count=written.file.bytes)
        yield written


def _unrelated(rejections: Rejections) -> Iterator[Rejections]:
    _, others = related_and_others(rejections)
    if len(others):
        yield others
