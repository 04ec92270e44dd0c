"""A mixed job of about 2,000 records, good ones and faulty ones of every sort, in files of every framing."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from support.runs import an_item

MANY_TEXTS = 300
"""Distinct strings of the field `note`: text, not categories (T1)."""
BOX = {"x": 1, "y": 2.5, "width": 3, "height": 4}
POINT = {"x": 1.25, "y": -2}
SPACE = {"x": 1, "y": 2, "z": 3.5}
GEOMETRIES: dict[str, dict[str, Any]] = {
    "box": BOX,
    "polygon": {"vertices": [POINT, {"x": 0, "y": 1}, {"x": 2, "y": 1, "extra": True}]},
    "line": {"vertices": [POINT, POINT]},
    "keypoints": {"keypoints": [{"x": 1, "y": 2, "visible": True, "label": "nose"}], "names": ["nose"], "skeleton": []},
    "cuboid": {"position": SPACE, "dimensions": SPACE, "yaw": 0.25},
}
FAULTY_ITEMS: tuple[Any, ...] = (
    "no object",
    [1, 2],
    {"image_url": "https://example.org/x.jpg"},
    an_item("") | {"reference_id": 31},
    an_item("") | {"reference_id": ""},
    {"reference_id": "no-url"},
    an_item("empty-url") | {"image_url": ""},
    an_item("number-url") | {"image_url": 4},
    an_item("ftp") | {"image_url": "ftp://example.org/x.jpg"},
    an_item("no-host") | {"image_url": "https://"},
    an_item("width", width="12"),
    an_item("height", height=True),
    an_item("camera", camera_params=[1]),
    an_item("inner-camera", {"camera_params": 1}),
    an_item("list") | {"metadata": [1]},
    an_item("text") | {"metadata": "speed=1"},
    an_item("beyond", {"n": 10**400}),
    an_item("north", {"lat": "north", "lon": 1}),
    an_item("bool", {"latitude": True, "longitude": 1}),
    an_item("half-null", {"lat": None, "lon": 2}),
    an_item("pole", {"lat": 90.5, "lon": 1}),
    an_item("swapped", {"latitude": 151.2, "longitude": -33.8}),
    an_item("second-pair", {"latitude": 1, "longitude": 2, "lat": 91, "lon": 2}),
    an_item("attached", {"context_attachments": {}}),
    an_item("attached-1", {"context_attachments": [{"frame": 1}]}),
    an_item("attached-2", {"context_attachments": [{"attachment": "https://example.org/c.jpg", "frame": -1}]}),
    an_item("attached-3", {"context_attachments": [{"attachment": "c.jpg"}]}),
    an_item("attached-4", {"context_attachments": [{"attachment": "/c.jpg", "dims": {"width": 0, "height": 2}}]}),
    an_item("attached-5", {"context_attachments": [{"attachment": "/c.jpg", "camera_position": {"x": 1, "y": 2}}]}),
    an_item("attached-6", {"context_attachments": [{"attachment": "/c.jpg", "metadata": []}]}),
)
FAULTY_LINES = (
    b'{"reference_id": "cut", "image_url": "https://example.org/x.jpg", "metadata": {"a"',
    b'{"reference_id": "latin", "image_url": "https://example.org/x.jpg", "metadata": {"a": "caf\xe9"}}',
    b'{"reference_id": "lone", "image_url": "https://example.org/x.jpg", "metadata": {"a": "\\ud83d"}}',
    b'{"reference_id": "nan", "image_url": "https://example.org/x.jpg", "metadata": {"n": NaN}}',
    b'{"reference_id": "deep-nan", "image_url": "https://example.org/x.jpg", "metadata": {"n": [{"m": -Infinity}]}}',
    b'{"reference_id": "huge", "image_url": "https://example.org/x.jpg", "metadata": {"n": 1e400}}',
    b"{} {}",
    b"nonsense",
    b"null",
)
ODD_LINES = (
    b'{"reference_id": "twice", "reference_id": "last-wins", "image_url": "https://example.org/l.jpg"}',
    b' {"reference_id": "spaced" , "image_url": "https://example.org/s.jpg", "metadata": null}\t\r',
    b'{"reference_id": "pair", "image_url": "https://example.org/p.jpg", "metadata": {"emoji": "\\ud83d\\ude00"}}',
    '{"reference_id": "seps", "image_url": "https://example.org/u", "metadata": {"emoji": "a\u2028b\x85"}}'.encode(),
    b'{"reference_id": "exp", "image_url": "https://example.org/e.jpg", "metadata": {"ratio": 1E2, "count": -0}}',
)


def metadata(random: Random, number: int) -> dict[str, Any]:
    """The metadata of one record: fields of every type, nulls, fields that are missing, none in conflict."""
    found: dict[str, Any] = {
        "count": random.randint(-5, 5),
        "ratio": random.choice([number / 7, number, -1e-300, 1e300, 0.1]),
        "id": random.choice([2**53 + 1, 2**63 - 1, -(2**63), number]),
        "huge": random.choice([2**63, 10**40, -(10**25), number]),
        "weather": random.choice(["rain", "sun", " sun", "Sun", "", None]),
        "night": random.choice([True, False, "true", "True"]),
        "note": f"note {number % MANY_TEXTS} ü\u2028",
        "tags": random.choice([[], [1, True, {"b": None, "a": 1.0}], {"z": [2**70, 0.1]}, {}]),
        "": random.choice(["", "empty key"]),
        "a.b": number,
        "A.b": 1.5,
        'odd "key" \N{GRINNING FACE}': "x",
        "gone": None,
        "Lat": 1,
        "camera_params": random.choice([None, {"fx": 1.5, "cx": [1]}]),
        "context_attachments": random.choice([None, [], attachments(number), attachments(number % 3)]),
    }
    found = {key: value for key, value in found.items() if key == "note" or random.random() < 0.6}
    return found | random.choice(
        [
            {"lat": 52.5, "lon": 13},
            {"latitude": " -0.1 ", "longitude": "+13"},
            {"lat": 1, "lon": 2, "latitude": "1.0", "longitude": 2.5},
            {"lat": None, "lon": None},
            {"lat": 1.5},
            {"latitude": 3, "lon": 4},
            {},
        ]
    )


def attachments(number: int) -> list[dict[str, Any]]:
    """Context attachments, some of which other records use too."""
    url = f"gs://bucket/context/{number % 20}.png"
    full = {
        "frame": number,
        "dims": {"width": 10, "height": 0.5},
        "camera_position": SPACE,
        "metadata": {"b": 1, "a": []},
    }
    return [
        {"attachment": url},
        {"attachment": "/data/ü.png", **full},
        {"attachment": url, "frame": None, "dims": None},
    ]


def items(random: Random, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Items by number: plain ones, point clouds, responses of the server, with core keys of every sort."""
    for number in numbers:
        record: dict[str, Any] = {"reference_id": f"i{number}", "metadata": metadata(random, number)}
        url = f"https://example.org/images/{number % 200}.jpg"
        shape = random.randrange(6)
        if shape == 0:
            record |= {"pointcloud_url": f"s3://bucket/pc/{number}.json", "upload_to_scale": False}
        elif shape == 1:
            record["ref_id"] = record.pop("reference_id")
            record |= {"original_image_url": url, "id": f"di_{number}", "dataset_id": None, "width": None}
        elif shape == 2:
            record |= {"image_url": url, "width": 640, "height": 480.5, "camera_params": {"fy": number}}
        elif shape == 3:
            record |= {"url": url, "type": random.choice(["image", None])}
        else:
            record["image_url"] = url
        yield record


