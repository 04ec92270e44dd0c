"""Converts rows of the rules into the columns of a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import SOURCE, Batch
from transforms.kernels.batch.group_columns import COLUMNS
from transforms.kernels.batch.metadata_columns import Shapes, json_text, tabulated
from transforms.kernels.summarize.field_counts import counted_only, key_count
from transforms.rules.annotations import Annotation
from transforms.rules.export_rows import Group
from transforms.rules.items import Item
from transforms.rules.rejections import Fault
from transforms.rules.scenes import Scene
from transforms.rules.values import Objects


@dataclass(frozen=True, slots=True)
class Origin:
    """The places of the records of one chunk, or of several that are normalized at once.

    Attributes:
        export: Number of the export in the job, of all records or int32[N].
        chunk: Byte offset of the chunk, of all or int64[N]; -1 where `lines` already count from the start of the
            export, at 1.
        offsets: int64[N], byte offset of each record.
        lines: int64[N], its line.
    """

    export: int | npt.NDArray[np.int32]
    chunk: int | npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]

    def columns(
        self, positions: Sequence[int] | npt.NDArray[np.int64], parts: Sequence[int] | npt.NDArray[np.int64]
    ) -> list[pl.Series]:
        """The SOURCE columns of rows made from the records at these positions."""
        where = np.asarray(positions, np.int64)
        exports = np.broadcast_to(np.asarray(self.export, np.int32), self.offsets.shape)
        chunks = np.broadcast_to(np.asarray(self.chunk, np.int64), self.offsets.shape)
        return [
            pl.Series("export", exports[where], SOURCE["export"]),
            pl.Series("chunk", chunks[where], SOURCE["chunk"]),
            pl.Series("line", self.lines[where], SOURCE["line"]),
            pl.Series("offset", self.offsets[where], SOURCE["offset"]),
            pl.Series("part", np.asarray(parts, np.int64), SOURCE["part"]),
        ]


class Rejected(NamedTuple):
    """A part of a record that is rejected.

    Attributes:
        group: The group of the part.
        position: Position of the record in its chunk.
        reference_id: Its reference id if known.
    """

    group: Group
    position: int
    reference_id: str | None
    fault: Fault


def batch(
    group: Group,
    columns: dict[str, Sequence[object] | pl.Series],
    metadata: Objects,
    source: list[pl.Series],
    known: Shapes | None = None,
    *,
    most_fields: int | None = None,
) -> Batch:
    """The batch of rows given as columns; missing columns are null.

    `known` is for `tabulated`. If the metadata has more keys than `most_fields`, only hashes of the keys are kept.
    """
    is_crowded = most_fields is not None and key_count(metadata, known) > most_fields
    return assembled(group, columns, counted_only(metadata) if is_crowded else tabulated(metadata, known), source)


def assembled(
    group: Group,
    columns: Mapping[str, Sequence[object] | pl.Series],
    metadata: tuple[dict[str, pl.Series], pl.DataFrame],
    source: list[pl.Series],
) -> Batch:
    """The batch of rows whose metadata is given as columns and cells."""
    count = len(source[0])
    dense, cells = metadata
    core = []
    for name, dtype in COLUMNS[group].items():
        values = columns.get(name)
        if values is None:
            core.append(pl.Series(name, [None], dtype).new_from_index(0, count))
        elif isinstance(values, pl.Series):
            core.append(values.alias(name).cast(dtype))
        else:
            core.append(pl.Series(name, values, dtype))
    frame = pl.DataFrame([*core, *source, *(values.alias(name) for name, values in dense.items())])
    return Batch(group, frame, cells)


def item_columns(items: Sequence[Item]) -> dict[str, Sequence[object] | pl.Series]:
    """The columns of items that the rule made one by one."""
    return {
        "reference_id": [item.reference_id for item in items],
        "image_url": [item.image_url for item in items],
        "pointcloud_url": [item.pointcloud_url for item in items],
        "url": [None if item.url in (item.image_url, item.pointcloud_url) else item.url for item in items],
        "width": [item.width for item in items],
        "height": [item.height for item in items],
        "camera_params": [None if item.camera_params is None else json_text(item.camera_params) for item in items],
        "extra": [json_text(item.extra) if item.extra else None for item in items],
    }


def scene_columns(scenes: Sequence[Scene]) -> dict[str, Sequence[object] | pl.Series]:
    """The columns of scenes that the rule made one by one."""
    return {
        "reference_id": [scene.reference_id for scene in scenes],
        "type": [scene.type for scene in scenes],
        "video_url": [scene.video_url for scene in scenes],
        "url": [None if scene.url == scene.video_url else scene.url for scene in scenes],
        "frame_rate": [scene.frame_rate for scene in scenes],
        "frame_count": [scene.frame_count for scene in scenes],
        "extra": [json_text(scene.extra) if scene.extra else None for scene in scenes],
    }


def annotation_columns(
    annotations: Sequence[Annotation], model_run: str | None
) -> dict[str, Sequence[object] | pl.Series]:
    """The columns of annotations that the rule made one by one."""
    names = (
        "reference_id",
        "type",
        "label",
        "annotation_id",
        "task_id",
        "track_reference_id",
        "taxonomy_name",
        "mask_url",
        "segment_index",
        "confidence",
    )
    columns: dict[str, Sequence[object] | pl.Series] = {
        name: [getattr(annotation, name) for annotation in annotations] for name in names
    }
    columns["model_run"] = [model_run] * len(annotations)
    columns["url"] = [None if each.url == each.mask_url else each.url for each in annotations]
    columns["labels"] = [None if each.labels is None else json_text(list(each.labels)) for each in annotations]
    columns["geometry"] = [None if each.geometry is None else json_text(each.geometry) for each in annotations]
    columns["class_pdf"] = [None if each.class_pdf is None else json_text(each.class_pdf) for each in annotations]
    columns["extra"] = [json_text(each.extra) if each.extra else None for each in annotations]
    return columns
