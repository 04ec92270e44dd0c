"""A small dataset with images on this disk, shapes on them, predictions, a scene, attachments and hostile values."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from support.in_process import ingest
from support.runs import Ended, ndjson

WIDTH, HEIGHT = 320, 200
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "javascript:alert(3)",
    "\u202egnp.exe",
    '" onmouseover="alert(4)',
    "{{7*7}} ${alert(5)}",
    '=HYPERLINK("x")',
)
Pixel = tuple[int, int, int]


def png(width: int, height: int, at: Callable[[int, int], Pixel]) -> bytes:
    """A PNG file of pixels."""
    lines = b"".join(b"\0" + bytes(part for x in range(width) for part in at(x, y)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def street(boxes: list[tuple[int, int, int, int, Pixel]], sky: Pixel) -> bytes:
    """A street with vehicles as boxes."""

    def at(x: int, y: int) -> Pixel:
        for left, top, width, height, colour in boxes:
            if left <= x < left + width and top <= y < top + height:
                return colour
        return sky if y < 90 else (90, 92, 96)

    return png(WIDTH, HEIGHT, at)


def build(folder: Path, items: int = 240, pictures: int = 12) -> Ended:
    """Publishes two versions of the dataset; its images are in `folder/images`."""
    rng = Random(3)
    images = folder / "images"
    images.mkdir(parents=True)
    records: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for number in range(items):
        name = f"street-{number:03d}"
        weather = rng.choice(("clear", "clear", "rain", "fog"))
        boxes = []
        for at in range(rng.randint(0, 3)):
            label, colour = rng.choice((("car", (200, 60, 50)), ("truck", (60, 90, 190)), ("bus", (220, 180, 40))))
            box = (20 + at * 95 + rng.randint(0, 15), 80 + rng.randint(0, 30), 60 + rng.randint(0, 20), 50)
            boxes.append((*box, colour))
            geometry = dict(zip(("x", "y", "width", "height"), box, strict=True))
            own = {"reference_id": name, "type": "box", "label": label, "geometry": geometry}
            annotations.append({**own, "annotation_id": f"{name}-{at}", "metadata": {"occluded": at > 1}})
            if rng.random() < 0.8:
                moved = {**geometry, "x": box[0] + 4, "y": box[1] - 3}
                predictions.append(
                    {**own, "geometry": moved, "annotation_id": f"p-{name}-{at}", "confidence": rng.random()}
                )
        sky: Pixel = {"clear": (150, 200, 240), "rain": (130, 140, 150), "fog": (200, 205, 208)}[weather]
        if number < pictures:
            (images / f"{name}.png").write_bytes(street(boxes, sky))
        speed = rng.gauss(60, 15) - (25 if weather == "fog" else 0)
        metadata: dict[str, Any] = {
            "weather": weather,
            "speed": round(max(0.0, speed), 2),
            "gear": rng.randint(1, 6),
            "night": rng.random() < 0.4,
            "note": HOSTILE[number % len(HOSTILE)] + f" {number}",
            "bad": HOSTILE[number % len(HOSTILE)],
            "lat": 47 + rng.random(),
            "lon": 8 + rng.random() * 2,
            "sensors": {"lidar": {"points": number, "rings": [1, 2, {"deep": "<b>x</b>"}]}},
            "<b>key</b>": number,
        }
        if number < pictures:
            attachment = {"attachment": f"{images}/street-000.png", "metadata": {"camera": "rear"}, "frame": 1}
            metadata["context_attachments"] = [attachment]
        url = f"{images}/{name}.png" if number < pictures else f"s3://bucket/{name}.jpg"
        records.append({"reference_id": name, "image_url": url, "metadata": metadata})
    annotations.append(
        {
            "reference_id": "street-000",
            "type": "polygon",
            "label": "road",
            "annotation_id": "road",
            "geometry": {
                "vertices": [{"x": 0, "y": 199}, {"x": 100, "y": 95}, {"x": 220, "y": 95}, {"x": 319, "y": 199}]
            },
        }
    )
    annotations += [
        {"reference_id": "street-001", "type": "category", "label": text, "taxonomy_name": "odd", "geometry": {}}
        for text in HOSTILE[:1]
    ]
    frames = [
        {
            "index": index,
            "camera": {
                "reference_id": f"frame-{index}",
                "url": f"s3://bucket/frame-{index}.jpg",
                "type": "image",
                "metadata": {},
            },
        }
        for index in range(3)
    ]
    scene = {
        "reference_id": "drive",
        "metadata": {"city": "Zürich"},
        "frame_rate": 2,
        "frames": [each["camera"] for each in frames],
    }
    first = ingest(
        folder / "streets",
        *("--items", f"{ndjson(folder / 'items.ndjson', records)}"),
        *("--annotations", f"{ndjson(folder / 'annotations.ndjson', annotations)}"),
        *("--predictions", f"detector={ndjson(folder / 'predictions.ndjson', predictions)}"),
        *("--scenes", f"{ndjson(folder / 'scenes.ndjson', [scene])}"),
    )
    assert first.outcome == "published", first.document
    assert not first.rejections, first.rejections[:2]
    changed = [{**each, "metadata": {**each["metadata"], "speed": 1}} for each in records[:1]]
    more = ndjson(
        folder / "more.ndjson",
        [*changed, {"reference_id": "late", "image_url": "s3://b/late.jpg", "metadata": {"weather": "snow"}}],
    )
    ended = ingest(folder / "streets", "--items", f"{more}", "--mode", "replace")
    assert ended.outcome == "published", ended.document
    return ended
