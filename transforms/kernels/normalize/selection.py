"""Selects the records that a rule certainly accepts by checks of whole columns; all others are left to the rule itself.

Each check is the table of core keys that the rule checks too, so that both accept the same records.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import itemgetter
from typing import TypeAlias, TypeGuard

import numpy as np
import polars as pl

from transforms.kernels.batch.metadata_columns import Shapes, json_text, shapes
from transforms.kernels.normalize.metadata import judged
from transforms.rules.core_keys import CoreKey
from transforms.rules.identity import REFERENCE_ID, REFERENCE_ID_IN_RESPONSES, reference_id
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonObject, JsonValue, Objects, Record

Columns: TypeAlias = dict[str, Sequence[object] | pl.Series]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of selected records.

    Attributes:
        places: The position of the record of each row among the given records.
        columns: Values of the rows, a column for each key.
        metadata: Their metadata objects.
        shapes: The shapes of the metadata; None if they have to be computed again.
        warnings: How often each warning occurs in the metadata.
        parts: The part of its record that each row is, 0 for the record itself; None if all are records.
        faults: Position to fault, of other records, as far as it is known: the first one that the rule finds.
        rejected: Parts that are rejected of these records: the position of the record, and the fault.
    """

    places: list[int]
    columns: Columns
    metadata: Objects
    shapes: Shapes | None = None
    warnings: Counter[str] = field(default_factory=Counter)
    parts: list[int] | None = None
    faults: Mapping[int, Fault] = field(default_factory=dict)
    rejected: Sequence[tuple[int, Fault]] = ()

    def others(self, count: int) -> Sequence[int]:
        """The positions of the other ones of `count` records, ascending."""
        if not self.places:
            return range(count)
        is_left = np.ones(count, np.bool_)
        is_left[self.places] = False
        others: list[int] = np.flatnonzero(is_left).tolist()
        return others


NOTHING = Selection([], {}, [])


