"""LineNumbers: the first line of each byte range of an export, from the line counts of the ranges before it (R1)."""

from collections.abc import Iterable, Iterator

import apache_beam as beam

from transforms.beam.steps import call, call_each
from transforms.stages.elements import Reading
from transforms.stages.line_numbers import first_lines, line_count


class LineNumbers(beam.PTransform):
    """PCollection[Reading] to ((export, start of the byte range), 1-based line at which it begins)."""

    def expand(self, readings: beam.PCollection[Reading]) -> beam.PCollection[tuple[tuple[int, int], int]]:
        """Gathers one small element for each byte range per export."""
        return (
            readings
            | "KeyByExport" >> call(line_count).with_output_types(tuple[int, tuple[int, int]])
            | "GroupByExport" >> beam.GroupByKey()
            | "AddUp" >> call_each(_added_up).with_output_types(tuple[tuple[int, int], int])
        )


def _added_up(counted: tuple[int, Iterable[tuple[int, int]]]) -> Iterator[tuple[tuple[int, int], int]]:
    return first_lines(*counted)
