"""A DuckDB script for all groups of a fleet: any metadata key, frames of scenes as items, segments of masks as rows.

    python benchmarks/peers/duckdb_fleet.py --items ITEMS.ndjson... --scenes SCENES.ndjson...
        --annotations ANNOTATIONS.ndjson... --predictions RUN=PREDICTIONS.ndjson... --out DIR

What `duckdb_any_key.py` does, for the exports of `fleet_exports.py`, but conflicts come without examples. Of the keys
of a record those that these exports have are written; context attachments go into a file of their own, a row for each.
No checks of records, duplicates, references or cache keys, no rejections, no versions.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
from duckdb_any_key import KINDS, summaries, tabulate, write
from findings import Exports, fleet_options, group, tell

CORE = {
    "items": (
        *("reference_id", "image_url", "pointcloud_url", "camera_params"),
        *("scene_reference_id", "frame_index", "sensor"),
    ),
    "scenes": ("reference_id", "type", "video_url", "frame_rate", "frame_count"),
    "annotations": (
        *("reference_id", "annotation_id", "task_id", "type", "label", "taxonomy_name", "track_reference_id"),
        *("geometry", "mask_url", "segment_index"),
    ),
}
CORE["predictions"] = (*CORE["annotations"], "model_run", "confidence", "class_pdf")
METADATA = "MAP(VARCHAR, JSON)"
ITEM = {
    **dict.fromkeys(("reference_id", "image_url", "url", "type"), "VARCHAR"),
    "camera_params": "JSON",
    "metadata": METADATA,
}
SCENE = {
    "reference_id": "VARCHAR",
    "video_url": "VARCHAR",
    "frame_rate": "DOUBLE",
    "frames": "JSON[]",
    "metadata": METADATA,
}
ANNOTATION = {
    **dict.fromkeys(
        ("reference_id", "annotation_id", "task_id", "type", "label", "taxonomy_name", "track_reference_id"), "VARCHAR"
    ),
    "geometry": "JSON",
    "mask_url": "VARCHAR",
    "annotations": "JSON[]",
    "confidence": "DOUBLE",
    "class_pdf": "JSON",
    "metadata": METADATA,
}
# A video has its frames as a list of items, a lidar scene as a list of maps of sensor to item.
SCENES = """
CREATE TABLE read_scenes AS
SELECT *, CASE WHEN frame_rate IS NULL AND video_url IS NULL THEN 'lidar' ELSE 'video' END AS type,
  coalesce(len(frames), 0) AS frame_count
FROM read_json($exports, format = 'newline_delimited', columns = $columns)
"""
FRAMES = f"""
CREATE TABLE frames AS
WITH each AS (
  SELECT reference_id AS scene_reference_id, type, unnest(frames) AS frame, generate_subscripts(frames, 1) - 1 AS place
  FROM read_scenes),
sensors AS (
  SELECT scene_reference_id, place, unnest(map_entries(frame::{METADATA})) AS entry FROM each WHERE type = 'lidar'),
found AS (
  SELECT scene_reference_id, place AS frame_index, entry.key AS sensor, entry.value AS item FROM sensors
  UNION ALL SELECT scene_reference_id, place, NULL, frame FROM each WHERE type = 'video')
SELECT scene_reference_id, frame_index, sensor, item ->> '$.reference_id' AS reference_id, item ->> '$.url' AS url,
  item ->> '$.type' AS type, item -> '$.camera_params' AS camera_params, (item -> '$.metadata')::{METADATA} AS metadata
FROM found
"""
ITEMS = """
CREATE TABLE records AS
WITH found AS (
  SELECT * FROM read_json($exports, format = 'newline_delimited', columns = $columns) UNION ALL BY NAME FROM frames)
SELECT row_number() OVER () AS row, * REPLACE (if(type = 'pointcloud', NULL, coalesce(image_url, url)) AS image_url),
  if(type = 'pointcloud', url, NULL) AS pointcloud_url
FROM found
"""
ATTACHMENTS = f"""
CREATE TABLE attachments AS
WITH each AS (
  SELECT reference_id, unnest(metadata['context_attachments']::JSON[]) AS each FROM records
  WHERE metadata['context_attachments'] IS NOT NULL)
