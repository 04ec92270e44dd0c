"""Counts what no record gets of a COCO document: members that nothing takes, categories, licences, and keys of them."""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from transforms.formats.chunks import OF_ALL, Chunk
from transforms.formats.document_lists import WHOLE
from transforms.mapping.chunk_builder import ChunkBuilder
from transforms.mapping.coco.lookups import CATEGORIES, INFO, LICENSES, Lookups
from transforms.mapping.coco.tokens import value_of
from transforms.rules.export_rows import Group


class LeftOver(NamedTuple):
    """What no record gets, how many there are, and the JSON text of the first one, if it is shown."""

    name: str
    elements: int
    text: bytes | None = None


def chunk_of(left: Iterable[LeftOver]) -> Chunk:
    """An empty chunk that counts."""
    builder = ChunkBuilder()
    for name, count, text in left:
        value = None if text is None else value_of(text)
        builder.set_aside(name, value, line=OF_ALL, offset=0, count=count)
    return builder.made(0)


def members_left(lookups: Lookups, taken: Collection[str]) -> list[LeftOver]:
    """The members of a document but for those that are taken."""
    return [LeftOver(key, n) for key, n in lookups.members.items() if n and key not in (*taken, WHOLE, INFO)]


def categories_left(lookups: Lookups) -> list[LeftOver]:
    """The categories of a document whose annotations have those of another one."""
    return [LeftOver(CATEGORIES, count)] if (count := lookups.members.get(CATEGORIES)) else []


def never_taken(lookups: Lookups, group: Group) -> Iterator[LeftOver]:
    """What no record can get of the licences of images, or of the categories of annotations."""
    name = LICENSES if group == "items" else CATEGORIES
    if name in lookups.values:
        yield LeftOver(name, 1)
    for what, (count, text) in sorted(lookups.left.items()):
        if what.startswith(name):
            yield LeftOver(what, count, text)


def unused(lookups: Lookups, group: Group) -> Iterator[LeftOver]:
    """What no record has got of these, once all were made."""
    if group == "items":
        for key, each in lookups.licenses.items():
            if each is not None and key not in lookups.used_licenses:
                yield LeftOver("licenses without images", 1, each["name"])
        return
    for category in lookups.categories.values():
        if category is None or category.name is None:
            continue
        if not category.taken:
            yield LeftOver("categories without annotations", 1, category.name)
            continue
        for key, text in category.given:
            if key not in category.taken:
                yield LeftOver(f"categories.{key}", 1, text)
