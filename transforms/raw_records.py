"""Raw records as ranges of one block of bytes, without an object for each: from the format readers to the kernels."""

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, overload

import numpy as np
import numpy.typing as npt
from msgspec import Raw

NEWLINE = b"\n"

Places = npt.NDArray[np.int64]


class LazyRecords(Sequence[bytes]):
    """A sequence of bytes that are made when they are asked for, as few of them ever are."""

    __slots__ = ()

    @abstractmethod
    def one(self, place: int) -> bytes:
        """Makes the bytes at a place, from 0."""

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        """The bytes at one place, or at several."""
        if isinstance(place, slice):
            return [self.one(each) for each in range(*place.indices(len(self)))]
        return self.one(place)


class JoinedSources(LazyRecords):
    """Several sequences of raw records as one, without a copy: few of them are ever looked at."""

    __slots__ = ("_parts", "_starts")

    def __init__(self, parts: Sequence[Sequence[bytes]]) -> None:
        """Takes the sequences in their order."""
        self._parts = parts
        self._starts: list[int] = np.cumsum([0, *map(len, parts)]).tolist()

    def __len__(self) -> int:
        """How many records there are."""
        return self._starts[-1]

    def one(self, place: int) -> bytes:
        """One record."""
        part = bisect_right(self._starts, place) - 1
        return self._parts[part][place - self._starts[part]]


class RawRecords(Sequence[bytes]):
    """A sequence of the bytes of raw records that are sliced from one block on access.

    Attributes:
        data: A block of bytes with all records. A line end (LF or CRLF) or the end of the block follows each record,
            so that a parser that is given no length stops there.
        starts: Offset of each record in the block: int64[N], ascending.
        ends: Offset of the byte after each record: int64[N].
    """

    __slots__ = ("data", "ends", "starts")

    def __init__(self, data: bytes, starts: Places, ends: Places) -> None:
        """Takes the block and the offsets."""
        self.data = data
        self.starts = starts
        self.ends = ends

    @classmethod
    def of(cls, records: Iterable[bytes | Raw]) -> Self:
        """Copies records into one block."""
        each = list(records)
        ends = np.cumsum(np.fromiter(map(len, each), np.int64, len(each)) + 1) - 1
        starts = np.concatenate([np.zeros(1, np.int64), ends + 1])[:-1]
        return cls(NEWLINE.join(each), starts, ends)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All records of several blocks, in their order; one block is not copied."""
        if len(parts) == 1:
            return parts[0]
        # Blocks are joined by a line end: nothing may follow the last record of a block.
        shifts = np.cumsum([0] + [len(part.data) + 1 for part in parts[:-1]])
        none = np.empty(0, np.int64)
        return cls(
            NEWLINE.join([part.data for part in parts]),
            np.concatenate([none, *(part.starts + shift for part, shift in zip(parts, shifts, strict=False))]),
            np.concatenate([none, *(part.ends + shift for part, shift in zip(parts, shifts, strict=False))]),
        )

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> bytes | Self:
        """One record as bytes, or a slice as RawRecords."""
        if isinstance(place, slice):
            return type(self)(self.data, self.starts[place], self.ends[place])
        return self.data[self.starts[place] : self.ends[place]]

    def __iter__(self) -> Iterator[bytes]:
        """Each record."""
        data = self.data
        return (data[start:end] for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True))

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same records."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # compared by its records

    def __repr__(self) -> str:
        """The records."""
        return f"RawRecords.of({list(self)!r})"
