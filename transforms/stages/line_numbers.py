"""Numbers the lines of byte ranges: the first line of each, from the line counts of the ranges before it (R1)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from transforms.stages.elements import Reading


def line_numbers(readings: Iterable[Reading]) -> dict[tuple[int, int], int]:
    """(export, start of the byte range) to the 1-based line at which the range begins."""
    by_export: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for reading in readings:
        export, counted = line_count(reading)
        by_export[export].append(counted)
    return dict(each for export, counts in by_export.items() for each in first_lines(export, counts))


def line_count(reading: Reading) -> tuple[int, tuple[int, int]]:
    """(export, (start of the byte range, line ends in the chunk))."""
    return reading.export, (reading.start, reading.line_count)


def first_lines(export: int, counts: Iterable[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], int]]:
    """((export, start of a byte range), its first line), from the line counts of all chunks of the export."""
    lines: defaultdict[int, int] = defaultdict(int)
    for start, count in counts:
        lines[start] += count
    first = 1
    for start in sorted(lines):
        yield (export, start), first
        first += lines[start]
