"""Collects all that belongs to one record: annotations, predictions by run, scene, frames, and its history."""

import threading
from collections.abc import Mapping

import numpy as np
import orjson
import polars as pl

from pipelines.explore.listing import Row, listed, rows_at
from pipelines.explore.results import result
from pipelines.explore.snapshots import Snapshot, Snapshots
from pipelines.json_output import JsonOutput
from pipelines.queries.partition_frames import REFERENCE_ID
from pipelines.streams import json_text
from transforms.rules.export_rows import ANNOTATION_GROUPS, Group
from transforms.rules.identity import partition_of

IDENTITY = ("annotation_id", "model_run", "type", "label", "taxonomy_name", "segment_index")
"""Parameters that tell apart the annotations of one item."""
MOST = 2_000
"""Annotations of one record, and frames of a scene, that are given at most."""
_NOT_COMPARED = frozenset({"source", "cache_key"})


def find(snapshot: Snapshot, group: Group, reference_id: str, identity: Mapping[str, str]) -> Row | None:
    """The first row with a reference id, and of annotations with these columns; None if there is none."""
    found = _own(snapshot, group, reference_id, identity, most=1)
    return found[0] if found else None


def one_record(
    snapshots: Snapshots, snapshot: Snapshot, group: Group, row: Row, cancelled: threading.Event
) -> JsonOutput:
    """A row, and all that belongs to it.

    Args:
        snapshots: The versions of the dataset.
        snapshot: The version of the row.
        group: The group of the row.
        row: As `find` gives it.
        cancelled: Set when nobody waits any more.
    """
    reference_id = f"{row[REFERENCE_ID]}"
    item = find(snapshot, "items", reference_id, {}) if group in ANNOTATION_GROUPS else None
    scene_id = reference_id if group == "scenes" else (item or row).get("scene_reference_id")
    if group in ANNOTATION_GROUPS and item is None:
        scene_id = reference_id
    scene = None if scene_id is None else find(snapshot, "scenes", f"{scene_id}", {})
    predictions: dict[str, list[Row]] = {}
    for each in _own(snapshot, "predictions", reference_id, {}):
        predictions.setdefault(f"{each['model_run']}", []).append(each)
    return {
        "record": row,
        "item": item,
        "annotations": _own(snapshot, "annotations", reference_id, {}),
        "predictions": predictions,
        "scene": scene,
        "frames": [] if scene is None else _frames(snapshot, f"{scene_id}", cancelled),
        "history": _history(snapshots, snapshot, group, row),
    }


def _own(
    snapshot: Snapshot, group: Group, reference_id: str, identity: Mapping[str, str], most: int = MOST
) -> list[Row]:
    """Rows of a group with a reference id."""
    number = partition_of(reference_id, snapshot.version.partitions)
    state = snapshot.version.states(group).get(number)
    if state is None:
        return []
    rows = snapshot.columns.read(state, (REFERENCE_ID, *identity), ()).with_row_index("row")
    wanted = [pl.col(REFERENCE_ID) == reference_id]
    wanted += [pl.col(name).cast(pl.String) == value for name, value in identity.items()]
    positions = rows.filter(*wanted)["row"].head(most).to_numpy().astype(np.int64)
    return rows_at(snapshot, group, number, positions) if len(positions) else []


def _frames(snapshot: Snapshot, scene_id: str, cancelled: threading.Event) -> list[Row]:
    """The items of a scene by frame and sensor."""
    query = f"scene_reference_id = {json_text(scene_id)} ORDER BY frame_index"
    found = result(snapshot, "items", query, cancelled)
    rows = listed(snapshot, found, np.arange(min(found.total, MOST)))
    return sorted(rows, key=_frame_place)


def _frame_place(row: Row) -> tuple[int, str, str]:
    index = row["frame_index"]
    return index if isinstance(index, int) else 0, f"{row['sensor'] or ''}", f"{row[REFERENCE_ID]}"


def _history(snapshots: Snapshots, snapshot: Snapshot, group: Group, row: Row) -> list[JsonOutput]:
    """In which versions the row was created or changed, oldest first, with the names of what changed.

    Of a row that is older than the oldest version that is kept, it is not known when it was created.
    """
    reference_id = f"{row[REFERENCE_ID]}"
    identity = {name: f"{row[name]}" for name in IDENTITY if row.get(name) is not None}
    number = partition_of(reference_id, snapshot.version.partitions)
    before: Row | None = None
    digests: list[str] | None = None
    history: list[JsonOutput] = []
    versions = [each for each in reversed(snapshots.versions()) if each.number <= snapshot.version.number]
    for at, version in enumerate(versions):
        state = version.states(group).get(number)
        now = [] if state is None else [file.sha256 for file in state.files]
        if now == digests:
            continue
        digests = now
        snapshot_then = snapshot if version.number == snapshot.version.number else Snapshot(version, snapshots.columns)
        found = find(snapshot_then, group, reference_id, identity)
        if found is not None and before is None and (at > 0 or version.manifest["parent"] is None):
            history.append({"version": version.number, "change": "created"})
        elif found is not None and before is not None and (changed := _changed(before, found)):
            history.append({"version": version.number, "change": "updated", "changed": changed})
        before = found
    return history


def _changed(before: Row, now: Row) -> list[JsonOutput]:
    """What differs between two rows: the name of a column or `metadata.KEY`, and its values."""
    was, is_now = (_flat(each) for each in (before, now))
    names = sorted(was.keys() | is_now.keys())
    return [
        {"name": name, "before": was.get(name), "now": is_now.get(name)}
        for name in names
        if was.get(name) != is_now.get(name)
    ]


def _flat(row: Row) -> Row:
    values: Row = orjson.loads(orjson.dumps(row))
    metadata = values.pop("metadata")
    found = {name: value for name, value in values.items() if name not in _NOT_COMPARED}
    if isinstance(metadata, dict):
        found |= {f"metadata.{key}": value for key, value in metadata.items()}
    return found
