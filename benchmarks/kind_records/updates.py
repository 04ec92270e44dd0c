"""Updates of metadata, for jobs with `--mode merge`."""

from random import Random

from kind_records.items import attached
from kind_records.values import BASE_SHARE, WORDS, Json, Record


def item_update(index: int, rng: Random) -> Record:
    """Of an item."""
    metadata: Json = {"crew": rng.choice(WORDS), "reviewed": bool(rng.getrandbits(1)), "pace": rng.random() * 40}
    return {"reference_id": f"shot-{index:08d}", "metadata": metadata}


def box_update(index: int, rng: Random) -> Record:
    """Of a box."""
    metadata: Json = {"hue": rng.choice(WORDS), "reviewed": bool(rng.getrandbits(1)), "points": rng.randrange(99)}
    return {
        "reference_id": f"shot-{index // BASE_SHARE:08d}",
        "annotation_id": f"box-{index:08d}",
        "type": "box",
        "metadata": metadata,
    }


def attachment_update(index: int, rng: Random) -> Record:
    """Of an item with attachments."""
    record = attached(index, rng)
    return {"reference_id": record["reference_id"], "metadata": record["metadata"]}
