"""Makes raw records (FORMATS) of the elements of a COCO document: images, annotations, panoptic segments, results."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

from transforms.mapping.coco.lookups import (
    Category,
    Id,
    Lookups,
    generated,
    license_of,
    reference_id,
)
from transforms.mapping.coco.shapes import NO_SKELETON, shape
from transforms.mapping.coco.tokens import NULL, Members, elements, given, identity, members, object_of, string, text_of
from transforms.rules.coco import (
    ANNOTATION_KEYS,
    ATTRIBUTES,
    CAPTION,
    CARRIER,
    CATEGORY_ID,
    GENERATED,
    IMAGE_ID,
    IMAGE_KEYS,
)
from transforms.rules.image_urls import InvalidUrl, canonical
from transforms.rules.rejections import Code, Fault

Pairs = list[tuple[str, bytes]]


class Made(NamedTuple):
    """What an element, or a segment of one, becomes.

    Attributes:
        record: JSON text of the raw record; or what is wrong with the element.
        source: Its bytes in the document.
        segment: The number of the segment in `segments_info`; None for the element itself.
    """

    record: bytes | Fault
    source: bytes
    segment: int | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """Where images and masks are.

    Attributes:
        images: URL of the folder of images, in front of `file_name`; "" if it is not known.
        masks: Likewise of the images of panoptic masks.
    """

    images: str = ""
    masks: str = ""


def image_record(element: bytes, lookups: Lookups, folders: Folders) -> Made:
    """The item of an element of `images`. Text that is no object is passed on, for the rules to reject."""
    found = members(element)
    if found is None:
        return Made(element, element)
    made_up = generated(found)
    own_name = string(found.get("reference_id"))
    name = string(found.get("file_name"))
    pairs: Pairs = []
    if (reference := reference_id(found)) is not None:
        pairs.append(("reference_id", reference))
    if (url := _image_url(found, name, folders.images)) is not None:
        pairs.append(("image_url", url))
    pairs += [(key, text) for key in ("width", "height") if (text := given(found, key)) is not None]
    derived: Pairs = []
    if "id" not in made_up and IMAGE_ID not in found and (text := given(found, "id")) is not None:
        derived.append((IMAGE_ID, text))
    if own_name is not None and name not in (None, own_name) and "file_name" not in made_up:
        derived.append(("file_name", found["file_name"]))
    if (licence := given(found, "license")) is not None:
        derived += license_of(licence, lookups.licenses)
    core = IMAGE_KEYS if own_name is not None else IMAGE_KEYS - {"reference_id"}
    return Made(object_of([*pairs, ("metadata", _metadata(found, core, made_up, derived))]), element)


@dataclass(slots=True)
class AnnotationMaker:
    """Makes the annotations or predictions of one document.

    Attributes:
        lookups: Of the document, or of the one that a results file belongs to.
        folders: Where masks are.
        prediction: Whether `score` is the confidence of a prediction.
        used: Ids of the categories that annotations had so far.
    """

    lookups: Lookups
    folders: Folders
    prediction: bool = False
    used: set[Id] = field(default_factory=set)
    _shapeless: Counter[tuple[bytes, str]] = field(default_factory=Counter)

    def made(self, element: bytes) -> Iterator[Made]:
        """The record of an element; of a panoptic one without the URL of its mask, one for each segment."""
        found = members(element)
        if found is None:
            yield Made(element, element)
            return
        reference = self._reference(found)
        if isinstance(reference, Fault):
            yield Made(reference, element)
        elif "segments_info" in found and (segments := elements(found["segments_info"])) is not None:
            yield from self._panoptic(element, found, reference, segments)
        else:
            yield Made(self._record(found, reference), element)

    def _record(self, found: Members, reference: bytes) -> bytes | Fault:
        category = self._category(found)
        if isinstance(category, Fault):
            return category
        made_up = generated(found)
        seen = {key: text for key, text in found.items() if key != "bbox"} if "bbox" in made_up else found
        form = shape(seen, NO_SKELETON if category is None else category.skeleton)
        if isinstance(form, Fault):
            return form
        label = text_of(CAPTION) if category is None or category.name is None else category.name
        pairs: Pairs = [("reference_id", reference), ("label", label), *_annotation_id(found, made_up)]
        core = ANNOTATION_KEYS
        if form is None:
            pairs += [("type", b'"category"'), *self._taxonomy(found, reference, is_caption=category is None)]
            if string(found.get("taxonomy_name")) is not None:
                core |= {"taxonomy_name"}
        else:
            pairs += [("type", b'"%b"' % form.type.encode()), ("geometry", form.geometry)]
        if self.prediction and (score := given(found, "score")) is not None:
            pairs.append(("confidence", score))
            core |= {"score"}
        return object_of([*pairs, ("metadata", self._metadata(found, core, made_up, category))])

    def _taxonomy(self, found: Members, reference: bytes, *, is_caption: bool) -> Pairs:
        """The taxonomy of an annotation of the whole image, of which there is one in each taxonomy (I2).

        Captions of one image are numbered, `caption`, `caption_2`; so are its categories from the second on.
        """
        if string(found.get("taxonomy_name")) is not None:
            return [("taxonomy_name", found["taxonomy_name"])]
        name = CAPTION if is_caption else "category"
        self._shapeless[reference, name] += 1
        number = self._shapeless[reference, name]
        if number > 1:
            return [("taxonomy_name", text_of(f"{name}_{number}"))]
        return [("taxonomy_name", text_of(name))] if is_caption else []

    def _panoptic(self, element: bytes, found: Members, reference: bytes, segments: list[bytes]) -> Iterator[Made]:
        name = string(found.get("file_name"))
        url = None if name is None else _located(name, self.folders.masks)
        of_image = {key: text for key, text in found.items() if key not in ANNOTATION_KEYS | {"file_name"}}
        if url is not None:
            pairs = [
                *(("reference_id", reference), ("type", b'"mask"'), ("mask_url", text_of(url))),
                *_annotation_id(found, generated(found)),
                ("annotations", b"[%s]" % b",".join([self._segment(each, of_image) for each in segments])),
            ]
            yield Made(object_of(pairs), element)
            return
        mask = [] if name is None else [("mask", text_of(name))]
        for number, segment in enumerate(segments):
            each = members(segment)
            if each is None:
                fault = Fault(
                    Code.INVALID_FIELD, f"expected an object, got {_shown(segment)} at segments_info[{number}]"
                )
                yield Made(fault, segment, number)
                continue
            kept = {**of_image, **dict(mask), **each}
            yield Made(self._record(kept, reference), segment, number)

    def _segment(self, segment: bytes, of_image: Members) -> bytes:
        """A segment of a mask, with what is said of all of them; its rows are rejected alone, as the rules say (G3)."""
        own = members(segment)
        if own is None:
            return segment
        found = {**of_image, **own}
        category = self._category(found)
        known = None if isinstance(category, Fault) or category is None else category
        label = found.get("category_id", NULL) if known is None else known.name or NULL
        core = ANNOTATION_KEYS - {"bbox", "segmentation"}
        metadata = self._metadata(found, core, frozenset(), known)
        index = [("index", found["id"])] if given(found, "id") is not None else []
        return object_of([("label", label), *index, ("metadata", metadata)])

    def _metadata(
        self, found: Members, core: Collection[str], made_up: Collection[str], category: Category | None
    ) -> bytes:
        derived: Pairs = []
        if CATEGORY_ID in found:
            derived.append((CATEGORY_ID, found[CATEGORY_ID]))
        elif category is not None and category.id is not None and "category_id" not in made_up:
            derived.append((CATEGORY_ID, found["category_id"]))
        if category is not None:
            derived += [(key, text) for key, text in category.repeated if key not in found]
        return _metadata(found, core, made_up, derived)

    def _reference(self, found: Members) -> bytes | Fault:
        """The JSON text of the reference id of the image of an annotation."""
        text = found.get("image_id")
        key = identity(text)
        if key is None:
            return _fault(Code.UNKNOWN_REFERENCE, "the id of an image", text, "image_id")
        if key not in self.lookups.images:
            return _fault(Code.UNKNOWN_REFERENCE, "the id of an image of the document", text, "image_id")
        name = self.lookups.images[key]
        if name is None:
            return _fault(Code.UNKNOWN_REFERENCE, "the id of one image that has a file_name", text, "image_id")
        return name

    def _category(self, found: Members) -> Category | Fault | None:
        """The category of an annotation; None for a caption without one."""
        text = given(found, "category_id")
        if text is None:
            is_caption = string(found.get(CAPTION)) is not None
            return None if is_caption else _fault(Code.INVALID_FIELD, "the id of a category", text, "category_id")
        key = identity(text)
        category = None if key is None else self.lookups.categories.get(key)
        if key is not None and category is not None and category.name is not None:
            self.used.add(key)
            return category
        what = "the id of a category of the document" if category is None else "the id of a category with a name"
        return _fault(Code.INVALID_FIELD, what, text, "category_id")


def _annotation_id(found: Members, made_up: Collection[str]) -> Pairs:
    """The id of an annotation as text; our own key goes first."""
    if string(found.get("annotation_id")) is not None:
        return [("annotation_id", found["annotation_id"])]
    text = given(found, "id")
    if text is None or "id" in made_up:
        return []
    key = identity(text)
    return [("annotation_id", b'"%d"' % key if isinstance(key, int) else text)]


def _metadata(found: Members, core: Collection[str], made_up: Collection[str], derived: Pairs) -> bytes:
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
    is_taken = carrier is None or not kept.keys().isdisjoint(carrier)
    if is_taken and given(found, CARRIER) is not None:
        kept[CARRIER] = found[CARRIER]
    kept = {**(carrier or {}), **kept}
    if ATTRIBUTES in found:
        kept[ATTRIBUTES] = found[ATTRIBUTES]
        kept = {**(members(found[ATTRIBUTES]) or {}), **kept}
    return object_of(kept.items())


def _image_url(found: Members, name: str | None, folder: str) -> bytes | None:
    """The URL of an image: `coco_url`, else its name in the folder, a name that is a URL, `flickr_url`, or the name."""
    if given(found, "coco_url") not in (None, b'""'):
        return found["coco_url"]
    if name is not None and (url := _located(name, folder)) is not None:
        return text_of(url)
    if string(found.get("flickr_url")) is not None:
        return found["flickr_url"]
    return given(found, "file_name")


def relative_name(element: bytes) -> str | None:
    """The file name of an image of which nothing says where it is; None of any other."""
    found = members(element)
    if found is None or string(found.get("coco_url")) or string(found.get("flickr_url")):
        return None
    name = string(found.get("file_name"))
    return name if name is not None and _located(name, "") is None else None


def _located(name: str, folder: str) -> str | None:
    """The URL of a file: its name if that is one, else the name in the folder; None if there is no folder."""
    try:
        canonical(name)
    except InvalidUrl:
        if not folder:
            return None
        written = quote(name, safe="/!$&'()*+,;=:@~-._") if folder.lower().startswith(("http:", "https:")) else name
        return f"{folder.removesuffix('/')}/{written}"
    return name


def _fault(code: Code, what: str, text: bytes | None, at: str) -> Fault:
    return Fault(code, f"expected {what}, got {_shown(text)} at {at}", at)


def _shown(text: bytes | None) -> str:
    return "nothing" if text is None else text[:80].decode("utf-8", "replace")
