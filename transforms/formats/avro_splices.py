"""An Avro part in which few rows change: all blocks that have none of them are copied as they are, compressed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import numpy as np

from transforms.formats.avro_blocks import MOST_ROWS, Block, Longs, RowType, cut
from transforms.formats.avro_parts import SNAPPY, framed, header, marker

try:
    from transforms.formats import _avro_rows
except ImportError:  # no compiler where the package was installed
    _avro_rows = None  # type: ignore[assignment]

_Bytes = bytes | memoryview


def can_splice() -> bool:
    """Whether the extension is there that finds rows in a block; else parts are written anew."""
    return _avro_rows is not None


class AvroPart:
    """A container that `avro_container` made, of which only those blocks are looked at that change."""

    @classmethod
    def of(cls, data: _Bytes, schema: Mapping[str, object]) -> Self | None:
        """A container of rows of a schema; None where it begins otherwise than one that is written now.

        Another release of the library may have written the header in another way: then all has to be written anew.
        """
        begin = header(schema)
        return cls(data, schema, begin) if memoryview(data)[: len(begin)] == begin else None

    def __init__(self, data: _Bytes, schema: Mapping[str, object], begin: bytes) -> None:
        """Takes the bytes, the schema of their rows, and the header that they begin with.

        Raises:
            ValueError: The container is damaged.
        """
        self._data = memoryview(data)
        self._type = RowType(schema)
        self._marker = marker(schema)
        self._header = begin
        table = np.frombuffer(_avro_rows.blocks(self._data, len(self._header), self._marker), np.int64)
        self._begins = table[::4].tolist()  # of each block, and where the last one ends
        self._counts, self._payloads, self._sizes = (table[column::4].tolist() for column in (1, 2, 3))
        self._firsts = [0, *np.cumsum(table[1::4]).tolist()]

    def spliced(self, gone: Longs, rows: Iterable[Block], places: Longs) -> Iterator[_Bytes]:
        """The container with other rows, piece by piece: the bytes that `avro_container` gives of all rows it has then.

        Args:
            gone: Rows that are left out, ascending: int64[G].
            rows: The N rows that come in, encoded.
            places: Their numbers in the result, ascending: int64[N].

        Raises:
            ValueError: The rows are not of the schema of the part.
        """
        new = [*rows]
        data, count = b"".join(of_block for _, of_block in new), sum(height for height, _ in new)
        before = _before(gone, places)
        of_row = (self._type.code, self._type.naming, self._type.least)
        edits = (gone, data, self._type.row_starts(data, count), before)
        yield self._header
        touched = iter([*self._touched(gone, before), len(self._counts)])
        last = len(self._counts) - 1
        if last < 0:
            blocks, _, _ = _avro_rows.cut(b"", 0, True, *of_row, 0, 0, *edits)  # noqa: FBT003
            yield from framed(blocks, self._marker)
        at, carried, rest = 0, 0, b""  # the first block that is not in the result yet, and rows that are in no block
        following = next(touched)
        while at <= last:
            while following < at:
                following = next(touched)
            if not carried and following > at:
                yield self._data[self._begins[at] : self._begins[following]]
                at = following
                continue
            blocks, carried, rest = _avro_rows.cut(
                rest + self._block(at) if carried else self._block(at),
                carried + self._counts[at],
                at == last,
                *of_row,
                carried,
                self._firsts[at],
                *edits,
            )
            yield from framed(blocks, self._marker)
            at += 1

    def restated(self, field: int, was: bytes, now: bytes) -> Iterator[_Bytes]:
        """The container with another text in one field, wherever it is `was`; both have one length."""
        yield self._header
        code = self._type.code
        blocks = (
            (count, _avro_rows.restated(self._block(number), count, code, field, was, now))
            for number, count in enumerate(self._counts)
        )
        yield from framed(cut(blocks, self._type) if self._is_cut_otherwise else blocks, self._marker)

    @property
    def _is_cut_otherwise(self) -> bool:
        """Whether blocks end by another rule than that of `avro_blocks`, as they did at first."""
        return max(self._counts, default=0) > MOST_ROWS

    def _touched(self, gone: Longs, before: Longs) -> list[int]:
        """The blocks in which rows go or come; all where blocks were cut by another rule."""
        if self._is_cut_otherwise:
            return [*range(len(self._counts))]
        found = np.searchsorted(self._firsts[1:], np.concatenate([gone, before]), side="right")
        touched: list[int] = np.unique(np.minimum(found, len(self._counts) - 1)).tolist()
        return touched

    def _block(self, number: int) -> bytes:
        """The rows of a block, as they are encoded."""
        start, stop = self._payloads[number], self._begins[number + 1] - len(self._marker) - 4
        found: bytes = SNAPPY.decompress(self._data[start:stop], self._sizes[number], asbytes=True)
        return found


def _before(gone: Longs, places: Longs) -> Longs:
    """For each row that comes in the number of the row that is there, or goes, before which it stands: int64[N]."""
    left = places - np.arange(len(places))  # so many of those that stay are before it
    return left + np.searchsorted(gone - np.arange(len(gone)), left, side="left")
