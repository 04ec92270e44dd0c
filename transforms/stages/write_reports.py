"""Gathers the reports of all stages into one small file for the launching process."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from transforms.kernels.merge.merge import GroupCounts
from transforms.kernels.normalize.irregularities import Irregular
from transforms.kernels.summarize.conflict_examples import Example
from transforms.rules.export_rows import Group
from transforms.stages.elements import Partition, Reading, WrittenKeys, WrittenPartition, WrittenRejections
from transforms.stages.find_conflict_examples import Key, Numbered
from transforms.stages.results import (
    CountsReport,
    ExamplesReport,
    IrregularReport,
    KeysReport,
    ReadingReport,
    RejectionsReport,
    RowsReport,
    StatesReport,
    WrittenFile,
)
from transforms.storage.stored_files import StoredFile, write_bytes

RESULTS = "results.json"


def report_text(value: object, name: str) -> tuple[str, str]:
    """The name of a report and its JSON text.

    Raises:
        TypeError: No stage reports an object of this type.
    """
    return name, json.dumps(_document(value))


def write_reports(reports: Iterable[tuple[str, str]], uri: str) -> None:
    """Writes the results of `report_text` into a file: {"name": [report, ...]}, in an order of their own."""
    gathered: dict[str, list[str]] = {}
    for name, text in sorted(reports):
        gathered.setdefault(name, []).append(text)
    members = (f"{json.dumps(name)}: [{', '.join(texts)}]" for name, texts in gathered.items())
    write_bytes(uri, f"{{{', '.join(members)}}}".encode())


def _document(value: object) -> Mapping[str, object]:  # noqa: PLR0911 - one for each report
    """A report as a JSON object.

    Raises:
        TypeError: No step reports an object of this type.
    """
    match value:
        case Partition():
            return _states(value)
        case WrittenPartition():
            return _rows(value)
        case WrittenKeys():
            files = [_file(file) for file in (value.file, value.uses, value.uploads) if file is not None]
            return KeysReport(files=files, upload=value.upload, cached=value.cached)
        case WrittenRejections():
            return RejectionsReport(files=[_file(value.file)], cascaded=dict(value.cascaded))
        case Reading():
            return _reading(value)
        case (_, GroupCounts()):
            return _counts(*cast("tuple[Group, GroupCounts]", value))
        case ((_, _, _, _), list()):
            return _examples(*cast("Numbered", value))
        case dict():
            return value
        case _:
            raise TypeError(f"expected a report, got {value!r}")


def _states(partition: Partition) -> StatesReport:
    files = [each for file in (*partition.states.values(), partition.summaries) for each in file.files]
    return {"files": [_file(file) for file in files], "repaired": list(partition.repaired)}


def _rows(partition: WrittenPartition) -> RowsReport:
    return {
        "files": [_file(file) for file in (*partition.rows.values(), partition.insights)],
        "counted": dict(partition.counted),
        "repaired": list(partition.repaired),
    }


def _reading(reading: Reading) -> ReadingReport:
    return {
        "export": reading.export,
        "start": reading.start,
        "line_count": reading.line_count,
        "digest": None if reading.digest is None else reading.digest.hex(),
        "read": dict(reading.read),
        "warnings": dict(reading.warnings),
        "rejected": [(group, code, count) for (group, code), count in sorted(reading.rejected.items())],
        "irregular": [_irregular(each) for each in reading.irregular],
    }


def _irregular(irregular: Irregular) -> IrregularReport:
    example = irregular.example
    return {
        "group": irregular.group,
        "code": str(irregular.code),
        "key": irregular.key,
        "form": irregular.form,
        "count": irregular.count,
        "export": example.export,
        "chunk": example.chunk,
        "line": example.line,
        "offset": example.offset,
        "reference_id": example.reference_id,
        "value": example.value,
    }


def _counts(group: Group, counts: GroupCounts) -> CountsReport:
    return {
        "group": group,
        "created": counts.created,
        "updated": counts.updated,
        "ignored": counts.ignored,
        "unchanged": counts.unchanged,
        "cleared": counts.cleared,
        "rejected": dict(counts.rejected),
    }


def _examples(key: Key, numbered: Sequence[tuple[Example, int | None]]) -> ExamplesReport:
    group, field, kind, _ = key
    return {
        "group": group,
        "field": field,
        "kind": kind,
        "examples": [
            {
                "export": example.export,
                "offset": example.offset,
                "reference_id": example.reference_id,
                "kind": example.kind,
                "value": example.value,
                "line": line,
            }
            for example, line in numbered
        ],
    }


def _file(file: StoredFile) -> WrittenFile:
    return {"uri": file.uri, "path": file.path, "records": file.records, "bytes": file.bytes, "sha256": file.sha256}
