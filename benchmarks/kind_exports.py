"""Records of every kind that exports have, for the benchmark of kinds: seeded, as dicts that an SDK would write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = dict[str, Json]
Group: TypeAlias = Literal["items", "scenes", "annotations", "predictions"]

WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "jetty")
ACCENTS = ("Zürich", "Málaga", "Łódź", "東京", "Åre", "Brașov")
CLASSES = ("car", "truck", "bus", "cyclist", "pedestrian")
FIELDS = 200
RECORDS = 40_000
"""So many of each kind are measured."""
BASE_SHARE = 10
"""Annotations for each item or scene that they refer to."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record.

    Attributes:
        record: The record at a position, counted from 0.
        base: What the dataset holds before: groups, and how many records of the kind refer to each of their records.
        mode: How the records update the dataset.
        weight: By how much fewer records are made than asked for, where each is large.
        records_per_export: None for one export of all.
    """

    name: str
    group: Group
    record: Callable[[int, Random], Record]
    base: Sequence[tuple[Group, int]] = ()
    mode: Literal["append", "merge", "replace"] = "append"
    weight: int = 1
    records_per_export: int | None = None

    def records(self, count: int, seed: int) -> Iterator[Record]:
        """So many records; fewer ones of the same seed are the first of them."""
        rng = Random(f"{self.name} {seed}")
        return (self.record(index, rng) for index in range(count))


def base_record(group: Group, index: int, rng: Random) -> Record:
    """A record that others refer to."""
    match group:
        case "items":
            return _item(index, rng)
        case "scenes":
            return _video(index, rng, frames=1)
        case _:
            return _box(index, rng)


def _metadata(rng: Random) -> Record:
    return {
        "site": rng.choice(WORDS),
        "crew": rng.choice(CLASSES),
        "wet": rng.randrange(4) == 0,
        "shift": rng.randrange(9),
        "pace": rng.random() * 40,
        "serial": f"{rng.getrandbits(40):010X}",
        "lat": rng.uniform(-90, 90),
        "lon": rng.uniform(-180, 180),
    }


def _item(index: int, rng: Random, **more: Json) -> Record:
    return {
        "metadata": {**_metadata(rng), **more},
        "reference_id": f"shot-{index:08d}",
        "image_url": f"https://pictures.example.org/walk/{index >> 12:05d}/{index:08d}.jpg",
    }


def _nested(index: int, rng: Random) -> Record:
    rig: Json = {"mount": rng.choice(WORDS), "gain": [rng.random(), rng.random()], "on": bool(rng.getrandbits(1))}
    return _item(index, rng, rig=rig, route=[rng.randrange(99), rng.randrange(99)])


def _escaped(index: int, rng: Random) -> Record:
    return _item(index, rng, town=rng.choice(ACCENTS), note=f'said "{rng.choice(ACCENTS)}"\n{rng.choice(WORDS)}')


def _attachment(rng: Random, *, inner: bool) -> Json:
    found: Record = {
        "attachment": f"https://pictures.example.org/side/{rng.getrandbits(48):012x}.jpg",
        "frame": rng.randrange(60),
        "dims": {"width": 1920, "height": rng.choice((1080, 1200.5))},
        "camera_position": {"x": rng.random(), "y": rng.random() * 3, "z": rng.randrange(4)},
    }
    return {**found, "metadata": {"foo": rng.choice(WORDS), "b": True, "n": rng.random()}} if inner else found


def _attached(index: int, rng: Random, *, every: int = 1, inner: bool = True) -> Record:
    if index % every:
        return _item(index, rng)
    short: Json = {"attachment": f"https://pictures.example.org/side/{rng.getrandbits(48):012x}.jpg"}
    return _item(index, rng, context_attachments=[_attachment(rng, inner=inner), short])


def _signed_attachment(index: int, rng: Random) -> Record:
    query = f"X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=900&X-Goog-Signature={rng.getrandbits(512):0128x}"
    url = f"https://storage.googleapis.com/side-example/{rng.getrandbits(48):012x}.jpg?{query}"
    return _item(index, rng, context_attachments=[{"attachment": url}])


def _camera(rng: Random) -> Record:
    return {
        "position": {"x": rng.random(), "y": 0.0, "z": 1.7},
        "heading": {"x": -0.5, "y": rng.random(), "z": -0.5, "w": 0.5},
        "fx": 1266.4,
        "fy": 1266.4,
        "cx": 816.2 + rng.random(),
        "cy": 491.5,
        "camera_model": "brown_conrady",
        "k1": rng.random(),
        "p1": 0.0009,
    }


def _beside(index: int, rng: Random) -> Record:
    return {**_item(index, rng), "camera_params": _camera(rng), "width": 1920, "height": 1080}


def _embedded(index: int, rng: Random) -> Record:
    vector: list[Json] = [rng.random() for _ in range(16)]
    return {**_item(index, rng), "embedding_info": {"index_id": "idx", "embedding_vector": vector}}


def _tagged(index: int, rng: Random) -> Record:
    tags: list[Json] = [rng.choice(WORDS) for _ in range(rng.randrange(6))]
    return _item(index, rng, tags=tags, lanes=[rng.randrange(5) for _ in range(3)])


def _many_fields(index: int, rng: Random) -> Record:
    makers: Sequence[Callable[[], Json]] = (
        lambda: rng.randrange(1000),
        rng.random,
        lambda: rng.choice(WORDS),
        lambda: bool(rng.getrandbits(1)),
    )
    return _item(index, rng, **{f"measure_{n:03d}": makers[n % 4]() for n in range(FIELDS)})


def _long_text(index: int, rng: Random) -> Record:
    return _item(index, rng, report=" ".join(rng.choice(WORDS) for _ in range(300)))


def _pointcloud(index: int, rng: Random) -> Record:
    record = _item(index, rng)
    del record["image_url"]
    return {**record, "url": f"s3://scans-example/walk/{index:08d}.json", "type": "pointcloud"}


def _signed(index: int, rng: Random) -> Record:
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F2024&X-Amz-Date=20240101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={rng.getrandbits(256):064x}"  # noqa: E501 - a URL
    return {**_item(index, rng), "image_url": f"https://walk.s3.amazonaws.com/{index:08d}.jpg?{query}"}


def _mark(kind: str, index: int, rng: Random, geometry: Json, **more: Json) -> Record:
    return {
        "label": rng.choice(CLASSES),
        "type": kind,
        "geometry": geometry,
        "reference_id": f"shot-{index // BASE_SHARE:08d}",
        "annotation_id": f"{kind}-{index:08d}",
        "metadata": {"hue": rng.choice(WORDS), "hidden": rng.randrange(3) == 0, "points": rng.randrange(99)},
        "track_reference_id": None,
        "task_id": None,
        **more,
    }


def _box(index: int, rng: Random, **more: Json) -> Record:
    corners: Json = {"x": rng.random() * 900, "y": rng.randrange(900), "width": rng.random() * 99, "height": 42.5}
    return _mark("box", index, rng, corners, **more)


def _without_id(index: int, rng: Random) -> Record:
    return {**_box(index, rng), "annotation_id": None}


def _vertices(rng: Random, count: int) -> Json:
    return {"vertices": [{"x": rng.random() * 1900, "y": rng.randrange(1200)} for _ in range(count)]}


def _keypoints(index: int, rng: Random, **more: Json) -> Record:
    points: list[Json] = [{"x": rng.random() * 1900, "y": rng.randrange(1200), "visible": True} for _ in range(17)]
    skeleton: list[Json] = [[n, n + 1] for n in range(16)]
    shape: Json = {"keypoints": points, "names": [f"joint_{n}" for n in range(17)], "skeleton": skeleton}
    return _mark("keypoints", index, rng, shape, **more)


def _cuboid(index: int, rng: Random, **more: Json) -> Record:
    sides: list[Json] = [{axis: rng.random() * 9 + 0.1 for axis in "xyz"} for _ in range(2)]
    return _mark("cuboid", index, rng, {"position": sides[0], "dimensions": sides[1], "yaw": rng.random()}, **more)


def _category(index: int, rng: Random, **more: Json) -> Record:
    record = _mark("category", index, rng, {}, taxonomy_name=f"wear_{index % BASE_SHARE}", **more)
    return {key: value for key, value in record.items() if key != "annotation_id"}


def _multicategory(index: int, rng: Random) -> Record:
    record = {**_category(index, rng), "type": "multicategory", "labels": [rng.choice(CLASSES), rng.choice(WORDS)]}
    return {key: value for key, value in record.items() if key != "label"}


def _scene_category(index: int, rng: Random) -> Record:
    record = {**_category(index, rng), "reference_id": f"drive-{index // BASE_SHARE:08d}"}
    return {key: value for key, value in record.items() if key != "track_reference_id"}


def _labelled(index: int, rng: Random, count: int) -> Record:
    return {**_multicategory(index, rng), "labels": [f"{rng.choice(WORDS)} {rng.randrange(99)}" for _ in range(count)]}


def _mask(index: int, rng: Random, *, pairs: int = 1) -> Record:
    inner: Json = {"hue": rng.choice(WORDS), "hidden": True, "speed": rng.randrange(30)}
    segments: list[Json] = []
    for pair in range(pairs):
        segments.append({"label": rng.choice(CLASSES), "index": 2 * pair + 1})
        segments.append({"label": rng.choice(CLASSES), "index": 2 * pair + 2, "metadata": inner})
    return {
        "type": "mask",
        "mask_url": f"s3://masks-example/walk/{index:08d}.png",
        "annotations": segments,
        "annotation_id": f"mask_{index}",
        "reference_id": f"shot-{index:08d}",
    }


def _scored(rng: Random) -> Record:
    share = rng.random()
    return {"confidence": rng.random(), "class_pdf": {"car": share, "truck": 1 - share}}


def _frame(name: str, rng: Random, *, kind: str) -> Json:
    return {
        "metadata": {"ticks": rng.randrange(10**6), "speed": rng.random() * 30, "dark": rng.randrange(3) == 0},
        "reference_id": name,
        "url": f"s3://scans-example/drive/{name}.{'json' if kind == 'pointcloud' else 'jpg'}",
        "type": kind,
    }


def _lidar(index: int, rng: Random) -> Record:
    frames: list[Json] = [
        {
            "top": _frame(f"d{index}_{n}_top", rng, kind="pointcloud"),
            "front": _frame(f"d{index}_{n}_front", rng, kind="image"),
        }
        for n in range(10)
    ]
    return {"reference_id": f"drive-{index:08d}", "frames": frames, "metadata": _metadata(rng)}


def _calibrated(index: int, rng: Random) -> Record:
    record = _lidar(index, rng)
    frames = record["frames"]
    for frame in frames if isinstance(frames, list) else ():
        front = frame["front"] if isinstance(frame, dict) else None
        if isinstance(front, dict) and isinstance(front["metadata"], dict):
            front["camera_params"] = _camera(rng)
            front["metadata"]["camera_params"] = front["camera_params"]
    return record


def _video(index: int, rng: Random, *, frames: int = 20) -> Record:
    return {
        "reference_id": f"drive-{index:08d}",
        "frame_rate": 15,
        "metadata": _metadata(rng),
        "upload_to_scale": True,
        "frames": [_frame(f"v{index}_{n:04d}", rng, kind="image") for n in range(frames)],
    }


def _faulty_frames(index: int, rng: Random) -> Record:
    """A video of which one frame in ten is rejected."""
    record = _video(index, rng)
    frames = record["frames"]
    for frame in frames[::10] if isinstance(frames, list) else ():
        if isinstance(frame, dict):
            frame["url"] = "ftp://scans-example/frame.jpg"
    return record


def _one_file_video(index: int, rng: Random) -> Record:
    record = _video(index, rng)
    del record["frames"]
    return {**record, "video_url": f"s3://scans-example/drive/{index:08d}.mp4"}


def _update(index: int, rng: Random) -> Record:
    metadata: Json = {"crew": rng.choice(WORDS), "reviewed": bool(rng.getrandbits(1)), "pace": rng.random() * 40}
    return {"reference_id": f"shot-{index:08d}", "metadata": metadata}


def _box_update(index: int, rng: Random) -> Record:
    metadata: Json = {"hue": rng.choice(WORDS), "reviewed": bool(rng.getrandbits(1)), "points": rng.randrange(99)}
    return {
        "reference_id": f"shot-{index // BASE_SHARE:08d}",
        "annotation_id": f"box-{index:08d}",
        "type": "box",
        "metadata": metadata,
    }


def _attachment_update(index: int, rng: Random) -> Record:
    record = _attached(index, rng)
    return {"reference_id": record["reference_id"], "metadata": record["metadata"]}


def _stored(index: int, rng: Random) -> Record:
    record = _item(index, rng)
    return {"id": f"di_{index:012d}", "ref_id": record.pop("reference_id"), **record}


def _faulty_box(index: int, rng: Random) -> Record:
    record = _box(index, rng)
    match index % 3:
        case 0:
            record["type"] = "circle"
        case 1:
            record["geometry"] = {"x": 1, "y": "2", "width": 3, "height": 4}
        case _:
            record["metadata"] = {"lat": 95.5, "lon": rng.random()}
    return record


def _faulty(index: int, rng: Random) -> Record:
    record = _item(index, rng)
    match index % 5:
        case 0:
            record["image_url"] = "ftp://pictures.example.org/a.jpg"
        case 1:
            record["reference_id"] = ""
        case 2:
            record["metadata"] = {**_metadata(rng), "lat": 95.5}
        case 3:
            record["metadata"] = [rng.choice(WORDS)]
        case _:
            record["metadata"] = {**_metadata(rng), "context_attachments": [{"attachment": "", "frame": -1}]}
    return record


def _incomplete(index: int, rng: Random) -> Record:
    """An item with a fault of a core key, or without its URL."""
    record = _item(index, rng)
    match index % 4:
        case 0:
            del record["image_url"]
        case 1:
            record["width"] = "1920"
        case 2:
            record["type"] = 3
        case _:
            record["reference_id"] = index
    return record


def _faulty_mark(index: int, rng: Random) -> Record:
    """An annotation of some type with a fault of its own keys."""
    match index % 4:
        case 0:
            return {**_mark("polygon", index, rng, {"vertices": [{"x": 1, "y": rng.random()}, {"x": 2}]})}
        case 1:
            return {**_cuboid(index, rng), "label": None}
        case 2:
            return {**_mask(index, rng), "mask_url": "ftp://masks-example/a.png"}
        case _:
            return {**_multicategory(index, rng), "labels": rng.choice(WORDS)}


ON_ITEMS: Sequence[tuple[Group, int]] = (("items", BASE_SHARE),)
ON_SCENES: Sequence[tuple[Group, int]] = (("scenes", BASE_SHARE),)
EACH: Sequence[tuple[Group, int]] = (("items", 1),)
EACH_BOX: Sequence[tuple[Group, int]] = (*ON_ITEMS, ("annotations", 1))
_VECTOR: Callable[[Random], Json] = lambda rng: [rng.random() for _ in range(16)]  # noqa: E731 - beside its table

KINDS: tuple[Kind, ...] = (
    Kind("item", "items", _item),
    Kind("item, nested values", "items", _nested),
    Kind("item, escapes", "items", _escaped),
    Kind("item, two attachments", "items", _attached),
    Kind("item, two attachments, no inner metadata", "items", lambda n, rng: _attached(n, rng, inner=False)),
    Kind("item, one in twenty with attachments", "items", lambda n, rng: _attached(n, rng, every=20)),
    Kind("item, one attachment with a signed URL", "items", _signed_attachment),
    Kind("item, camera_params", "items", lambda n, rng: _item(n, rng, camera_params=_camera(rng))),
    Kind("item, camera_params beside metadata", "items", _beside),
    Kind("item, embedding_info", "items", _embedded),
    Kind("item, lists of tags", "items", _tagged),
    Kind("item, 200 fields", "items", _many_fields, weight=8),
    Kind("item, long text", "items", _long_text),
    Kind("item, point cloud", "items", _pointcloud),
    Kind("item, signed URL", "items", _signed),
    Kind("item, exports of ten", "items", _item, records_per_export=10),
    Kind("box", "annotations", _box, ON_ITEMS),
    Kind("box, embedding_vector", "annotations", lambda n, rng: _box(n, rng, embedding_vector=_VECTOR(rng)), ON_ITEMS),
    Kind("box, no id", "annotations", _without_id, ON_ITEMS),
    Kind(
        "polygon (12)", "annotations", lambda n, rng: _mark("polygon", n, rng, _vertices(rng, 12)), ON_ITEMS, weight=2
    ),
    Kind("line (6)", "annotations", lambda n, rng: _mark("line", n, rng, _vertices(rng, 6)), ON_ITEMS),
    Kind("key points (17)", "annotations", _keypoints, ON_ITEMS, weight=2),
    Kind("cuboid", "annotations", _cuboid, ON_ITEMS),
    Kind("category", "annotations", _category, ON_ITEMS),
    Kind("multicategory", "annotations", _multicategory, ON_ITEMS),
    Kind("multicategory, 12 labels", "annotations", lambda n, rng: _labelled(n, rng, 12), ON_ITEMS),
    Kind("category of a scene", "annotations", _scene_category, ON_SCENES),
    Kind("mask, two segments", "annotations", _mask, EACH),
    Kind("mask, ten segments", "annotations", lambda n, rng: _mask(n, rng, pairs=5), EACH, weight=4),
    Kind("prediction, box with class_pdf", "predictions", lambda n, rng: _box(n, rng, **_scored(rng)), ON_ITEMS),
    Kind(
        "prediction, polygon (12)",
        "predictions",
        lambda n, rng: _mark("polygon", n, rng, _vertices(rng, 12), **_scored(rng)),
        ON_ITEMS,
        weight=2,
    ),
    Kind("lidar scene, 20 items", "scenes", _lidar, weight=10),
    Kind("lidar scene, 20 items, camera_params", "scenes", _calibrated, weight=20),
    Kind("video scene, 20 frames", "scenes", _video, weight=10),
    Kind("video scene, 100 frames", "scenes", lambda n, rng: _video(n, rng, frames=100), weight=50),
    Kind("video scene, 20 frames, 2 rejected", "scenes", _faulty_frames, weight=10),
    Kind("video scene, one file", "scenes", _one_file_video),
    Kind("update of metadata (merge)", "items", _update, EACH, mode="merge"),
    Kind("update of a box (merge)", "annotations", _box_update, EACH_BOX, mode="merge"),
    Kind("update of attachments (merge)", "items", _attachment_update, EACH, mode="merge"),
    Kind("rejected item", "items", _faulty),
    Kind("rejected item, core keys", "items", _incomplete),
    Kind("rejected item, NaN", "items", lambda n, rng: _item(n, rng, weight=float("nan"))),
    Kind("rejected box", "annotations", _faulty_box, ON_ITEMS),
    Kind("rejected annotation, other types", "annotations", _faulty_mark, ON_ITEMS),
    Kind("rejected box, no item", "annotations", _box),
    Kind("item, ref_id", "items", _stored),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
