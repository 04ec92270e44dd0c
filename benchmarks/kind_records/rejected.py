"""Records that are rejected, each with one of the faults in turn."""

from random import Random

from kind_records.annotations import annotation, box, cuboid, mask, multicategory
from kind_records.items import item
from kind_records.values import WORDS, Record, metadata


def faulty_box(index: int, rng: Random) -> Record:
    """A box."""
    record = box(index, rng)
    match index % 3:
        case 0:
            record["type"] = "circle"
        case 1:
            record["geometry"] = {"x": 1, "y": "2", "width": 3, "height": 4}
        case _:
            record["metadata"] = {"lat": 95.5, "lon": rng.random()}
    return record


def faulty_item(index: int, rng: Random) -> Record:
    """An item."""
    record = item(index, rng)
    match index % 5:
        case 0:
            record["image_url"] = "ftp://pictures.example.org/a.jpg"
        case 1:
            record["reference_id"] = ""
        case 2:
            record["metadata"] = {**metadata(rng), "lat": 95.5}
        case 3:
            record["metadata"] = [rng.choice(WORDS)]
        case _:
            record["metadata"] = {**metadata(rng), "context_attachments": [{"attachment": "", "frame": -1}]}
    return record


def incomplete_item(index: int, rng: Random) -> Record:
    """An item with a fault of a core key, or without its URL."""
    record = item(index, rng)
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


def faulty_annotation(index: int, rng: Random) -> Record:
    """An annotation of some type with a fault of its own keys."""
    match index % 4:
        case 0:
            return {**annotation("polygon", index, rng, {"vertices": [{"x": 1, "y": rng.random()}, {"x": 2}]})}
        case 1:
            return {**cuboid(index, rng), "label": None}
        case 2:
            return {**mask(index, rng), "mask_url": "ftp://masks-example/a.png"}
        case _:
            return {**multicategory(index, rng), "labels": rng.choice(WORDS)}
