"""Turns one record of another format into a raw record, as a map file says it: fields, metadata, joined values."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from transforms.mapping.expressions import Expression, pieces_of, reached
from transforms.mapping.json_columns import NUMBER, TRUTHS, encode, json_value, number_text, with_point
from transforms.mapping.paths import Path, UnfitValueError
from transforms.mapping.values import NewValues, Values
from transforms.rules.export_rows import Group

NUMERIC: Final = frozenset({"width", "height", "frame_rate", "confidence", "index", "x", "y", "z", "yaw", "frame"})
"""Keys of raw records that are numbers: a text that is one becomes one, if the source is a text."""
_MOST_DIGITS: Final = 18
_NUMBER: Final = re.compile(NUMBER)


@dataclass(frozen=True, slots=True)
class MetadataMap:
    """Which keys of a record become metadata.

    Attributes:
        include: Their names, with dots into objects; None for all that no field takes.
        exclude: Names that are left out on purpose.
        rename: (name, name in the metadata).
        types: (name, `number`, `boolean`, `json` or `string`) of texts.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    types: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Join:
    """A look-up of values by a key, in another part of the document or in another file.

    Attributes:
        elements: Expression of the elements; None for the rows of a file.
        key: Expression of the key of an element.
        on: Expression of the key in a record.
        name: The key under which the element is put into the record.
        file: Path of the other file; None for the document itself.
    """

    elements: str | None
    key: Path
    on: Path
    name: str
    file: str | None = None


LookUps = Mapping[str, Values]
"""Name of a join to its elements by their key."""


