"""A Polars script for all groups of a fleet, as one who knows the fields of these exports writes it by hand.

    python benchmarks/peers/polars_fleet.py --items ITEMS.ndjson... --scenes SCENES.ndjson...
        --annotations ANNOTATIONS.ndjson... --predictions RUN=PREDICTIONS.ndjson... --out DIR

The same work as `duckdb_fleet.py`, for the exports of `fleet_exports.py`, but types, keys and sensors are given, and of
what a record may have wrong nothing is looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
from findings import Exports, fleet_options, group, tell
from polars_script import summaries

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

POINT = pl.Struct({"x": pl.Float64, "y": pl.Float64, "z": pl.Float64, "visible": pl.Boolean})
ATTACHMENT = pl.Struct(
    {
        "attachment": pl.String,
        "frame": pl.Int64,
        "dims": pl.Struct({"width": pl.Float64, "height": pl.Float64}),
        "camera_position": pl.Struct({"x": pl.Float64, "y": pl.Float64, "z": pl.Float64}),
        "metadata": pl.Struct({"foo": pl.String, "b": pl.Boolean, "n": pl.Float64}),
    }
)
CAMERA = pl.Struct(
    {
        "position": pl.Struct(dict.fromkeys("xyz", pl.Float64)),
        "heading": pl.Struct(dict.fromkeys("xyzw", pl.Float64)),
        **dict.fromkeys(("fx", "fy", "cx", "cy"), pl.Float64),
        "camera_model": pl.String,
        **dict.fromkeys(("k1", "p1"), pl.Float64),
    }
)
DRIVE: Schema = {
    "site": pl.String,
    "crew": pl.String,
    "wet": pl.Boolean,
    "shift": pl.Int64,
    "pace": pl.Float64,
    "serial": pl.String,
    "lat": pl.Float64,
    "lon": pl.Float64,
}
FRAME: Schema = {"ticks": pl.Int64, "speed": pl.Float64, "dark": pl.Boolean, "camera_params": CAMERA}
SHAPE: Schema = {"hue": pl.String, "hidden": pl.Boolean, "points": pl.Int64}
SEGMENT: Schema = {"hue": pl.String, "hidden": pl.Boolean, "speed": pl.Int64}
METADATA: Mapping[str, Schema] = {
    "items": {**DRIVE, "context_attachments": pl.List(ATTACHMENT), **FRAME},
    "scenes": DRIVE,
    "annotations": {**SHAPE, **SEGMENT},
    "predictions": SHAPE,
}
FRAME_ITEM: Schema = {
    "reference_id": pl.String,
    "url": pl.String,
    "type": pl.String,
    "metadata": pl.Struct(FRAME),
}
SENSORS = ("top", "front")
SCENE: Schema = {
    "reference_id": pl.String,
    "frame_rate": pl.Float64,
    # A frame of a video is an item, one of a lidar scene holds an item for each sensor.
    "frames": pl.List(pl.Struct({**FRAME_ITEM, **dict.fromkeys(SENSORS, pl.Struct(FRAME_ITEM))})),
    "metadata": pl.Struct(DRIVE),
}
ANNOTATION: Schema = {
    **dict.fromkeys(("reference_id", "annotation_id", "task_id", "type", "label", "taxonomy_name"), pl.String),
    "track_reference_id": pl.String,
    "geometry": pl.Struct(
        {
            **dict.fromkeys(("x", "y", "width", "height", "yaw"), pl.Float64),
            "position": POINT,
            "dimensions": POINT,
            "vertices": pl.List(POINT),
            "keypoints": pl.List(POINT),
            "names": pl.List(pl.String),
            "skeleton": pl.List(pl.List(pl.Int64)),
        }
    ),
    "metadata": pl.Struct(SHAPE),
}
MASK: Schema = {
    "mask_url": pl.String,
    "annotations": pl.List(
        pl.Struct({"label": pl.String, "index": pl.Int64, "metadata": pl.Struct(SEGMENT)}),
    ),
}
SCORE: Schema = {"confidence": pl.Float64, "class_pdf": pl.Struct({"car": pl.Float64, "truck": pl.Float64})}


def read(exports: Sequence[Path], schema: Schema) -> pl.DataFrame:
    """Returns the records of exports."""
    return pl.scan_ndjson(list(exports), schema=dict(schema)).collect(engine="streaming")


def frames(scenes: pl.DataFrame) -> pl.DataFrame:
    """Returns a row for each item of each frame, its metadata in columns."""
    each = scenes.lazy().select(
        pl.col("reference_id").alias("scene_reference_id"),
        pl.int_ranges(pl.col("frames").list.len()).alias("frame_index"),
        pl.col("frames"),
    )
    opened = each.explode("frame_index", "frames").unnest("frames")
    place = ("scene_reference_id", "frame_index")
    of_videos = opened.drop(SENSORS).filter(pl.col("reference_id").is_not_null())
    of_sensors = [
        opened.filter(pl.col("reference_id").is_null())
        .select(*place, pl.lit(sensor).alias("sensor"), pl.col(sensor))
        .unnest(sensor)
        for sensor in SENSORS
    ]
    cloud = pl.col("type") == "pointcloud"
    return (
        pl.concat([of_videos, *of_sensors], how="diagonal")
        .with_columns(
            pl.when(~cloud).then("url").alias("image_url"),
            pl.when(cloud).then("url").alias("pointcloud_url"),
        )
        .drop("url", "type")
        .unnest("metadata")
        .collect()
    )


def items(given: Exports, scenes: pl.DataFrame) -> pl.DataFrame:
    """Returns the items, frames included, and writes the attachments of all."""
    own = {**DRIVE, "context_attachments": pl.List(ATTACHMENT)}
    single = read(given.items, {"reference_id": pl.String, "image_url": pl.String, "metadata": pl.Struct(own)})
    every = pl.concat([single.unnest("metadata"), frames(scenes)], how="diagonal")
    attached = every.select("reference_id", "context_attachments").drop_nulls().explode("context_attachments")
    attached.unnest("context_attachments").write_parquet(given.out / "context_attachments.parquet")
    return every


def annotations(exports: Sequence[Path]) -> pl.DataFrame:
    """Returns the annotations, and a row for each segment of a mask."""
    records = read(exports, {**ANNOTATION, **MASK})
    segments = (
        records.select("reference_id", "annotation_id", pl.lit("segment").alias("type"), "annotations")
        .drop_nulls("annotations")
        .explode("annotations")
        .unnest("annotations")
        .rename({"index": "segment_index"})
        .unnest("metadata")
    )
    return pl.concat([records.drop("annotations").unnest("metadata"), segments], how="diagonal")


def predictions(runs: Mapping[str, Sequence[Path]]) -> pl.DataFrame:
    """Returns the predictions of all model runs."""
    schema = {**ANNOTATION, **SCORE}
    each = [read(exports, schema).with_columns(model_run=pl.lit(run)) for run, exports in runs.items()]
    return pl.concat(each).unnest("metadata")


def main() -> None:
    """Runs the script."""
    given = fleet_options(__doc__)
    scenes = read(given.scenes, SCENE)
    loads: Mapping[str, Callable[[], pl.DataFrame]] = {
        "items": lambda: items(given, scenes),
        "scenes": lambda: scenes.drop("frames").unnest("metadata"),
        "annotations": lambda: annotations(given.annotations),
        "predictions": lambda: predictions(given.predictions),
    }
    groups = {}
    for name, load in loads.items():
        frame = load()
        groups[name] = group(frame.height, summaries(frame, METADATA[name]))
        frame.write_parquet(given.out / f"{name}.parquet")
    tell(groups)


if __name__ == "__main__":
    main()
