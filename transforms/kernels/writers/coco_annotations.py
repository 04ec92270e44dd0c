"""Writes annotations and predictions as elements of COCO documents: objects, labels of whole images, captions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.writers.coco import (
    CocoCategory,
    CocoTables,
    LeftOut,
    Row,
    is_number_of,
    metadata_values,
    with_metadata,
)
from transforms.kernels.writers.coco_shapes import ShapeMembers, shape_members
from transforms.rules.coco import ANNOTATION_KEYS, CAPTION, CATEGORY_ID, Element
from transforms.rules.values import JsonValue

SHAPES: Final = frozenset({"box", "polygon", "keypoints"})
"""Types that have a box in COCO."""
WRITTEN: Final = SHAPES | {"category"}
"""Types that COCO has a word for."""
_ORIGINAL_ID: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_LOST_OF_ANNOTATIONS: Final = ("task_id", "track_reference_id", "class_pdf", "extra")


def original_ids(names: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """The ids of annotations that are integers, as COCO has them; -1 for others: int64[N]."""
    return np.array([int(n) if n is not None and _ORIGINAL_ID.fullmatch(n) else -1 for n in names], np.int64)


def annotation_elements(
    batch: Batch,
    positions: Positions,
    ids: Sequence[int],
    images: Mapping[str, int],
    tables: CocoTables,
    left_out: LeftOut,
) -> Iterator[tuple[str, Element]]:
    """The annotations or predictions at some positions, each with what it is: an object, an image label or a caption.

    Args:
        batch: Annotations or predictions.
        positions: Those that are written.
        ids: Id of each row of the batch.
        images: Reference id to id of the images.
        tables: Categories.
        left_out: Counts what is not said.
    """
    some = batch.take(positions)
    rows = zip(positions.tolist(), some.rows.iter_rows(named=True), metadata_values(some), strict=True)
    for position, row, metadata in rows:
        image = images.get(row["reference_id"])
        if row["type"] not in WRITTEN:
            left_out.count(batch.group, f"{row['type']}")
        elif image is None:
            left_out.count(batch.group, "of a scene or a point cloud")
        elif (made := _annotation(row, metadata, (ids[position], image), tables, batch.group)) is None:
            left_out.count(batch.group, f"{row['type']} of another form")
        else:
            for name in _LOST_OF_ANNOTATIONS:
                if row.get(name) not in (None, "{}"):
                    left_out.count(batch.group, name)
            for name in made.lost:
                left_out.count(batch.group, f"geometry.{name}")
            yield made.kind, made.element


OBJECTS, IMAGE_LABELS, CAPTIONS = "instances", "image_labels", "captions"
"""The documents of annotations."""


def _kind(row: Row, metadata: Element) -> str:
    """The document of an annotation, as `transforms.stages.coco_ids` plans it."""
    if row["type"] != "category":
        return OBJECTS
    taxonomy = row["taxonomy_name"]
    is_caption = (
        row["label"] == CAPTION
        and isinstance(taxonomy, str)
        and taxonomy.startswith(CAPTION)
        and not isinstance(metadata.get(CATEGORY_ID), int)
        and isinstance(metadata.get(CAPTION), str)
    )
    return CAPTIONS if is_caption else IMAGE_LABELS


@dataclass(frozen=True, slots=True)
class _Made:
    kind: str
    element: Element
    lost: Sequence[str] = ()


def _annotation(row: Row, metadata: Element, numbers: tuple[int, int], tables: CocoTables, group: str) -> _Made | None:
    """An annotation with the id of itself and of its image; None if COCO has no word for its form."""
    is_prediction = group == "predictions"
    made_up: list[JsonValue] = []
    found = _identified({"image_id": numbers[1]}, row, numbers[0], made_up, is_prediction=is_prediction)
    kind = _kind(row, metadata)
    category = tables.categories.get(f"{row['label']}")
    lost: Sequence[str] = ()
    if kind != CAPTIONS:
        if category is None:
            return None
        _categorize(found, metadata, category, made_up)
    if kind == OBJECTS:
        shape = _shape(row, "" if category is None else category.skeleton)
        if shape is None:
            return None
        found |= shape.members
        made_up += shape.made_up
        lost = shape.lost
        if not is_prediction:
            _add_object_keys(found, metadata, f"{row['type']}", shape, made_up)
    elif row["taxonomy_name"] != (CAPTION if kind == CAPTIONS else None):
        found["taxonomy_name"] = row["taxonomy_name"]
    reserved = ANNOTATION_KEYS | {"taxonomy_name"}
    if is_prediction:
        reserved |= {"score"}
        if row["confidence"] is not None:
            found["score"] = row["confidence"]
    return _Made(kind, with_metadata(found, metadata, reserved, made_up), lost)


def _shape(row: Row, skeleton: str) -> ShapeMembers | None:
    geometry = None if row["geometry"] is None else exact_json(f"{row['geometry']}")
    return shape_members(f"{row['type']}", geometry, skeleton)


def _categorize(found: Element, metadata: Element, category: CocoCategory, made_up: list[JsonValue]) -> None:
    """Adds the id of the category; metadata that the category says are left out."""
    found["category_id"] = category.id
    if CATEGORY_ID not in metadata:
        if category.is_original:
            made_up.append("category_id")
    elif category.is_original and is_number_of(metadata[CATEGORY_ID], category.id):
        del metadata[CATEGORY_ID]
    else:
        found[CATEGORY_ID] = metadata.pop(CATEGORY_ID)
    if category.supercategory is not None and metadata.get("supercategory") == category.supercategory:
        del metadata["supercategory"]


def _identified(found: Element, row: Row, number: int, made_up: list[JsonValue], *, is_prediction: bool) -> Element:
    """With the id; a prediction needs none."""
    given = row["annotation_id"]
    if is_prediction:
        own = isinstance(given, str) and _ORIGINAL_ID.fullmatch(given) is not None
        if own:
            return {"id": int(f"{given}"), **found}
        return found if given is None else {**found, "annotation_id": given}
    if given == f"{number}":
        return {"id": number, **found}
    if given is None:
        made_up.append("id")
        return {"id": number, **found}
    return {"id": number, **found, "annotation_id": given}


def _add_object_keys(
    found: Element, metadata: Element, kind: str, shape: ShapeMembers, made_up: list[JsonValue]
) -> None:
    """Adds what programs expect of each object."""
    wanted: Element = {"area": shape.area, "iscrowd": 0}
    if kind == "keypoints":
        wanted["num_keypoints"] = shape.labelled
    for key, value in wanted.items():
        if key in metadata:
            found[key] = metadata.pop(key)
        else:
            found[key] = value
            made_up.append(key)
