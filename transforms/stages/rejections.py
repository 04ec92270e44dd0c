"""Holds the rejections of many records as columns, from the steps that reject them to the files of rejections (R1)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Self

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.merge.rejections import REJECTED
from transforms.kernels.normalize.columns import Origin, Rejected
from transforms.mapping.maps import Map
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Fault
from transforms.stages.elements import Rejection

_TYPES: dict[str, pl.DataType] = {**REJECTED, "raw": pl.Binary(), "length": pl.Int64(), "record": pl.Binary()}
COLUMNS = {member.name: _TYPES[member.name] for member in fields(Rejection)}
"""The members of a Rejection, in their order, as columns."""
_NOTHING = pl.DataFrame(schema=COLUMNS)


@dataclass(frozen=True, slots=True)
class Rejections:
    """Rejections as columns: every record of an export may be rejected. Iterating over them makes each a Rejection.

    Attributes:
        frame: A row for each, with the columns of COLUMNS.

    Examples:
        >>> from transforms.api import normalize_records
        >>> rejections = normalize_records([{"reference_id": "b"}, {}], "items").rejections
        >>> rejections.frame.select("code", "reference_id").rows()
        [('missing_url', 'b'), ('invalid_reference_id', None)]
        >>> [each.line for each in rejections]
        [1, 2]
    """

    frame: pl.DataFrame

    @classmethod
    def of(cls, rejections: Iterable[Rejection]) -> Self:
        """Rejections that were made one by one."""
        found = list(rejections)
        return cls(pl.DataFrame([series(name, list(map(attrgetter(name), found))) for name in COLUMNS], schema=COLUMNS))

    @classmethod
    def of_records(
        cls,
        faulty: Sequence[Rejected],
        records: RawRecords,
        origin: Origin,
        sources: Sequence[bytes] | None = None,
        of_map: Map | None = None,
    ) -> Self:
        """The rejected ones among records, with their bytes.

        Args:
            faulty: What is rejected, in any order.
            records: All N records.
            origin: The place of each of them.
            sources: The bytes of each in its export, if a map made the records.
            of_map: This map, which may know what to change.
        """
        if not faulty:
            return cls(_NOTHING)
        positions = np.array([each.position for each in faulty], np.int64)
        source = {column.name: column for column in origin.columns(positions, np.zeros(len(positions), np.int64))}
        faults = [each.fault for each in faulty]
        distinct, which = np.unique(positions, return_inverse=True)  # parts of one record share its bytes
        own = RawRecords(records.data, records.starts[distinct], records.ends[distinct])
        raw = series("raw", list(own)).gather(which)
        columns = {
            "group": series("group", [each.group for each in faulty]),
            "code": series("code", [fault.code.value for fault in faults]),
            "message": series("message", [_message(fault, of_map) for fault in faults]),
            "field": series("field", [fault.field for fault in faults]),
            **source,
            "reference_id": series("reference_id", [each.reference_id for each in faulty]),
            "raw": raw if sources is None else series("raw", [sources[place] for place in positions.tolist()]),
        }
        if sources is not None:
            columns["record"] = raw.alias("record")
        return cls(_completed(columns, len(faulty)))

    @classmethod
    def of_rows(cls, frames: Sequence[pl.DataFrame]) -> Self:
        """Rejected rows of a merge (`transforms.kernels.merge.rejections`), whose bytes are read again later."""
        rows = [_completed({column.name: column for column in frame.iter_columns()}, frame.height) for frame in frames]
        return cls(pl.concat(rows) if rows else _NOTHING)

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """All rejections of several parts, in their order."""
        frames = [part.frame for part in parts if part.frame.height]
        return cls(pl.concat(frames) if frames else _NOTHING)

    def __len__(self) -> int:
        """How many there are."""
        return self.frame.height

    def __iter__(self) -> Iterator[Rejection]:
        """Each rejection."""
        return (Rejection(*row) for row in self.frame.iter_rows())

    def counts(self) -> dict[tuple[Group, str], int]:
        """(group, code) to how many there are.

        Examples:
            >>> from transforms.api import normalize_records
            >>> normalize_records([{"reference_id": "b"}, {"reference_id": "c"}], "items").rejections.counts()
            {('items', 'missing_url'): 2}
        """
        if not len(self):
            return {}
        counted = self.frame.group_by("group", "code").len()
        return {(group, code): int(count) for group, code, count in counted.iter_rows()}

    def split(self, parts: Positions) -> Iterator[tuple[int, Self]]:
        """(part, its rejections), given the part of each: int64[N]."""
        for part in np.unique(parts).tolist():
            yield part, type(self)(self.frame.filter(pl.Series(parts == part)))


def _message(fault: Fault, of_map: Map | None) -> str:
    hint = None if of_map is None else of_map.hint(fault.code)
    return fault.message if hint is None else f"{fault.message}; {hint}"


def series(name: str, values: Sequence[object]) -> pl.Series:
    """A column of rejections.

    A lone surrogate, which a name may have in a record that is no JSON for another reason, is written as its escape.
    """
    try:
        return pl.Series(name, values, COLUMNS[name])
    except UnicodeEncodeError:
        texts = [each.encode(errors="backslashreplace").decode() if isinstance(each, str) else each for each in values]
        return pl.Series(name, texts, COLUMNS[name])


def _completed(columns: dict[str, pl.Series], height: int) -> pl.DataFrame:
    """The frame of some of the columns; the others are null."""
    return pl.DataFrame(
        [
            columns[name].cast(dtype) if name in columns else pl.Series(name, [None], dtype).new_from_index(0, height)
            for name, dtype in COLUMNS.items()
        ]
    )
