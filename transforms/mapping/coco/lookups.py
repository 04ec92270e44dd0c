"""Reads what the records of a COCO document refer to by id: file names of images, categories, licences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from transforms.formats.chunks import Unreadable
from transforms.formats.document_lists import WHOLE, ListPart, read_lists
from transforms.mapping.coco.shapes import NO_SKELETON, Skeleton
from transforms.mapping.coco.tokens import Members, elements, given, identity, members, string, text_of
from transforms.rules.coco import GENERATED, GENERATED_KEYS

IMAGES, ANNOTATIONS, CATEGORIES, LICENSES = "images", "annotations", "categories", "licenses"
INFO: Final = "info"
"""The header of a document, which says nothing of its records."""
LISTS: Final = (IMAGES, ANNOTATIONS, CATEGORIES, LICENSES)
REPEATED: Final = ("supercategory", "isthing")
"""Keys of a category that stand in the metadata of its annotations."""
_CATEGORY_KEYS: Final = frozenset({"id", "name", "keypoints", "skeleton", GENERATED, *REPEATED})
_SHOWN_KEYS: Final = 8

Id = int | str


@dataclass(frozen=True, slots=True)
class Category:
    """A category of a document.

    Attributes:
        name: JSON text; None if it is no string.
        id: JSON text of the id, None if an export made it up.
        repeated: The texts of its REPEATED keys.
        skeleton: Its key points.
    """

    name: bytes | None
    id: bytes | None
    repeated: tuple[tuple[str, bytes], ...] = ()
    skeleton: Skeleton = NO_SKELETON

    @classmethod
    def of(cls, found: Members) -> "Category":
        """The category that an element of `categories` is."""
        name = found.get("name", b"")
        return cls(
            name=name if name.startswith(b'"') else None,
            id=None if "id" in generated(found) else found.get("id"),
            repeated=tuple((key, text) for key in REPEATED if (text := given(found, key)) is not None),
            skeleton=Skeleton.of(found),
        )


@dataclass(slots=True)
class Lookups:
    """What the records of a document refer to.

    Attributes:
        images: Id of each image to the JSON text of its reference id; None if it has none, or the id is that of
            several.
        categories: Id to category; None if the id is that of several.
        licenses: Id to the `name` and `url` of a licence.
        members: Key of each member of the document to the number of its elements.
        category_extras: Other keys of categories, and how many have them.
    """

    images: dict[Id, bytes | None] = field(default_factory=dict)
    categories: dict[Id, Category | None] = field(default_factory=dict)
    licenses: dict[Id, Members] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    category_extras: dict[str, int] = field(default_factory=dict)

    @property
    def shown_keys(self) -> str:
        """What the document is, for messages."""
        if WHOLE in self.members:
            return "a list"
        keys = ", ".join(list(self.members)[:_SHOWN_KEYS])
        return f"an object with {f'the keys {keys}' if keys else 'no keys'}"


def read_lookups(stream: BinaryIO, *, images: bool) -> tuple[Lookups, Unreadable | None]:
    """What a document has to look up, and what ended it early.

    Args:
        stream: The document.
        images: Whether images are looked up, which takes memory for each.
    """
    found = Lookups()
    wanted = (CATEGORIES, LICENSES, *((IMAGES,) if images else ()))
    try:
        for part in read_lists(stream, wanted):
            found.members[part.key] = found.members.get(part.key, 0) + part.count
            _add(found, part)
    except Unreadable as error:
        return found, error
    return found, None


def generated(found: Members) -> frozenset[str]:
    """The keys of an element that an export made up."""
    texts = elements(found[GENERATED]) if GENERATED in found else None
    names = frozenset(string(text) or "" for text in texts or ())
    return names if names <= GENERATED_KEYS else frozenset()


def reference_id(image: Members) -> bytes | None:
    """The JSON text of the reference id of an image: its `file_name`, or else its URL; our own key goes first."""
    if string(image.get("reference_id")) is not None:
        return image["reference_id"]
    for key in ("file_name", "coco_url"):
        if (text := given(image, key)) not in (None, b'""'):
            return text
    return None


def _add(found: Lookups, part: ListPart) -> None:
    for each in _objects(part):
        key = identity(each.get("id"))
        if key is None:
            continue
        match part.key:
            case "images":
                text = reference_id(each)
                name = text if string(text) is not None else None
                found.images[key] = name if found.images.get(key, name) == name else None
            case "categories":
                category = Category.of(each)
                found.categories[key] = category if found.categories.get(key, category) == category else None
                for extra in each.keys() - _CATEGORY_KEYS:
                    found.category_extras[extra] = found.category_extras.get(extra, 0) + 1
            case _:
                found.licenses[key] = each


def _objects(part: ListPart) -> Iterator[Members]:
    for element in () if part.chunk is None else part.chunk.records:
        if (each := members(element)) is not None:
            yield each


def license_of(text: bytes, licenses: Mapping[Id, Members]) -> list[tuple[str, bytes]]:
    """What the metadata of an image say of its licence: its name and URL; an id that is not listed stays one."""
    if string(text) is not None:
        return [("license", text)]
    found = licenses.get(key) if (key := identity(text)) is not None else None
    name = None if found is None else string(found.get("name"))
    if found is None or name is None:
        return [("license_id", text)]
    url = string(found.get("url"))
    return [("license", text_of(name)), *([] if url is None else [("license_url", text_of(url))])]
