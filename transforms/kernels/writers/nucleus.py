"""Writes rows as the records that the Nucleus client uploads, from which an ingest makes the same rows (FORMATS 1)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import orjson

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import KEY_SKETCH, json_text
from transforms.kernels.batch.sparse_values import cell_groups, cell_values
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.writers.text import Members
from transforms.rules.annotations import MASK, SEGMENT
from transforms.rules.items import IMAGE_URL_KEYS, POINTCLOUD_URL_KEYS
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.scenes import scene_type
from transforms.rules.values import Record

RawRecord: TypeAlias = Members
"""A record for orjson; stored JSON texts are fragments, which orjson copies."""
Row: TypeAlias = Mapping[str, object]
"""A row of a batch: column to value."""

_TEXTS = frozenset({"json", "big"})
_URL = "url"


class Frame(NamedTuple):
    """An item of a frame of a scene: the number of the frame, its sensor (None in a video), and its record as JSON."""

    number: int
    sensor: str | None
    record: bytes


def json_lines(records: Iterable[RawRecord]) -> Iterator[bytes]:
    """Each record on a line."""
    for record in records:
        yield orjson.dumps(record) + b"\n"


def item_records(batch: Batch, positions: Positions) -> Iterator[RawRecord]:
    """The items at some positions: plain ones, as `append` takes them, and frames, as scenes have them."""
    some = batch.take(positions)
    for row, metadata in zip(some.rows.iter_rows(named=True), metadata_objects(some), strict=True):
        pointcloud = row["pointcloud_url"] is not None
        extra = _extra(row)
        record: RawRecord = {"reference_id": row["reference_id"], **_fragments(extra)}
        kind = extra.get("type")
        location = row["pointcloud_url"] if pointcloud else row["image_url"]
        if row["scene_reference_id"] is not None and kind == ("pointcloud" if pointcloud else "image"):
            names: Sequence[str] = (_URL,)
        else:
            names = POINTCLOUD_URL_KEYS if pointcloud else IMAGE_URL_KEYS
        record[next((name for name in names if name not in extra), names[-1])] = location
        record |= {name: row[name] for name in ("width", "height") if row[name] is not None}
        if row[CAMERA_PARAMS] is not None:
            record[CAMERA_PARAMS] = orjson.Fragment(row[CAMERA_PARAMS])
        yield {**record, "metadata": metadata}


def frames(batch: Batch, positions: Positions) -> Iterator[tuple[str, Frame]]:
    """The reference id of the scene of each item at some positions, all of which have one, and its frame."""
    rows = batch.rows.select("scene_reference_id", "frame_index", "sensor")
    for position, record in zip(positions.tolist(), item_records(batch, positions), strict=True):
        scene, index, sensor = rows.row(position)
        yield scene, Frame(index, sensor, orjson.dumps(record))


def scene_records(batch: Batch, positions: Positions, by_scene: Mapping[str, Sequence[Frame]]) -> Iterator[RawRecord]:
    """The scenes at some positions, each with its frames, as `append` takes them.

    A frame of a video whose item was rejected is null, so that the others keep their places. Frames that came with
    another record of the scene, which was rejected, follow in a record of their own, which an ingest rejects again.
    """
    some = batch.take(positions)
    for row, metadata in zip(some.rows.iter_rows(named=True), metadata_objects(some), strict=True):
        extra = _extra(row)
        record: RawRecord = {"reference_id": row["reference_id"], **_fragments(extra)}
        record |= {name: row[name] for name in ("video_url", "frame_rate") if row[name] is not None}
        fitting, others = _fitting(row, by_scene.get(row["reference_id"], ()))
        if row["frame_count"] is not None:
            record["frames"] = _frame_list(row["type"], row["frame_count"], fitting)
        told = {**extra, **{name: row[name] for name in ("video_url", "frame_rate")}}
        if row["video_url"] is None or scene_type(told) != row["type"]:
            record["type"] = row["type"]
        yield {**record, "metadata": metadata}
        yield from frames_alone(row["reference_id"], others)


def frames_alone(scene: str, found: Sequence[Frame]) -> Iterator[RawRecord]:
    """Records of a scene with nothing but frames: of a record that was rejected while its frames were not (G2)."""
    left = list(found)
    while left:
        is_video = left[0].sensor is None
        taken: dict[tuple[int, str | None], Frame] = {}
        others = []
        for frame in left:
            if (frame.sensor is None) == is_video and (frame.number, frame.sensor) not in taken:
                taken[frame.number, frame.sensor] = frame
            else:
                others.append(frame)
        kind, count = "video" if is_video else "lidar", max(index for index, _ in taken) + 1
        yield {"reference_id": scene, "type": kind, "frames": _frame_list(kind, count, taken.values())}
        left = others


def _fitting(row: Row, found: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """The frames that have a place in the record of a scene, and those of another record with its reference id."""
    is_video, count = row["type"] == "video", row["frame_count"]
    fitting: dict[tuple[int, str | None], Frame] = {}
    others = []
    for frame in found:
        place = (frame.number, frame.sensor)
        fits = isinstance(count, int) and frame.number < count and (frame.sensor is None) == is_video
        if fits and place not in fitting:
            fitting[place] = frame
        else:
            others.append(frame)
    return list(fitting.values()), others


def annotation_records(batch: Batch, positions: Positions) -> Iterator[RawRecord]:
    """The annotations or predictions at some positions, as `annotate` and `upload_predictions` take them.

    The segments of a mask are in the record of the mask; without its mask, they are in one that has no URL.
    """
    some = batch.take(positions)
    masks: dict[str, RawRecord] = {}
    segments: dict[str, list[RawRecord]] = {}
    for row, metadata in zip(some.rows.iter_rows(named=True), metadata_objects(some), strict=True):
        name = row["reference_id"]
        if row["type"] == SEGMENT:
            segment: RawRecord = {"label": row["label"], "index": row["segment_index"], "metadata": metadata}
            segments.setdefault(name, []).append({**_fragments(_extra(row)), **segment})
        elif row["type"] == MASK:
            masks[name] = _annotation(row, {"mask_url": row["mask_url"]})
        else:
            geometry = {} if row["geometry"] is None else orjson.Fragment(row["geometry"])
            yield _annotation(row, {"geometry": geometry, "metadata": metadata})
    for name in dict.fromkeys([*masks, *segments]):
        mask = masks.get(name, {"reference_id": name, "type": MASK})
        yield {**mask, "annotations": segments.get(name, [])}


def _value(value: object, form: str) -> object:
    if form == "null":
        return None
    return orjson.Fragment(f"{value}") if form in _TEXTS else value


def metadata_objects(batch: Batch, written: Callable[[object, str], object] = _value) -> list[RawRecord]:
    """The metadata of each row as it came in, nulls included.

    Args:
        batch: The rows.
        written: What stands in the place of a stored value of a form.
    """
    found: list[RawRecord] = [{} for _ in range(batch.rows.height)]
    for column in batch.rows.iter_columns():
        value_column = ValueColumn.of(column.name)
        if value_column is None or value_column.form == KEY_SKETCH or column.null_count() == len(column):
            continue
        for row, value in enumerate(column.to_list()):
            if value is not None:
                found[row][value_column.key] = written(value, value_column.form)
    for (key, form), cells in cell_groups(batch):
        if form != KEY_SKETCH:
            for row, value in zip(cells["row"].to_list(), cell_values(cells, form).to_list(), strict=True):
                found[row][key] = written(value, form)
    return found


def _annotation(row: Row, own: RawRecord) -> RawRecord:
    """The record of an annotation with the columns that it has, and its `own` members."""
    record: RawRecord = {"reference_id": row["reference_id"], "type": row["type"], **_fragments(_extra(row))}
    names = ("label", "annotation_id", "task_id", "track_reference_id", "taxonomy_name", "confidence")
    record |= {name: row[name] for name in names if row[name] is not None}
    for name in ("labels", "class_pdf"):
        if row[name] is not None:
            record[name] = orjson.Fragment(f"{row[name]}")
    return {**record, **own}


def _frame_list(kind: object, count: int, found: Iterable[Frame]) -> list[object]:
    """The frames of a scene: of a lidar scene maps of sensors, of a video items."""
    if kind == "video":
        items: list[object] = [None] * count
        for frame in found:
            items[frame.number] = orjson.Fragment(frame.record)
        return items
    maps: list[RawRecord] = [{} for _ in range(count)]
    for frame in found:
        maps[frame.number][frame.sensor or ""] = orjson.Fragment(frame.record)
    return [*maps]


def _extra(row: Row) -> Record:
    """The core keys of a record that have no column (G6)."""
    found = exact_json(f"{row['extra']}") if row["extra"] is not None else {}
    return found if isinstance(found, dict) else {}


def _fragments(extra: Record) -> RawRecord:
    """The members of an object as JSON texts: orjson itself writes no large integers."""
    return {name: orjson.Fragment(json_text(value)) for name, value in extra.items()}
