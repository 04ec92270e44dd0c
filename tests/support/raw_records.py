"""Raw annotations, masks and scenes as short as they can be, and files that hold them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.in_process import ingest
from support.runs import Ended, flags, ndjson

BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
VERTICES = {"vertices": [{"x": 0, "y": 0}, {"x": 1, "y": 1}, {"x": 0, "y": 1}]}
SPACE = {"x": 1, "y": 2, "z": 3}
GEOMETRIES: dict[str, dict[str, Any]] = {
    "box": BOX,
    "polygon": VERTICES,
    "line": VERTICES,
    "keypoints": {"keypoints": [{"x": 1, "y": 2, "visible": True}], "names": ["nose"], "skeleton": []},
    "cuboid": {"position": SPACE, "dimensions": SPACE, "yaw": 0},
}
RUNS = ["annotations", "predictions m"]
Records = dict[str, list[Any]]
"""Group, for predictions `predictions RUN`, to raw records."""


def mark(
    reference_id: str, annotation_id: str | None, metadata: Any = None, *, kind: str = "box", **keys: Any
) -> dict[str, Any]:
    """A geometric annotation."""
    return {
        "reference_id": reference_id,
        "type": kind,
        "label": "car",
        "geometry": GEOMETRIES[kind],
        "annotation_id": annotation_id,
        "metadata": metadata or {},
        **keys,
    }


def category(reference_id: str, taxonomy: str | None, metadata: Any = None, **keys: Any) -> dict[str, Any]:
    """A category, of the default taxonomy if that is None."""
    record = {"reference_id": reference_id, "type": "category", "label": "day", "geometry": {}, "metadata": metadata}
    return record | ({} if taxonomy is None else {"taxonomy_name": taxonomy}) | keys


def multicategory(reference_id: str, taxonomy: str, metadata: Any = None) -> dict[str, Any]:
    """A multicategory."""
    return {
        "reference_id": reference_id,
        "type": "multicategory",
        "labels": ["wet", "dark"],
        "taxonomy_name": taxonomy,
        "metadata": metadata,
    }


def mask(reference_id: str, segments: Mapping[int, Any], *, url: str | None = None) -> dict[str, Any]:
    """A mask whose segments are given as index to metadata."""
    return {
        "reference_id": reference_id,
        "type": "mask",
        "mask_url": url or f"https://example.org/masks/{reference_id}.png",
        "annotations": [
            {"label": f"l{index}", "index": index, "metadata": metadata} for index, metadata in segments.items()
        ],
    }


def job(folder: Path, name: str, records: Records) -> list[tuple[str, str, Path]]:
    """Writes one export for each group; (group, model run, file) in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for title, of_group in records.items():
        group, _, run = title.partition(" ")
        found.append((group, run, ndjson(folder / f"{name}-{group}{run}.ndjson", of_group)))
    return found


def document(path: Path, value: object) -> Path:
    """Writes one JSON document, such as a request."""
    path.write_text(json.dumps(value, indent=1), "utf-8")
    return path


def apply(folder: Path, name: str, records: Records, *options: str) -> Ended:
    """One job of records given inline, on the dataset `d` of a folder."""
    return ingest(folder / "d", *flags(job(folder, name, records)), *options)


def replace(folder: Path, name: str, records: Records, *options: str) -> Ended:
    """The same in mode `replace` (U2)."""
    return apply(folder, name, records, "--mode", "replace", *options)


def merge(folder: Path, name: str, records: Records, *options: str) -> Ended:
    """The same in mode `merge` (U3)."""
    return apply(folder, name, records, "--mode", "merge", *options)
