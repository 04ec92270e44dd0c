"""JSON documents: one text that holds many records, cut into the bytes of each (RULES F2, F3, F4, R2).

A document is an array of records, an envelope (an object whose lists hold the records), a single record, or several of
these one after another. It is cut at brackets, commas and strings only: what stands inside an element is not judged
here, so an element that is not JSON, not UTF-8 or nested deeply takes no neighbour with it (R2). It comes out byte for
byte and is rejected on its own.
"""

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from transforms.formats import framing
from transforms.formats.chunks import Chunk, Oversized, Unreadable
from transforms.formats.framing import BYTE_ORDER_MARK, HEAD_BYTES
from transforms.raw_records import RawRecords

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
        *("item", "scene", "frames", "type", "geometry"),
        *("image_url", "video_url", "mask_url", "pointcloud_url", "url"),
    },
)
"""Keys that an object has if it is a record (or a row of an export) itself, whatever lists it holds."""

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_KEY_OF_LIST: Final = re.compile(rb'"(?:%s)"[ \t\r\n]*+:[ \t\r\n]*+\[' % "|".join(sorted(LIST_KEYS)).encode())
"""Where there is none, there is no envelope: of most lines that is all there is to find out."""
_KEY: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
# Up to the next bracket (or, between elements, comma), past whole strings. Possessive: nothing is tried twice.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_INSIDE: Final = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+', re.DOTALL)
_BETWEEN: Final = re.compile(rb'[^",\[\]{}]*+(?:' + _STRING + rb'[^",\[\]{}]*+)*+', re.DOTALL)
_COMMA, _QUOTE, _LIST, _LIST_END, _OBJECT, _OBJECT_END = b',"[]{}'
_CLOSERS: Final = {_LIST: _LIST_END, _OBJECT: _OBJECT_END}


@dataclass(frozen=True, slots=True)
class Stretch:
    """How far a value reaches.

    Attributes:
        end: the byte after it; the end of the text if the text ends inside the value.
        closed: whether the value comes to its end.
        missing: the closing brackets that the text lacks if it does not, outermost first.
        in_string: whether the text ends inside a string.
    """

    end: int
    closed: bool = True
    missing: bytes = b""
    in_string: bool = False


def stretch(data: bytes, at: int, closer: int | None = None) -> Stretch:
    """How far the value at `at` reaches.

    Brackets need not match: a closing bracket closes everything opened since its counterpart, and `closer`, the bracket
    that ends the list or object around the value, ends the value too if it has no counterpart in it. So a fault stays
    within its element. Without `closer` the value is a list or object and ends with its own bracket.
    """
    missing = bytearray()
    while True:
        pattern = _INSIDE if missing or closer is None else _BETWEEN
        at = pattern.match(data, at).end()  # type: ignore[union-attr]  # it matches the empty text too
        if at == len(data):
            return Stretch(at, closed=False, missing=bytes(missing))
        byte = data[at]
        if byte == _QUOTE:
            return Stretch(len(data), closed=False, missing=bytes(missing), in_string=True)
        if byte in _CLOSERS:
            missing.append(_CLOSERS[byte])
        elif missing and byte == missing[-1]:
            missing.pop()
        elif byte in missing:
            del missing[missing.rindex(byte) :]
        elif byte in (_COMMA, closer):
            return Stretch(at)
        at += 1
        if not missing and closer is None:
            return Stretch(at)


@dataclass(slots=True)
class _Cut:
    """Where records begin and end, in bytes; and where one begins of which the end is missing."""

    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    unfinished: int | None = None

    def add(self, begin: int, end: int) -> None:
        self.begins.append(begin)
        self.ends.append(end)


@dataclass(slots=True)
class _Object:
    """A top-level object as far as it could be read.

    Attributes:
        end: the byte after it, or where reading stopped.
        fault: what was expected there, if it was not read to its end.
        keys: its keys.
        elements: for each key of LIST_KEYS that holds a list, the elements of that list.
    """

    end: int
    fault: str | None = None
    keys: set[str] = field(default_factory=set)
    elements: dict[str, _Cut] = field(default_factory=dict)


def is_envelope(data: bytes, at: int = 0) -> bool:
    """Whether the object at `at` is an envelope, as far as can be told if `data` ends inside it.

    An envelope holds a list under one of LIST_KEYS and has none of RECORD_KEYS. A list of segments under `annotations`
    is that of a mask.
    """
    return _KEY_OF_LIST.search(data, at) is not None and _is_envelope(data, _object(data, at))


def split_document(data: bytes) -> tuple[Chunk, Unreadable | None]:
    r"""The records of a document, byte for byte, and why the rest of it cannot be read, if so.

    Returns:
        The records with their byte offsets and physical lines (line 0 is the first line of the document), and None or
        the fault: everything readable in front of it is in the chunk. What stands at the top level and is no object or
        list is handed on line by line, to be rejected; empty places between commas hold nothing and are passed over.

    >>> list(split_document(b'{"items": [{"a": 1}, 2],\n "update": true}')[0].records)
    [b'{"a": 1}', b'2']
    """
    cut = _Cut()
    fault: str | None = None
    at = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
    while fault is None and (at := _after_space(data, at)) < len(data):
        byte = data[at]
        if byte == _LIST:
            at, fault = _elements(data, at + 1, cut)
        elif byte == _OBJECT:
            at, fault = _top_level_object(data, at, cut)
        else:
            end = data.find(b"\n", at)
            cut.add(at, len(data) if end < 0 else end)
            at = cut.ends[-1]
    return _chunk(data, cut), None if fault is None else _unreadable(data, at, fault)


