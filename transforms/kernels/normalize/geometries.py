"""Checks the geometries of many annotations at once, and writes them as JSON; the table is that of the rule."""

from collections.abc import Sequence
from itertools import chain, islice

import numpy as np

from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.normalize.selection import are_objects
from transforms.rules.core_keys import CoreKey
from transforms.rules.geometries import GEOMETRIES, Numbers, Points, geometry_faults
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonValue, Objects


def wrong_geometries(geometries: Sequence[JsonValue], kind: str) -> set[int]:
    """Positions of the geometries that have a fault, among N geometries of one type.

    As in `wrong_values`, integers of more than 64 bits are not expected.
    """
    objects, wrong = _objects(geometries)
    for part in GEOMETRIES[kind]:
        match part:
            case Numbers(keys=keys, member=None):
                wrong |= _wrong_numbers(objects, keys)
            case Numbers(keys=keys, member=str(member)):
                members, missing = _objects([geometry.get(member) for geometry in objects])
                wrong |= missing | _wrong_numbers(members, keys)
            case Points():
                wrong |= _wrong_points([geometry.get(part.member) for geometry in objects], part.keys)
    return wrong


def faults_of_geometries(geometries: Sequence[JsonValue], kind: str) -> dict[int, Fault]:
    """Position to the first fault of a geometry, among N geometries of one type."""
    wrong = sorted(wrong_geometries(geometries, kind))
    return {place: fault for place in wrong for fault in islice(geometry_faults(geometries[place], kind), 1)}


def geometry_texts(geometries: Sequence[JsonValue]) -> list[str | None]:
    """The canonical JSON of each geometry, None for an empty one."""
    return [json_text(geometry) if geometry else None for geometry in geometries]


def _objects(values: Sequence[JsonValue]) -> tuple[Objects, set[int]]:
    """The objects among some values, {} in the place of anything else, and the positions of the latter."""
    if are_objects(values):
        return values, set()
    wrong = {place for place, value in enumerate(values) if not isinstance(value, dict)}
    return [value if isinstance(value, dict) else {} for value in values], wrong


def _wrong_numbers(objects: Objects, keys: Sequence[CoreKey]) -> set[int]:
    """Positions of the objects that lack a number under one of the keys."""
    wrong: set[int] = set()
    for key in keys:
        values = [each.get(key.name) for each in objects]
        if not set(map(type, values)) <= key.types:
            wrong.update(place for place, value in enumerate(values) if type(value) not in key.types)
    return wrong


def _wrong_points(lists: Sequence[JsonValue], keys: Sequence[CoreKey]) -> set[int]:
    """Positions of the values that are no list of points; the points of all lists are checked as long columns."""
    wrong = set() if set(map(type, lists)) <= {list} else {p for p, each in enumerate(lists) if type(each) is not list}
    sound = [each if isinstance(each, list) else [] for each in lists]
    points, faulty = _objects(list(chain.from_iterable(sound)))
    faulty |= _wrong_numbers(points, keys)
    if faulty:
        owners = np.repeat(np.arange(len(sound)), list(map(len, sound)))
        wrong.update(owners[list(faulty)].tolist())
    return wrong