def scenes(random: Random, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Lidar scenes, videos by URL and by frames, and faulty scenes whose frames may be fine."""
    for number in numbers:
        scene: dict[str, Any] = {"reference_id": f"s{number}", "metadata": metadata(random, number)}
        frames = [{**frame, "reference_id": f"s{number}f{n}"} for n, frame in enumerate(items(random, range(3)))]
        for frame in frames:
            frame.pop("ref_id", None)
        shape = random.randrange(7)
        if shape == 0:
            scene |= {
                "video_url": f"https://example.org/v{number}.mp4",
                "frame_rate": 29.97,
                "attachment_type": "video",
            }
        elif shape == 1:
            scene |= {"frames": frames, "frame_rate": 10}
        elif shape == 2:
            scene |= {"frames": [{"camera": frames[0], "lidar": frames[1]}, {}, {"camera": frames[2]}], "tracks": []}
        elif shape == 3:
            scene |= {"frames": [{"camera": frames[0]}, {"camera": {"reference_id": f"s{number}x"}}], "metadata": "bad"}
        elif shape == 4:
            scene |= {"frames": [*frames, "no frame"], "type": "video"}
        elif shape == 5:
            scene |= {"frames": {}}
        yield scene


def annotations(random: Random, numbers: Iterable[int], referenced: int) -> Iterator[dict[str, Any]]:
    """Annotations of all types on items and scenes, some on none, some twice, some faulty."""
    for number in numbers:
        target = random.choice(
            [f"i{random.randrange(referenced)}", f"i{random.randrange(referenced)}", "s1", "s2f0", "nobody"]
        )
        record: dict[str, Any] = {"reference_id": target, "metadata": metadata(random, number)}
        kind = random.choice([*GEOMETRIES, "box", "box", "category", "multicategory", "mask"])
        record["type"] = kind
        if kind in GEOMETRIES:
            record |= {"label": random.choice(["car", "bus"]), "geometry": GEOMETRIES[kind]}
            record |= random.choice(
                [{}, {"annotation_id": f"a{number % 150}", "task_id": None}, {"annotation_id": "a"}]
            )
            record |= random.choice([{}, {"task_id": "t"}, {"embedding_vector": None, "track_reference_id": "tr"}])
        elif kind == "category":
            record |= {"label": "day", "taxonomy_name": random.choice([None, "time", "light"])}
        elif kind == "multicategory":
            record |= {"labels": ["wet", "dark", "wet"], "taxonomy_name": "surface"}
        else:
            segments: list[Any] = [
                {"label": f"l{n}", "index": index, "metadata": metadata(random, number + n)}
                for n, index in enumerate(random.sample([1, "2", 3, 1, None], 3))
            ]
            segments += random.choice(
                [[], ["no segment"], [{"index": True}], [{"index": 9, "metadata": {"lat": 99, "lon": 1}}]]
            )
            record |= {"mask_url": f"https://example.org/masks/{number}.png", "annotations": segments}
            del record["metadata"]
        scored: list[dict[str, Any]] = [{}] * 8 + [{"confidence": random.random(), "class_pdf": {"car": 1, "bus": 0.5}}]
        scored += [{"confidence": 70, "score": 0.7}, {"confidence": 0, "class_pdf": {"car": -0.5}}]
        faults: list[dict[str, Any]] = [{"type": "circle"}, {"label": 3}, {"geometry": []}, {"metadata": 1}]
        yield record | random.choice(scored) | random.choice([*[{}] * 30, *faults, {"task_id": 1}])


def lines(records: Iterable[object]) -> list[bytes]:
    """Records as JSON, some with escapes and some with the characters themselves."""
    return [json.dumps(each, ensure_ascii=number % 2 == 0).encode() for number, each in enumerate(records)]


def job(folder: Path, *, seed: int, numbers: range) -> list[tuple[str, str, Path]]:
    """Writes the exports of a job over these numbers; (group, model run, file) in their order.

    Two jobs whose numbers overlap have records in common, by identity but not by content.
    """
    random = Random(seed)
    half = numbers[: len(numbers) // 2]
    faulty = [*lines(FAULTY_ITEMS), *FAULTY_LINES, *ODD_LINES]
    mixed = lines(items(random, half)) + faulty
    random.shuffle(mixed)
    more = [*items(random, numbers[len(numbers) // 2 :]), *items(random, half[:40])]
    few = numbers[: len(numbers) // 8]
    annotated = lines(annotations(random, numbers, numbers.stop))
    packed = b"".join(
        gzip.compress(b"\n".join(annotated[start : start + 90]) + b"\n") for start in range(0, len(annotated), 90)
    )
    array = b"[" + b",\n ".join(lines(items(random, numbers[:60]))) + b"]"
    wrapped = b'{"dataset_items": [' + b",".join(lines(items(random, few))) + b'],\n"update": false}'
    contents = {
        ("items", "", "mixed.ndjson"): b"\xef\xbb\xbf" + b"\r\n\n \n".join(mixed),
        ("items", "", "more.jsonl"): b"\n".join(lines(more)) + b"\n",
        ("items", "", "array.json"): array,
        ("scenes", "", "scenes.ndjson"): b"\n".join(lines(scenes(random, [*few, *range(8)]))) + b"\n",
        ("items", "", "wrapped.json"): wrapped,
        ("annotations", "", "packed.ndjson.gz"): packed,
        ("annotations", "", "plain.ndjson"): b"\n".join(lines(annotations(random, numbers, numbers.stop))),
        ("predictions", "first", "first.ndjson"): b"\n".join(lines(annotations(random, numbers, numbers.stop))),
        ("predictions", "second", "second.ndjson"): b"\n".join(lines(annotations(random, few, 40))),
        ("items", "", "empty.ndjson"): b"",
    }
    folder.mkdir(parents=True)
    found = []
    for (group, run, name), data in contents.items():
        path = folder / f"{folder.name}-{name}"
        path.write_bytes(data)
        found.append((group, run, path))
    return found
