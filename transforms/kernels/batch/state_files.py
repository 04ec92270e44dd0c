"""A state file: the rows of one group of a partition, and perhaps rows laid over some of them by later jobs.

A job that changes few rows leaves the others in the file that they are in: its own names those that it replaces, and
has what comes instead. Whoever reads both gets the rows in the order of their identity, as if they were one batch.
"""

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.arrow_ipc import Stored
from transforms.kernels.batch.batch import Batch, EncodedBatch, Positions
from transforms.kernels.batch.row_equality import canonical, together

_HEADER = struct.Struct("<4s8xQQQ")
_MAGIC = b"MEO2"
"""What a file begins with that names rows of another one, and has those that come in their place."""
Mask: TypeAlias = npt.NDArray[np.bool_]
_FEW = 8
"""Rows are laid over as long as those beneath are so many times more; then all are written anew."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """The bytes of a state file and of what it is laid over, of which only what is asked for is decoded.

    Attributes:
        records: How many rows it has.
        base: Rows that were written together.
        gone: Those of them that count no more, ascending: int64[G].
        above: The rows laid over; None where there are none.
        places: The numbers of these among all rows, ascending: int64[A].
    """

    records: int
    base: EncodedBatch
    gone: Positions
    above: EncodedBatch | None
    places: Positions

    @classmethod
    def of(
        cls,
        data: bytes | memoryview,
        records: int,
        base: bytes | memoryview = b"",
        stored: Stored | None = None,
        stored_base: Stored | None = None,
    ) -> Self:
        """Reads a file.

        Args:
            data: What `to_bytes` gave, or a batch.
            records: How many rows there are.
            base: The batch that the file is laid over, if it is.
            stored: What its columns have to be like where it comes from storage.
            stored_base: Likewise of the base.

        Raises:
            ValueError: These are no bytes of a state file, or not of so many rows.
            DamagedFileError: Its columns, of what is stored, are other ones.
        """
        nowhere = np.empty(0, np.int64)
        data = memoryview(data)
        if data[:4] != _MAGIC:
            return cls(records, EncodedBatch(data, stored), nowhere, None, nowhere)
        _, gone, places, above = _HEADER.unpack_from(data)
        sizes = [_HEADER.size, gone, places, above]
        if sum(sizes) != len(data):
            raise ValueError(f"expected {sum(sizes)} bytes by its header, got {len(data)}")
        pieces = [data[start:stop] for start, stop in pairwise(accumulate(sizes))]
        removed, numbers = (np.frombuffer(piece, np.int64) for piece in pieces[:2])
        count = records + len(removed) - len(numbers)
        _check_numbers(removed, count)
        _check_numbers(numbers, records)
        whole = EncodedBatch(base, None if stored_base is None else replace(stored_base, rows=count))
        over = None if stored is None else replace(stored, rows=len(numbers))
        return cls(records, whole, removed, EncodedBatch(pieces[2], over), numbers)

    def to_bytes(self) -> bytes:
        """What is laid over the base, as the bytes of a file; all rows where there is nothing."""
        if self.above is None:
            return bytes(self.base.data)
        pieces = (self.gone.tobytes(), self.places.tobytes(), self.above.data)
        return b"".join((_HEADER.pack(_MAGIC, *map(len, pieces)), *pieces))

    def batch(self) -> Batch:
        """All rows."""
        return self._put_together(EncodedBatch.batch)

    def part(self, names: Collection[str], keys: Collection[str]) -> Batch:
        """All rows with the columns of these names and the cells of these keys alone."""
        return self._put_together(lambda encoded: encoded.part(names, keys))

    def reference_ids(self) -> pl.Series:
        """The reference id of each row."""
        return self.part(("reference_id",), ()).rows["reference_id"]

    def layers(self, meant: Mask) -> Iterator[tuple[EncodedBatch, Mask]]:
        """The rows written together and those laid over them, each with which of them are meant: bool[rows].

        Args:
            meant: Which of all rows are: bool[records].
        """
        kept = self._origins()[meant]
        layers = ((self.base, 0, self._count), (self.above, self._count, len(self.places)))
        for encoded, first, count in layers:
            if encoded is not None:
                of_layer = np.zeros(count, np.bool_)
                of_layer[kept[(kept >= first) & (kept < first + count)] - first] = True
                yield encoded, of_layer

    def keep(self) -> None:
        """Decompresses all of it at once: much is going to be asked for."""
        for encoded in (self.base, self.above):
            if encoded is not None:
                encoded.keep()

    def forget(self) -> None:
        """Keeps of what was decoded only the bytes that it is in."""
        for encoded in (self.base, self.above):
            if encoded is not None:
                encoded.forget()

    def rows(self, positions: Positions) -> Batch:
        """The rows of these numbers, ascending: int64[N]."""
        origins = self._origins()[positions]
        beneath = self.base.at(origins[origins < self._count])
        if self.above is None:
            return beneath
        over = self.above.at(origins[origins >= self._count] - self._count)
        order = np.argsort(np.argsort(origins >= self._count, kind="stable"), kind="stable")
        return Batch.concatenated([beneath, over]).take(order)

    def replaced(self, gone: Positions, rows: Batch, places: Positions) -> Self:
        """The file after some of its rows have gone, given by their numbers, and others stand at these places.

        Args:
            gone: int64[G], ascending.
            rows: N rows, in the order of their identity.
            places: Their numbers among all rows there are then, ascending: int64[N].
        """
        origins = self._origins()
        out = origins[gone]
        removed = np.union1d(self.gone, out[out < self._count])
        left = np.delete(origins, gone)
        numbers = np.delete(np.arange(len(left) + len(places)), places)  # of what is left
        is_over = left >= self._count
        over = [] if self.above is None else [self.above.at(left[is_over] - self._count)]
        standing = np.concatenate([numbers[is_over], places])
        order = np.argsort(standing)
        above = together([*over, rows])  # what else came with these rows does not show in the file (P3)
        layered = type(self)(
            records=len(numbers) + len(places),
            base=self.base,
            gone=removed,
            above=EncodedBatch(canonical(above.take(order)).to_bytes()),
            places=standing[order],
        )
        if len(standing) * _FEW <= self._count:
            return layered
        return self.of(canonical(together([layered.batch()])).to_bytes(numbered=True), layered.records)

    @property
    def _count(self) -> int:
        """How many rows the base has, those that are gone among them."""
        return self.records + len(self.gone) - len(self.places)

    def _origins(self) -> Positions:
        """For each row where it is in the base, or behind all of the base among the rows laid over: int64[records]."""
        origins = np.empty(self.records, np.int64)
        is_over = np.zeros(self.records, np.bool_)
        is_over[self.places] = True
        origins[is_over] = np.arange(self._count, self._count + len(self.places))
        origins[~is_over] = np.delete(np.arange(self._count), self.gone)
        return origins

    def _put_together(self, decoded: Callable[[EncodedBatch], Batch]) -> Batch:
        beneath = decoded(self.base)
        if self.above is None:
            return beneath
        return Batch.concatenated([beneath, decoded(self.above)]).take(self._origins())


def _check_numbers(numbers: Positions, count: int) -> None:
    """Raises ValueError where these are not numbers of so many rows, ascending: int64[N]."""
    if len(numbers) and (numbers[0] < 0 or numbers[-1] >= count or (np.diff(numbers) <= 0).any()):
        raise ValueError(f"expected numbers of {count} rows, ascending")
