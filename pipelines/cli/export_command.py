"""Implements `export`."""

from collections.abc import Mapping

from pipelines.exporting.config import ExportConfig
from pipelines.exporting.run import ExportJson, run
from pipelines.streams import emit_json, say, told_afterwards
from transforms.rules.export_rows import GROUPS
from transforms.rules.policies import ExportFormat

_FORMATS: Mapping[ExportFormat, str] = {
    "parquet": "Parquet",
    "ndjson": "NDJSON",
    "csv": "CSV",
    "avro": "Avro",
    "nucleus": "Nucleus",
    "coco": "COCO",
}
"""The formats as they are written in a sentence."""


def export(config: ExportConfig, *, as_json: bool) -> int:
    """Exports a version and prints what was written; returns the exit code.

    Raises:
        UsageError: As `run`.
    """
    document = run(config)
    with told_afterwards():
        if as_json:
            emit_json({**document, "out": config.out})
        else:
            say(*_lines(document, config.out))
    return 0


def _lines(document: ExportJson, out: str) -> list[str]:
    counts = ", ".join(f"{count:,} {group}" for group in GROUPS if (count := document["records"][group]))
    size = sum(file["bytes"] for file in document["files"])
    number = len(document["files"])
    files = f"{number:,} {_FORMATS[document['file_format']]} file{'' if number == 1 else 's'}"
    what = f"{counts or 'no rows'}, {files}, {size / 1e6:.1f} MB"
    lines = [f"Exported version {document['version']} of {document['dataset']} to {out}: {what}."]
    group = next((group for group in GROUPS if document["records"][group]), None)
    if document["split"] is not None and group is not None:
        splits = document["splits"] or {}
        for name in document["split"]["shares"]:
            count = splits[name][group] if name in splits else 0
            lines.append(f"  {name}: {count:,} {group}, {count / document['records'][group]:.1%}")
    for of_group, left_out in document.get("left_out", {}).items():
        names = ", ".join(f"{count:,} {name}" for name, count in left_out.items())
        lines.append(f"  left out of {of_group}, because COCO has no word for it: {names}")
    return lines
