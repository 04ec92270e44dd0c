"""LineNumbers: the first line of each byte range of an export, from the line counts of the ranges before it (R1)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.beam.steps import call, call_each
from transforms.stages.elements import Reading


class LineNumbers(beam.PTransform):
    """PCollection[Reading] to ((export, start of the byte range), 1-based line at which it begins)."""

    def expand(self, readings: beam.PCollection[Reading]) -> beam.PCollection[tuple[tuple[int, int], int]]:
        """Gathers one small element for each byte range per export."""
        return (
            readings
            | "KeyByExport" >> call(_by_export).with_output_types(tuple[int, tuple[int, int]])
            | "GroupByExport" >> beam.GroupByKey()
            | "AddUp" >> call_each(_added_up).with_output_types(tuple[tuple[int, int], int])
        )


def _by_export(reading: Reading) -> tuple[int, tuple[int, int]]:
    return reading.export, (reading.start, reading.line_count)


def _added_up(counted: tuple[int, Iterable[tuple[int, int]]]) -> Iterator[tuple[tuple[int, int], int]]:
    export, counts = counted
    lines: defaultdict[int, int] = defaultdict(int)
    for start, count in counts:
        lines[start] += count
    first = 1
    for start in sorted(lines):
        yield (export, start), first
        first += lines[start]
