"""Implements `export`."""

from pipelines.exporting.config import ExportConfig
from pipelines.exporting.run import ExportJson, run
from pipelines.streams import emit_json, say
from transforms.rules.export_rows import GROUPS


def export(config: ExportConfig, *, as_json: bool) -> int:
    """Exports a version and prints what was written; returns the exit code.

    Raises:
        UsageError: As `run`.
    """
    document = run(config)
    if as_json:
        emit_json({**document, "out": config.out})
    else:
        say(*_lines(document, config.out))
    return 0


def _lines(document: ExportJson, out: str) -> list[str]:
    counts = ", ".join(f"{count:,} {group}" for group in GROUPS if (count := document["records"][group]))
    size = sum(file["bytes"] for file in document["files"])
    what = f"{counts or 'no rows'}, {len(document['files'])} {document['file_format']} files, {size / 1e6:.1f} MB"
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
