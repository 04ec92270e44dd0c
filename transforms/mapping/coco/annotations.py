"""Makes the annotations, predictions and panoptic segments of a COCO document, and of results files."""

from collections.abc import Iterator, Sequence
from typing import Final

from transforms.mapping.coco.annotation_records import (
    RecordMaker,
    annotation_id,
    annotation_metadata,
    fault_of,
    other_category,
    shown_text,
)
from transforms.mapping.coco.lookups import Lookups, generated
from transforms.mapping.coco.records import Folders, Made, Pairs, beside, located
from transforms.mapping.coco.tokens import NULL, Members, elements, given, members, object_of, string, text_of
from transforms.rules.coco import ANNOTATION_KEYS, ATTRIBUTES, CARRIER, CATEGORY_ID, GENERATED
from transforms.rules.rejections import Code, Fault

_HANDED_ON: Final = frozenset({ATTRIBUTES, CARRIER})
_NOT_OF_SEGMENTS: Final = ("category_id", CATEGORY_ID, "bbox", "segmentation", "keypoints")
"""Keys of a panoptic annotation that say nothing of its segments, which have their own."""
_OF_BOX: Final = ANNOTATION_KEYS - {"image_id", "segments_info"}
_OF_SEGMENT: Final = frozenset({"id", "category_id", CATEGORY_ID, CARRIER, ATTRIBUTES})
"""Keys of a segment that are no metadata under their own name, of a box and of a part of a mask."""


class AnnotationMaker:
    """Makes the annotations or predictions of one document."""

    def __init__(self, lookups: Lookups, folders: Folders, *, prediction: bool = False) -> None:
        """Takes what they refer to.

        Args:
            lookups: Of the document, or of the one that a results file belongs to.
            folders: Where masks are.
            prediction: Whether `score` is the confidence of a prediction.
        """
        self._folders = folders
        self._records = RecordMaker(lookups, prediction)

    def made(self, element: bytes) -> Iterator[Made]:
        """The record of an element; of a panoptic one without the URL of its mask, one for each segment."""
        found = members(element)
        if found is None:
            yield Made(element, element)
            return
        reference = self._records.reference(found)
        if isinstance(reference, Fault):
            yield Made(reference, element)
        elif (listed := given(found, "segments_info")) is None:
            record, left = self._records.record(found, reference)
            yield Made(record, element, left=left)
        elif (segments := elements(listed)) is None:
            yield Made(fault_of(Code.INVALID_FIELD, "a list of segments", listed, "segments_info"), element)
        else:
            yield from self._panoptic(element, found, reference, segments)

    def _panoptic(self, element: bytes, found: Members, reference: bytes, segments: Sequence[bytes]) -> Sequence[Made]:
        name = string(found.get("file_name"))
        url = None if name is None else located(name, self._folders.masks)
        if url is None and not segments:
            what = "segments, or the URL of their mask (the option masks=FOLDER)"
            return [Made(fault_of(Code.INVALID_FIELD, what, found["segments_info"], "segments_info"), element)]
        of_all = {key: text for key, text in found.items() if key in _HANDED_ON or key not in ANNOTATION_KEYS}
        if name is not None:
            del of_all["file_name"]
        if (own_id := given(found, "annotation_id")) is not None and string(own_id) is None:
            of_all["annotation_id"] = own_id
        if generated(found):
            del of_all[GENERATED]
        left = [(key, text) for key in _NOT_OF_SEGMENTS if (text := given(found, key)) is not None]
        if url is None:
            ids = [key for key in ("id", "annotation_id") if key not in of_all]
            left += [(key, text) for key in ids if (text := given(found, key)) is not None]
            mask: Members = {} if name is None else {"mask": text_of(name)}
            boxes = self._boxes(segments, *_joined(of_all, mask), reference)
            if all(isinstance(each.record, Fault) for each in boxes):
                left += _values({**of_all, **({} if name is None else {"file_name": found["file_name"]})})
            return [boxes[0]._replace(left=[*left, *boxes[0].left]), *boxes[1:]]
        pairs: Pairs = [("reference_id", reference), ("type", b'"mask"'), ("mask_url", text_of(url))]
        pairs += annotation_id(found, generated(found))
        left += beside(found, "id", "annotation_id", generated(found))
        texts = []
        for segment in segments:
            text, of_segment = self._segment(segment, of_all)
            texts.append(text)
            left += of_segment
        if all(members(segment) is None for segment in segments):
            left += _values(of_all)
        return [Made(object_of([*pairs, ("annotations", b"[%s]" % b",".join(texts))]), element, left=left)]

    def _boxes(self, segments: Sequence[bytes], of_all: Members, beside_all: Pairs, reference: bytes) -> Sequence[Made]:
        """A record of each segment, with what is said of all of them: keys, and metadata beside these."""
        made = []
        for number, segment in enumerate(segments):
            own = members(segment)
            if own is None:
                at = f"segments_info[{number}]"
                fault = Fault(Code.INVALID_FIELD, f"expected an object, got {shown_text(segment)} at {at}")
                made.append(Made(fault, segment, number))
                continue
            kept, beside_own = _joined(of_all, own)
            record, of_segment = self._records.record(kept, reference, core=_OF_BOX, more=[*beside_all, *beside_own])
            made.append(Made(record, segment, number, _named(of_segment)))
        return made

    def _segment(self, segment: bytes, of_all: Members) -> tuple[bytes, Pairs]:
        """A segment of a mask, with what is said of all of them, and what it has no place for.

        Its rows are rejected alone, as the rules say (G3).
        """
        own = members(segment)
        if own is None:
            return segment, []
        found, beside_own = _joined(of_all, own)
        category = self._records.category(found)
        known = None if isinstance(category, Fault) or category is None else category
        label = found.get("category_id", NULL) if known is None else known.name or NULL
        metadata = annotation_metadata(found, _OF_SEGMENT, frozenset(), known, beside_own)
        index = [("index", found["id"])] if given(found, "id") is not None else []
        left = _named(other_category(found, (), known))
        return object_of([("label", label), *index, ("metadata", metadata)]), left


def _joined(of_all: Members, own: Members) -> tuple[Members, Pairs]:
    """The keys of a segment over those of all, and what it has another value of, under names that are lengthened."""
    others = [(f"{key}_", text) for key, text in _values(of_all) if own.get(key, text) != text]
    return {**of_all, **own}, others


def _values(found: Members) -> Pairs:
    return [(key, text) for key in found if (text := given(found, key)) is not None]


def _named(of_segment: Pairs) -> Pairs:
    return [(f"segments_info.{key}", text) for key, text in of_segment]
