"""Replaces few rows of an Avro part: blocks without such a row are copied as they are, compressed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import numpy as np

from transforms.avro.blocks import Block, Longs, RowType
from transforms.avro.parts import framed, header, marker

try:
    from transforms.avro import _avro_rows
except ImportError:  # no compiler where the package was installed
    _avro_rows = None  # type: ignore[assignment]

_Bytes = bytes | memoryview
_ENTRY_BYTES = 32
"""Of a block, in the table that the extension makes: four int64."""
_PIECE_BYTES = 1 << 20
"""About so many bytes of rows are read before the changed ones are handed on."""


def can_splice() -> bool:
    """Whether the extension is built that finds rows in a block; without it parts are rewritten whole."""
    return _avro_rows is not None


class Damaged(ValueError):  # noqa: N818 - what was found, as `Unreadable`
    """A part is not what was written: a block cannot be read, or its rows have another checksum."""


class AvroPart:
    """A container that `avro_container` wrote; of its blocks only those that change are decompressed.

    Attributes:
        row_type: Of its rows.
    """

    @classmethod
    def of(cls, data: _Bytes, schema: Mapping[str, object]) -> Self | None:
        """The container of rows of a schema; None where its rows cannot be replaced, and it has to be rewritten whole.

        That is so if another release of the Avro library wrote its header in another way, or if it is damaged.
        """
        begin = header(schema)
        try:
            return cls(data, schema, begin) if memoryview(data)[: len(begin)] == begin else None
        except Damaged:
            return None

    def __init__(self, data: _Bytes, schema: Mapping[str, object], begin: bytes) -> None:
        """Finds the blocks of a container, given its bytes, the schema of its rows and its header.

        Raises:
            Damaged: What follows the header is no sequence of blocks.
        """
        self._data = memoryview(data)
        self.row_type = RowType(schema)
        self._marker = marker(schema)
        self._header = begin
        with _damage():
            self._table = _avro_rows.blocks(self._data, len(begin), self._marker)
        self._count = len(self._table) // _ENTRY_BYTES

    def spliced(self, removed: Longs, rows: Iterable[Block], places: Longs) -> Iterator[_Bytes]:
        """The container with rows removed and added, piece by piece: the bytes that `avro_container` gives of all rows.

        Args:
            removed: Numbers of the rows that are left out, ascending: int64[R].
            rows: The N rows that are added, encoded.
            places: Their numbers in the result, ascending: int64[N].

        Raises:
            ValueError: The rows are not of the schema of the part.
            Damaged: A block that changes is damaged.
        """
        added = [*rows]
        data, count = b"".join(of_block for _, of_block in added), sum(height for height, _ in added)
        edits = (removed, data, self.row_type.row_starts(data, count), _before(removed, places))
        of_row = (self.row_type.code, self.row_type.naming, self.row_type.least)
        yield self._header
        at = 0
        while True:
            with _damage():
                pieces, at = _avro_rows.spliced(
                    self._data, self._table, self._marker, *of_row, *edits, at, _PIECE_BYTES
                )
            for first, second in pieces:
                if isinstance(second, bytes):
                    yield from framed([(first, second)], self._marker)
                else:
                    yield self._data[first:second]
            if at == self._count:
                return


@contextmanager
def _damage() -> Iterator[None]:
    """Turns what the extension finds wrong with a block into `Damaged`."""
    try:
        yield
    except ValueError as error:
        raise Damaged(*error.args) from error


def _before(removed: Longs, places: Longs) -> Longs:
    """For each added row the number of the old row, kept or removed, before which it stands: int64[N].

    Args:
        removed: Numbers of the removed rows, ascending: int64[R].
        places: Numbers of the added rows in the result, ascending: int64[N].
    """
    kept_before = places - np.arange(len(places))
    return kept_before + np.searchsorted(removed - np.arange(len(removed)), kept_before, side="left")
