"""FindConflictExamples: finds example records of each type conflict for the report (T3, T6)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import apache_beam as beam

from transforms.beam.steps import Packed, StepFn
from transforms.kernels.summarize.conflict_examples import Example, smallest, wanted_kinds
from transforms.kernels.summarize.conflict_examples import examples as examples_of
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject
from transforms.stages.elements import Export, Partition
from transforms.stages.exports import RANGE_BYTES, read_again
from transforms.storage.states import read_state

Key: TypeAlias = tuple[str, str, str, int]
"""Group, field, kind, and the number of examples."""
Found: TypeAlias = tuple[Key, list[Example]]
Numbered: TypeAlias = tuple[Key, list[tuple[Example, int | None]]]


class FindConflictExamples(beam.PTransform):
    """Partition, with the schema as side input, to ((group, field, kind, most), [(example, line), ...]).

    The examples of each field in conflict are the first few of the rarest kind and the first of each other kind. The
    line is None for a record of an earlier job. Without a conflict nothing is read.
    """

    def __init__(
        self,
        *,
        schema: beam.PCollection[JsonObject],
        exports: Sequence[Export],
        first_lines: beam.PCollection[object],
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        """Takes the one schema, the exports, and the output of LineNumbers."""
        super().__init__()
        self._schema = schema
        self._first_lines = first_lines
        self._number = _NumberLinesFn(list(exports), range_bytes)

    def expand(self, partitions: beam.PCollection[Partition]) -> beam.PCollection[Numbered]:
        """Keeps the smallest few of each partition, then of all partitions, whatever the order of workers (T5)."""
        return (
            partitions
            | "FindInPartitions"
            >> beam.ParDo(_FindExamplesFn(), beam.pvalue.AsSingleton(self._schema)).with_output_types(
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
    """Looks up the lines of the examples in the exports: a row has only the byte offset of its record."""

    def __init__(self, exports: list[Export], range_bytes: int) -> None:
        self._exports = Packed({export.name: export for export in exports})
        self._range_bytes = range_bytes

    def process(self, element: Found, first_lines: Mapping[tuple[int, int], int]) -> Iterator[Numbered]:
        key, found = element
        examples = smallest(found, key[-1])
        lines: dict[tuple[str, int], int] = {}
        for uri in {example.export for example in examples} & self._exports.value.keys():
            export = self._exports.value[uri]
            offsets = {example.offset for example in examples if example.export == uri}
            for record in read_again(export, offsets, range_bytes=self._range_bytes):
                start = first_lines[export.number, record.chunk] if record.chunk >= 0 else 0
                lines[uri, record.offset] = record.line + start
        yield key, [(example, lines.get((example.export, example.offset))) for example in examples]


class _FindExamplesFn(StepFn):
    def process(self, partition: Partition, schema: JsonObject) -> Iterator[Found]:
        wanted: dict[Group, list[tuple[str, str, int]]] = {}
        for group, field, kind, most in wanted_kinds(schema):
            wanted.setdefault(group, []).append((field, kind, most))
        for group, fields in wanted.items():
            if group in partition.states:
                batch = read_state(partition.states[group])
                for field, kind, most in fields:
                    yield (group, field, kind, most), examples_of(batch, field, kind, most)
