"""Normalizes masks and their segments column by column: the segments of all masks are one long column (G3, K4)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from transforms.kernels.normalize.selection import Candidates, Columns, Selection
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.annotations import MASK_URL, SEGMENT, SEGMENT_COLUMNS, SEGMENT_LABEL, segment_index
from transforms.rules.values import JsonValue


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
    return _Members(
        owners=[owner for owner, each in enumerate(lists) for _ in each],
        positions=[position for each in lists for position in range(len(each))],
        values=[member for each in lists for member in each],
    )


def _sound(members: _Members, names: Sequence[JsonValue]) -> Selection:
    """The segments that the rule accepts; `names` are the reference ids of the masks."""
    objects = [(place, value) for place, value in enumerate(members.values) if isinstance(value, dict)]
    found = Candidates([place for place, _ in objects], [value for _, value in objects])
    found.check((SEGMENT_LABEL,))
    indexes = [
        segment_index(value, members.positions[place])
        for value, place in zip(found.column("index"), found.places, strict=True)
    ]
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