@dataclass(frozen=True, slots=True)
class RecordMap:
    """How the records of one group are made.

    Attributes:
        records: Expression of the records of a document; None if each row or element is one.
        fields: Keys of a raw record and what their values are.
        decimal: What stands in front of the fraction of a number in texts without types.
    """

    group: Group
    records: str | None
    fields: tuple[tuple[str, Expression], ...]
    metadata: MetadataMap = MetadataMap()
    joins: tuple[Join, ...] = ()
    decimal: str = "."

    def taken(self) -> frozenset[str]:
        """The keys of a record that become fields whole, and so no metadata."""
        return frozenset[str]().union(*(each.names for _, each in self.fields))

    def pieces(self) -> frozenset[str]:
        """Those of the taken keys of which the fields may leave something aside."""
        return pieces_of([each for _, each in self.fields])

    def known(self) -> frozenset[str]:
        """The keys of a record that are used or left out on purpose, if not all are included."""
        whole = {*(self.metadata.include or ()), *self.metadata.exclude}
        named = whole | {name.split(".")[0] for name in whole}  # a dot may also be in the name of a column
        roots = (each.roots for _, each in self.fields)
        joined = (join.on.roots | {join.name} for join in self.joins)
        return frozenset(named).union(*roots, *joined)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a map makes of a record.

    Attributes:
        record: The raw record.
        unmatched: Keys that joins have found no element for, by what they are for.
        left: Keys of the source that are neither taken nor excluded, and their values.
    """

    record: Values
    unmatched: Values
    left: Values


class RecordMaker:
    """Makes raw records as a map says, one after the other: what is the same for all is found once."""

    def __init__(self, record_map: RecordMap, look_ups: LookUps) -> None:
        """Takes the map, and the elements of its joins."""
        self._fields, self._joins, self._metadata_map = record_map.fields, record_map.joins, record_map.metadata
        self._taken, self._known = record_map.taken() | {*record_map.metadata.exclude}, record_map.known()
        self._rename, self._types = dict(record_map.metadata.rename), dict(record_map.metadata.types)
        pieces = record_map.pieces() - {*record_map.metadata.exclude, *(record_map.metadata.include or ())}
        self._pieces = {name: [key for key, each in self._fields if name in each.names] for name in sorted(pieces)}
        self._look_ups, self._decimal = look_ups, record_map.decimal

    def applied(self, record: Values, *, is_text: bool) -> "Applied":
        """The raw record of a record of the source.

        Args:
            record: Its values by key.
            is_text: Whether its source is a text without types, such as CSV.

        Raises:
            UnfitValueError: A value cannot be made, or is there twice; the record is to be rejected.
        """
        types = self._types
        if types:
            record = {
                key: typed(value, types[key], self._decimal) if key in types else value for key, value in record.items()
            }
        unmatched: Values = {}
        if self._joins:
            record, unmatched = self._joined(record)
        made: NewValues = {}
        for key, each in self._fields:
            value = each.value(record)
            if value is not None:
                made[key] = _numbers(key, value, self._decimal) if is_text else value
        metadata, left = self._metadata(record)
        if self._pieces:
            left = {**left, **_left_aside(record, self._pieces, made, self._decimal)}
        made["metadata"] = metadata
        return Applied(made, unmatched, left)

    def _joined(self, record: Values) -> tuple[NewValues, NewValues]:
        """The record with the elements of its joins, and keys without one, which are not kept where one would stand."""
        joined, unmatched = dict(record), NewValues()
        for join in self._joins:
            key = join.on.value(record)
            if key is None:
                continue
            found = self._look_ups[join.name].get(key_text(key))
            if found is None:
                unmatched[f"{join.on.text} without a match for {join.name}"] = key
                if join.on.text == join.name:
                    del joined[join.name]
            else:
                joined[join.name] = found
        return joined, unmatched

    def _metadata(self, record: Values) -> tuple[NewValues, Values]:
        """The metadata of a record, and what is neither included nor excluded."""
        names, taken, rename = self._metadata_map, self._taken, self._rename
        found: NewValues = {}
        if names.include is None:
            candidates = {key: value for key, value in record.items() if key not in taken}
            left: NewValues = {}
        else:
            candidates = {name: reached(record, name) for name in names.include}
            known = self._known
            left = {key: value for key, value in record.items() if key not in known and value is not None}
        for name, value in candidates.items():
            key = rename.get(name, name)
            if value is None and names.include is not None:
                continue
            if key in found:
                raise UnfitValueError(f"expected one value for metadata.{key}, got two: rename one of them")
            found[key] = value
        return found, left


def _left_aside(record: Values, pieces: Mapping[str, Sequence[str]], made: Values, decimal: str) -> NewValues:
    """Those keys of a record that fields take in pieces whose values these do not have, or not all of them.

    A value counts as taken if a field has it, or if it is in a text that a function has put together.
    """
    of_each = {name: [*_leaves(record.get(name))] for name in pieces}
    own = {_comparable(value, decimal) for leaves in of_each.values() for value in leaves}
    found: NewValues = {}
    for name, fields in pieces.items():
        taken = {_comparable(value, decimal) for field in fields for value in _leaves(made.get(field))}
        joined = [each for each in taken - own if isinstance(each, str)]
        for value in of_each[name]:
            if _comparable(value, decimal) not in taken and not any(key_text(value) in each for each in joined):
                found[name] = record[name]
                break
    return found


def _leaves(value: object) -> Iterator[object]:
    """The values in an object or a list, nulls left out."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    elif value is not None:
        yield value


def _comparable(value: object, decimal: str) -> object:
    """A number, also of a text that is one; of all else its text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return _number(key_text(value), decimal)


def key_text(key: object) -> str:
    """A key of a look-up as text, the same for a number and its digits."""
    return key if isinstance(key, str) else encode(key)


def typed(value: object, kind: str, decimal: str = ".") -> object:
    """A text as a value of a type; itself if it is none, for the rules to judge.

    >>> typed("+1.50", "number"), typed("TRUE", "boolean"), typed("fast", "number"), typed(2, "boolean")
    (1.5, True, 'fast', 2)
    """
    if not isinstance(value, str):
        return value
    match kind:
        case "number":
            return _number(value, decimal)
        case "boolean":
            return TRUTHS.get(value.strip().lower(), value)
        case "json":
            return json_value(value)
    return value


def _numbers(key: str, value: object, decimal: str) -> object:
    """The value of a field, with numbers for texts where a raw record has numbers."""
    if isinstance(value, dict):
        return {name: _numbers(name, each, decimal) for name, each in value.items()}
    return _number(value, decimal) if key in NUMERIC and isinstance(value, str) else value


def _number(text: str, decimal: str) -> object:
    bare = with_point(text.strip(), decimal)
    if not _NUMBER.fullmatch(bare):
        return text
    return (
        int(bare)
        if bare.isdecimal() and bare.isascii() and len(bare) <= _MOST_DIGITS
        else json.loads(number_text(bare))
    )
