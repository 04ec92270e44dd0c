"""Annotations of every type, on items and scenes, and what makes one a prediction."""

from random import Random

from kind_records.values import BASE_SHARE, CLASSES, WORDS, Json, Record


def annotation(kind: str, index: int, rng: Random, geometry: Json, **more: Json) -> Record:
    """An annotation of some type; further keyword arguments are keys."""
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


def box(index: int, rng: Random, **more: Json) -> Record:
    """A box."""
    corners: Json = {"x": rng.random() * 900, "y": rng.randrange(900), "width": rng.random() * 99, "height": 42.5}
    return annotation("box", index, rng, corners, **more)


def without_id(index: int, rng: Random) -> Record:
    """A box whose id is derived."""
    return {**box(index, rng), "annotation_id": None}


def vertices(rng: Random, count: int) -> Json:
    """The geometry of a polygon or a line."""
    return {"vertices": [{"x": rng.random() * 1900, "y": rng.randrange(1200)} for _ in range(count)]}


def keypoints(index: int, rng: Random, **more: Json) -> Record:
    """Key points."""
    points: list[Json] = [{"x": rng.random() * 1900, "y": rng.randrange(1200), "visible": True} for _ in range(17)]
    skeleton: list[Json] = [[n, n + 1] for n in range(16)]
    shape: Json = {"keypoints": points, "names": [f"joint_{n}" for n in range(17)], "skeleton": skeleton}
    return annotation("keypoints", index, rng, shape, **more)


def cuboid(index: int, rng: Random, **more: Json) -> Record:
    """A cuboid."""
    sides: list[Json] = [{axis: rng.random() * 9 + 0.1 for axis in "xyz"} for _ in range(2)]
    return annotation("cuboid", index, rng, {"position": sides[0], "dimensions": sides[1], "yaw": rng.random()}, **more)


def category(index: int, rng: Random, **more: Json) -> Record:
    """A category."""
    record = annotation("category", index, rng, {}, taxonomy_name=f"wear_{index % BASE_SHARE}", **more)
    return {key: value for key, value in record.items() if key != "annotation_id"}


def multicategory(index: int, rng: Random) -> Record:
    """Several labels."""
    record = {**category(index, rng), "type": "multicategory", "labels": [rng.choice(CLASSES), rng.choice(WORDS)]}
    return {key: value for key, value in record.items() if key != "label"}


def scene_category(index: int, rng: Random) -> Record:
    """A category of a scene."""
    record = {**category(index, rng), "reference_id": f"drive-{index // BASE_SHARE:08d}"}
    return {key: value for key, value in record.items() if key != "track_reference_id"}


def labelled(index: int, rng: Random, count: int) -> Record:
    """Many labels."""
    return {**multicategory(index, rng), "labels": [f"{rng.choice(WORDS)} {rng.randrange(99)}" for _ in range(count)]}


def mask(index: int, rng: Random, *, pairs: int = 1) -> Record:
    """A mask with its segments, two for each pair."""
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


def scored(rng: Random) -> Record:
    """What a prediction has beside an annotation."""
    share = rng.random()
    return {"confidence": rng.random(), "class_pdf": {"car": share, "truck": 1 - share}}
