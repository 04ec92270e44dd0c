"""WriteReports: gathers the reports of all steps into one small file for the launching process."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import cast

import apache_beam as beam
from apache_beam.typehints.decorators import no_annotations

from transforms.beam.steps import call
from transforms.kernels.merge.merge import GroupCounts
from transforms.kernels.summarize.conflict_examples import Example
from transforms.rules.values import JsonObject
from transforms.stages.elements import Partition, Reading, WrittenKeys, WrittenPartition, WrittenRejections
from transforms.storage.stored_files import StoredFile, write_bytes

RESULTS = "results.json"


class WriteReports(beam.PTransform):
    """Flattens PCollections of reports, given by name, into the file `uri`: {"name": [report, ...]}."""

    def __init__(self, *, uri: str) -> None:
        """Takes the URI of the file."""
        super().__init__()
        self._uri = uri

    @no_annotations  # Beam knows no annotation for several inputs
    def expand(self, reports: Mapping[str, beam.PCollection[object]]) -> beam.PCollection[None]:
        """All reports are small: counts, paths, the schema."""
        labels = {name: f"Report{name.title().replace('_', '')}" for name in sorted(reports)}
        tagged = [
            reports[name] | label >> call(_report, name).with_output_types(tuple[int, tuple[str, str]])
            for name, label in labels.items()
        ]
        return (
            tagged
            | "FlattenReports" >> beam.Flatten()
            | "GatherReports" >> beam.GroupByKey()
            | "WriteReports" >> call(_write, self._uri).with_output_types(type(None))
        )


def _report(value: object, name: str) -> tuple[int, tuple[str, str]]:
    return 0, (name, json.dumps(_document(value)))


def _write(reports: tuple[int, Iterable[tuple[str, str]]], uri: str) -> None:
    gathered: dict[str, list[str]] = {}
    for name, text in sorted(reports[1]):
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
