"""Reads the members of many JSON objects as sparse columns, without a look at each object for each key."""

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import NamedTuple, TypeGuard

from transforms.kernels.batch.metadata_columns import shapes
from transforms.rules.values import JsonValue, Objects


class Members(NamedTuple):
    """The values under one key of some objects.

    Attributes:
        places: Positions of the objects that have the key with a value.
        values: Their values, none of them null.
    """

    places: list[int]
    values: list[JsonValue]

    def outside(self, types: frozenset[type]) -> set[int]:
        """The places of the values of none of these types."""
        if types.issuperset(map(type, self.values)):
            return set()
        return {place for place, value in zip(self.places, self.values, strict=True) if type(value) not in types}


def are_objects(values: Sequence[JsonValue]) -> TypeGuard[Objects]:
    """Whether all values are objects."""
    return set(map(type, values)) <= {dict}


def objects_of(values: Sequence[JsonValue]) -> Objects:
    """The values, {} in the place of each that is no object."""
    return values if are_objects(values) else [value if isinstance(value, dict) else {} for value in values]


def members(objects: Objects, keys: Collection[str]) -> dict[str, Members]:
    """Each of these keys to its values; null counts as absent."""
    found = {key: Members([], []) for key in keys}
    for own, positions in shapes(objects).items():
        alike = objects if len(positions) == len(objects) else [objects[position] for position in positions]
        for key in found.keys() & own:
            column = list(map(itemgetter(key), alike))
            if type(None) in set(map(type, column)):
                there = [place for place, value in zip(positions, column, strict=True) if value is not None]
                found[key].places.extend(there)
                found[key].values.extend(value for value in column if value is not None)
            else:
                found[key].places.extend(positions)
                found[key].values.extend(column)
    return found
