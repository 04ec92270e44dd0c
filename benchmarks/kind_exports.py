"""The kinds of records for the benchmark of kinds, and what the dataset holds before; `kind_records` makes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

from kind_records.annotations import (
    annotation,
    box,
    category,
    cuboid,
    keypoints,
    labelled,
    mask,
    multicategory,
    scene_category,
    scored,
    vertices,
    without_id,
)
from kind_records.items import (
    attached,
    beside,
    embedded,
    escaped,
    item,
    long_text,
    many_fields,
    nested,
    pointcloud,
    signed_attachment,
    signed_url,
    stored_item,
    tagged,
)
from kind_records.rejected import faulty_annotation, faulty_box, faulty_item, incomplete_item
from kind_records.scenes import calibrated, faulty_frames, lidar, one_file_video, video
from kind_records.updates import attachment_update, box_update, item_update
from kind_records.values import BASE_SHARE, Json, Record, camera

Group: TypeAlias = Literal["items", "scenes", "annotations", "predictions"]

RECORDS = 40_000
"""So many of each kind are measured."""


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
            return item(index, rng)
        case "scenes":
            return video(index, rng, frames=1)
        case _:
            return box(index, rng)


ON_ITEMS: Sequence[tuple[Group, int]] = (("items", BASE_SHARE),)
ON_SCENES: Sequence[tuple[Group, int]] = (("scenes", BASE_SHARE),)
EACH: Sequence[tuple[Group, int]] = (("items", 1),)
EACH_BOX: Sequence[tuple[Group, int]] = (*ON_ITEMS, ("annotations", 1))
_VECTOR: Callable[[Random], Json] = lambda rng: [rng.random() for _ in range(16)]  # noqa: E731 - beside its table

KINDS: tuple[Kind, ...] = (
    Kind("item", "items", item),
    Kind("item, nested values", "items", nested),
    Kind("item, escapes", "items", escaped),
    Kind("item, two attachments", "items", attached),
    Kind("item, two attachments, no inner metadata", "items", lambda n, rng: attached(n, rng, inner=False)),
    Kind("item, one in twenty with attachments", "items", lambda n, rng: attached(n, rng, every=20)),
    Kind("item, one attachment with a signed URL", "items", signed_attachment),
    Kind("item, camera_params", "items", lambda n, rng: item(n, rng, camera_params=camera(rng))),
    Kind("item, camera_params beside metadata", "items", beside),
    Kind("item, embedding_info", "items", embedded),
    Kind("item, lists of tags", "items", tagged),
    Kind("item, 200 fields", "items", many_fields, weight=8),
    Kind("item, long text", "items", long_text),
    Kind("item, point cloud", "items", pointcloud),
    Kind("item, signed URL", "items", signed_url),
    Kind("item, exports of ten", "items", item, records_per_export=10),
    Kind("box", "annotations", box, ON_ITEMS),
    Kind("box, embedding_vector", "annotations", lambda n, rng: box(n, rng, embedding_vector=_VECTOR(rng)), ON_ITEMS),
    Kind("box, no id", "annotations", without_id, ON_ITEMS),
    Kind(
        "polygon (12)",
        "annotations",
        lambda n, rng: annotation("polygon", n, rng, vertices(rng, 12)),
        ON_ITEMS,
        weight=2,
    ),
    Kind("line (6)", "annotations", lambda n, rng: annotation("line", n, rng, vertices(rng, 6)), ON_ITEMS),
    Kind("key points (17)", "annotations", keypoints, ON_ITEMS, weight=2),
    Kind("cuboid", "annotations", cuboid, ON_ITEMS),
    Kind("category", "annotations", category, ON_ITEMS),
    Kind("multicategory", "annotations", multicategory, ON_ITEMS),
    Kind("multicategory, 12 labels", "annotations", lambda n, rng: labelled(n, rng, 12), ON_ITEMS),
    Kind("category of a scene", "annotations", scene_category, ON_SCENES),
    Kind("mask, two segments", "annotations", mask, EACH),
    Kind("mask, ten segments", "annotations", lambda n, rng: mask(n, rng, pairs=5), EACH, weight=4),
    Kind("prediction, box with class_pdf", "predictions", lambda n, rng: box(n, rng, **scored(rng)), ON_ITEMS),
    Kind(
        "prediction, polygon (12)",
        "predictions",
        lambda n, rng: annotation("polygon", n, rng, vertices(rng, 12), **scored(rng)),
        ON_ITEMS,
        weight=2,
    ),
    Kind("lidar scene, 20 items", "scenes", lidar, weight=10),
    Kind("lidar scene, 20 items, camera_params", "scenes", calibrated, weight=20),
    Kind("video scene, 20 frames", "scenes", video, weight=10),
    Kind("video scene, 100 frames", "scenes", lambda n, rng: video(n, rng, frames=100), weight=50),
    Kind("video scene, 20 frames, 2 rejected", "scenes", faulty_frames, weight=10),
    Kind("video scene, one file", "scenes", one_file_video),
    Kind("update of metadata (merge)", "items", item_update, EACH, mode="merge"),
    Kind("update of a box (merge)", "annotations", box_update, EACH_BOX, mode="merge"),
    Kind("update of attachments (merge)", "items", attachment_update, EACH, mode="merge"),
    Kind("rejected item", "items", faulty_item),
    Kind("rejected item, core keys", "items", incomplete_item),
    Kind("rejected item, NaN", "items", lambda n, rng: item(n, rng, weight=float("nan"))),
    Kind("rejected box", "annotations", faulty_box, ON_ITEMS),
    Kind("rejected annotation, other types", "annotations", faulty_annotation, ON_ITEMS),
    Kind("rejected box, no item", "annotations", box),
    Kind("item, ref_id", "items", stored_item),
)
BY_NAME: Mapping[str, Kind] = {kind.name: kind for kind in KINDS}
