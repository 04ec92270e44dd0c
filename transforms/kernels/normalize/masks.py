"""Normalizes masks and their segments column by column: the segments of all masks are one long column (G3, K4)."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import polars as pl

from transforms.kernels.batch.members import are_objects
from transforms.kernels.normalize.selection import Candidates, Columns, Selection
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.annotations import MASK_URL, SEGMENT, SEGMENT_COLUMNS, SEGMENT_LABEL, segment_index
from transforms.rules.values import LONG_MAXIMUM, JsonValue


class _Members(NamedTuple):
    """The segments of masks.

    Attributes:
        owners: The position of the mask of each among the masks.
        positions: Its position in the mask.
        values: The segments themselves.
    """

    owners: list[int]
    positions: list[int]
    values: list[JsonValue]


def urls_and_segments(found: Candidates) -> tuple[Columns, Selection]:
    """The columns of the URLs of masks, and the rows of their segments.

    A mask without a valid URL is dropped, and so is one with a segment that its rule rejects, with all its segments.
    """
    found.check((MASK_URL,))
    found.require(MASK_URL.name)
    canonical, errors = canonical_column(pl.Series(found.column(MASK_URL.name), dtype=pl.String))
    canonical_of = dict(zip(found.places, canonical.to_list(), strict=True))
    found.drop(errors.is_not_null().arg_true().to_list())
    segments = _segments(found)
    given = found.column(MASK_URL.name)
    urls = [canonical_of[place] for place in found.places]
    changed = [None if url == incoming else url for url, incoming in zip(urls, given, strict=True)]
    return {MASK_URL.name: given, "url": changed}, segments


def _segments(found: Candidates) -> Selection:
    members = _members(found)
    selection = _sound(members, found.column("reference_id"))
    if len(selection.places) < len(members.values):
        sound = set(selection.places)
        found.drop({owner for place, owner in enumerate(members.owners) if place not in sound})
        members = _members(found)
        selection = _sound(members, found.column("reference_id"))
    return replace(
        selection,
        places=[found.places[members.owners[place]] for place in selection.places],
        parts=[members.positions[place] + 1 for place in selection.places],
    )


def _members(found: Candidates) -> _Members:
    lists = [value if isinstance(value, list) else [] for value in found.column("annotations")]
    counts = np.array([len(each) for each in lists], np.int64)
    owners = np.repeat(np.arange(len(lists)), counts)
    positions = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Members(owners.tolist(), positions.tolist(), list(chain.from_iterable(lists)))


def _sound(members: _Members, names: Sequence[JsonValue]) -> Selection:
    """The segments that the rule accepts; `names` are the reference ids of the masks."""
    if are_objects(members.values):
        found = Candidates(range(len(members.values)), members.values)
    else:
        objects = [(place, value) for place, value in enumerate(members.values) if isinstance(value, dict)]
        found = Candidates([place for place, _ in objects], [value for _, value in objects])
    found.check((SEGMENT_LABEL,))
    indexes = _indexes(found, members.positions)
    found.drop([place for place, index in enumerate(indexes) if index is None])
    columns: Columns = {
        "reference_id": [names[members.owners[place]] for place in found.places],
        "type": [SEGMENT] * len(found.places),
        "label": found.column("label"),
        "segment_index": [index for index in indexes if index is not None],
    }
    extra = found.extra_texts(SEGMENT_COLUMNS, nulls=True)
    if extra is not None:
        columns["extra"] = extra
    return found.select(columns)


def _indexes(found: Candidates, positions: Sequence[int]) -> Sequence[int | None]:
    """The index of each segment, None for a value that is none; `positions` are those in the masks."""
    given = found.column("index")
    numbers = [value for value in given if type(value) is int]
    if len(numbers) == len(given) and (not numbers or (min(numbers) >= 0 and max(numbers) <= LONG_MAXIMUM)):
        return numbers
    return [segment_index(value, positions[place]) for value, place in zip(given, found.places, strict=True)]
