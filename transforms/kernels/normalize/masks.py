"""Normalizes masks and their segments column by column: the segments of all masks are one long column (G3, K4)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.metadata_columns import Shapes
from transforms.kernels.normalize.selection import (
    Candidates,
    Columns,
    Selection,
    are_integers,
    are_objects,
    constant,
)
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.annotations import MASK_URL, SEGMENT, SEGMENT_COLUMNS, SEGMENT_LABEL, segment, segment_index
from transforms.rules.rejections import Code, Fault
from transforms.rules.values import LONG_MAXIMUM, JsonValue

Faults: TypeAlias = Sequence[tuple[int, Fault]]
"""Parts that are rejected: the position of the record of each among all records, and its fault."""


class _Members(NamedTuple):
    """The segments of masks.

    Attributes:
        owners: The position of the mask of each among the masks: int64[N].
        positions: Its position in the mask: int64[N].
        values: The N segments themselves.
    """

    owners: Positions
    positions: Positions
    values: list[JsonValue]


def urls_and_segments(found: Candidates) -> tuple[Columns, Selection, Faults]:
    """The columns of the URLs of masks, and what `segments` gives; a mask without a valid URL is no candidate then."""
    found.check((MASK_URL,))
    found.require(MASK_URL.name)
    canonical, errors = canonical_column(pl.Series(found.column(MASK_URL.name), dtype=pl.String))
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        wrong = (~fine).arg_true().to_list()
        at = MASK_URL.name
        found.reject({place: Fault(Code.INVALID_URL, f"{errors[place]} at {at}", at) for place in wrong})
        canonical = canonical.filter(fine)
    before = found.places
    of_masks, rejected = segments(found)
    if len(found.places) < len(before):
        canonical = canonical.filter(pl.Series(before).is_in(found.places))
    given = pl.Series(found.column(MASK_URL.name), dtype=pl.String)
    return {MASK_URL.name: given, "url": canonical.set(canonical == given, None)}, of_masks, rejected


def segments(found: Candidates, *, merging: bool = False) -> tuple[Selection, Faults]:
    """The rows of the segments of masks, and the segments that their rule rejects.

    A mask with a segment that only the rule can judge is dropped, with all its segments. `merging` is that of the rule.
    """
    members, names = _members(found), found.column("reference_id")
    selection = _sound(members, names, merging=merging)
    rejected: list[tuple[int, Fault]] = []
    if len(selection.places) < len(members.values):
        sound = set(selection.places)
        others = [place for place in range(len(members.values)) if place not in sound]
        unsure: set[int] = set()
        for place in others:
            owner, position = int(members.owners[place]), int(members.positions[place])
            row = segment(members.values[place], position, str(names[owner]), merging=merging)
            if isinstance(row, Fault):
                rejected.append((found.places[owner], row))
            else:
                unsure.add(owner)
        if unsure:
            found.drop(unsure)
            return segments(found, merging=merging)
    chosen = np.asarray(selection.places, np.int64)
    places: list[int] = np.asarray(found.places, np.int64)[members.owners[chosen]].tolist()
    parts: list[int] = (members.positions[chosen] + 1).tolist()
    return replace(selection, places=places, parts=parts, faults={}), rejected


def masks_alone(found: Candidates, columns: Columns, rejected: Faults) -> Selection:
    """The rows of masks without those of their segments: a mask has no metadata of its own (G3)."""
    count = len(found.places)
    known: Shapes = {(): [*range(count)]} if count else {}
    return Selection(found.places, columns, [{}] * count, known, faults=dict(found.faults), rejected=rejected)


def _members(found: Candidates) -> _Members:
    lists = [value if isinstance(value, list) else [] for value in found.column("annotations")]
    counts = np.array([len(each) for each in lists], np.int64)
    owners = np.repeat(np.arange(len(lists)), counts)
    positions = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Members(owners, positions, list(chain.from_iterable(lists)))


def _sound(members: _Members, names: Sequence[JsonValue], *, merging: bool) -> Selection:
    """The segments that the rule accepts; `names` are the reference ids of the masks."""
    if are_objects(members.values):
        found = Candidates(range(len(members.values)), members.values)
    else:
        objects = [(place, value) for place, value in enumerate(members.values) if isinstance(value, dict)]
        found = Candidates([place for place, _ in objects], [value for _, value in objects])
    if not merging:
        found.check((SEGMENT_LABEL,))
    indexes = _indexes(found, members.positions)
    if None in indexes:
        found.drop([place for place, index in enumerate(indexes) if index is None])
        indexes = [index for index in indexes if index is not None]
    columns: Columns = {
        "reference_id": pl.Series(names, dtype=pl.String).gather(members.owners[np.asarray(found.places, np.int64)]),
        "type": constant(SEGMENT, len(found.places)),
        "segment_index": indexes,
    }
    if not merging:
        columns["label"] = found.column("label")
    extra = found.extra_texts(SEGMENT_COLUMNS, nulls=True)
    if extra is not None:
        columns["extra"] = extra
    return found.select(columns, locate=not merging)


def _indexes(found: Candidates, positions: Positions) -> Sequence[int | None]:
    """The index of each segment, None for a value that is none; `positions` are those in the masks."""
    given = found.column("index")
    if are_integers(given) and (not given or (min(given) >= 0 and max(given) <= LONG_MAXIMUM)):
        return given
    return [
        value if type(value) is int and 0 <= value <= LONG_MAXIMUM else segment_index(value, int(positions[place]))
        for value, place in zip(given, found.places, strict=True)
    ]
