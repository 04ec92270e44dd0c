"""State files: the rows of one group of a partition, as one base batch or as a base and a delta.

A job that changes few rows writes a delta: the numbers of base rows that are removed, and the rows that are added, with
their places among all rows. A reader of base and delta gets the rows in the order of their identity, as if they were
one batch. Versions share base files.
"""

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch, EncodedBatch, Positions
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.row_equality import canonical, consolidated_from

_HEADER = struct.Struct("<4s8xQQQ")
_MAGIC = b"MEO2"
"""Magic number of a delta, whose base is a file of its own."""
Mask: TypeAlias = npt.NDArray[np.bool_]
_FEW = 8
"""A delta is written as long as the base has this many times its rows; else all rows are written as a new base."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """The bytes of a state file and of its base, from which columns are decoded on access.

    Attributes:
        records: Number of rows.
        base: The base batch.
        removed: Positions of base rows that are removed, ascending: int64[G].
        delta: The added rows; None without a delta.
        places: Positions of the added rows among all rows, ascending: int64[A].
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
        stored: ExpectedColumns | None = None,
        stored_base: ExpectedColumns | None = None,
    ) -> Self:
        """Parses the header of a state file.

        Args:
            data: The bytes of `to_bytes`, or of a batch.
            records: Number of rows.
            base: The bytes of the base batch, if `data` is a delta.
            stored: The expected content of a file of a dataset.
            stored_base: Likewise of the base.

        Raises:
            ValueError: The bytes are no state file of so many rows.
            DamagedFileError: The columns of a stored file are not the expected ones.
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
        """The bytes of the delta; without a delta the bytes of the base."""
        if self.delta is None:
            return bytes(self.base.data)
        pieces = (self.removed.tobytes(), self.places.tobytes(), self.delta.data)
        return b"".join((_HEADER.pack(_MAGIC, *map(len, pieces)), *pieces))

    def batch(self) -> Batch:
        """All rows."""
        return self._combined(EncodedBatch.batch)

    def part(self, names: Collection[str], keys: Collection[str]) -> Batch:
        """All rows with the columns of these names and the cells of these keys only."""
        return self._combined(lambda encoded: encoded.part(names, keys))

    def reference_ids(self) -> pl.Series:
        """The reference id of each row."""
        return self.part(("reference_id",), ()).rows["reference_id"]

    def layers(self, selected: Mask) -> Iterator[tuple[EncodedBatch, Mask]]:
        """The base and the delta, each with its selected rows: bool[rows of the layer].

        Args:
            selected: The selected ones of all rows: bool[records].
        """
        kept = self._origins()[selected]
        layers = ((self.base, 0, self._count), (self.delta, self._count, len(self.places)))
        for encoded, first, count in layers:
            if encoded is not None:
                of_layer = np.zeros(count, np.bool_)
                of_layer[kept[(kept >= first) & (kept < first + count)] - first] = True
                yield encoded, of_layer

    def keep(self) -> None:
        """Decompresses all columns at once, before access to several of them."""
        for encoded in (self.base, self.delta):
            if encoded is not None:
                encoded.keep()

    def forget(self) -> None:
        """Drops the decompressed columns."""
        for encoded in (self.base, self.delta):
            if encoded is not None:
                encoded.forget()

    @property
    def kept_bytes(self) -> int:
        """The size of the decompressed columns, as `keep` leaves them."""
        return sum(0 if encoded is None else encoded.kept_bytes for encoded in (self.base, self.delta))

    def rows(self, positions: Positions) -> Batch:
        """The rows at these positions, ascending: int64[N]."""
        if self.delta is None:
            return self.base.at(positions)
        origins = self._origins()[positions]
        base_rows = self.base.at(origins[origins < self._count])
        delta_rows = self.delta.at(origins[origins >= self._count] - self._count)
        order = np.argsort(np.argsort(origins >= self._count, kind="stable"), kind="stable")
        return Batch.concatenated([base_rows, delta_rows]).take(order)

    def replaced(self, removed: Positions, rows: Batch, places: Positions) -> Self:
        """The state file with some rows removed and others added, as a delta or as a new base.

        Args:
            removed: Positions of removed rows, ascending: int64[G].
            rows: N added rows, in the order of their identity.
            places: Their positions among all rows of the result, ascending: int64[N].
        """
        origins = self._origins()
        out = origins[removed]
        removed_from_base = np.union1d(self.removed, out[out < self._count])
        remaining = np.delete(origins, removed)
        numbers = np.delete(np.arange(len(remaining) + len(places)), places)  # positions of the remaining rows
        is_delta = remaining >= self._count
        former = [] if self.delta is None else [self.delta.at(remaining[is_delta] - self._count)]
        standing = np.concatenate([numbers[is_delta], places])
        order = np.argsort(standing)
        delta = consolidated_from([*former, rows])  # the layout depends on these rows alone (P3)
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
        """Number of rows of the base, including removed ones."""
        return self.records + len(self.removed) - len(self.places)

    def _origins(self) -> Positions:
        """The position of each row in the concatenation of base and delta: int64[records]."""
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
    """Raises ValueError unless these are ascending positions below `count`: int64[N]."""
    if len(numbers) and (numbers[0] < 0 or numbers[-1] >= count or (np.diff(numbers) <= 0).any()):
        raise ValueError(f"expected numbers of {count} rows, ascending")
