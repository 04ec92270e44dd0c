"""Replaces few rows of an Avro part: blocks without such a row are copied as they are, compressed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Self

import numpy as np

from transforms.avro.blocks import Block, Longs, RowType
from transforms.avro.codecs import decompress_block
from transforms.avro.numbers import EncodingError, long
from transforms.avro.parts import CHECK_BYTES, CODEC, framed, header, marker

_Bytes = bytes | memoryview


class Damaged(ValueError):  # noqa: N818 - what was found, as `Unreadable`
    """A part is not what was written: a block cannot be read, or its rows have another checksum."""


class _StoredBlock(NamedTuple):
    """Where a block is in the container: its beginning, its rows, and the range of its compressed bytes."""

    begin: int
    rows: int
    start: int
    stop: int


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
        self._blocks = [*_stored_blocks(self._data, len(begin), self._marker)]

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
        added = _Added.of(rows, _before(removed, places), self.row_type)
        yield self._header
        ends = np.cumsum([block.rows for block in self._blocks], dtype=np.int64)
        removed_until = np.searchsorted(removed, ends).tolist()
        added_until = np.searchsorted(added.before, ends).tolist()
        if self._blocks:
            added_until[-1] = len(added.before)  # also what stands behind all rows
        copied = None  # where the unchanged bytes begin
        first = removed_from = added_from = pending_count = 0
        pending = b""
        for block, removed_to, added_to in zip(self._blocks, removed_until, added_until, strict=True):
            removes, adds = removed_to > removed_from, added_to > added_from
            if not (removes or adds or pending_count):
                copied = block.begin if copied is None else copied
            else:
                if copied is not None:
                    yield self._data[copied : block.begin]
                    copied = None
                with _damage():
                    data, count = self._rows_of(block), block.rows
                    if removes or adds:
                        old = (removed[removed_from:removed_to] - first).tolist()
                        data = b"".join(
                            added.edited(data, self.row_type.row_starts(data, count), old, first, added_from, added_to)
                        )
                        count += added_to - added_from - len(old)
                    blocks, pending_count, pending = self.row_type.cut(pending + data, pending_count + count)
                yield from framed(blocks, self._marker)
            first, removed_from, added_from = first + block.rows, removed_to, added_to
        if copied is not None:
            yield self._data[copied:]
        if not self._blocks:
            blocks, pending_count, pending = self.row_type.cut(added.data, len(added.before))
            yield from framed(blocks, self._marker)
        if pending_count:
            yield from framed([(pending_count, pending)], self._marker)

    def _rows_of(self, block: _StoredBlock) -> bytes:
        """The encoded rows of a block.

        Raises:
            ValueError: The block is corrupt, or has another checksum.
        """
        return decompress_block(bytes(self._data[block.start : block.stop]), CODEC)


class _Added(NamedTuple):
    """Rows that are added.

    Attributes:
        data: Their encodings.
        starts: Where each begins, and where the last ends: N + 1 offsets.
        before: For each the number of the old row before which it stands, ascending: int64[N].
    """

    data: bytes
    starts: Sequence[int]
    before: Longs

    @classmethod
    def of(cls, rows: Iterable[Block], before: Longs, row_type: RowType) -> Self:
        """The rows of some blocks."""
        blocks = [*rows]
        data = b"".join(of_block for _, of_block in blocks)
        return cls(data, row_type.row_starts(data, sum(count for count, _ in blocks)).tolist(), before)

    def edited(
        self, data: bytes, starts: Longs, removed: Sequence[int], first: int, added_from: int, added_to: int
    ) -> Iterator[bytes]:
        """The rows of a block without the removed ones and with some of these, as consecutive pieces.

        Args:
            data: The rows of the block.
            starts: Where each begins, and where the last ends: int64[n + 1].
            removed: Numbers of the removed ones in the block, ascending.
            first: Number of the first row of the block in the part.
            added_from: The first row that is added.
            added_to: The row behind the last one that is added.
        """
        bounds = starts.tolist()
        edits = [(row, True, 0) for row in removed]
        befores = (self.before[added_from:added_to] - first).tolist()
        edits += [(min(row, len(bounds) - 1), False, added_from + n) for n, row in enumerate(befores)]
        at = 0
        for row, is_removed, number in sorted(edits):
            yield data[at : bounds[row]]
            if is_removed:
                at = bounds[row + 1]
            else:
                at = bounds[row]
                yield self.data[self.starts[number] : self.starts[number + 1]]
        yield data[at:]


def _stored_blocks(data: memoryview, at: int, sync_marker: bytes) -> Iterator[_StoredBlock]:
    """The blocks of a container from a place on.

    Raises:
        Damaged: There is something else.
    """
    while at < len(data):
        begin = at
        try:
            count, at = long(data, at)
            size, at = long(data, at)
        except (EncodingError, IndexError) as error:
            raise Damaged("expected the numbers of a block") from error
        stop = at + size
        after = stop + len(sync_marker)
        if count < 0 or size <= CHECK_BYTES or data[stop:after] != sync_marker:
            raise Damaged("expected blocks, each with this marker behind it")
        yield _StoredBlock(begin, count, at, stop)
        at = after


@contextmanager
def _damage() -> Iterator[None]:
    """Turns what is found wrong with a block into `Damaged`."""
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
