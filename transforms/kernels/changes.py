"""The few rows of a group of a partition that a job touches: all others are neither decoded nor looked at.

Rows that are decided together have one reference id (`kernels.merging`). So those with another id than any that a job
brings stay as they are, and what the job makes of the others can be laid over them.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from transforms.kernels.batch import Batch, Positions
from transforms.kernels.fields import summarize
from transforms.kernels.metadata import FORMS
from transforms.kernels.state_files import StateFile
from transforms.rules.coordinates import PAIRS
from transforms.rules.fields import GroupSummary
from transforms.rules.retraction import replaced_group

FEW = 4
"""Rows are looked at alone where the dataset holds so many times more than a job brings."""
_EVERY = 2**62
"""As a limit: all strings are counted."""
_HEADER = struct.Struct("<QQQ")


@dataclass(frozen=True, slots=True)
class Changes:
    """What a job changes in the rows of a group of a partition.

    Attributes:
        gone: The numbers of rows that were there before, ascending: int64[G].
        before: These G rows.
        after: The N rows that are there instead; some may say what they said before.
        places: Their numbers among all rows there are then, ascending: int64[N].
    """

    gone: Positions
    before: Batch
    after: Batch
    places: Positions

    def to_bytes(self) -> bytes:
        """The changes as bytes."""
        pieces = (self.gone.tobytes(), self.places.tobytes(), self.before.to_bytes("lz4"))
        return b"".join((_HEADER.pack(*map(len, pieces)), *pieces, self.after.to_bytes("lz4")))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The changes that `to_bytes` wrote."""
        first, second, third = (np.cumsum(_HEADER.unpack_from(data)) + _HEADER.size).tolist()
        gone, places = (
            np.frombuffer(data[start:stop], np.int64) for start, stop in ((_HEADER.size, first), (first, second))
        )
        return cls(gone, Batch.from_bytes(data[second:third]), Batch.from_bytes(data[third:]), places)


@dataclass(frozen=True, slots=True)
class Touched:
    """The held rows whose reference id a job brings.

    Attributes:
        state: Where they are held, with all others.
        ids: The reference id of each row there, ascending.
        numbers: Theirs among all rows, ascending: int64[N].
        rows: These N rows.
    """

    state: StateFile
    ids: pl.Series
    numbers: Positions
    rows: Batch

    @classmethod
    def of(cls, state: StateFile, brought: Sequence[Batch]) -> Self:
        """The rows that these batches may touch."""
        named = pl.concat([batch.rows["reference_id"] for batch in brought]).unique()
        ids = state.reference_ids()
        numbers = np.flatnonzero(ids.is_in(named.implode()).to_numpy())
        return cls(state, ids, numbers, state.rows(numbers))

    def replaced(self, rows: Batch) -> tuple[StateFile, Changes]:
        """The state file with these rows in their place, and the changes that this makes."""
        others = np.ones(len(self.ids), np.bool_)
        others[self.numbers] = False
        left = self.ids.filter(pl.Series(others))
        came = rows.rows["reference_id"]
        places = left.search_sorted(came).to_numpy().astype(np.int64) + np.arange(len(came))
        changes = Changes(self.numbers, self.rows, rows, places)
        return self.state.replaced(self.numbers, rows, places), changes


def summarized(
    known: GroupSummary, changes: Changes, state: StateFile, limits: Mapping[str, int] | None = None
) -> GroupSummary:
    """The summary of all rows after the changes, that of the rows before being known.

    Args:
        known: Of the rows before.
        changes: What changed.
        state: All rows, as they are now; only fields of which no more can be told without them are read.
        limits: As in `summarize`.
    """
    gone, come = (summarize(rows, most=_EVERY) for rows in (changes.before, changes.after))
    fields, looked_at = replaced_group(known, gone, come, limits)
    if looked_at:
        pairs = [pair for pair in PAIRS if not set(pair).isdisjoint(looked_at)]
        keys = {*looked_at, *(key for pair in pairs for key in pair)}
        found = summarize(state.part({f"{form}:{key}" for key in keys for form in FORMS}, keys), limits).fields
        fields |= {key: found[key] for key in looked_at if key in found}
    return GroupSummary(state.records, fields)
