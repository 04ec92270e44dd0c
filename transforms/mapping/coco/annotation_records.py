"""Makes the record of one annotation or prediction of a COCO document, and what a segment shares with these."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from transforms.mapping.coco.lookups import Category, Lookups, generated
from transforms.mapping.coco.records import Pairs, beside, metadata_of
from transforms.mapping.coco.shapes import NO_SKELETON, shape
from transforms.mapping.coco.tokens import Members, given, identity, object_of, string, text_of
from transforms.rules.coco import ANNOTATION_KEYS, CAPTION, CATEGORY_ID
from transforms.rules.rejections import Code, Fault


@dataclass(slots=True)
class RecordMaker:
    """Makes the records of annotations or predictions.

    Attributes:
        lookups: Of the document, or of the one that a results file belongs to.
        prediction: Whether `score` is the confidence of a prediction.
    """

    lookups: Lookups
    prediction: bool = False
    _shapeless: Counter[tuple[bytes, str]] = field(default_factory=Counter)

    def record(
        self, found: Members, reference: bytes, *, core: frozenset[str] = ANNOTATION_KEYS, more: Pairs | None = None
    ) -> tuple[bytes | Fault, Pairs]:
        """The record of an annotation, or of a segment, and what it has no place for.

        Args:
            found: Its keys.
            reference: Of its image.
            core: Those of them that are no metadata under their own name.
            more: Metadata beside its own.
        """
        category = self.category(found)
        if isinstance(category, Fault):
            return category, []
        made_up = generated(found)
        seen = {key: text for key, text in found.items() if key != "bbox"} if "bbox" in made_up else found
        form = shape(seen, NO_SKELETON if category is None else category.skeleton)
        if isinstance(form, Fault):
            return form, []
        label = text_of(CAPTION) if category is None or category.name is None else category.name
        pairs: Pairs = [("reference_id", reference), ("label", label), *annotation_id(found, made_up)]
        has_own_id = string(found.get("annotation_id")) is not None
        if not has_own_id and given(found, "annotation_id") is not None:
            core -= {"annotation_id"}
        if form is None:
            pairs += [("type", b'"category"'), *self._taxonomy(found, reference, is_caption=category is None)]
            if string(found.get("taxonomy_name")) is not None:
                core |= {"taxonomy_name"}
        else:
            pairs += [("type", b'"%b"' % form.type.encode()), ("geometry", form.geometry)]
            if form.type == "keypoints" and category is not None:
                category.taken.update(category.skeleton.keys)
        if self.prediction and (score := given(found, "score")) is not None:
            pairs.append(("confidence", score))
            core |= {"score"}
        metadata = annotation_metadata(found, core, made_up, category, more)
        left = beside(found, "id", "annotation_id", made_up) if has_own_id else []
        return object_of([*pairs, ("metadata", metadata)]), left + other_category(found, made_up, category)

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

    def reference(self, found: Members) -> bytes | Fault:
        """The JSON text of the reference id of the image of an annotation."""
        text = found.get("image_id")
        key = identity(text)
        if key is None:
            return fault_of(Code.UNKNOWN_REFERENCE, "the id of an image", text, "image_id")
        if key not in self.lookups.images:
            return fault_of(Code.UNKNOWN_REFERENCE, "the id of an image of the document", text, "image_id")
        name = self.lookups.images[key]
        if name is None:
            return fault_of(Code.UNKNOWN_REFERENCE, "the id of one image that has a file_name", text, "image_id")
        return name

    def category(self, found: Members) -> Category | Fault | None:
        """The category of an annotation; None for a caption without one."""
        text = given(found, "category_id")
        if text is None:
            is_caption = string(found.get(CAPTION)) is not None
            return None if is_caption else fault_of(Code.INVALID_FIELD, "the id of a category", text, "category_id")
        key = identity(text)
        category = None if key is None else self.lookups.categories.get(key)
        if key is not None and category is not None and category.name is not None:
            return category
        what = "the id of a category of the document"
        if key is not None and key in self.lookups.categories:
            what = "the id of one category" if category is None else "the id of a category with a name"
        return fault_of(Code.INVALID_FIELD, what, text, "category_id")


def annotation_metadata(
    found: Members,
    core: Collection[str],
    made_up: Collection[str],
    category: Category | None,
    more: Pairs | None = None,
) -> bytes:
    """The metadata of an annotation, with what its category says of it."""
    derived: Pairs = []
    if CATEGORY_ID in found:
        derived.append((CATEGORY_ID, found[CATEGORY_ID]))
    elif category is not None and category.id is not None and "category_id" not in made_up:
        derived.append((CATEGORY_ID, found["category_id"]))
    if category is not None:
        category.taken.add("id")
        for key, text in category.repeated:
            if key not in found:
                derived.append((key, text))
                category.taken.add(key)
            elif found[key] == text:
                category.taken.add(key)
    return metadata_of(found, core, made_up, derived + more if more else derived)


def annotation_id(found: Members, made_up: Collection[str]) -> Pairs:
    """The id of an annotation as text; our own key goes first."""
    if string(found.get("annotation_id")) is not None:
        return [("annotation_id", found["annotation_id"])]
    text = given(found, "id")
    if text is None or "id" in made_up:
        return []
    key = identity(text)
    return [("annotation_id", b'"%d"' % key if isinstance(key, int) else text)]


def other_category(found: Members, made_up: Collection[str], category: Category | None) -> Pairs:
    """The id of the category of an annotation, if it has another one under our own key, and an export gave neither."""
    if CATEGORY_ID not in found or category is None or category.id is None:
        return []
    return beside(found, "category_id", CATEGORY_ID, made_up)


def fault_of(code: Code, what: str, text: bytes | None, at: str) -> Fault:
    """What is wrong with the value under a key of an annotation."""
    return Fault(code, f"expected {what}, got {shown_text(text)} at {at}", at)


def shown_text(text: bytes | None) -> str:
    """The beginning of the text of a value, for messages."""
    return "nothing" if text is None else text[:80].decode("utf-8", "replace")
