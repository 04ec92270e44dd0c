"""An Avro part in which few rows change: all blocks that have none of them are copied as they are, compressed."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import numpy as np

from transforms.avro.blocks import MOST_ROWS, Block, Longs, RowType, cut
from transforms.avro.parts import framed, header, marker
from transforms.avro.snappy import Word, compressing, uncompressed, with_other_ends

try:
    from transforms.avro import _avro_rows
except ImportError:  # no compiler where the package was installed
    _avro_rows = None  # type: ignore[assignment]

_Bytes = bytes | memoryview
_CHECKSUM_BYTES = 4
_PIECE_BYTES = 1 << 20
"""About so many bytes of rows are looked at before those are handed on that have changed."""


def can_splice() -> bool:
    """Whether the extension is there that finds rows in a block; else parts are written anew."""
    return _avro_rows is not None


class Damaged(ValueError):  # noqa: N818 - what was found, as `Unreadable`
    """A part is not what was written: a block is no block, or its rows have another checksum."""


class AvroPart:
    """A container that `avro_container` made, of which only those blocks are looked at that change.

    Attributes:
        row_type: Of its rows.
    """

    @classmethod
    def of(cls, data: _Bytes, schema: Mapping[str, object]) -> Self | None:
        """A container of rows of a schema; None where it is none that can be gone on from, and has to be written anew.

        Another release of the library may have written the header in another way, or the container is damaged.
        """
        begin = header(schema)
        try:
            return cls(data, schema, begin) if memoryview(data)[: len(begin)] == begin else None
        except Damaged:
            return None

    def __init__(self, data: _Bytes, schema: Mapping[str, object], begin: bytes) -> None:
        """Takes the bytes, the schema of their rows, and the header that they begin with.

        Raises:
            Damaged: These are no blocks.
        """
        self._data = memoryview(data)
        self.row_type = RowType(schema)
        self._marker = marker(schema)
        self._header = begin
        with _damage():
            self._table = _avro_rows.blocks(self._data, len(begin), self._marker)
        numbers = np.frombuffer(self._table, np.int64)
        self._blocks, self._ends = numbers[:-1].reshape(-1, 4), numbers[4::4]

    def spliced(self, gone: Longs, rows: Iterable[Block], places: Longs) -> Iterator[_Bytes]:
        """The container with other rows, piece by piece: the bytes that `avro_container` gives of all rows it has then.

        Args:
            gone: Rows that are left out, ascending: int64[G].
            rows: The N rows that come in, encoded.
            places: Their numbers in the result, ascending: int64[N].

        Raises:
            ValueError: The rows are not of the schema of the part.
            Damaged: A block that changes is.
        """
        new = [*rows]
        data, count = b"".join(of_block for _, of_block in new), sum(height for height, _ in new)
        edits = (gone, data, self.row_type.row_starts(data, count), _before(gone, places))
        of_row = (self.row_type.code, self.row_type.naming, self.row_type.least)
        yield self._header
        at = 0
        while True:
            with _damage():
                pieces, at = _avro_rows.spliced(
                    self._data, self._table, self._marker, *of_row, self._is_cut_otherwise, *edits, at, _PIECE_BYTES
                )
            for first, second in pieces:
                if isinstance(second, bytes):
                    yield from framed([(first, second)], self._marker)
                else:
                    yield self._data[first:second]
            if at == len(self._blocks):
                return

    def reworded(self, word: Word) -> Iterator[_Bytes]:
        """The container with the second word wherever a row ends with the first, piece by piece.

        Its bytes are those that `avro_container` gives of such rows with that word.

        Raises:
            Damaged: A block is.
        """
        yield self._header
        compress = compressing(self.row_type, word)
        if self._is_cut_otherwise:
            blocks = (self._with_other_ends(number, word) for number in range(len(self._blocks)))
            yield from framed(cut(blocks, self.row_type), self._marker, compress)
            return
        at = 0
        while at < len(self._blocks):
            piece, at = _avro_rows.reworded(
                self._data, self._table, self._marker, self.row_type.code, word.was, word.now, at, _PIECE_BYTES
            )
            yield piece
            if len(piece) < _PIECE_BYTES and at < len(self._blocks):  # not each row of this one ends with the word
                yield from framed([self._with_other_ends(at, word)], self._marker, compress)
                at += 1

    @property
    def _is_cut_otherwise(self) -> bool:
        """Whether blocks end by another rule than that of `avro_blocks`, as they did at first."""
        return bool((self._blocks[:, 1] > MOST_ROWS).any())

    def _with_other_ends(self, number: int, word: Word) -> Block:
        """A block with the second word wherever a row ends with the first."""
        _, count, start, size = self._blocks[number].tolist()
        stop = int(self._ends[number]) - len(self._marker) - _CHECKSUM_BYTES
        with _damage():
            rows = uncompressed(self._data[start:stop], size)
            if zlib.crc32(rows).to_bytes(_CHECKSUM_BYTES) != self._data[stop : stop + _CHECKSUM_BYTES]:
                raise ValueError("expected rows with the checksum behind them")
            return count, with_other_ends((count, rows), self.row_type, word.was, word.now)[0]


@contextmanager
def _damage() -> Iterator[None]:
    """What is found out here of a block is that it is damaged."""
    try:
        yield
    except ValueError as error:
        raise Damaged(*error.args) from error


def _before(gone: Longs, places: Longs) -> Longs:
    """For each row that comes in the number of the row that is there, or goes, before which it stands: int64[N]."""
    left = places - np.arange(len(places))  # so many of those that stay are before it
    return left + np.searchsorted(gone - np.arange(len(gone)), left, side="left")
