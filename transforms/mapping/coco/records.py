"""What elements of a COCO document become, and what records of images and annotations share."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

from transforms.mapping.coco.tokens import Members, differs, given, members, object_of
from transforms.rules.coco import ATTRIBUTES, CARRIER, GENERATED
from transforms.rules.image_urls import InvalidUrl, canonical
from transforms.rules.rejections import Fault

Pairs = list[tuple[str, bytes]]


class Made(NamedTuple):
    """What an element, or a segment of one, becomes.

    Attributes:
        record: JSON text of the raw record; or what is wrong with the element.
        source: Its bytes in the document.
        segment: The number of the segment in `segments_info`; None for the element itself.
        left: Keys of the element that have no place in the record, and their texts: they are counted.
    """

    record: bytes | Fault
    source: bytes
    segment: int | None = None
    left: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Folders:
    """Where images and masks are.

    Attributes:
        images: URL of the folder of images, in front of `file_name`; "" if it is not known.
        masks: Likewise of the images of panoptic masks.
    """

    images: str = ""
    masks: str = ""


def metadata_of(found: Members, core: Collection[str], made_up: Collection[str], derived: Pairs) -> bytes:
    """The metadata of an element: all keys that are not core, what is derived, members of `attributes`.

    What an export made up is left out; members of an object `metadata` stand for themselves. A key that is taken is
    lengthened, so that nothing is lost.
    """
    kept = {key: text for key, text in found.items() if key not in core and key not in made_up}
    if made_up:
        kept.pop(GENERATED, None)
    for name, text in derived:
        key = name
        while key in kept:
            key = f"{key}_"
        kept[key] = text
    if CARRIER not in found and ATTRIBUTES not in found:  # the usual case
        return object_of(kept.items())
    carrier = members(found[CARRIER]) if CARRIER in found else {}
    taken = {*kept, ATTRIBUTES} if ATTRIBUTES in found else kept.keys()
    is_taken = carrier is None or not taken.isdisjoint(carrier)
    if is_taken and given(found, CARRIER) is not None:
        kept[CARRIER] = found[CARRIER]
    kept = {**(carrier or {}), **kept}
    if ATTRIBUTES in found:
        kept[ATTRIBUTES] = found[ATTRIBUTES]
        kept = {**(members(found[ATTRIBUTES]) or {}), **kept}
    return object_of(kept.items())


def beside(found: Members, key: str, own: str, made_up: Collection[str]) -> Pairs:
    """The id under a key that another one, under a key of our own, takes the place of; none if they are the same."""
    text, instead = given(found, key), given(found, own)
    if text is None or instead is None or key in made_up or not differs(text, instead):
        return []
    return [(key, text)]


def located(name: str, folder: str) -> str | None:
    """The URL of a file: its name if that is one, else the name in the folder; None if there is no folder."""
    try:
        canonical(name)
    except InvalidUrl:
        if not folder:
            return None
        written = quote(name, safe="/!$&'()*+,;=:@~-._") if folder.lower().startswith(("http:", "https:")) else name
        return f"{folder.removesuffix('/')}/{written}"
    return name
