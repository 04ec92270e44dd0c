"""FindExamples: for each type conflict, the records that a person should look at first (T3, T6)."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import apache_beam as beam

from transforms.kernels.examples import Example, rarest_kind, smallest
from transforms.kernels.examples import examples as examples_of
from transforms.merge_records import Partition, read_state
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject

Found: TypeAlias = tuple[tuple[str, str], list[Example]]


class FindExamples(beam.PTransform):
    """Partition, with the schema as side input, to ((group, field), examples): of the rarest kind, the first few.

    Reads nothing where there is no conflict.
    """

    def __init__(self, *, root: str, schema: beam.PCollection[JsonObject]) -> None:
        """Takes the root of the state files and the one schema."""
        super().__init__()
        self._root = root
        self._schema = schema

    def expand(self, partitions: beam.PCollection[Partition]) -> beam.PCollection[Found]:
        """Keeps the smallest few of each partition, then of all: which worker saw them first does not matter (T5)."""
        return (
            partitions
            | "FindInPartitions"
            >> beam.ParDo(_FindExamplesFn(self._root), beam.pvalue.AsSingleton(self._schema)).with_output_types(
                tuple[tuple[str, str], list[Example]]
            )
            | "KeepFirst" >> beam.CombinePerKey(_first)
        )


def _first(found: Iterable[list[Example]]) -> list[Example]:
    return smallest(example for examples in found for example in examples)


class _FindExamplesFn(beam.DoFn):
    def __init__(self, root: str) -> None:
        self._root = root

    def process(self, partition: Partition, schema: JsonObject) -> Iterator[Found]:
        wanted: dict[Group, dict[str, str]] = {}
        for group, field, kind in rarest_kind(schema):
            wanted.setdefault(group, {})[field] = kind
        for group, fields in wanted.items():
            if group in partition.states:
                batch = read_state(self._root, partition.states[group])
                for field, kind in fields.items():
                    yield (group, field), examples_of(batch, field, kind)
