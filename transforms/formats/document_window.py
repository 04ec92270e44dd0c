"""Reads a JSON document through a window on its stream, in bounded memory: keys, elements and their places (R8)."""

import re
from collections.abc import Generator, Iterator
from typing import BinaryIO, Final, TypeVar

import numpy as np

from transforms.formats.chunks import Chunk, RefusedRecord, Unreadable
from transforms.formats.json_documents import Extent, TooMuch, after_space, extent, key_at
from transforms.formats.lines import HEAD_BYTES, IS_SOLID
from transforms.raw_records import RawRecords
from transforms.rules import limits
from transforms.rules.limits import MAX_BARREN_BYTES, MAX_KEY_BYTES, MIB

_T = TypeVar("_T")
CHUNK_BYTES: Final = 16 * MIB
CHUNK_RECORDS: Final = 200_000
"""A chunk ends with the record that reaches this number of bytes or records."""
_READ_BYTES: Final = 1 * MIB
_MOST_READ_BYTES: Final = 16 * MIB
_SPACE: Final = b" \t\r\n"  # the white space of JSON, no other
LIST_END, OBJECT_END = b"]}"
"""The bytes that end a list and an object."""
_FEW: Final = 64
_LOOK_BYTES: Final = 256 * 1024
_STRING_TAIL: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class DocumentWindow:
    """A window on a stream, which is read as needed and dropped when it is parsed.

    Elements are collected for a chunk as they are passed. `data` is the part of the document that is in memory, `base`
    the offset of its first byte, `at` the place in it up to which it is read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.data = b""
        self.base = self.at = 0
        self._stream = stream
        self._ended = False
        self._stream_fault: Unreadable | None = None
        self._line = self._counted = 0  # line ends in front of `_counted`, a place in `data`
        self._begin()

    # Reading the stream.

    def _fill(self, keep: int) -> bool:
        """Read more, and drop the bytes before `keep`; returns whether there was more to read."""
        self._line_of(keep)
        self.data, self.base, self._counted = self.data[keep:], self.base + keep, 0
        self.at = max(self.at - keep, 0)
        block = b""
        if not self._ended:
            try:
                block = self._stream.read(min(max(_READ_BYTES, len(self.data)), _MOST_READ_BYTES))
            except Unreadable as error:
                self._stream_fault = error
        self._ended = not block
        self.data += block
        return not self._ended

    def _space(self) -> bool:
        """Pass white space; whether something follows."""
        begin = self.base + self.at
        while True:
            self.at = after_space(self.data, self.at, self.at + _FEW)
            if self.at < len(self.data) and self.data[self.at] not in _SPACE:
                return True
            self._run_of_space()
            if self.at < len(self.data):
                return True
            if self.base + self.at - begin > MAX_BARREN_BYTES:
                most = f"{MAX_BARREN_BYTES // MIB:,} MiB"
                raise self._fault(self.at, f"expected a record within {most}, got blanks alone")
            if not self._fill(self.at):
                return False

    def _run_of_space(self) -> None:
        """Pass white space within `data`, much at a time."""
        block = np.frombuffer(self.data, np.uint8)
        while self.at < len(block):
            look = IS_SOLID[block[self.at : self.at + _LOOK_BYTES]]
            first = int(look.argmax())
            if look[first]:
                self.at += first
                return
            self.at += len(look)

    def _line_of(self, place: int) -> int:
        """The line at a place, counted from 0; places are asked for in their order."""
        if place > self._counted:
            self._line += self.data.count(b"\n", self._counted, place)
            self._counted = place
        return self._line

    # Keys and elements.

    def _key(self) -> str:
        """Pass a key of an envelope, up to its value."""
        key = key_at(self.data, self.at)
        while (key is None or key[1] == len(self.data)) and len(self.data) - self.at < MAX_KEY_BYTES:
            if not self._fill(self.at):
                break
            key = key_at(self.data, self.at)
        if key is None:
            raise self._expected('a key and ":", or "}"', self.at)
        name, self.at = key
        return name

    def _keys_of_object(self) -> Iterator[str]:
        """The keys of the object that begins at `at`; who takes one passes its value before the next is taken."""
        self.at += 1
        while True:
            self._space()
            if self.data[self.at : self.at + 1] == b"}":
                self.at += 1
                return
            yield self._key()
            self._space()
            if self.data[self.at : self.at + 1] == b",":
                self.at += 1
            elif self.data[self.at : self.at + 1] != b"}":
                raise self._expected('"," or "}"', self.at)

    def _list(self) -> Iterator[Chunk]:
        """Add the elements of the list that begins before `at`."""
        while self._element():
            yield from self._full()

    def _element(self) -> bool:
        """Add an element of a list, and pass what ends it; whether the list goes on."""
        self._space()
        reach = self._reach(LIST_END)
        begin = self.at
        if not reach.closed:
            # A complete object or list is a record even if nothing follows; a number may be incomplete.
            if self.data[begin : begin + 1] in (b"{", b"[") and (whole := extent(self.data, begin)).closed:
                self._add(begin, whole.end)
                begin = after_space(self.data, whole.end)
            self.at = begin
            raise self._expected('the rest of a list, ending with "]"', begin)
        if begin < reach.end:
            self._add(begin, reach.end)
        self.at = reach.end + 1
        return self.data[reach.end] != LIST_END

    # The extent of values.

    def _reach(self, closer: int | None, *, is_record: bool = True) -> Extent:
        """The extent of the value at `at`, with all of it in memory; a value that is too long is skipped (F4)."""
        at, known = self.at, None
        while True:
            known = extent(self.data, at, closer, known)
            if known.closed or self._ended:
                return known
            if len(self.data) - self.at > limits.MAX_LINE_BYTES + _READ_BYTES:
                return self._passed(closer, known, is_record=is_record)
            at = known.resume - self.at
            self._fill(self.at)

    def _passed(self, closer: int | None, known: Extent, *, is_record: bool) -> Extent:
        """The extent of a value that is too long to be a record, which is added as refused."""
        begin, line = self.base + self.at, self._line_of(self.at)
        head = self.data[self.at : self.at + HEAD_BYTES]
        while not known.closed and not self._ended:
            if self.base + len(self.data) - begin > MAX_BARREN_BYTES:
                most = f"{MAX_BARREN_BYTES // MIB:,} MiB"
                raise Unreadable(f"expected the end of an element within {most}, got none", begin, line + 1)
            self.at = known.resume
            if known.in_string:
                self.at += 1
                self._pass_string(begin)
            else:
                self._fill(self.at)
            known = extent(self.data, self.at, closer, known)
        self.at = known.end
        if known.closed and is_record:
            length = self.base + known.end - begin
            self._refused.append(RefusedRecord(offset=begin, line=line - self._first, length=length, head=head))
        return known

    def _pass_string(self, begin: int) -> None:
        """Skip the remainder of a string and its closing quote."""
        while True:
            quote = self.data.find(b'"', self.at)
            end = len(self.data) if quote < 0 else quote
            if self.data.find(b"\\", self.at, end) < 0:  # the usual case, and much faster
                self.at = end
            else:
                self.at = _STRING_TAIL.match(self.data, self.at).end()  # type: ignore[union-attr]  # it matches no text
            if self.data[self.at : self.at + 1] == b'"':
                self.at += 1
                return
            if self.base + self.at - begin > MAX_BARREN_BYTES or not self._fill(self.at):
                self.at = len(self.data)
                return

    # Chunks.

    def _begin(self) -> None:
        self._records: list[bytes] = []
        self._offsets: list[int] = []
        self._lines: list[int] = []
        self._refused: list[RefusedRecord] = []
        self._size = 0
        self._first, self._first_byte = self._line, self.base + self._counted

    def _add(self, begin: int, end: int) -> None:
        record = self.data[begin:end].rstrip(_SPACE)
        line = self._line_of(begin) - self._first
        offset = self.base + begin
        if len(record) > limits.MAX_LINE_BYTES:
            self._refused.append(RefusedRecord(offset=offset, line=line, length=len(record), head=record[:HEAD_BYTES]))
            return
        self._records.append(record)
        self._offsets.append(offset)
        self._lines.append(line)
        self._size += len(record)

    def _full(self) -> Iterator[Chunk]:
        if self._size >= CHUNK_BYTES or len(self._records) >= CHUNK_RECORDS:
            yield self._made(self.at)

    def _made(self, end: int) -> Chunk:
        """The chunk of what was added, up to a place."""
        line = self._line_of(end)
        chunk = Chunk(
            records=RawRecords.of(self._records),
            offsets=np.array(self._offsets, dtype=np.int64),
            lines=np.array(self._lines, dtype=np.int64),
            first_line=self._first + 1,
            line_count=line - self._first,
            byte_count=self.base + end - self._first_byte,
            refused=tuple(self._refused),
        )
        self._begin()
        return chunk

    def _until_fault(self, parts: Iterator[_T]) -> Generator[_T, None, Unreadable | None]:
        """The parts of the document in front of its first fault; returns the fault, None if there is none."""
        try:
            yield from parts
        except Unreadable as error:
            return error
        except TooMuch as error:
            return self._fault(self.at, str(error))
        return None

    def _expected(self, what: str, at: int) -> Unreadable:
        if at == len(self.data) and not self._ended:
            self._fill(at)
            at = 0
        seen = (
            repr(self.data[at : at + 20].decode("utf-8", "replace"))
            if at < len(self.data)
            else "the end of the document"
        )
        line = self._line_of(at) + 1
        return self._fault(at, f"expected {what}, got {seen} at byte {self.base + at:,} (line {line:,})")

    def _fault(self, at: int, message: str) -> Unreadable:
        return Unreadable(message, self.base + at, self._line_of(at) + 1)
