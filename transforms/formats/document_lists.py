"""Reads the lists of one JSON document by their keys, element by element, for formats with several of them (F2 to F4).

A COCO file is such a document: an object whose `images` and `annotations` are lists of records. It may be of any
length: what is in memory is a chunk of elements. The bytes of each element are passed on unchanged.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.document_window import LIST_END, OBJECT_END, DocumentWindow
from transforms.formats.lines import BYTE_ORDER_MARK, HEAD_BYTES
from transforms.formats.sniff import refuse_other_formats
from transforms.formats.whole_elements import Places, whole_elements
from transforms.rules import limits

WHOLE = ""
"""Stands for the key of a document that is a list itself."""
_LF = ord("\n")
_CHECK_EVERY: Final = 10_000
"""Elements after which the size of a chunk is looked at."""
_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class ListPart:
    """Some elements of a list of a document, or a member that was passed over.

    Attributes:
        key: The key of the member; WHOLE if the document is a list itself.
        chunk: The elements; None if the member is not wanted, or no list.
        first: The number of the first of these elements in its list, from 0.
        count: How many elements there are; 1 for a member that is no list and not empty.
    """

    key: str
    chunk: Chunk | None
    first: int = 0
    count: int = 0

    def numbers(self) -> npt.NDArray[np.int64]:
        """The number in its list of each record of the chunk: int64[N]."""
        if self.chunk is None:
            return np.empty(0, np.int64)
        skipped = np.array([each.offset for each in self.chunk.refused], np.int64)
        records = self.chunk.offsets
        return np.arange(len(records)) + np.searchsorted(skipped, records) + self.first

    def numbers_of_refused(self) -> list[int]:
        """The number in its list of each refused element of the chunk."""
        if self.chunk is None:
            return []
        places = [each.offset for each in self.chunk.refused]
        before = np.searchsorted(self.chunk.offsets, np.array(places, np.int64)).tolist()
        return [self.first + position + records for position, records in enumerate(before)]


def read_lists(stream: BinaryIO, wanted: Collection[str]) -> Iterator[ListPart]:
    """The members of a document in their order: the elements of the wanted lists in chunks, at least one for each list.

    Raises:
        Unreadable: if the document is no object or list, is truncated or beyond a limit, has a wanted list twice, or
            the stream raises it: after all elements in front of that place (R2).
    """
    yield from _ListReader(stream, wanted).parts()


class _ListReader(DocumentWindow):
    """A window on a document whose lists are read by their keys."""

    def __init__(self, stream: BinaryIO, wanted: Collection[str]) -> None:
        super().__init__(stream)
        self._wanted = wanted
        self._key_of_list: str | None = None
        self._number = 0
        self._one_by_one = 0  # up to this offset, elements are not looked for at once

    def parts(self) -> Iterator[ListPart]:
        fault = yield from self._until_fault(self._members())
        fault = self._stream_fault or fault  # what the document lacks may be what the stream could not give
        if fault is not None:
            if self._key_of_list is not None:
                yield self._part(len(self.data))
            raise Unreadable(fault.message, fault.offset, fault.line) from fault

    def _members(self) -> Iterator[ListPart]:
        self._fill(0)
        refuse_other_formats(self.data[:HEAD_BYTES], "expected a JSON document")
        if self.data.startswith(BYTE_ORDER_MARK):
            self.at = len(BYTE_ORDER_MARK)
        self._space()
        first = self.data[self.at : self.at + 1]
        if first == b"[":
            yield from self._list_of(WHOLE)
        elif first == b"{":
            yield from self._object_members()
        else:
            raise self._expected("an object with lists, or a list", self.at)
        if self._space():
            raise self._expected("the end of the document", self.at)

    def _object_members(self) -> Iterator[ListPart]:
        seen: set[str] = set()
        for key in self._keys_of_object():
            if self.data[self.at : self.at + 1] != b"[":
                yield self._value(key)
            elif key in seen:
                raise self._expected(f"the list under {key!r} once", self.at)
            else:
                seen |= {key} & {*self._wanted}
                yield from self._list_of(key)

    def _value(self, key: str) -> ListPart:
        """Pass a value that is no list."""
        reach = self._reach(OBJECT_END, is_record=False)
        text = self.data[self.at : reach.end].strip()
        self.at = reach.end
        return ListPart(key, None, count=int(text not in (b"null", b"{}", b'""')))

    def _list_of(self, key: str) -> Iterator[ListPart]:
        """The elements of the list that begins at `at`."""
        self.at += 1
        if key not in self._wanted:
            yield ListPart(key, None)  # also where the document ends in it
            yield ListPart(key, None, count=self._passed_list())
            return
        self._key_of_list, self._number = key, 0
        self._made(self.at)  # lines are counted from here
        for chunk in self._list():
            yield self._numbered(chunk)
        yield self._part(self.at)
        self._key_of_list = None

    def _list(self) -> Iterator[Chunk]:
        going_on = True
        while going_on:
            starts, ends = self._whole_elements()
            for first in range(0, len(starts), _CHECK_EVERY):
                self._add_whole(starts[first : first + _CHECK_EVERY], ends[first : first + _CHECK_EVERY])
                yield from self._full()
            going_on = self._element()

    def _add_whole(self, starts: Places, ends: Places) -> None:
        """Add elements that are in memory, their places at once."""
        if int((ends - starts).max()) > limits.MAX_LINE_BYTES:
            for begin, end in zip(starts.tolist(), ends.tolist(), strict=True):
                self._add(begin, end)
        else:
            begin, line = self._counted, self._line - self._first
            block = np.frombuffer(self.data, np.uint8)[begin : int(starts[-1])]
            newlines = np.flatnonzero(block == _LF) + begin
            self._lines += (np.searchsorted(newlines, starts) + line).tolist()
            self._line += len(newlines)
            self._counted = max(self._counted, int(starts[-1]))
            self._records += [self.data[at:end] for at, end in zip(starts.tolist(), ends.tolist(), strict=True)]
            self._offsets += (starts + self.base).tolist()
            self._size += int((ends - starts).sum())
        self.at = int(ends[-1])

    def _passed_list(self) -> int:
        """Skip the elements of a list up to its end; returns how many there are."""
        count, going_on = 0, True
        while going_on:
            _, ends = self._whole_elements()
            if len(ends):
                count += len(ends)
                self.at = int(ends[-1])
            self._space()
            reach = self._reach(LIST_END, is_record=False)
            count += self.at < reach.end
            self.at = min(reach.end + 1, len(self.data))
            if not reach.closed:
                raise self._expected('the rest of a list, ending with "]"', self.at)
            going_on = self.data[reach.end] != LIST_END
        return count

    def _whole_elements(self) -> tuple[Places, Places]:
        """Start and end of elements that are in memory and can be found at once."""
        if self.base + self.at < self._one_by_one:
            return _NONE, _NONE
        starts, ends = whole_elements(self.data, self.at)
        if not len(starts):
            self._one_by_one = self.base + len(self.data)
        return starts, ends

    def _part(self, end: int) -> ListPart:
        return self._numbered(self._made(end))

    def _numbered(self, chunk: Chunk) -> ListPart:
        count = len(chunk.records) + len(chunk.refused)
        part = ListPart(self._key_of_list or WHOLE, chunk, self._number, count)
        self._number += count
        return part
