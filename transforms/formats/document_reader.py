"""Reads JSON documents of any length as raw records, in bounded memory (RULES F2, F3, F4, R2, R8).

A document is an array of records, an envelope (an object whose lists hold the records), a single record, or several of
these one after another. The bytes of each element are passed on unchanged, and validated later. Whether an object is
an envelope depends on all of its keys; for one longer than any record, on those in its first 64 MiB.
"""

from collections.abc import Iterator
from typing import BinaryIO

from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.document_window import LIST_END, OBJECT_END, DocumentWindow
from transforms.formats.json_documents import LIST_KEYS, Extent, keys, other_format
from transforms.formats.lines import BYTE_ORDER_MARK
from transforms.rules import limits


def read_document(stream: BinaryIO) -> Iterator[Chunk]:
    """The records of a document, in chunks with known line numbers: at least one.

    Top-level text that is no object or list is passed on line by line, to be rejected; empty elements between commas
    are skipped.

    Raises:
        Unreadable: if the document is truncated or beyond a limit, or the stream raises it: after all records in front
            of that place (R2).
    """
    yield from _DocumentReader(stream).chunks()


class _DocumentReader(DocumentWindow):
    """A window on a document whose elements are records."""

    def chunks(self) -> Iterator[Chunk]:
        """The chunks of the document; see `read_document`."""
        fault = yield from self._until_fault(self._document())
        end = len(self.data)
        yield self._made(end)
        fault = fault or self._stream_fault
        if fault is not None:
            line = fault.line if fault.line is not None else self._line + 1
            raise Unreadable(fault.message, fault.offset, line) from fault

    def _document(self) -> Iterator[Chunk]:
        self._fill(0)
        if self.data.startswith(BYTE_ORDER_MARK):
            self.at = len(BYTE_ORDER_MARK)
        while self._space():
            first = self.data[self.at : self.at + 1]
            if first == b"[":
                self.at += 1
                yield from self._list()
            elif first == b"{":
                yield from self._object()
            else:
                self._scalar_line()
            yield from self._full()

    def _object(self) -> Iterator[Chunk]:
        """Add the records of an envelope, or the one record that the object is."""
        found = keys(self.data, self.at)
        if not found.closed and not self._ended:  # usually it ends a little further on
            self._fill(self.at)
            found = keys(self.data, self.at)
        if not found.closed and not self._ended:
            self._fill_up()
            found = keys(self.data, self.at)
        if (other := other_format(found.known)) is not None:
            raise self._fault(self.at, other)
        if found.is_envelope(self.data):
            if found.closed and found.elements is not None:
                for each in found.elements.values():
                    for begin, end in each:
                        self._add(begin, end)
                self.at = found.end
                return
            lists = {self.base + at for at in found.lists.values()} if found.closed or self._ended else None
            yield from self._envelope(lists)
            return
        # Inside lists a bracket without a counterpart reaches less far.
        reach = Extent(found.end) if found.closed and not found.lists else self._reach(None)
        if not reach.closed:
            raise self._expected('the "}" of the object that begins here', self.at)
        self._add(self.at, reach.end)
        self.at = reach.end

    def _fill_up(self) -> None:
        """Read more, up to the maximum size of a record."""
        while len(self.data) - self.at <= limits.MAX_LINE_BYTES and self._fill(self.at):
            pass

    def _envelope(self, lists: set[int] | None) -> Iterator[Chunk]:
        """Add the elements of the lists that begin at these offsets; None if the envelope is too long to know them."""
        seen: set[str] = set()
        for name in self._keys_of_object():
            is_list = name in LIST_KEYS and self.data[self.at : self.at + 1] == b"["
            if is_list and lists is None and name in seen:
                raise self._expected(f"the list under {name!r} once in an object that is no record", self.at)
            if is_list and (lists is None or self.base + self.at in lists):
                seen.add(name)
                self.at += 1
                yield from self._list()
            elif is_list:
                self._pass_list()
            else:
                self.at = self._reach(OBJECT_END, is_record=False).end

    def _pass_list(self) -> None:
        """Skip a list that a later one under the same key replaces (F3)."""
        self.at += 1
        while True:
            reach = self._reach(LIST_END, is_record=False)
            self.at = min(reach.end + 1, len(self.data))
            if not reach.closed or self.data[reach.end] == LIST_END:
                return

    def _scalar_line(self) -> None:
        """Add a line of the top level that is no object or list."""
        while (end := self.data.find(b"\n", self.at)) < 0:
            if len(self.data) - self.at > limits.MAX_LINE_BYTES:
                raise self._expected("an object or a list, or the end of a line within 64 MiB", self.at)
            if not self._fill(self.at):
                end = len(self.data)
                break
        self._add(self.at, end)
        self.at = end
