"""Items of every kind: metadata of all sorts, attachments, URLs, texts, tags, and what is beside the metadata."""

from collections.abc import Callable, Sequence
from random import Random

from kind_records.values import WORDS, Json, Record, camera, metadata

ACCENTS = ("Zürich", "Málaga", "Łódź", "東京", "Åre", "Brașov")
FIELDS = 200
"""Fields of an item with many."""


def item(index: int, rng: Random, **more: Json) -> Record:
    """An item; further keyword arguments are metadata."""
    return {
        "metadata": {**metadata(rng), **more},
        "reference_id": f"shot-{index:08d}",
        "image_url": f"https://pictures.example.org/walk/{index >> 12:05d}/{index:08d}.jpg",
    }


def nested(index: int, rng: Random) -> Record:
    """With an object and a list among its metadata."""
    rig: Json = {"mount": rng.choice(WORDS), "gain": [rng.random(), rng.random()], "on": bool(rng.getrandbits(1))}
    return item(index, rng, rig=rig, route=[rng.randrange(99), rng.randrange(99)])


def escaped(index: int, rng: Random) -> Record:
    """With texts beyond ASCII, and with what JSON escapes."""
    return item(index, rng, town=rng.choice(ACCENTS), note=f'said "{rng.choice(ACCENTS)}"\n{rng.choice(WORDS)}')


def attachment(rng: Random, *, inner: bool) -> Json:
    """A context attachment with everything that one may have."""
    found: Record = {
        "attachment": f"https://pictures.example.org/side/{rng.getrandbits(48):012x}.jpg",
        "frame": rng.randrange(60),
        "dims": {"width": 1920, "height": rng.choice((1080, 1200.5))},
        "camera_position": {"x": rng.random(), "y": rng.random() * 3, "z": rng.randrange(4)},
    }
    return {**found, "metadata": {"foo": rng.choice(WORDS), "b": True, "n": rng.random()}} if inner else found


def attached(index: int, rng: Random, *, every: int = 1, inner: bool = True) -> Record:
    """With two attachments, or one in `every` items with them."""
    if index % every:
        return item(index, rng)
    short: Json = {"attachment": f"https://pictures.example.org/side/{rng.getrandbits(48):012x}.jpg"}
    return item(index, rng, context_attachments=[attachment(rng, inner=inner), short])


def signed_attachment(index: int, rng: Random) -> Record:
    """With an attachment whose URL is signed."""
    query = f"X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Expires=900&X-Goog-Signature={rng.getrandbits(512):0128x}"
    url = f"https://storage.googleapis.com/side-example/{rng.getrandbits(48):012x}.jpg?{query}"
    return item(index, rng, context_attachments=[{"attachment": url}])


def beside(index: int, rng: Random) -> Record:
    """With keys beside the metadata."""
    return {**item(index, rng), "camera_params": camera(rng), "width": 1920, "height": 1080}


def embedded(index: int, rng: Random) -> Record:
    """With a vector, as an export of embeddings has it."""
    vector: list[Json] = [rng.random() for _ in range(16)]
    return {**item(index, rng), "embedding_info": {"index_id": "idx", "embedding_vector": vector}}


def tagged(index: int, rng: Random) -> Record:
    """With lists of texts and of numbers."""
    tags: list[Json] = [rng.choice(WORDS) for _ in range(rng.randrange(6))]
    return item(index, rng, tags=tags, lanes=[rng.randrange(5) for _ in range(3)])


def many_fields(index: int, rng: Random) -> Record:
    """With FIELDS more fields."""
    makers: Sequence[Callable[[], Json]] = (
        lambda: rng.randrange(1000),
        rng.random,
        lambda: rng.choice(WORDS),
        lambda: bool(rng.getrandbits(1)),
    )
    return item(index, rng, **{f"measure_{n:03d}": makers[n % 4]() for n in range(FIELDS)})


def long_text(index: int, rng: Random) -> Record:
    """With a text of 300 words."""
    return item(index, rng, report=" ".join(rng.choice(WORDS) for _ in range(300)))


def pointcloud(index: int, rng: Random) -> Record:
    """A point cloud."""
    record = item(index, rng)
    del record["image_url"]
    return {**record, "url": f"s3://scans-example/walk/{index:08d}.json", "type": "pointcloud"}


def signed_url(index: int, rng: Random) -> Record:
    """With a signed URL."""
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F2024&X-Amz-Date=20240101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={rng.getrandbits(256):064x}"  # noqa: E501 - a URL
    return {**item(index, rng), "image_url": f"https://walk.s3.amazonaws.com/{index:08d}.jpg?{query}"}


def stored_item(index: int, rng: Random) -> Record:
    """As a response has it: `ref_id`, and an id of the store."""
    record = item(index, rng)
    return {"id": f"di_{index:012d}", "ref_id": record.pop("reference_id"), **record}
