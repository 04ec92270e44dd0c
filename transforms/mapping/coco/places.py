"""Says where in a COCO document the records of a chunk are, as numbers that ascend (`transforms.mapping.maps.Map`)."""

from dataclasses import replace
from typing import Final

from transforms.formats.chunks import Chunk
from transforms.formats.document_lists import ListPart
from transforms.mapping.chunk_builder import ChunkBuilder
from transforms.mapping.coco.records import Made
from transforms.mapping.coco.tokens import value_of
from transforms.rules.rejections import Fault

_SEGMENT_BITS: Final = 20
_SEGMENTS: Final = 1 << 50
"""An offset that has this bit is that of a segment, or stands behind one: the number of the element, shifted, and that
of the segment from 1."""


def element_at(offset: int) -> tuple[int, int | None]:
    """The number of the element at an offset, and that of the segment in it, if it is one.

    >>> element_at(17), element_at(_SEGMENTS | 17 << _SEGMENT_BITS | 4)
    ((17, None), (17, 3))
    """
    if not offset & _SEGMENTS:
        return offset, None
    number, segment = divmod(offset ^ _SEGMENTS, 1 << _SEGMENT_BITS)
    return number, segment - 1 if segment else None


class Places:
    """Collects records with their places."""

    def __init__(self, key: str) -> None:
        """Begins without records.

        Args:
            key: Of the list in the document; "" if that is a list itself.
        """
        self.builder = ChunkBuilder()
        self._in = f"{key}." if key else ""
        self._has_segments = False

    def add(self, made: Made, number: int, line: int) -> None:
        """Adds what was made of an element, or refuses it."""
        offset = self._offset(number, made.segment)
        if isinstance(made.record, Fault):
            fault = made.record
            self.builder.refuse(
                fault.message, made.source, line=line, offset=offset, code=fault.code, field=fault.field
            )
        else:
            self.builder.add_text(made.record, made.source, line=line, offset=offset)
        for name, text in made.left:
            self.builder.set_aside(f"{self._in}{name}", value_of(text), line=line, offset=offset)

    def with_refused(self, part: ListPart, elements: Chunk) -> Chunk:
        """The chunk, with elements that were too large to be read (F4)."""
        chunk = self.builder.made(elements.byte_count)
        if not elements.refused:
            return chunk
        first = elements.first_line or 0
        numbers = part.numbers_of_refused()
        found = [
            replace(each, offset=self._offset(number, None), line=each.line + first)
            for number, each in zip(numbers, elements.refused, strict=True)
        ]
        return replace(chunk, refused=(*chunk.refused, *found))

    def _offset(self, number: int, segment: int | None) -> int:
        """Where an element or segment is, as one number; they ascend."""
        self._has_segments |= segment is not None
        if not self._has_segments:
            return number
        return _SEGMENTS | (number << _SEGMENT_BITS) | (0 if segment is None else segment + 1)
