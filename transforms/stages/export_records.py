"""Writes the records of a partition as the Nucleus client uploads them: scenes whole, predictions by model run."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.writers.nucleus import (
    Frame,
    annotation_records,
    frames,
    frames_alone,
    item_records,
    json_lines,
    scene_records,
)
from transforms.rules.export_rows import Group
from transforms.rules.identity import partition_of
from transforms.stages.export_partitions import (
    ExportedFile,
    Exporting,
    ExportPart,
    divided,
    scene_split,
    split_keys,
)
from transforms.storage.states import read_state
from transforms.storage.stored_files import Piece, part_path, store

SceneFrames = list[tuple[str, Frame]]
"""Reference id of a scene and a frame of it."""
_EXTENSION = "ndjson"


def export_records(part: ExportPart, exporting: Exporting) -> list[ExportedFile]:
    """Writes the records of a partition but for its scenes: items that are no frames, annotations, predictions."""
    found: list[ExportedFile] = []
    keys = split_keys(part, exporting)
    for group in exporting.groups:
        if group == "scenes" or group not in part.states:
            continue
        batch = read_state(part.states[group])
        for folder, positions in _by_folder(group, batch, exporting.run_folders):
            for split, of_split in divided(batch, positions, keys, exporting):
                records = item_records(batch, of_split) if group == "items" else annotation_records(batch, of_split)
                found.append(_stored(part, exporting, (group, folder, split), json_lines(records), len(of_split)))
    return found


def frames_of(part: ExportPart, exporting: Exporting) -> Mapping[int, SceneFrames]:
    """The frames in a partition by the partition of their scene; that of the partition itself is always there."""
    found: dict[int, SceneFrames] = {part.number: []}
    if "scenes" in exporting.groups and "items" in part.states:
        batch = read_state(part.states["items"])
        positions = np.flatnonzero(batch.rows["scene_reference_id"].is_not_null().to_numpy())
        for scene, frame in frames(batch, positions):
            found.setdefault(partition_of(scene, exporting.partitions), []).append((scene, frame))
    return found


def export_scenes(
    number: int, part: ExportPart | None, found: Iterable[SceneFrames], exporting: Exporting
) -> list[ExportedFile]:
    """Writes the scenes of a partition with their frames, which are in any partition.

    A scene that is not in the dataset, because it was rejected and its frames were not, is written with its frames
    alone.

    Args:
        number: Number of the partition.
        part: The partition; None if it has no rows.
        found: Frames of scenes of this partition, in any order.
        exporting: The inputs of all partitions.
    """
    by_scene: dict[str, list[Frame]] = {}
    for scene, frame in sorted(each for of_part in found for each in of_part):
        by_scene.setdefault(scene, []).append(frame)
    state = None if part is None else part.states.get("scenes")
    exported: list[ExportedFile] = []
    lines: dict[str | None, list[bytes]] = {}
    frame_counts: dict[str | None, int] = {}
    if state is not None and "scenes" in exporting.groups:
        batch = read_state(state)
        for split, of_split in divided(batch, np.arange(state.records), {}, exporting):
            lines[split] = list(json_lines(scene_records(batch, of_split, by_scene)))
            names = batch.rows["reference_id"].gather(of_split).to_list()
            frame_counts[split] = sum(len(by_scene.pop(name, ())) for name in names)
    for scene, of_scene in by_scene.items():
        split = scene_split(scene, exporting)
        lines.setdefault(split, []).extend(json_lines(frames_alone(scene, of_scene)))
        frame_counts[split] = frame_counts.get(split, 0) + len(of_scene)
    for split, of_split_lines in lines.items():
        place: tuple[Group, str, str | None] = ("scenes", "scenes", split)
        given = part or ExportPart(number, {})
        exported.append(
            _stored(given, exporting, place, of_split_lines, len(of_split_lines), frames=frame_counts[split])
        )
    return exported


def _by_folder(group: Group, batch: Batch, run_folders: Mapping[str, str]) -> Iterator[tuple[str, Positions]]:
    """The folders of a group with the positions of their rows: items without frames, each model run by itself."""
    rows = batch.rows
    if group == "items":
        positions = np.flatnonzero(rows["scene_reference_id"].is_null().to_numpy())
        if len(positions):
            yield group, positions
    elif group == "predictions":
        for run in sorted(rows["model_run"].unique().to_list()):
            yield f"{group}/{run_folders[run]}", np.flatnonzero((rows["model_run"] == run).to_numpy())
    else:
        yield group, np.arange(rows.height)


def _stored(
    part: ExportPart,
    exporting: Exporting,
    place: tuple[Group, str, str | None],
    lines: Iterable[Piece],
    records: int,
    *,
    frames: int = 0,
) -> ExportedFile:
    group, folder, split = place
    path = part_path(folder if split is None else f"{split}/{folder}", part.number, exporting.partitions, _EXTENSION)
    return ExportedFile(store(exporting.root, path, lines, records=records), group, split, frames)