class Candidates:
    """Records of one kind, of which each check drops those that it leaves to the rule.

    Attributes:
        places: Positions among all records, ascending.
        records: The records at these places.
        keys: The top-level keys that any of them has.
        faults: Place to fault, of records that were rejected.
    """

    def __init__(self, places: Sequence[int], records: Sequence[Record], known: Shapes | None = None) -> None:
        """Takes the records at some places among all, and their shapes if these are known."""
        self.places = list(places)
        self.records = records
        self.faults: dict[int, Fault] = {}
        self._shapes = known
        self.keys: frozenset[str] = frozenset().union(*(records if known is None else known))
        self._columns: dict[str, list[JsonValue]] = {}

    def shapes(self) -> Shapes:
        """The positions of the candidates by their keys."""
        if self._shapes is None:
            self._shapes = shapes(self.records)
        return self._shapes

    def column(self, key: str) -> list[JsonValue]:
        """The value of each record under a key, None if it lacks the key."""
        values = self._columns.get(key)
        if values is None:
            if key == REFERENCE_ID.name and REFERENCE_ID_IN_RESPONSES in self.keys:
                values = self._identities()
            elif key not in self.keys:
                values = [None] * len(self.records)
            else:
                try:
                    values = list(map(itemgetter(key), self.records))
                except KeyError:
                    values = [record.get(key) for record in self.records]
            self._columns[key] = values
        return values

    def _identities(self) -> list[JsonValue]:
        """The value of each record under the key of its reference id, which in responses has another name (I1)."""
        values: list[JsonValue] = [None] * len(self.records)
        for keys, positions in self.shapes().items():
            name = REFERENCE_ID.name if REFERENCE_ID.name in keys else REFERENCE_ID_IN_RESPONSES
            for position in positions if name in keys else ():
                values[position] = self.records[position][name]
        return values

    def doubles(self, key: str) -> list[float | None]:
        """The numbers under a key as doubles, None for anything else."""
        return [float(value) if isinstance(value, int | float) else None for value in self.column(key)]

    def drop(self, wrong: Collection[int]) -> None:
        """Drops the candidates at these positions among the candidates."""
        if wrong:
            keep = np.ones(len(self.places), np.bool_)
            keep[list(wrong)] = False
            kept = keep.tolist()
            self.places = list(compress(self.places, kept))
            self.records = list(compress(self.records, kept))
            self._columns = {key: list(compress(values, kept)) for key, values in self._columns.items()}
            self._shapes = None

    def reject(self, faults: Mapping[int, Fault]) -> None:
        """Drops the candidates at these positions for the faults, the first ones that their rule finds."""
        self.faults.update((self.places[place], fault) for place, fault in faults.items())
        self.drop(faults)

    def identify(self) -> None:
        """Rejects the candidates without a reference id, which every rule asks for first."""
        values = self.column(REFERENCE_ID.name)
        if {str}.issuperset(map(type, values)) and all(values):
            return
        found = ((place, reference_id(record)) for place, record in enumerate(self.records))
        self.reject({place: fault for place, fault in found if isinstance(fault, Fault)})

    def judge(self, keys: Iterable[CoreKey]) -> None:
        """Rejects the candidates whose rule finds a fault in core keys that it checks next, in this order."""
        faults: dict[int, Fault] = {}
        for key in keys:
            if key.name in self.keys or type(None) not in key.types:
                values = self.column(key.name)
                for place in wrong_values(values, key):
                    if place not in faults:
                        faults[place] = key.fault(values[place])
        self.reject(faults)

    def check(self, keys: Iterable[CoreKey]) -> None:
        """Drops the candidates whose values under core keys are not as their rule accepts them."""
        wrong: set[int] = set()
        for key in keys:
            if key.name in self.keys or type(None) not in key.types:
                wrong.update(wrong_values(self.column(key.name), key))
        self.drop(wrong)

    def require(self, key: str) -> None:
        """Drops the candidates with an empty string, list or object under a key, or none."""
        values = self.column(key)
        if not all(values):
            self.drop([place for place, value in enumerate(values) if not value])

    def select(self, columns: Columns, *, locate: bool = True) -> Selection:
        """The selection of all candidates with sound metadata, and their columns, given for all candidates.

        The metadata must be what the rule of the records checks last.
        """
        found = judged(self.column("metadata"), locate=locate)
        if not found.rejected:
            return Selection(
                self.places, columns, found.objects, found.shapes, found.counted(), faults=dict(self.faults)
            )
        keep = [place not in found.rejected for place in range(len(self.places))]
        places, objects = list(compress(self.places, keep)), list(compress(found.objects, keep))
        kept: Columns = {
            name: values.filter(pl.Series(keep)) if isinstance(values, pl.Series) else list(compress(values, keep))
            for name, values in columns.items()
        }
        faults = self.faults | {self.places[place]: fault for place, fault in found.rejected.items()}
        return Selection(places, kept, objects, None, found.counted(), faults=faults)

    def extra_texts(self, columns: Collection[str], *, nulls: bool = False) -> list[str | None] | None:
        """The JSON of the keys of each record that have no column (G6), None where there are none.

        Null is absent, unless `nulls` are kept.
        """
        if self.keys <= frozenset(columns):
            return None
        texts: list[str | None] = [None] * len(self.records)
        for keys, positions in self.shapes().items():
            others = [key for key in keys if key not in columns]
            if len(others) == 1:
                values = [self.records[position][others[0]] for position in positions]
                for position, text in zip(positions, _members(others[0], values, nulls=nulls), strict=True):
                    texts[position] = text
            elif others:
                for position in positions:
                    record = self.records[position]
                    extra: JsonObject = {key: value for key in others if (value := record[key]) is not None or nulls}
                    if extra:
                        texts[position] = json_text(extra)
        return texts


def _members(key: str, values: Sequence[JsonValue], *, nulls: bool) -> Iterator[str | None]:
    """The JSON of objects with one key; equal strings, which are frequent, are written once."""
    known: dict[str, str] = {}
    for value in values:
        if isinstance(value, str):
            text = known.get(value)
            if text is None:
                text = known[value] = json_text({key: value})
            yield text
        else:
            yield json_text({key: value}) if value is not None or nulls else None


def constant(text: str, count: int) -> pl.Series:
    """A column of the same text."""
    return pl.Series([text], dtype=pl.String).new_from_index(0, count)


def are_objects(values: Sequence[JsonValue]) -> TypeGuard[Objects]:
    """Whether all values are objects."""
    return {dict}.issuperset(map(type, values))


def are_integers(values: Sequence[JsonValue]) -> TypeGuard[Sequence[int]]:
    """Whether all values are integers, none of them a boolean."""
    return {int}.issuperset(map(type, values))


def wrong_values(values: Sequence[JsonValue], key: CoreKey) -> Sequence[int]:
    """Positions of the values that a core key does not accept.

    Whether integers are within the range of double is not checked: the parser names the records with longer ones.
    """
    types = set(map(type, values))
    if not types <= key.types:
        return [place for place, value in enumerate(values) if not key.accepts(value)]
    if key.elements is not None and list in types:
        lists = [value if isinstance(value, list) else [] for value in values]
        if not set(map(type, chain.from_iterable(lists))) <= key.elements:
            return [place for place, value in enumerate(values) if not key.accepts(value)]
    return ()
