"""Splits parsed raw records into the records of a group, each with its position, for checks of columns (FORMATS 2)."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from transforms.kernels.normalize.columns import Rejected
from transforms.rules.export_rows import Group, records
from transforms.rules.rejections import Code, Fault, shown
from transforms.rules.values import JsonValue, Record


class Piece(NamedTuple):
    """One record, frame or segment: the position of its raw record in the chunk, and its part of that."""

    position: int
    part: int
    record: Record


def pieces_of(
    values: Sequence[JsonValue], left: Sequence[int], faults: Collection[int], group: Group
) -> tuple[list[Piece], list[Rejected]]:
    """The records of the group in the values of raw records at the positions `left`, and what is no object.

    `faults` are the places of the values that could not be parsed.
    """
    found: list[Piece] = []
    rejected: list[Rejected] = []
    for place, (position, value) in enumerate(zip(left, values, strict=True)):
        if type(value) is dict and "item" not in value and "scene" not in value:
            found.append(Piece(position, 0, value))
        elif place not in faults:
            for part, record in enumerate(records(value, group)):
                if isinstance(record, dict):
                    found.append(Piece(position, part, record))
                else:
                    fault = Fault(Code.NOT_AN_OBJECT, f"expected an object, got {shown(record)}")
                    rejected.append(Rejected(group, position, None, fault))
    return found, rejected
