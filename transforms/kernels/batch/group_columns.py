"""Defines the columns of each group in a batch."""

import polars as pl

from transforms.rules.export_rows import Group

ITEM_COLUMNS: dict[str, pl.DataType] = {
    "reference_id": pl.String(),
    "image_url": pl.String(),
    "pointcloud_url": pl.String(),
    "url": pl.String(),
    "width": pl.Float64(),
    "height": pl.Float64(),
    "scene_reference_id": pl.String(),
    "frame_index": pl.Int64(),
    "sensor": pl.String(),
    "camera_params": pl.String(),
    "extra": pl.String(),
}
SCENE_COLUMNS: dict[str, pl.DataType] = {
    "reference_id": pl.String(),
    "type": pl.String(),
    "video_url": pl.String(),
    "url": pl.String(),
    "frame_rate": pl.Float64(),
    "frame_count": pl.Int64(),
    "extra": pl.String(),
}
ANNOTATION_COLUMNS: dict[str, pl.DataType] = {
    "reference_id": pl.String(),
    "model_run": pl.String(),
    "type": pl.String(),
    "label": pl.String(),
    "labels": pl.String(),
    "annotation_id": pl.String(),
    "task_id": pl.String(),
    "track_reference_id": pl.String(),
    "taxonomy_name": pl.String(),
    "geometry": pl.String(),
    "mask_url": pl.String(),
    "url": pl.String(),
    "segment_index": pl.Int64(),
    "confidence": pl.Float64(),
    "class_pdf": pl.String(),
    "extra": pl.String(),
}
COLUMNS: dict[Group, dict[str, pl.DataType]] = {
    "items": ITEM_COLUMNS,
    "scenes": SCENE_COLUMNS,
    "annotations": ANNOTATION_COLUMNS,
    "predictions": ANNOTATION_COLUMNS,
}
"""Columns of the rows of a batch. `url` is the canonical URL, null if it equals the incoming one; `labels`,
`geometry`, `class_pdf`, `camera_params` and `extra` are JSON texts."""
