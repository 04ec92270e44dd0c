"""Writes items as images of COCO documents, from which `--map coco` makes the same rows, and what all elements share.

What COCO needs and a row does not have is made up, and named in the element (`transforms.rules.coco.GENERATED`). What
COCO cannot say is counted by name.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

import orjson

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.writers.nucleus import metadata_objects
from transforms.rules.coco import (
    ATTRIBUTES,
    CARRIER,
    GENERATED,
    IMAGE_ID,
    IMAGE_KEYS,
    Element,
)
from transforms.rules.values import JsonValue, canonical_json

Row: TypeAlias = Element
_FILE_NAME: Final = re.compile(r"\.[A-Za-z0-9]{2,5}\Z")
_LOST_OF_ITEMS: Final = ("camera_params", "scene_reference_id", "extra")


@dataclass(frozen=True, slots=True)
class CocoCategory:
    """A category of all exported documents.

    Attributes:
        id: Its id.
        is_original: Whether it is the id that all annotations with this label came with.
        supercategory: What all annotations with this label say.
        skeleton: JSON text of the `names` and `skeleton` that most key points with this label have; "" without any.
    """

    id: int
    is_original: bool
    supercategory: str | None = None
    skeleton: str = ""

    def element(self, name: str) -> Element:
        """The category as COCO has it; its skeleton counts from 1."""
        found: Element = {"id": self.id, "name": name}
        if self.supercategory is not None:
            found["supercategory"] = self.supercategory
        joints = exact_json(self.skeleton) if self.skeleton else {}
        if isinstance(joints, dict):
            if "names" in joints:
                found["keypoints"] = joints["names"]
            if isinstance(pairs := joints.get("skeleton"), list):
                found["skeleton"] = [
                    [each + 1 for each in pair if isinstance(each, int)] for pair in pairs if isinstance(pair, list)
                ]
        return found if self.is_original else {**found, GENERATED: ["id"]}


License: TypeAlias = tuple[str, str | None]
"""Name and URL of a licence."""


@dataclass(frozen=True, slots=True)
class CocoTables:
    """What the elements of all documents of an export refer to.

    Attributes:
        categories: Label to category.
        licenses: Licence to its id.
    """

    categories: Mapping[str, CocoCategory]
    licenses: Mapping[License, int]


@dataclass(slots=True)
class LeftOut:
    """Counts what COCO cannot say: by name, for each group."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, group: str, name: str, count: int = 1) -> None:
        """Counts rows of a group."""
        if count:
            self.counts.setdefault(group, Counter())[name] += count

    def add(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Adds what another one counted."""
        for group, of_group in counts.items():
            self.counts.setdefault(group, Counter()).update(of_group)


def json_element(element: Element) -> bytes:
    """The JSON text of an element."""
    try:
        return b"%b" % orjson.dumps(element)  # a copy: what orjson gives keeps 4 KB or more as long as it is held
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        return canonical_json(element).encode()


def image_elements(
    batch: Batch, positions: Positions, ids: Sequence[int], tables: CocoTables, left_out: LeftOut
) -> Iterator[Element]:
    """The images at some positions.

    Args:
        batch: Items.
        positions: Those that are written.
        ids: Id of each row of the batch that is an image.
        tables: Licences.
        left_out: Counts what is not said.
    """
    some = batch.take(positions)
    rows = zip(positions.tolist(), some.rows.iter_rows(named=True), metadata_values(some), strict=True)
    for position, row, metadata in rows:
        if row["image_url"] is None:
            left_out.count("items", "pointcloud")
            continue
        for name in _LOST_OF_ITEMS:
            if row[name] not in (None, "{}"):
                left_out.count("items", name)
        yield _image(row, metadata, ids[position], tables)


def _image(row: Row, metadata: Element, number: int, tables: CocoTables) -> Element:
    made_up: list[JsonValue] = []
    found: Element = {"id": number}
    if is_number_of(metadata.get(IMAGE_ID), number):
        del metadata[IMAGE_ID]
    elif IMAGE_ID not in metadata:
        made_up.append("id")
    name, url = f"{row['reference_id']}", f"{row['image_url']}"
    given = metadata.get("file_name")
    if isinstance(given, str) and given not in ("", name):
        found |= {"file_name": metadata.pop("file_name"), "reference_id": name}
    elif _FILE_NAME.search(name) or unquote(urlsplit(url).path).endswith(f"/{name}"):
        found["file_name"] = name
    else:
        found |= {"file_name": unquote(urlsplit(url).path).lstrip("/") or url, "reference_id": name}
        made_up.append("file_name")
    found["coco_url"] = url
    for side in ("width", "height"):
        if isinstance(size := row[side], float):
            found[side] = int(size) if size.is_integer() else size
    license_url = metadata.get("license_url")
    key = (metadata.get("license"), license_url if isinstance(license_url, str) and license_url else None)
    if isinstance(key[0], str) and (number_of_license := tables.licenses.get((key[0], key[1]))) is not None:
        found["license"] = number_of_license
        del metadata["license"]
        if key[1] is not None:
            del metadata["license_url"]
    return with_metadata(found, metadata, IMAGE_KEYS, made_up)


def with_metadata(found: Element, metadata: Element, reserved: frozenset[str], made_up: list[JsonValue]) -> Element:
    """With the metadata under their own keys, as far as these mean nothing else."""
    attributes = metadata.get(ATTRIBUTES)
    carried: Element = {}
    if isinstance(attributes, dict):
        del metadata[ATTRIBUTES]
        if all(key in metadata and _same(metadata[key], value) for key, value in attributes.items()):
            found[ATTRIBUTES] = attributes
            for key in attributes:
                del metadata[key]
        else:
            carried[ATTRIBUTES] = attributes
    elif ATTRIBUTES in metadata:
        carried[ATTRIBUTES] = metadata.pop(ATTRIBUTES)
    for key, value in metadata.items():
        if key in reserved or key in found or key == GENERATED:
            carried[key] = value
        else:
            found[key] = value
    if made_up:
        found[GENERATED] = made_up
    return {**found, CARRIER: carried} if carried else found


def metadata_values(batch: Batch) -> list[Element]:
    """The metadata of each row as values."""
    return [*metadata_objects(batch, _value)]  # type: ignore[list-item] # all of them are JSON


def _value(value: object, form: str) -> object:
    if form == "null":
        return None
    return exact_json(f"{value}") if form in {"json", "big"} else value


def is_number_of(value: JsonValue, number: int) -> bool:
    """Whether a value is this integer."""
    return type(value) is int and value == number


def _same(one: JsonValue, other: JsonValue) -> bool:
    return type(one) is type(other) and canonical_json(one) == canonical_json(other)
