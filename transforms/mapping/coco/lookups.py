"""Reads what the records of a COCO document refer to by id: file names of images, categories, licences."""

from dataclasses import dataclass, field
from typing import BinaryIO, Final, TypeVar

from transforms.formats.chunks import Unreadable
from transforms.formats.document_lists import WHOLE, ListPart, read_lists
from transforms.mapping.coco.shapes import NO_SKELETON, Skeleton
from transforms.mapping.coco.tokens import NULL, Members, elements, given, identity, members, string, text_of
from transforms.rules.coco import GENERATED, GENERATED_KEYS

IMAGES, ANNOTATIONS, CATEGORIES, LICENSES = "images", "annotations", "categories", "licenses"
INFO: Final = "info"
"""The header of a document, which says nothing of its records."""
LISTS: Final = (IMAGES, ANNOTATIONS, CATEGORIES, LICENSES)
REPEATED: Final = ("supercategory", "isthing")
"""Keys of a category that stand in the metadata of its annotations."""
_OF_ANNOTATIONS: Final = (*REPEATED, "keypoints", "skeleton")
"""Keys of a category that its annotations get."""
_CATEGORY_KEYS: Final = frozenset({"id", "name", GENERATED, *_OF_ANNOTATIONS})
_LICENSE_KEYS: Final = frozenset({"id", "name", "url"})
_SHOWN_KEYS: Final = 8

Id = int | str
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Category:
    """A category of a document.

    Attributes:
        name: JSON text; None if it is no string.
        id: JSON text of the id, None if an export made it up.
        repeated: The texts of its REPEATED keys.
        skeleton: Its key points.
        given: The texts of those of its keys that annotations get.
        taken: Its keys that an annotation has got so far.
    """

    name: bytes | None
    id: bytes | None
    repeated: tuple[tuple[str, bytes], ...] = ()
    skeleton: Skeleton = NO_SKELETON
    given: tuple[tuple[str, bytes], ...] = ()
    taken: set[str] = field(default_factory=set, compare=False)

    @classmethod
    def of(cls, found: Members) -> "Category":
        """The category that an element of `categories` is."""
        name = found.get("name", b"")
        return cls(
            name=name if name.startswith(b'"') else None,
            id=None if "id" in generated(found) else found.get("id"),
            repeated=tuple((key, text) for key in REPEATED if (text := given(found, key)) is not None),
            skeleton=Skeleton.of(found),
            given=tuple((key, text) for key in _OF_ANNOTATIONS if (text := given(found, key)) is not None),
        )


@dataclass(slots=True)
class Lookups:
    """What the records of a document refer to.

    Attributes:
        images: Id of each image to the JSON text of its reference id; None if it has none, or the id is that of
            several.
        categories: Id to category; None if the id is that of several.
        licenses: Id to the `name` and `url` of a licence; None if the id is that of several.
        members: Key of each member of the document to the number of its elements.
        values: Keys of members that should be lists and are not.
        used_licenses: Ids of the licences that images had so far.
        left: What no record can get of categories and licences, by name, to how many there are and the first one.
    """

    images: dict[Id, bytes | None] = field(default_factory=dict)
    categories: dict[Id, Category | None] = field(default_factory=dict)
    licenses: dict[Id, Members | None] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)
    used_licenses: set[Id] = field(default_factory=set)
    left: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def set_aside(self, name: str, text: bytes, count: int = 1) -> None:
        """Counts what no record can get."""
        before, first = self.left.get(name, (0, text))
        self.left[name] = before + count, first

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
            if part.chunk is None and part.key in wanted and part.count:
                found.values.add(part.key)
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
    if part.chunk is None:
        return
    for element in part.chunk.records:
        each = members(element) or {}
        key = identity(each.get("id"))
        if part.key == IMAGES:
            if key is not None:
                text = reference_id(each)
                name = text if string(text) is not None else None
                found.images[key] = name if found.images.get(key, name) == name else None
        elif key is None:
            found.set_aside(f"{part.key} without an id", element)
        elif part.key == CATEGORIES:
            _add_category(found, key, each, element)
        else:
            _add_license(found, key, each, element)
    if part.key != IMAGES:  # those are refused where they are read
        for large in part.chunk.refused:
            found.set_aside(f"{part.key} that are too large", large.head)


def _add_category(found: Lookups, key: Id, each: Members, element: bytes) -> None:
    category = Category.of(each)
    if category.name is None:
        found.set_aside("categories without a name", element)
    _add_once(found, found.categories, (CATEGORIES, key), category, element)
    known = _CATEGORY_KEYS if GENERATED not in each or generated(each) else _CATEGORY_KEYS - {GENERATED}
    _set_others_aside(found, CATEGORIES, each, known)


def _add_license(found: Lookups, key: Id, each: Members, element: bytes) -> None:
    if string(each.get("name")) is None:
        if any(text not in (NULL, b'""') for extra, text in each.items() if extra != "id"):
            found.set_aside("licenses without a name", element)
        return
    _add_once(found, found.licenses, (LICENSES, key), each, element)
    is_url = "url" not in each or each["url"].startswith(b'"')
    _set_others_aside(found, LICENSES, each, _LICENSE_KEYS if is_url else _LICENSE_KEYS - {"url"})


def _set_others_aside(found: Lookups, name: str, each: Members, known: frozenset[str]) -> None:
    for extra in each.keys() - known:
        if given(each, extra) is not None:
            found.set_aside(f"{name}.{extra}", each[extra])


def _add_once(
    found: Lookups, known: dict[Id, _Found | None], place: tuple[str, Id], value: _Found, element: bytes
) -> None:
    """Adds an element by its id; of two different ones with one id neither is what the id says."""
    name, key = place
    if key not in known:
        known[key] = value
    elif known[key] != value:
        found.set_aside(f"{name} with the id of others", element, 1 if known[key] is None else 2)
        known[key] = None


def license_of(text: bytes, lookups: Lookups) -> list[tuple[str, bytes]]:
    """What the metadata of an image say of its licence: its name and URL; an id that is not listed stays one."""
    if string(text) is not None:
        return [("license", text)]
    key = identity(text)
    found = None if key is None else lookups.licenses.get(key)
    name = None if found is None else string(found.get("name"))
    if key is None or found is None or name is None:
        return [("license_id", text)]
    lookups.used_licenses.add(key)
    url = string(found.get("url"))
    return [("license", text_of(name)), *([] if url is None else [("license_url", text_of(url))])]
