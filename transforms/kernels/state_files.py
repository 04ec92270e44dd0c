"""A state file: the rows of one group of a partition, and perhaps rows laid over some of them by later jobs.

A job that changes few rows leaves the others encoded as they are: what it replaces is only named, and what comes
instead stands behind. Whoever reads the file gets the rows in the order of their identity, as if they were one batch.
"""

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import polars as pl

from transforms.kernels.batch import Batch, EncodedBatch, Positions
from transforms.kernels.contents import canonical, together

_HEADER = struct.Struct("<4sQQQQ")
_MAGIC = b"MEO1"
_FEW = 8
"""Rows are laid over as long as those beneath are so many times more; then all are written anew."""


@dataclass(frozen=True, slots=True)
class StateFile:
    """The bytes of a state file, of which only what is asked for is decoded.

    Attributes:
        records: How many rows it has.
        base: A batch, as `Batch.to_bytes` gives it.
        beneath: The same, of which what was decoded stays so.
        gone: Rows of the base that count no more, ascending: int64[G].
        above: The rows laid over, likewise a batch; None where there are none.
        places: The numbers of these among all rows, ascending: int64[A].
    """

    records: int
    base: bytes
    beneath: EncodedBatch
    gone: Positions
    above: bytes | None
    places: Positions

    @classmethod
    def of(cls, data: bytes, records: int) -> Self:
        """What `to_bytes` wrote, given how many rows it has."""
        nowhere = np.empty(0, np.int64)
        if data[:4] != _MAGIC:
            return cls(records, data, EncodedBatch(data), nowhere, None, nowhere)
        _, base, gone, places, above = _HEADER.unpack_from(data)
        bounds = np.cumsum([_HEADER.size, base, gone, places, above]).tolist()
        pieces = [data[start:stop] for start, stop in pairwise(bounds)]
        removed, numbers = (np.frombuffer(piece, np.int64) for piece in pieces[1:3])
        return cls(records, pieces[0], EncodedBatch(pieces[0]), removed, pieces[3], numbers)

    def to_bytes(self) -> bytes:
        """The bytes of the file."""
        if self.above is None:
            return self.base
        pieces = (self.base, self.gone.tobytes(), self.places.tobytes(), self.above)
        return b"".join((_HEADER.pack(_MAGIC, *map(len, pieces)), *pieces))

    def batch(self) -> Batch:
        """All rows."""
        return self._put_together(Batch.from_bytes(self.base), Batch.from_bytes)

    def part(self, names: Collection[str], keys: Collection[str]) -> Batch:
        """All rows with the columns of these names and the cells of these keys alone."""
        beneath = self.beneath.part(names, keys)
        return self._put_together(beneath, lambda above: EncodedBatch(above).part(names, keys))

    def reference_ids(self) -> pl.Series:
        """The reference id of each row."""
        return self.part(("reference_id",), ()).rows["reference_id"]

    def rows(self, positions: Positions) -> Batch:
        """The rows of these numbers, ascending: int64[N]."""
        origins = self._origins()[positions]
        beneath = self.beneath.at(origins[origins < self._count])
        if self.above is None:
            return beneath
        over = Batch.from_bytes(self.above).take(origins[origins >= self._count] - self._count)
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
        above = rows
        if is_over.any() and self.above is not None:
            over = Batch.from_bytes(self.above).take(left[is_over] - self._count)
            above = together([over, rows])
        standing = np.concatenate([numbers[is_over], places])
        order = np.argsort(standing)
        layered = type(self)(
            records=len(numbers) + len(places),
            base=self.base,
            beneath=self.beneath,
            gone=removed,
            above=canonical(above.take(order)).to_bytes(),
            places=standing[order],
        )
        if len(standing) * _FEW <= self._count:
            return layered
        nowhere = np.empty(0, np.int64)
        whole = canonical(together([layered.batch()])).to_bytes()
        return type(self)(layered.records, whole, EncodedBatch(whole), nowhere, None, nowhere)

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

    def _put_together(self, beneath: Batch, decoded: Callable[[bytes], Batch]) -> Batch:
        if self.above is None:
            return beneath
        return Batch.concatenated([beneath, decoded(self.above)]).take(self._origins())
