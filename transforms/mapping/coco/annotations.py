"""Makes the annotations, predictions and panoptic segments of a COCO document, and of results files."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from transforms.mapping.coco.lookups import Category, Id, Lookups, generated
from transforms.mapping.coco.records import Folders, Made, Pairs, located, metadata_of
from transforms.mapping.coco.shapes import NO_SKELETON, shape
from transforms.mapping.coco.tokens import NULL, Members, elements, given, identity, members, object_of, string, text_of
from transforms.rules.coco import ANNOTATION_KEYS, CAPTION, CATEGORY_ID
from transforms.rules.rejections import Code, Fault


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
        elif (listed := given(found, "segments_info")) is not None:
            segments = elements(listed)
            if segments is None:
                yield Made(_fault(Code.INVALID_FIELD, "a list of segments", listed, "segments_info"), element)
            else:
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
        url = None if name is None else located(name, self.folders.masks)
        of_image = {key: text for key, text in found.items() if key not in ANNOTATION_KEYS | {"file_name"}}
        if url is not None:
            pairs = [
                *(("reference_id", reference), ("type", b'"mask"'), ("mask_url", text_of(url))),
                *_annotation_id(found, generated(found)),
                ("annotations", b"[%s]" % b",".join([self._segment(each, of_image) for each in segments])),
            ]
            yield Made(object_of(pairs), element)
            return
        if not segments:
            what = "segments, or the URL of their mask (the option masks=FOLDER)"
            yield Made(_fault(Code.INVALID_FIELD, what, found["segments_info"], "segments_info"), element)
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
        return metadata_of(found, core, made_up, derived)

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
        what = "the id of a category of the document"
        if key is not None and key in self.lookups.categories:
            what = "the id of one category" if category is None else "the id of a category with a name"
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


def _fault(code: Code, what: str, text: bytes | None, at: str) -> Fault:
    return Fault(code, f"expected {what}, got {_shown(text)} at {at}", at)


def _shown(text: bytes | None) -> str:
    return "nothing" if text is None else text[:80].decode("utf-8", "replace")
