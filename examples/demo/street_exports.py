"""Makes the records of the street views: items, annotations, predictions of both detectors, and a scene of one drive.

Their images are files of this machine, so the explorer shows them without a network (`--images-root`).
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from airport import Json, whole
from annotations import DETECTOR_V1, Detector
from street_pictures import camera, depth, point_cloud, points, top_view
from streets import CAMERA_HEIGHT, FOCAL, HEIGHT, HORIZON, WIDTH, Street, Thing, draws, drive, road, streets

CAMERA: dict[str, Json] = {
    "position": {"x": 0.0, "y": 0.0, "z": CAMERA_HEIGHT},
    "heading": {"x": -0.5, "y": 0.5, "z": -0.5, "w": 0.5},
    "fx": FOCAL,
    "fy": FOCAL,
    "cx": WIDTH / 2,
    "cy": HORIZON,
}
SCENE = "drive/1"
FALSE_TRUCKS = {"street/02", "street/09"}
"""Items on which the first detector finds a truck that is not there."""
REVISED_SPEED = 1.08
"""A speed that was measured again, of the one before."""
SEEN = {"clear": 20_000, "cloudy": 10_000, "rain": 2_000, "snow": 500, "fog": 80}
"""How far one saw, in metres, by the weather."""
MISTAKES: dict[str, dict[str, Json]] = {"street/04": {"weather": "rain"}}
"""What was said wrongly of a street view at first."""
BLUR_SHARE = 0.25
"""Of the blur of a detector on the larger images of the airports."""


def write_pictures(folder: Path) -> int:
    """Draws every picture and point cloud into a folder and returns how many files these are."""
    files: dict[str, bytes] = {}
    for street in streets():
        files[f"{street.name}.png"] = camera(street).png()
        files[f"{street.name}_depth.png"] = depth(street).png()
        files[f"{street.name}_top.png"] = top_view(street).png()
    for frame in drive():
        files[f"drive/{frame.name}_front.png"] = camera(frame).png()
        files[f"drive/{frame.name}_depth.png"] = depth(frame).png()
        files[f"drive/{frame.name}_top.png"] = top_view(frame).png()
        files[f"drive/{frame.name}.pcd"] = point_cloud(frame).encode()
    (folder / "drive").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return len(files)


def items(folder: Path) -> Iterator[dict[str, Json]]:
    """Yields the item of each street view, with two attachments."""
    for street in streets():
        yield {
            "metadata": {
                **_conditions(street),
                "captured_at": _captured_at(street),
                "lanes": {"ahead": 1, "oncoming": 1},
                "tags": _tags(street),
                "context_attachments": _attachments(street, f"{folder / street.name}"),
            },
            "reference_id": _item(street),
            "width": WIDTH,
            "height": HEIGHT,
            "image_url": f"{folder / street.name}.png",
        }


def revisions() -> Iterator[dict[str, Json]]:
    """Yields what a second job merges into each street view: speed measured again, how far one saw, a mistake."""
    for street in streets():
        revised: dict[str, Json] = {
            "speed": round(street.speed * REVISED_SPEED, 2),
            "visibility_m": SEEN[street.weather],
        }
        yield {"reference_id": _item(street), "metadata": {**revised, **MISTAKES.get(_item(street), {})}}


def scenes(folder: Path) -> Iterator[dict[str, Json]]:
    """Yields the scene of the drive, whose frames hold a point cloud and a camera image with two attachments each."""
    frames: list[Json] = []
    for frame in drive():
        start = f"{folder / 'drive' / frame.name}"
        shared: dict[str, Json] = {**_conditions(frame), "context_attachments": _attachments(frame, start)}
        frames.append(
            {
                "lidar": {
                    "metadata": {**shared, "points": len(points(frame))},
                    "reference_id": f"{SCENE}/{frame.name}/lidar",
                    "url": f"{start}.pcd",
                    "type": "pointcloud",
                },
                "front": {
                    "metadata": {**shared, "exposure_ms": 4, "camera_params": CAMERA},
                    "reference_id": f"{SCENE}/{frame.name}/front",
                    "width": WIDTH,
                    "height": HEIGHT,
                    "url": f"{start}_front.png",
                    "type": "image",
                    "camera_params": CAMERA,
                },
            }
        )
    yield {"reference_id": SCENE, "frames": frames, "metadata": {"weather": "fog", "night": False, "route_km": 0.004}}


def annotation_records() -> Iterator[dict[str, Json]]:
    """Yields a polygon for each road and pedestrian, and a box for each car and truck."""
    for street, item in _annotated():
        yield {
            **_record(item, "road", "road", "polygon", _polygon(road())),
            "metadata": {"surface": "asphalt", "visible": True},
        }
        for thing in street.things:
            metadata: dict[str, Json] = {
                "color": thing.color,
                "distance_m": whole(thing.distance),
                "visible": street.is_visible(thing),
            }
            yield {**_thing(item, thing, draws("annotation", item), 0.0), "metadata": metadata}


def prediction_records(detector: Detector) -> Iterator[dict[str, Json]]:
    """Yields what a detector found, somewhat off and with its confidence: not all, and some that is not there."""
    for street, item in _annotated():
        rng = draws(detector.name, item)
        latency = round(rng.gauss(detector.latency, 3.0), 2)
        found = [thing for thing in street.things if street.is_visible(thing) and rng.random() <= detector.recall]
        if detector is DETECTOR_V1 and item in FALSE_TRUCKS:
            found.append(Thing("truck-9", "truck", "white", 6.0, 13.0))
        for thing in found:
            confidence = round(1.0 - rng.random() * (1.0 - detector.recall / 2.0), 4)
            yield {
                **_thing(item, thing, rng, detector.blur * BLUR_SHARE),
                "metadata": {"latency_ms": latency, "second_pass": confidence < detector.recall},
                "confidence": confidence,
            }


def _annotated() -> Iterator[tuple[Street, str]]:
    """Yields every street and the reference id of its camera image."""
    for street in streets():
        yield street, _item(street)
    for frame in drive():
        yield frame, f"{SCENE}/{frame.name}/front"


def _item(street: Street) -> str:
    return f"street/{street.name}"


def _attachments(street: Street, start: str) -> list[Json]:
    """The view from the top and the distances, of a street whose files begin so."""
    frame = int(street.name)
    return [
        {"attachment": f"{start}_top.png", "frame": frame, "metadata": {"view": "top"}},
        {
            "attachment": f"{start}_depth.png",
            "frame": frame,
            "dims": {"width": WIDTH // 2, "height": HEIGHT // 2},
            "metadata": {"view": "depth", "nearest_m": min(thing.distance for thing in street.things)},
        },
    ]


def _conditions(street: Street) -> dict[str, Json]:
    return {"weather": street.weather, "night": street.night, "speed": whole(street.speed)}


def _captured_at(street: Street) -> str:
    """Returns when a street view was taken: three on every other day, the nights at night."""
    day = (int(street.name) + 2) // 3 * 2
    return f"2026-05-{day:02d}T{'22:40' if street.night else '09:15'}:00Z"


def _tags(street: Street) -> list[Json]:
    labels = {thing.label for thing in street.things}
    return [*sorted(labels), *(["low visibility"] if street.weather == "fog" or street.night else [])]


def _thing(item: str, thing: Thing, rng: Random, blur: float) -> dict[str, Json]:
    """Returns the record of a thing, each number of its geometry moved by up to `blur` pixels."""
    if thing.label == "pedestrian":
        moved = [(_moved(x, rng, blur), _moved(y, rng, blur)) for x, y in thing.outline()]
        return _record(item, thing.name, thing.label, "polygon", _polygon(moved))
    names = ("x", "y", "width", "height")
    geometry: dict[str, Json] = {name: _moved(value, rng, blur) for name, value in zip(names, thing.box(), strict=True)}
    return _record(item, thing.name, thing.label, "box", geometry)


def _moved(value: float, rng: Random, blur: float) -> float:
    return round(max(0.0, value + rng.uniform(-blur, blur)), 2)


def _polygon(vertices: list[tuple[float, float]]) -> dict[str, Json]:
    return {"vertices": [{"x": x, "y": y} for x, y in vertices]}


def _record(item: str, name: str, label: str, kind: str, geometry: dict[str, Json]) -> dict[str, Json]:
    return {
        "label": label,
        "type": kind,
        "geometry": geometry,
        "reference_id": item,
        "annotation_id": f"{item.replace('/', '-')}-{name}",
    }
