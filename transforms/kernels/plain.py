"""Plain records, column by column: the fast way through the rules for items and boxes that look like most do.

Each function picks the records that it is sure about and gives their columns; the others are for the rules. What it
picks must come out as the rule would make it.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import itemgetter
from typing import TypeAlias

import orjson
import polars as pl

from transforms.kernels.image_urls import canonical_column
from transforms.kernels.metadata import odd, shapes
from transforms.rules.values import JsonObject, JsonValue

Columns: TypeAlias = dict[str, Sequence[object] | pl.Series]
Picked: TypeAlias = tuple[list[int], Columns, list[JsonObject]]
"""Positions of the picked records, their columns, their metadata objects."""

_ITEM_KEYS = frozenset({"reference_id", "image_url", "metadata", "width", "height"})
_BOX_KEYS = frozenset(
    {
        "reference_id",
        "type",
        "label",
        "geometry",
        "annotation_id",
        "metadata",
        "task_id",
        "track_reference_id",
        "embedding_vector",
    }
)
_BOX_GEOMETRY = frozenset({"x", "y", "width", "height"})
_NUMBERS = frozenset({int, float, type(None)})
_EXACT_IN_DOUBLE = 2**53


def items(records: Sequence[JsonObject], *, but: Collection[int] = ()) -> Picked:
    """Image items with a URL under `image_url`, a metadata object and perhaps a size, and nothing else.

    `but` are positions that are not to be picked.
    """
    picked = _shaped(records, lambda keys: keys <= _ITEM_KEYS and {"reference_id", "image_url"} <= keys, but)
    picked = _holding(records, picked, "reference_id", _text)
    picked = _holding(records, picked, "image_url", _text)
    for key in ("width", "height"):
        picked = _holding(records, picked, key, _number)
    picked, metadata = _with_metadata(records, picked)
    if not picked:
        return [], {}, []
    given = pl.Series("image_url", [records[place]["image_url"] for place in picked], pl.String)
    canonical, errors = canonical_column(given)
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        keep = fine.to_list()
        picked = [place for place, kept in zip(picked, keep, strict=True) if kept]
        metadata = [each for each, kept in zip(metadata, keep, strict=True) if kept]
        given, canonical = given.filter(fine), canonical.filter(fine)
    chosen = [records[place] for place in picked]
    columns: Columns = {
        "reference_id": [record["reference_id"] for record in chosen],
        "image_url": given,
        "url": canonical.set(canonical == given, None),
    }
    for key in ("width", "height"):
        values = [record.get(key) for record in chosen]
        columns[key] = [None if value is None else float(value) for value in values]  # type: ignore[arg-type] # numbers
    return picked, columns, metadata


def boxes(records: Sequence[JsonObject], *, prediction: bool, but: Collection[int] = ()) -> Picked:
    """Box annotations with an id, four numbers, and no other key than the usual ones; none at the positions `but`."""
    allowed = _BOX_KEYS | ({"confidence"} if prediction else frozenset())
    needed = {"reference_id", "type", "label", "geometry", "annotation_id"}
    picked = _shaped(records, lambda keys: keys <= allowed and needed <= keys, but)
    for key in ("reference_id", "annotation_id"):
        picked = _holding(records, picked, key, _text)
    picked = _holding(records, picked, "label", lambda value: type(value) is str)
    picked = _holding(records, picked, "type", lambda value: value == "box")
    picked = _holding(records, picked, "geometry", _box)
    for key in ("task_id", "track_reference_id"):
        picked = _holding(records, picked, key, lambda value: value is None or type(value) is str)
    picked = _holding(records, picked, "embedding_vector", lambda value: value is None)
    picked = _holding(records, picked, "confidence", _number)
    picked, metadata = _with_metadata(records, picked)
    if not picked:
        return [], {}, []
    chosen = [records[place] for place in picked]
    columns: Columns = {
        key: [record[key] for record in chosen] for key in ("reference_id", "type", "label", "annotation_id")
    }
    for key in ("task_id", "track_reference_id"):
        columns[key] = [record.get(key) for record in chosen]
    columns["geometry"] = [
        orjson.dumps(record["geometry"], option=orjson.OPT_SORT_KEYS).decode() for record in chosen
    ]
    if prediction:
        values = [record.get("confidence") for record in chosen]
        columns["confidence"] = [None if value is None else float(value) for value in values]  # type: ignore[arg-type] # numbers
    return picked, columns, metadata


def _shaped(
    records: Sequence[JsonObject], fits: Callable[[frozenset[str]], bool], but: Collection[int]
) -> list[int]:
    chosen = [positions for keys, positions in shapes(records).items() if fits(frozenset(keys))]
    if len(chosen) == 1 and not but:
        return chosen[0]
    return sorted(place for positions in chosen for place in positions if place not in but)


def _holding(
    records: Sequence[JsonObject], picked: list[int], key: str, fits: Callable[[JsonValue], bool]
) -> list[int]:
    """Those of the picked records whose value under the key fits, or that lack the key."""
    kept = [place for place in picked if key not in records[place] or fits(records[place][key])]
    return picked if len(kept) == len(picked) else kept


def _with_metadata(records: Sequence[JsonObject], picked: list[int]) -> tuple[list[int], list[JsonObject]]:
    """Those of the picked records whose metadata needs no rule, and that metadata; absent and null are {} (G4)."""
    given = [records[place].get("metadata") for place in picked]
    objects = [{} if value is None else value for value in given]
    wrong = {place for place, value in enumerate(objects) if type(value) is not dict}
    checked: list[JsonObject] = [value if isinstance(value, dict) else {} for value in objects]
    wrong |= odd(checked)
    if not wrong:
        return picked, checked
    places = [place for place in range(len(picked)) if place not in wrong]
    return [picked[place] for place in places], [checked[place] for place in places]


def _text(value: JsonValue) -> bool:
    return type(value) is str and value != ""


def _number(value: JsonValue) -> bool:
    return type(value) in _NUMBERS and (type(value) is not int or abs(value) < _EXACT_IN_DOUBLE)


_corners: Callable[[JsonObject], Iterable[JsonValue]] = itemgetter("x", "y", "width", "height")


def _box(value: JsonValue) -> bool:
    return (
        type(value) is dict
        and value.keys() == _BOX_GEOMETRY
        and all(type(number) in (int, float) and abs(number) < _EXACT_IN_DOUBLE for number in _corners(value))  # type: ignore[arg-type, operator] # tested just before
    )