def _top_level_object(data: bytes, begin: int, cut: _Cut) -> tuple[int, str | None]:
    """Add the records of an envelope, or the one record that the object is; see `_elements` for what is returned."""
    found = _object(data, begin)
    if _is_envelope(data, found):
        for each in found.elements.values():
            cut.begins += each.begins
            cut.ends += each.ends
        return found.end, found.fault
    reach = stretch(data, begin)
    if not reach.closed:
        return begin, 'expected the "}" of the object that begins here'
    cut.add(begin, reach.end)
    return reach.end, None


def _is_envelope(data: bytes, found: _Object) -> bool:
    if not found.elements or not found.keys.isdisjoint(RECORD_KEYS):
        return False
    annotations = found.elements.get("annotations")
    if annotations is None or len(found.elements) > 1:
        return True
    first = annotations.begins[0] if annotations.begins else annotations.unfinished
    is_segment = first is not None and data[first] == _OBJECT and _object(data, first).keys.isdisjoint(RECORD_KEYS)
    return not is_segment


def _object(data: bytes, at: int) -> _Object:
    """Read the keys of the object at `at`, and the elements of its lists under LIST_KEYS."""
    found = _Object(at)
    at += 1
    while True:
        found.end = at = _after_space(data, at)
        if data[at : at + 1] == b"}":
            found.end += 1
            return found
        key = _KEY.match(data, at)
        if key is None:
            found.fault = 'expected a key and ":", or "}"'
            return found
        name = key[1].decode("utf-8", "replace")
        found.keys.add(name)
        at = key.end()
        if name in LIST_KEYS and data[at : at + 1] == b"[":
            found.elements.pop(name, None)  # of a duplicate key the last wins (F3)
            found.elements[name] = _Cut()
            at, found.fault = _elements(data, at + 1, found.elements[name])
            found.end = at = _after_space(data, at)
            if found.fault is not None:
                return found
        else:
            at = stretch(data, at, _OBJECT_END).end
        if data[at : at + 1] == b",":
            at += 1
        elif data[at : at + 1] != b"}":
            found.end, found.fault = at, 'expected "," or "}"'
            return found


def _elements(data: bytes, at: int, cut: _Cut) -> tuple[int, str | None]:
    """Add the elements of the list that begins before `at`.

    Returns:
        The byte after the list and None; or, if it breaks off, where the first element begins that is not whole (the
        end of `data` if all are) and what was expected there.
    """
    while True:
        begin = _after_space(data, at)
        reach = stretch(data, begin, _LIST_END)
        if not reach.closed:
            # An object or list that is whole is a record even if nothing follows; of a number more may be missing.
            if data[begin : begin + 1] in (b"{", b"[") and (whole := stretch(data, begin)).closed:
                cut.add(begin, whole.end)
                begin = _after_space(data, whole.end)
            cut.unfinished = begin if begin < len(data) else None
            return begin, 'expected the rest of a list, ending with "]"'
        if begin < reach.end:
            cut.add(begin, reach.end)
        at = reach.end + 1
        if data[reach.end] == _LIST_END:
            return at, None


def _after_space(data: bytes, at: int) -> int:
    return _SPACE.match(data, at).end()  # type: ignore[union-attr]  # it matches the empty text too


def _chunk(data: bytes, cut: _Cut) -> Chunk:
    records: list[bytes] = []
    offsets: list[int] = []
    lines: list[int] = []
    oversized: list[Oversized] = []
    line = 0
    seen = 0
    for begin, end in zip(cut.begins, cut.ends, strict=True):
        line += data.count(b"\n", seen, begin)
        seen = begin
        record = data[begin:end].rstrip(b" \t\r\n")  # the white space of JSON, no other
        if len(record) > framing.MAX_LINE_BYTES:
            oversized.append(Oversized(offset=begin, line=line, length=len(record), head=record[:HEAD_BYTES]))
            continue
        records.append(record)
        offsets.append(begin)
        lines.append(line)
    return Chunk(
        records=RawRecords.of(records),
        offsets=np.array(offsets, dtype=np.int64),
        lines=np.array(lines, dtype=np.int64),
        first_line=1,
        line_count=data.count(b"\n"),
        byte_count=len(data),
        oversized=tuple(oversized),
    )


def _unreadable(data: bytes, at: int, expected: str) -> Unreadable:
    seen = repr(data[at : at + 20].decode("utf-8", "replace")) if at < len(data) else "the end of the document"
    line = data.count(b"\n", 0, at) + 1
    return Unreadable(f"{expected}, got {seen} at byte {at:,} (line {line:,})", at, line)
