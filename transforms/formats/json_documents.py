"""Finds the extents of JSON values by brackets, commas and strings, for `document_reader` (RULES F2, F3, R2, R8).

The content of a value is not validated here, so a value that is not JSON, not UTF-8 or deeply nested does not affect
its neighbours (R2).
"""

import json
import re
import sys
from dataclasses import dataclass, field
from typing import Final

from transforms.rules.limits import MAX_DOCUMENT_BRACKETS, MAX_DOCUMENT_DEPTH

TYPE_NAMES = frozenset(
    {"box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "segmentation"},
)
LIST_KEYS = TYPE_NAMES | {
    *("items", "scenes", "annotations", "segmentations", "predictions"),
    *("exportedRows", "data", "dataset_items", "metadata"),
}
"""Keys of the lists of records in an envelope."""

RECORD_KEYS = frozenset(
    {
        *("reference_id", "ref_id", "item_id", "dataset_item_id", "annotation_id"),
        *("item", "scene", "frames", "type", "geometry"),
        *("image_url", "video_url", "mask_url", "pointcloud_url", "url"),
    },
)
"""Keys that make an object a record (or a row of an export), whatever lists it has."""

MOST_ELEMENTS: Final = 100_000
"""Elements of an envelope whose offsets are kept while its keys are read; if there are more, they are read again."""
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_OTHER_FORMATS: Final = (
    (frozenset({"images", "annotations"}), "a COCO file"),
    (frozenset({"images", "categories"}), "a COCO file"),
    (frozenset({"type", "features"}), "a GeoJSON file"),
)
"""Keys of documents of other formats, which are not supported."""
_IDENTITIES: Final = frozenset({"reference_id", "item", "scene", "annotation_id", "frames", "geometry"})
_BEFORE_FIRST: Final = re.compile(rb"[ \t\r\n,]*+")
_KEY_OF_LIST: Final = re.compile(rb'"(?:%s)"[ \t\r\n]*+:[ \t\r\n]*+\[' % "|".join(sorted(LIST_KEYS)).encode())
"""Matches text that may be an envelope; most lines are excluded by this search alone."""
_ESCAPE: Final = b"\\u"
"""By which a key may be written in another way."""
_KEY: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
# Up to the next bracket (or, between elements, comma), past whole strings. Possessive: nothing is tried twice.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT: Final = rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+'
# A list or object without another one in it is matched as a whole: most brackets belong to these.
_PAIR: Final = rb"\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\]"
_INSIDE: Final = re.compile(rb'[^"\[\]{}]*+(?:(?:' + _STRING + rb"|" + _PAIR + rb')[^"\[\]{}]*+)*+', re.DOTALL)
_BETWEEN: Final = re.compile(rb'[^",\[\]{}]*+(?:' + _STRING + rb'[^",\[\]{}]*+)*+', re.DOTALL)
_COMMA, _QUOTE, _LIST, _LIST_END, _OBJECT, _OBJECT_END = b',"[]{}'
_CLOSERS: Final = {_LIST: _LIST_END, _OBJECT: _OBJECT_END}


class TooMuch(ValueError):  # noqa: N818 - named after its message
    """A value with too deep nesting or too many brackets to search for its end (R8)."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of a value.

    Attributes:
        end: offset of the byte after it; the end of the text if the text ends inside the value.
        closed: whether the value is complete.
        missing: the closing brackets of an incomplete value, outermost first.
        in_string: whether the text ends inside a string.
        resume: offset to continue at if there is more text: `end`, or the start of that string.
        brackets: number of brackets that were read.
    """

    end: int
    closed: bool = True
    missing: bytes = b""
    in_string: bool = False
    resume: int = 0
    brackets: int = 0


def extent(  # noqa: C901 - one walk, each bracket in its place
    data: bytes, at: int, closer: int | None = None, known: Extent | None = None
) -> Extent:
    """The extent of the value at `at`.

    Brackets need not match: a closing bracket closes everything opened since its counterpart, and `closer`, the bracket
    that ends the list or object around the value, ends the value too if it has no counterpart in it. So a fault stays
    within its element. Without `closer` the value is a list or object and ends with its own bracket.

    `known` is the extent in a shorter text, for a value that was incomplete there; `at` is its `resume` then.

    Raises:
        TooMuch: beyond MAX_DOCUMENT_DEPTH or MAX_DOCUMENT_BRACKETS.
    """
    missing, brackets, lists, objects = bytearray(), 0, 0, 0
    if known is not None:
        missing, brackets = bytearray(known.missing), known.brackets
        lists, objects = missing.count(_LIST_END), missing.count(_OBJECT_END)
    while True:
        pattern = _INSIDE if missing else _BETWEEN
        at = pattern.match(data, at).end()  # type: ignore[union-attr]  # it matches the empty text too
        if at == len(data):
            return Extent(at, closed=False, missing=bytes(missing), resume=at, brackets=brackets)
        byte = data[at]
        if byte == _QUOTE:
            return Extent(len(data), closed=False, missing=bytes(missing), in_string=True, resume=at, brackets=brackets)
        brackets += 1
        if byte in _CLOSERS:
            missing.append(_CLOSERS[byte])
            lists, objects = lists + (byte == _LIST), objects + (byte == _OBJECT)
            if len(missing) > MAX_DOCUMENT_DEPTH or brackets > MAX_DOCUMENT_BRACKETS:
                raise TooMuch(_too_much(len(missing)))
        elif (lists if byte == _LIST_END else objects) and byte != _COMMA:
            place = missing.rindex(byte)
            lists -= missing.count(_LIST_END, place)
            objects -= missing.count(_OBJECT_END, place)
            del missing[place:]
        elif byte in (_COMMA, closer):
            return Extent(at, brackets=brackets)
        elif brackets > MAX_DOCUMENT_BRACKETS:
            raise TooMuch(_too_much(len(missing)))
        at += 1
        if not missing and closer is None:
            return Extent(at, brackets=brackets)


def _too_much(depth: int) -> str:
    if depth > MAX_DOCUMENT_DEPTH:
        return f"expected at most {MAX_DOCUMENT_DEPTH:,} brackets open at once, got more"
    return f"expected at most {MAX_DOCUMENT_BRACKETS:,} brackets in an element, got more"


@dataclass(slots=True)
class Keys:
    """The keys of an object as far as it was read.

    Attributes:
        end: the byte after it, or where reading stopped.
        closed: whether it was read to its end.
        known: its keys.
        lists: each key of LIST_KEYS with a list to the offset of its last list (F3).
        elements: (start, end) of the elements of these lists; None if there are many, or if a list is incomplete.
    """

    end: int
    closed: bool = False
    known: set[str] = field(default_factory=set)
    lists: dict[str, int] = field(default_factory=dict)
    elements: dict[str, list[tuple[int, int]]] | None = field(default_factory=dict)

    def is_envelope(self, data: bytes) -> bool:
        """Whether the object is an envelope, judged by the keys that were read."""
        if not self.lists or not self.known.isdisjoint(RECORD_KEYS):
            return False
        annotations = self.lists.get("annotations")
        if annotations is None or len(self.lists) > 1:
            return True
        first = _BEFORE_FIRST.match(data, annotations + 1).end()  # type: ignore[union-attr]  # it matches no text too
        is_segment = data[first : first + 1] == b"{" and keys(data, first).known.isdisjoint(RECORD_KEYS)
        return not is_segment


def is_envelope(data: bytes, at: int = 0) -> bool:
    """Whether the object at `at` is an envelope, judged by its keys in `data`, which may end inside it.

    An envelope has a list under one of LIST_KEYS and has none of RECORD_KEYS. A list of segments under `annotations`
    is that of a mask.
    """
    may_be = _KEY_OF_LIST.search(data, at) is not None or data.find(_ESCAPE, at) >= 0
    return may_be and keys(data, at).is_envelope(data)


def keys(data: bytes, at: int) -> Keys:
    """The keys of the object at `at`, up to the first fault."""
    found = Keys(at)
    at += 1
    while True:
        found.end = at = after_space(data, at)
        if data[at : at + 1] == b"}":
            found.end, found.closed = at + 1, True
            return found
        key = key_at(data, at)
        if key is None:
            return found
        name, at = key
        found.known.add(name)
        if name in LIST_KEYS and data[at : at + 1] == b"[":
            found.lists.pop(name, None)  # the last of duplicate keys counts (F3)
            found.lists[name] = at
            elements: list[tuple[int, int]] = []
            end = _list_end(data, at, elements)
            found.end = at = len(data) if end is None else after_space(data, end)
            if len(elements) > MOST_ELEMENTS:
                found.elements = None
            elif found.elements is not None:
                found.elements.pop(name, None)
                found.elements[name] = elements
            if end is None:
                return found
        else:
            at = extent(data, at, _OBJECT_END).end
        if data[at : at + 1] == b",":
            at += 1
        elif data[at : at + 1] != b"}":
            found.end = at
            return found


def _list_end(data: bytes, at: int, elements: list[tuple[int, int]]) -> int | None:
    """Offset after the list at `at`, None if it is incomplete; appends (start, end) of its first elements."""
    at += 1
    while True:
        begin = after_space(data, at)
        reach = extent(data, begin, _LIST_END)
        if not reach.closed:
            return None
        if begin < reach.end and len(elements) <= MOST_ELEMENTS:
            elements.append((begin, reach.end))
        at = reach.end + 1
        if data[reach.end] == _LIST_END:
            return at


def other_format(known: set[str]) -> str | None:
    """The fault of an object with these keys if it is a document of another format; else None."""
    if not known.isdisjoint(_IDENTITIES):
        return None
    name = next((name for wanted, name in _OTHER_FORMATS if wanted <= known), None)
    if name is None:
        return None
    shown = ", ".join(sorted(known)[:12])
    return (
        f"expected records, got an object with the keys {shown}, which looks like {name}: "
        "write a record with a reference_id for each of its images, annotations or features"
    )


def key_at(data: bytes, at: int) -> tuple[str, int] | None:
    """The key at `at` and the offset of its value; None if there is none."""
    found = _KEY.match(data, at)
    return None if found is None else (_decoded(found[1]), found.end())


def _decoded(key: bytes) -> str:
    """The text of a key, whose escapes are taken for what they stand for."""
    if b"\\" in key:
        try:
            return str(json.loads(b'"%b"' % key))
        except ValueError:
            pass
    return key.decode("utf-8", "replace")


def after_space(data: bytes, at: int, stop: int = sys.maxsize) -> int:
    """Offset of the first byte from a place on that is no white space, at most `stop`."""
    return _SPACE.match(data, at, stop).end()  # type: ignore[union-attr]  # it matches the empty text too
