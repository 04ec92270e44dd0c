"""FindConflictExamples: finds example records of each type conflict for the report (T3, T6)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from transforms.beam.steps import Packed, StepFn, call_each
from transforms.kernels.summarize.conflict_examples import Example, smallest
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.elements import Export, Partition
from transforms.stages.find_conflict_examples import (
    Found,
    Numbered,
    exports_by_name,
    find_conflict_examples,
    number_examples,
)


class FindConflictExamples(beam.PTransform):
    """Partition, with the schema as side input, to ((group, field, kind, most), [(example, line), ...]).

    The examples of each field in conflict are the first few of the rarest kind and the first of each other kind. The
    line is None for a record of an earlier job. Without a conflict nothing is read.
    """

    def __init__(
        self,
        *,
        schema: beam.PCollection[ResolvedJson],
        exports: Sequence[Export],
        first_lines: beam.PCollection[object],
    ) -> None:
        """Takes the one schema, the exports, and the output of LineNumbers."""
        super().__init__()
        self._schema = schema
        self._first_lines = first_lines
        self._number = _NumberLinesFn(list(exports))

    def expand(self, partitions: beam.PCollection[Partition]) -> beam.PCollection[Numbered]:
        """Keeps the smallest few of each partition, then of all partitions, whatever the order of workers (T5)."""
        return (
            partitions
            | "FindInPartitions"
            >> call_each(find_conflict_examples, beam.pvalue.AsSingleton(self._schema)).with_output_types(
                tuple[tuple[str, str, str, int], list[Example]]
            )
            | "KeepFirst" >> beam.CombinePerKey(_first)
            | "NumberLines"
            >> beam.ParDo(self._number, beam.pvalue.AsDict(self._first_lines)).with_output_types(
                tuple[tuple[str, str, str, int], list[tuple[Example, int | None]]]
            )
        )


def _first(found: Iterable[list[Example]]) -> list[Example]:
    return smallest(example for examples in found for example in examples)


class _NumberLinesFn(StepFn):
    def __init__(self, exports: list[Export]) -> None:
        self._exports = Packed(exports_by_name(exports))

    def process(self, element: Found, first_lines: Mapping[tuple[int, int], int]) -> Iterator[Numbered]:
        yield number_examples(element, self._exports.value, first_lines)