SELECT reference_id, each ->> '$.attachment' AS attachment, (each -> '$.frame')::BIGINT AS frame,
  each -> '$.dims' AS dims, each -> '$.camera_position' AS camera_position,
  (each -> '$.metadata')::{METADATA} AS metadata
FROM each
"""
ANNOTATIONS = f"""
CREATE TABLE records AS
WITH segments AS (
  SELECT reference_id, annotation_id, model_run, 'segment' AS type, unnest(annotations) AS segment FROM annotated),
found AS (
  SELECT * EXCLUDE annotations, NULL::BIGINT AS segment_index FROM annotated UNION ALL BY NAME
  SELECT * EXCLUDE segment, segment ->> '$.label' AS label, (segment -> '$.index')::BIGINT AS segment_index,
    (segment -> '$.metadata')::{METADATA} AS metadata
  FROM segments)
SELECT row_number() OVER () AS row, * FROM found
"""


def load_scenes(connection: duckdb.DuckDBPyConnection, exports: Sequence[Path]) -> None:
    """Reads the exports of scenes into `records`, and their frames into `frames`."""
    connection.execute(SCENES, {"exports": [str(path) for path in exports], "columns": SCENE})
    connection.execute(FRAMES)
    connection.execute("CREATE TABLE records AS SELECT row_number() OVER () AS row, * EXCLUDE frames FROM read_scenes")


def load_items(connection: duckdb.DuckDBPyConnection, exports: Sequence[Path], out: Path) -> None:
    """Reads the exports of items into `records`, with the frames, and writes the attachments of all."""
    connection.execute(ITEMS, {"exports": [str(path) for path in exports], "columns": ITEM})
    connection.execute(ATTACHMENTS)
    connection.execute(f"COPY attachments TO '{out}/context_attachments.parquet' (FORMAT parquet)")


def load_annotations(connection: duckdb.DuckDBPyConnection, exports: Mapping[str, Sequence[Path]]) -> None:
    """Reads the exports of annotations, or of predictions by model run, into `records`, with the segments of masks."""
    columns = ", ".join(f"{name} {kind}" for name, kind in ANNOTATION.items())
    connection.execute(f"CREATE OR REPLACE TABLE annotated ({columns}, model_run VARCHAR)")
    for run, paths in exports.items():
        connection.execute(
            "INSERT INTO annotated SELECT *, $run "
            "FROM read_json($exports, format = 'newline_delimited', columns = $columns)",
            {"exports": [str(path) for path in paths], "columns": ANNOTATION, "run": run},
        )
    connection.execute(ANNOTATIONS)


def load(connection: duckdb.DuckDBPyConnection, name: str, given: Exports, out: Path) -> None:
    """Reads the exports of a group into `records`, a row for each row of the group."""
    connection.execute("DROP TABLE IF EXISTS records")
    match name:
        case "scenes":
            load_scenes(connection, given.scenes)
        case "items":
            load_items(connection, given.items, out)
        case "annotations":
            load_annotations(connection, {"": given.annotations})
        case _:
            load_annotations(connection, given.predictions)


def main() -> None:
    """Runs the script."""
    given = fleet_options(__doc__)
    connection = duckdb.connect()
    # What DuckDB advises for large imports; nothing here depends on the order of rows.
    connection.execute("SET preserve_insertion_order = false")
    groups: dict[str, dict[str, object]] = {}
    conflicts: list[dict[str, object]] = []
    for name in ("scenes", *(name for name in CORE if name != "scenes")):  # items take the frames of the scenes
        load(connection, name, given, given.out)
        tabulate(connection)
        records = connection.execute("SELECT count(*) FROM records").fetchall()[0][0]
        groups[name] = group(records, summaries(connection))
        found = connection.execute(KINDS).fetchall()
        conflicts += (
            {"group": name, "field": key, "kinds": {each["kind"]: each["present"] for each in kinds}}
            for key, kinds in found
        )
        if not found:
            write(connection, name, given.out, CORE[name])
    tell(groups, conflicts)


if __name__ == "__main__":
    main()
