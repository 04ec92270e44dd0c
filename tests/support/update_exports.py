"""Random updates of what a dataset holds: records of the mode `merge`, and small jobs whose identities often meet."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from support import mixed_exports
from support.oracle.records import Record
from support.raw_records import GEOMETRIES, category, mark, mask, multicategory
from support.runs import ndjson

Exports = list[tuple[str, str, Path]]
LEFT_ASIDE: tuple[dict[str, Any], ...] = (  # core keys that say nothing in an update, whatever they are (U3)
    {},
    {},
    {"image_url": 7, "width": "wide"},
    {"label": ["car"], "confidence": "high", "mask_url": ""},
    {"note": {"deep": [1, None]}},
)


COORDINATES = ("latitude", "longitude", "lat", "lon")
MOVES: tuple[
    dict[str, Any], ...
] = (  # what they make of a coordinate depends on what is published; none is half a string
    *({} for _ in range(10)),
    {"lat": 1.5},
    {"lon": 170},
    {"lat": None},
    {"lat": None, "lon": 2},
    {"latitude": "1.5", "longitude": " +2"},
    {"latitude": None},
    {"latitude": 91},
    {"longitude": 7, "lon": 8.5},
)


def merges(folder: Path, name: str, published: Sequence[Record], *, seed: int, count: int) -> Exports:
    """Writes a job of the mode `merge`: updates of some of these records, and of records that nobody holds."""
    random = Random(seed)
    parts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    wholes = [record for record in published if not _is_segment(record)]
    chosen = random.sample(wholes, min(count, len(wholes)))
    chosen += random.choices(chosen, k=count // 8) if chosen else []  # and some of them twice
    for number, record in enumerate(chosen):
        update = random.choice(LEFT_ASIDE) | _update(random, record, published, number)
        if random.random() < 0.1:
            update["reference_id"] = "nobody"
        if random.random() < 0.05:
            update |= {"metadata": [1]} if update.get("type") != "mask" else {"reference_id": 3}
        parts.setdefault((record.group, record.draft.row.get("model_run", "")), []).append(update)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, ((group, run), updates) in enumerate(sorted(parts.items())):
        path = folder / f"{name}-{group}{run}.ndjson"
        if number % 2:
            ndjson(path, updates)
        else:
            path.write_text(json.dumps({"metadata": updates, "level": "item"}, indent=1), "utf-8")
        found.append((group, run, path))
    return found


def changes(random: Random, number: int) -> dict[str, Any]:
    """Metadata of an update: a few fields, some of them null."""
    found = {key: value for key, value in mixed_exports.metadata(random, number).items() if key not in COORDINATES}
    keys = random.sample(sorted(found), min(len(found), random.randrange(5)))
    return {key: None if random.random() < 0.25 else found[key] for key in keys} | random.choice(MOVES)


def _is_segment(record: Record) -> bool:
    return bool(record.draft.row.get("type") == "segment")


def _update(random: Random, record: Record, published: Sequence[Record], number: int) -> dict[str, Any]:
    row = record.draft.row
    update: dict[str, Any] = {"reference_id": row["reference_id"], "metadata": changes(random, number)}
    if record.group == "items":
        return update | random.choice([{}, {}, {"camera_params": {"fy": number}}])
    if record.group == "scenes":
        return update | _frames(random, row["reference_id"], published)
    kind = row["type"]
    if kind == "mask":
        del update["metadata"]
        indexes = [each.draft.row["segment_index"] for each in published if _is_of(each, record)]
        segments = [{"index": index, "metadata": changes(random, number + index)} for index in [*indexes, 77]]
        return update | {"type": "mask", "annotations": random.sample(segments, random.randint(1, len(segments)))}
    if kind in ("category", "multicategory"):
        update |= {} if row["taxonomy_name"] is None else {"taxonomy_name": row["taxonomy_name"]}
        return update | {"type": kind}
    if len(row["annotation_id"]) == 64:  # derived from the content, each in its own way: only the content says it
        return update | {key: row[key] for key in ("type", "label", "geometry", "task_id")}
    named = {key: row[key] for key in ("annotation_id", "task_id")}
    return update | named | random.choice([{}, {"type": kind}, {"type": "line", "geometry": 4}])


def _frames(random: Random, scene: str, published: Sequence[Record]) -> dict[str, Any]:
    frames = [each.draft.row["reference_id"] for each in published if each.draft.row.get("scene_reference_id") == scene]
    records = [{"reference_id": frame, "metadata": changes(random, 3)} for frame in frames[:2]]
    if not records:
        return {}
    return {
        "frames": random.choice(
            [
                records,
                [{"a": each} for each in records],
                [{f"sensor{number}": each for number, each in enumerate(records)}],
            ]
        )
    }


def _is_of(segment: Record, mask_record: Record) -> bool:
    return _is_segment(segment) and segment.identity[2:-1] == mask_record.identity[2:]


def small(folder: Path, name: str, *, seed: int, fields: Sequence[tuple[str, Sequence[Any]]]) -> Exports:
    """Writes a job of about thirty records of all groups over a handful of identities.

    Args:
        folder: where.
        name: of the files.
        seed: of what is random.
        fields: key and the values it may have.
    """
    random = Random(seed)

    def metadata() -> dict[str, Any]:
        return {key: random.choice(values) for key, values in fields if random.random() < 0.7}

    def target() -> str:
        return random.choice(["i0", "i1", "i2", "i3", "s0"])

    def url() -> str:
        return f"https://example.org/{random.randrange(4)}.jpg"

    items = [
        {"reference_id": f"i{random.randrange(4)}", "image_url": url(), "metadata": metadata()}
        for _ in range(random.randint(2, 6))
    ]
    scenes = [
        {
            "reference_id": f"s{random.randrange(2)}",
            "metadata": metadata(),
            "frame_rate": 5,
            "frames": [
                {"reference_id": f"f{random.randrange(3)}", "url": url(), "metadata": metadata()}
                for _ in range(random.randint(1, 2))
            ],
        }
        for _ in range(random.randint(1, 2))
    ]
    annotations = [
        random.choice(
            [
                mark(target(), random.choice(["a", "b", None]), metadata(), kind=random.choice(sorted(GEOMETRIES))),
                category(target(), random.choice([None, "light"]), metadata()),
                multicategory(target(), "light", metadata()),
                mask(
                    target(), {index: metadata() for index in random.sample(range(4), random.randrange(4))}, url=url()
                ),
            ]
        )
        for _ in range(random.randint(8, 20))
    ]
    half = len(annotations) // 2
    records: dict[str, list[Any]] = {
        "items": items,
        "scenes": scenes,
        "annotations": annotations[:half],
        "predictions": annotations[half:],
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [
        (group, "m" if group == "predictions" else "", ndjson(folder / f"{name}-{group}.ndjson", of))
        for group, of in records.items()
    ]
