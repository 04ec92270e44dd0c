"""JSON documents: one text that holds many records, cut into the bytes of each (RULES F2, F3, F4, R2).

A document is an array of records, an envelope (an object whose lists hold the records), a single record, or several of
these one after another. It is cut at brackets, commas and strings only: what stands inside an element is not judged
here, so an element that is not JSON, not UTF-8 or nested deeply takes no neighbour with it (R2). It comes out byte for
byte and is rejected on its own.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from transforms.formats import framing
from transforms.formats.framing import BYTE_ORDER_MARK, HEAD_BYTES, Chunk, Oversized, Unreadable

TYPE_NAMES = frozenset(
    {"box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "segmentation"},
)
LIST_KEYS = TYPE_NAMES | {
    *("items", "scenes", "annotations", "segmentations", "predictions"),
    *("exportedRows", "data", "dataset_items", "metadata"),
}
"""Keys under which an envelope holds its records."""

RECORD_KEYS = frozenset(
    {
        *("reference_id", "ref_id", "item_id", "dataset_item_id", "annotation_id"),
        *("item", "scene", "frames", "type", "geometry", "label", "labels"),
        *("image_url", "video_url", "mask_url", "pointcloud_url", "url"),
    },
)
"""Keys that an object has if it is a record (or a row of an export) itself, whatever lists it holds."""

SEGMENT_KEYS = frozenset({"label", "index", "metadata"})
"""All the keys of a segment: `annotations` of such elements belong to a mask."""

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_QUOTED: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# Up to the next bracket (or, between elements, comma), past whole strings. Possessive: nothing is tried twice.
_INSIDE: Final = re.compile(rb'[^"\[\]{}]*+(?:' + _QUOTED + rb'[^"\[\]{}]*+)*+', re.DOTALL)
_BETWEEN: Final = re.compile(rb'[^",\[\]{}]*+(?:' + _QUOTED + rb'[^",\[\]{}]*+)*+', re.DOTALL)
_CLOSERS: Final = {ord("["): ord("]"), ord("{"): ord("}")}
_COMMA, _QUOTE, _LIST_END, _OBJECT_END = b',"]}'


@dataclass(frozen=True, slots=True)
class Stretch:
    """How far a value reaches.

    Attributes:
        end: the byte after it: a comma, a closing bracket, or the end of the text.
        open: the closing brackets that are still missing, outermost first.
        in_string: whether the text ends inside a string.
    """

    end: int
    open: bytes
    in_string: bool = False


def stretch(data: bytes, at: int, closer: int | None = None) -> Stretch:
    """How far the value at `at` reaches.

    Brackets need not match: a closing bracket closes everything opened since its counterpart, and `closer`, the bracket
    that ends the list or object around the value, ends the value too if it has no counterpart in it. So a fault stays
    within its element. Without `closer` the value ends where its own brackets are closed.
    """
    missing = bytearray()
    while True:
        at = (_INSIDE if missing or closer is None else _BETWEEN).match(data, at).end()  # type: ignore[union-attr]
        if at == len(data):
            return Stretch(at, bytes(missing))
        byte = data[at]
        if byte == _QUOTE:
            return Stretch(len(data), bytes(missing), in_string=True)
        if byte in _CLOSERS:
            missing.append(_CLOSERS[byte])
        elif missing and byte == missing[-1]:
            missing.pop()
        elif byte in missing:
            del missing[missing.rindex(byte) :]
        elif byte in (_COMMA, closer):
            return Stretch(at, b"")
        at += 1
        if not missing and closer is None:
            return Stretch(at, b"")


@dataclass(slots=True)
class _Cut:
    """Where the records found so far begin and end, in bytes."""

    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, begin: int, end: int) -> None:
        self.begins.append(begin)
        self.ends.append(end)


@dataclass(slots=True)
class _Object:
    """A top-level object as far as it could be read.

    Attributes:
        end: the byte after it, or where reading stopped.
        fault: what was wrong there, if it did not come to its end.
        keys: its keys.
        elements: for each key of LIST_KEYS that holds a list, the elements of that list.
    """

    end: int
    fault: str | None = None
    keys: set[str] = field(default_factory=set)
    elements: dict[str, _Cut] = field(default_factory=dict)
