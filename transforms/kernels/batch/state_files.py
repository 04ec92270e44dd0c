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
from transforms.kernels.batch.row_equality import canonical, consolidated_from

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
        removed: Those of them that count no more, ascending: int64[G].
        delta: The rows laid over; None where there are none.
        places: The numbers of these among all rows, ascending: int64[A].
    """

    records: int
    base: EncodedBatch
    removed: Positions
    delta: EncodedBatch | None
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
        _, removed_size, places_size, delta_size = _HEADER.unpack_from(data)
        sizes = [_HEADER.size, removed_size, places_size, delta_size]
        if sum(sizes) != len(data):
            raise ValueError(f"expected {sum(sizes)} bytes by its header, got {len(data)}")
        pieces = [data[start:stop] for start, stop in pairwise(accumulate(sizes))]
        removed, numbers = (np.frombuffer(piece, np.int64) for piece in pieces[:2])
        count = records + len(removed) - len(numbers)
        _check_numbers(removed, count)
        _check_numbers(numbers, records)
        whole = EncodedBatch(base, None if stored_base is None else replace(stored_base, rows=count))
        delta_stored = None if stored is None else replace(stored, rows=len(numbers))
        return cls(records, whole, removed, EncodedBatch(pieces[2], delta_stored), numbers)

    def to_bytes(self) -> bytes:
        """What is laid over the base, as the bytes of a file; all rows where there is nothing."""
        if self.delta is None:
            return bytes(self.base.data)
        pieces = (self.removed.tobytes(), self.places.tobytes(), self.delta.data)
        return b"".join((_HEADER.pack(_MAGIC, *map(len, pieces)), *pieces))

    def batch(self) -> Batch:
        """All rows."""
        return self._combined(EncodedBatch.batch)

    def part(self, names: Collection[str], keys: Collection[str]) -> Batch:
        """All rows with the columns of these names and the cells of these keys alone."""
        return self._combined(lambda encoded: encoded.part(names, keys))

    def reference_ids(self) -> pl.Series:
        """The reference id of each row."""
        return self.part(("reference_id",), ()).rows["reference_id"]

    def layers(self, selected: Mask) -> Iterator[tuple[EncodedBatch, Mask]]:
        """The rows written together and those laid over them, each with which of them are meant: bool[rows].

        Args:
            selected: Which of all rows are: bool[records].
        """
        kept = self._origins()[selected]
        layers = ((self.base, 0, self._count), (self.delta, self._count, len(self.places)))
        for encoded, first, count in layers:
            if encoded is not None:
                of_layer = np.zeros(count, np.bool_)
                of_layer[kept[(kept >= first) & (kept < first + count)] - first] = True
                yield encoded, of_layer

    def keep(self) -> None:
        """Decompresses all of it at once: much is going to be asked for."""
        for encoded in (self.base, self.delta):
            if encoded is not None:
                encoded.keep()

    def forget(self) -> None:
        """Keeps of what was decoded only the bytes that it is in."""
        for encoded in (self.base, self.delta):
            if encoded is not None:
                encoded.forget()

    def rows(self, positions: Positions) -> Batch:
        """The rows of these numbers, ascending: int64[N]."""
        origins = self._origins()[positions]
        base_rows = self.base.at(origins[origins < self._count])
        if self.delta is None:
            return base_rows
        delta_rows = self.delta.at(origins[origins >= self._count] - self._count)
        order = np.argsort(np.argsort(origins >= self._count, kind="stable"), kind="stable")
        return Batch.concatenated([base_rows, delta_rows]).take(order)

    def replaced(self, removed: Positions, rows: Batch, places: Positions) -> Self:
        """The file after some of its rows have gone, given by their numbers, and others stand at these places.

        Args:
            removed: int64[G], ascending.
            rows: N rows, in the order of their identity.
            places: Their numbers among all rows there are then, ascending: int64[N].
        """
        origins = self._origins()
        out = origins[removed]
        removed_from_base = np.union1d(self.removed, out[out < self._count])
        left = np.delete(origins, removed)
        numbers = np.delete(np.arange(len(left) + len(places)), places)  # of what is left
        is_delta = left >= self._count
        former = [] if self.delta is None else [self.delta.at(left[is_delta] - self._count)]
        standing = np.concatenate([numbers[is_delta], places])
        order = np.argsort(standing)
        delta = consolidated_from([*former, rows])  # what else came with these rows does not show in the file (P3)
        layered = type(self)(
            records=len(numbers) + len(places),
            base=self.base,
            removed=removed_from_base,
            delta=EncodedBatch(canonical(delta.take(order)).to_bytes()),
            places=standing[order],
        )
        if len(standing) * _FEW <= self._count:
            return layered
        return self.of(canonical(consolidated_from([layered.batch()])).to_bytes(numbered=True), layered.records)

    @property
    def _count(self) -> int:
        """How many rows the base has, those that are gone among them."""
        return self.records + len(self.removed) - len(self.places)

    def _origins(self) -> Positions:
        """For each row where it is in the base, or behind all of the base among the rows laid over: int64[records]."""
        origins = np.empty(self.records, np.int64)
        is_delta = np.zeros(self.records, np.bool_)
        is_delta[self.places] = True
        origins[is_delta] = np.arange(self._count, self._count + len(self.places))
        origins[~is_delta] = np.delete(np.arange(self._count), self.removed)
        return origins

    def _combined(self, decoded: Callable[[EncodedBatch], Batch]) -> Batch:
        base_rows = decoded(self.base)
        if self.delta is None:
            return base_rows
        return Batch.concatenated([base_rows, decoded(self.delta)]).take(self._origins())


def _check_numbers(numbers: Positions, count: int) -> None:
    """Raises ValueError where these are not numbers of so many rows, ascending: int64[N]."""
    if len(numbers) and (numbers[0] < 0 or numbers[-1] >= count or (np.diff(numbers) <= 0).any()):
        raise ValueError(f"expected numbers of {count} rows, ascending")
