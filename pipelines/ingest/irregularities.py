"""Combines what the chunks of a job report as irregular, for summary, report and manifest (R7)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from pipelines.dataset.documents.types import IrregularExampleJson, IrregularityJson
from transforms.formats.chunks import OF_ALL
from transforms.kernels.normalize.irregularities import MAX_KEYS
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.irregularities import hint_of
from transforms.stages.elements import Export
from transforms.stages.line_numbers import first_lines
from transforms.stages.results import IrregularReport, ReadingReport

MAX_LISTED = 100
"""How many irregularities are listed: those that most records have."""


class _Irregularity(NamedTuple):
    """What the rows of one entry of the list have in common."""

    group: Group
    code: str
    key: str


def irregularities_of(readings: Sequence[ReadingReport], exports: Iterable[Export]) -> list[IrregularityJson]:
    """The irregularities that most records have, with the first example of each.

    Args:
        readings: The reports of all chunks.
        exports: All exports of the job.
    """
    found: defaultdict[_Irregularity, list[IrregularReport]] = defaultdict(list)
    for reading in readings:
        for each in reading["irregular"]:
            found[_Irregularity(each["group"], each["code"], each["key"])].append(each)
    counted = sorted(_counted(found), key=lambda each: (-each[1], GROUPS.index(each[0].group), each[0]))
    lines, of_number = _lines(readings), {export.number: export for export in exports}
    return [_document(irregularity, found[irregularity], of_number, lines) for irregularity, _ in counted[:MAX_LISTED]]


def _counted(found: Mapping[_Irregularity, Sequence[IrregularReport]]) -> list[tuple[_Irregularity, int]]:
    """How many rows have each irregularity, of those that every chunk has counted whatever else is in it (P3)."""
    counted: list[tuple[_Irregularity, int]] = []
    for _, alike in groupby(sorted(found), key=lambda each: each[:2]):
        counted += [(each, sum(report["count"] for report in found[each])) for each in list(alike)[:MAX_KEYS]]
    return counted


def _document(
    irregularity: _Irregularity,
    reports: Sequence[IrregularReport],
    exports: Mapping[int, Export],
    lines: Mapping[tuple[int, int], int],
) -> IrregularityJson:
    first = min(reports, key=lambda report: (report["offset"], report["reference_id"], report["export"]))
    export, line = exports[first["export"]], first["line"] + lines.get((first["export"], first["chunk"]), 0)
    example: IrregularExampleJson = {
        "export": export.name,
        "line": max(line, 1),
        "offset": first["offset"],
        "reference_id": first["reference_id"],
        "value": first["value"],
    }
    place = None if export.map is None or line == OF_ALL else export.map.place(export.group, first["offset"])
    if place is not None:
        example["place"] = place
    return {
        "group": irregularity.group,
        "code": irregularity.code,
        "key": irregularity.key,
        "records": sum(report["count"] for report in reports),
        "hint": hint_of(irregularity.code, irregularity.key, sorted({report["form"] for report in reports})),
        "example": example,
    }


def _lines(readings: Sequence[ReadingReport]) -> dict[tuple[int, int], int]:
    """(export, start of a byte range) to the line at which it begins."""
    counts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for reading in readings:
        counts[reading["export"]].append((reading["start"], reading["line_count"]))
    return dict(each for export, of_export in counts.items() for each in first_lines(export, of_export))
