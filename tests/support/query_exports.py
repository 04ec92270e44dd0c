"""A small dataset with something of everything that a query can ask for, made from a seed."""

from pathlib import Path
from random import Random
from typing import Any

from support.in_process import ingest
from support.runs import Ended, ndjson

ITEMS, SCENES = 60, 5
WEATHERS = ("rain", "sun", "front-left", 'say "hi"', "é", "2021-01-01")
LABELS = ("car", "truck", "traffic light", "count")
CLASSES = ("good", "bad", "ugly")
BIG = 2**62


def _some(rng: Random, metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata without some of its keys, and null at others."""
    kept = {key: value for key, value in metadata.items() if rng.random() < 0.8}
    return {key: None if rng.random() < 0.1 else value for key, value in kept.items()}


def item_metadata(rng: Random) -> dict[str, Any]:
    """Metadata of an item; the location is there or not as a whole."""
    located = {"lat": rng.randint(-90, 90), "lon": rng.choice([-180, -179.5, 0, 13.25, 179.5, 180])}
    plain = {
        "n": rng.randint(-5, 5),
        "d": rng.choice([-1.5, 0.0, 0.1, 2.0, 1e300]),
        "big one": rng.choice([BIG, BIG + 1, -BIG, 2**63 - 1, 0]),
        "weather": rng.choice(WEATHERS),
        "a.b": rng.choice(("x", "y", "")),
        "night": rng.random() < 0.5,
        "note": f"text {rng.randint(0, 400)}",
        "list": [1, 2],
        "tags": rng.sample(["rain", 'say "hi"', "é", "front-left", "x", 1], 2),
        "none": None,
    }
    return _some(rng, plain) | (located if rng.random() < 0.7 else {})


def _mark(rng: Random, target: str, number: int) -> dict[str, Any]:
    kind = rng.choice(("box", "box", "cuboid", "line"))
    side = {"x": rng.randint(0, 9), "y": rng.choice([0.5, 3]), "z": 2}
    geometry: dict[str, Any] = {
        "box": {"x": rng.randint(0, 9), "y": 1.5, "width": rng.randint(1, 4), "height": 2.5},
        "cuboid": {"position": side, "dimensions": side, "yaw": 0},
        "line": {"vertices": [{"x": 1, "y": 2}, {"x": 2, "y": 2}]},
    }[kind]
    metadata = {"points": rng.randint(0, 20), "colour": rng.choice(("red", "blue")), "share": rng.random()}
    located = {"lat": rng.uniform(-90, 90), "lon": rng.uniform(-180, 180)} if rng.random() < 0.3 else {}
    return {
        "reference_id": target,
        "annotation_id": f"{target}-{number}",
        "type": kind,
        "label": rng.choice(LABELS),
        "geometry": geometry,
        "metadata": _some(rng, metadata) | located,
    }


def _category(rng: Random, target: str) -> dict[str, Any]:
    common = {"reference_id": target, "geometry": {}, "metadata": {"points": rng.randint(0, 20)}}
    if rng.random() < 0.5:
        return common | {"type": "category", "label": rng.choice(CLASSES), "taxonomy_name": "quality"}
    labels = rng.sample([*CLASSES, "car"], 2)
    return common | {"type": "multicategory", "labels": labels, "taxonomy_name": "tags"}


def _mask(rng: Random, target: str) -> dict[str, Any]:
    segments = [{"label": rng.choice(("road", "car")), "index": at, "metadata": {"points": at}} for at in range(2)]
    return {"type": "mask", "mask_url": f"s3://b/{target}.png", "annotations": segments, "reference_id": target}


def build(folder: Path, seed: int = 1) -> Ended:
    """Ingests it into a dataset of four parts."""
    rng = Random(seed)
    frames = [f"frame {number}" for number in range(SCENES * 3)]
    scenes = [
        {
            "reference_id": f"scene {number}",
            "metadata": _some(rng, {"city": rng.choice(("Oslo", "Bonn")), "km": rng.randint(0, 9)}),
            "frame_rate": 10,
            "frames": [
                {"reference_id": name, "url": f"s3://b/{name}.jpg", "type": "image", "metadata": item_metadata(rng)}
                for name in frames[number * 3 : number * 3 + 3]
            ],
        }
        for number in range(SCENES)
    ]
    names = [f"img_{number}" for number in range(ITEMS)]
    items = [
        {"reference_id": name, "image_url": f"s3://b/{name}.jpg", "metadata": item_metadata(rng), "width": at % 3}
        for at, name in enumerate(names)
    ]
    items = [item if item["width"] else {**item, "width": 640} for item in items]
    referenced = [*names, *frames]
    annotations = {
        group: [
            *(_mark(rng, rng.choice(referenced), number) for number in range(count)),
            *(_category(rng, target) for target in rng.sample(referenced, 20)),
            *(_mask(rng, target) for target in rng.sample(referenced, 10)),
            {
                "reference_id": "scene 1",
                "type": "category",
                "label": "good",
                "taxonomy_name": "quality",
                "geometry": {},
            },
        ]
        for group, count in (("annotations", 90), ("run_a", 40), ("run b", 30))
    }
    for group in ("run_a", "run b"):
        annotations[group] = [each for each in annotations[group] if each["type"] != "multicategory"]
        for each in annotations[group]:
            if each["type"] != "mask" and rng.random() < 0.8:
                each["confidence"] = rng.random()
    arguments = [
        "--items",
        f"{ndjson(folder / 'items.ndjson', items)}",
        "--scenes",
        f"{ndjson(folder / 'scenes.ndjson', scenes)}",
        "--annotations",
        f"{ndjson(folder / 'annotations.ndjson', annotations['annotations'])}",
    ]
    for run in ("run_a", "run b"):
        path = ndjson(folder / f"{run.replace(' ', '_')}.ndjson", annotations[run])
        arguments += ["--predictions", f"{run}={path}"]
    ended = ingest(folder / "dataset", *arguments, "--partitions", "4")
    assert ended.outcome == "published", ended.document
    assert not ended.rejections, ended.rejections
    return ended
