"""Splits parsed raw records into the records of a group, with the place of each, for checks of columns (FORMATS 2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.normalize.columns import Origin, Rejected
from transforms.rules.export_rows import Group, records
from transforms.rules.rejections import Code, Fault, shown
from transforms.rules.values import JsonValue, Record


@dataclass(frozen=True, slots=True)
class Pieces:
    """N records, frames or parts of export rows, and where they come from.

    Attributes:
        records: The N records themselves.
        positions: The position of the raw record of each in the chunk: int64[N].
        parts: Which part of it each is, below 2**32: int64[N].
    """

    records: Sequence[Record]
    positions: Positions
    parts: Positions

    def position(self, place: int) -> int:
        """The position of the raw record of one of them."""
        return int(self.positions[place])

    def at(self, places: Sequence[int], records: Sequence[Record] | None = None) -> "Pieces":
        """Those at some places, with other records in their place if these are given."""
        if records is None:
            records = [self.records[place] for place in places]
        where = np.asarray(places, np.int64)
        return Pieces(records, self.positions[where], self.parts[where])

    def places_of(self, positions: Collection[int]) -> set[int]:
        """The places of those whose raw records are at some positions."""
        return set(np.flatnonzero(np.isin(self.positions, list(positions))).tolist()) if positions else set()

    def source(self, places: Sequence[int], inner: Sequence[int] | None, origin: Origin) -> list[pl.Series]:
        """The SOURCE columns of rows.

        Args:
            places: Whose rows they are, among these records.
            inner: Which part of its record each row is, 0 for the record itself; None if all are records.
            origin: The places of all raw records.
        """
        where = np.asarray(places, np.int64)
        parts = self.parts[where]
        if inner is not None:
            # Parts of an export row are below 2**32: segments of different masks never share a part.
            own = np.asarray(inner, np.int64)
            parts = np.where(own > 0, (parts << 32) + own, parts)
        return origin.columns(self.positions[where], parts)


def pieces_of(
    values: Sequence[JsonValue], left: Sequence[int], faults: Collection[int], group: Group
) -> tuple[Pieces, list[Rejected]]:
    """The records of the group in the values of raw records at the positions `left`, and what is no object.

    `faults` are the places of the values that could not be parsed.
    """
    single = [value for value in values if type(value) is dict and "item" not in value and "scene" not in value]
    if len(single) == len(values):
        return Pieces(single, np.asarray(left, np.int64), np.zeros(len(single), np.int64)), []
    found: list[Record] = []
    positions: list[int] = []
    parts: list[int] = []
    rejected: list[Rejected] = []
    for place, (position, value) in enumerate(zip(left, values, strict=True)):
        if place in faults:
            continue
        for part, record in enumerate(records(value, group)):
            if isinstance(record, dict):
                found.append(record)
                positions.append(position)
                parts.append(part)
            else:
                fault = Fault(Code.NOT_AN_OBJECT, f"expected an object, got {shown(record)}")
                rejected.append(Rejected(group, position, None, fault))
    return Pieces(found, np.array(positions, np.int64), np.array(parts, np.int64)), rejected
