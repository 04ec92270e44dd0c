"""Gathers the reports of all stages into one small file for the launching process."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import cast

from transforms.kernels.merge.merge import GroupCounts
from transforms.kernels.summarize.conflict_examples import Example
from transforms.rules.values import JsonObject
from transforms.stages.elements import Partition, Reading, WrittenKeys, WrittenPartition, WrittenRejections
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


def _document(value: object) -> JsonObject:
    """A report as a JSON object.

    Raises:
        TypeError: No step reports an object of this type.
    """
    match value:
        case Partition():
            files = [_file(each) for file in (*value.states.values(), value.summaries) for each in file.files]
            found: object = {"files": files, "repaired": list(value.repaired)}
        case WrittenPartition():
            files = [_file(file) for file in (*value.rows.values(), value.insights)]
            counted_rows = {str(group): counted for group, counted in value.counted.items()}
            found = {"files": files, "counted": counted_rows, "repaired": list(value.repaired)}
        case WrittenKeys():
            files = [_file(file) for file in (value.file, value.uses, value.uploads) if file is not None]
            found = {"files": files, "upload": value.upload, "cached": value.cached}
        case WrittenRejections():
            found = {
                "files": [_file(value.file)],
                "cascaded": {str(group): count for group, count in value.cascaded.items()},
            }
        case StoredFile():
            found = {"files": [_file(value)]}
        case Reading():
            found = {
                "export": value.export,
                "start": value.start,
                "digest": None if value.digest is None else value.digest.hex(),
                "read": dict(value.read),
                "warnings": dict(value.warnings),
                "rejected": [[group, code, count] for (group, code), count in sorted(value.rejected.items())],
            }
        case (group, GroupCounts() as counts):
            # Not `asdict`: before Python 3.12 it turns a Counter into one of pairs.
            numbers = {
                name: getattr(counts, name) for name in ("created", "updated", "ignored", "unchanged", "cleared")
            }
            found = {"group": group, **numbers, "rejected": dict(counts.rejected)}
        case ((group, field, kind, _), [*numbered]):
            examples = cast("list[tuple[Example, int | None]]", numbered)
            shown = [asdict(example) | {"line": line} for example, line in examples]
            found = {"group": group, "field": field, "kind": kind, "examples": shown}
        case dict():
            found = value
        case _:
            raise TypeError(f"expected a report, got {value!r}")
    return cast("JsonObject", found)


def _file(file: StoredFile) -> JsonObject:
    return {"uri": file.uri, "path": file.path, "records": file.records, "bytes": file.bytes, "sha256": file.sha256}
