"""The fast path for items and boxes of the most frequent form: columns without the rule for single records.

Each function selects the records that are certainly valid, and returns their columns, which equal the results of the
rule; all other records are left to the rule.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import compress
from operator import itemgetter
from typing import NamedTuple, TypeAlias

import numpy as np
import orjson
import polars as pl

from transforms.kernels.batch.metadata_columns import Shapes, odd, shapes
from transforms.kernels.normalize import native_json
from transforms.kernels.normalize.native_json import Shredded
from transforms.kernels.urls.canonical import canonical_column
from transforms.raw_records import RawRecords
from transforms.rules.crowds import MAX_RECORD_KEYS
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject, JsonValue, Record

Columns: TypeAlias = dict[str, Sequence[object] | pl.Series]


class Selection(NamedTuple):
    """The records that the fast path selected.

    Attributes:
        places: Their positions among the given records, ascending.
        columns: Their values, a column for each key.
        metadata: Their metadata objects.
        shapes: The shapes of the metadata; None if they have to be computed again.
    """

    places: list[int]
    columns: Columns
    metadata: list[JsonObject]
    shapes: Shapes | None = None

    def others(self, count: int) -> Sequence[int]:
        """The positions of the other ones of `count` records, ascending."""
        if not self.places:
            return range(count)
        if len(self.places) == count:
            return ()
        taken = set(self.places)
        return [place for place in range(count) if place not in taken]


NOTHING = Selection([], {}, [])

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
_BOX_NEEDED = frozenset({"reference_id", "type", "label", "geometry", "annotation_id"})
_BOX_GEOMETRY = frozenset({"x", "y", "width", "height"})
_NUMBERS = frozenset({int, float, type(None)})
_EXACT_IN_DOUBLE = 2**53


def items(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Selection:
    """Image items with a URL under `image_url`, a metadata object and perhaps a size, and nothing else.

    `exclude` are positions that must not be selected.
    """
    found = _shaped(records, {"reference_id", "image_url"}, _ITEM_KEYS, exclude)
    found.keep("reference_id", _all_text, _text)
    found.keep("image_url", _all_text, _text)
    for key in ("width", "height"):
        found.keep(key, _all_null, _number)
    metadata, known = found.with_metadata()
    if not found.places:
        return Selection([], {}, [])
    given = pl.Series("image_url", found.values("image_url"), pl.String)
    canonical, errors = canonical_column(given)
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        keep = fine.to_list()
        found.only(keep)
        metadata, known = list(compress(metadata, keep)), None
        given, canonical = given.filter(fine), canonical.filter(fine)
    columns: Columns = {
        "reference_id": found.values("reference_id"),
        "image_url": given,
        "url": canonical.set(canonical == given, None),
    }
    for key in found.keys & {"width", "height"}:
        columns[key] = found.doubles(key)
    return Selection(found.places, columns, metadata, known)


def shredded(
    raw: RawRecords, group: Group, model_run: str | None, most_fields: int = MAX_RECORD_KEYS
) -> Shredded | None:
    """The columns of image items or boxes that need no parser; None if there are none.

    `most_fields` as in `native_json.items`.
    """
    match group:
        case "items":
            found = native_json.items(raw, most_fields=most_fields)
            return None if found is None else with_canonical_urls(raw, found, most_fields)
        case "annotations" | "predictions":
            found = native_json.boxes(raw, prediction=group == "predictions", most_fields=most_fields)
            if found is not None:
                runs = pl.Series([model_run], dtype=pl.String).new_from_index(0, len(found.places))
                found.columns["model_run"] = runs
            return found
        case "scenes":
            return None


def with_canonical_urls(raw: RawRecords, found: Shredded, most_fields: int = MAX_RECORD_KEYS) -> Shredded | None:
    """Items shredded from raw records with their column `url`, without those whose URL needs the rule."""
    canonical, errors = canonical_column(found.columns["image_url"])
    if errors.null_count() < len(errors):
        skip = np.zeros(len(raw), np.bool_)
        skip[found.places[errors.is_not_null().to_numpy()]] = True
        again = native_json.items(raw, skip=skip, most_fields=most_fields)
        if again is None:
            return None
        found = again
        canonical, _ = canonical_column(found.columns["image_url"])
    found.columns["url"] = canonical.set(canonical == found.columns["image_url"], None)
    return found


def boxes(records: Sequence[Record], *, prediction: bool, exclude: Collection[int] = ()) -> Selection:
    """Box annotations with an id, four numbers, and only the usual keys; none at the positions `exclude`."""
    allowed = _BOX_KEYS | ({"confidence"} if prediction else frozenset())
    found = _shaped(records, _BOX_NEEDED, allowed, exclude)
    for key in ("reference_id", "annotation_id"):
        found.keep(key, _all_text, _text)
    found.keep("label", _all_strings, lambda value: type(value) is str)
    found.keep("type", lambda values: set(values) == {"box"}, lambda value: value == "box")
    found.keep("geometry", lambda values: all(map(_box, values)), _box)
    for key in ("task_id", "track_reference_id"):
        found.keep(key, _all_null, lambda value: value is None or type(value) is str)
    found.keep("embedding_vector", _all_null, lambda value: value is None)
    found.keep("confidence", _all_null, _number)
    metadata, known = found.with_metadata()
    if not found.places:
        return Selection([], {}, [])
    columns: Columns = {key: found.values(key) for key in ("reference_id", "type", "label", "annotation_id")}
    for key in found.keys & {"task_id", "track_reference_id"}:
        columns[key] = found.values(key)
    columns["geometry"] = [
        orjson.dumps(geometry, option=orjson.OPT_SORT_KEYS).decode() for geometry in found.values("geometry")
    ]
    if "confidence" in found.keys:
        columns["confidence"] = found.doubles("confidence")
    return Selection(found.places, columns, metadata, known)


class _Found:
    """The candidates of the fast path, which each check narrows down.

    Attributes:
        places: Positions among all records, ascending.
        records: The records at these places.
        keys: The top-level keys that any of them has.
    """

    def __init__(self, places: list[int], records: Sequence[Record], keys: frozenset[str]) -> None:
        self.places = places
        self.records = records
        self.keys = keys

    def values(self, key: str) -> list[JsonValue]:
        """The value of each record under a key, None if it lacks the key."""
        return [record.get(key) for record in self.records]

    def doubles(self, key: str) -> list[float | None]:
        """The numbers under a key as doubles."""
        return [None if value is None else float(value) for value in self.values(key)]  # type: ignore[arg-type] # numbers

    def only(self, keep: Sequence[bool]) -> None:
        """Keeps these records only."""
        self.places = list(compress(self.places, keep))
        self.records = list(compress(self.records, keep))

    def keep(self, key: str, fit: Callable[[Sequence[JsonValue]], bool], fits: Callable[[JsonValue], bool]) -> None:
        """Keeps the records whose value fits; `fit` quickly confirms all values at once, or returns False."""
        if key in self.keys:
            values = self.values(key)
            if not fit(values):
                self.only([fits(value) for value in values])

    def with_metadata(self) -> tuple[list[JsonObject], Shapes | None]:
        """Keeps the records whose metadata needs no rule; returns it and its shapes. Null is {} (G4)."""
        given = self.values("metadata")
        objects = given if set(map(type, given)) == {dict} else [{} if value is None else value for value in given]
        checked: list[JsonObject] = [value if type(value) is dict else {} for value in objects]
        known = shapes(checked)
        wrong = odd(checked, known).union(place for place, value in enumerate(objects) if type(value) is not dict)
        if not wrong:
            return checked, known
        keep = [place not in wrong for place in range(len(checked))]
        self.only(keep)
        return list(compress(checked, keep)), None


def _shaped(
    records: Sequence[Record], needed: Collection[str], allowed: Collection[str], exclude: Collection[int]
) -> _Found:
    """The records that have all needed keys and only allowed ones."""
    needed, allowed = frozenset(needed), frozenset(allowed)
    chosen = {keys: places for keys, places in shapes(records).items() if needed <= frozenset(keys) <= allowed}
    keys = frozenset(key for shape in chosen for key in shape)
    if len(chosen) == 1 and not exclude:
        (places,) = chosen.values()
    else:
        places = sorted(place for each in chosen.values() for place in each if place not in exclude)
    alike = records if len(places) == len(records) else [records[place] for place in places]
    return _Found(places, alike, keys)


def _all_strings(values: Sequence[JsonValue]) -> bool:
    return set(map(type, values)) <= {str}


def _all_text(values: Sequence[JsonValue]) -> bool:
    return _all_strings(values) and all(values)


def _all_null(values: Sequence[JsonValue]) -> bool:
    return set(map(type, values)) <= {type(None)}


def _text(value: JsonValue) -> bool:
    return type(value) is str and value != ""


def _number(value: JsonValue) -> bool:
    return type(value) in _NUMBERS and (type(value) is not int or abs(value) < _EXACT_IN_DOUBLE)


_corners: Callable[[Record], Iterable[JsonValue]] = itemgetter("x", "y", "width", "height")


def _box(value: JsonValue) -> bool:
    return (
        type(value) is dict
        and value.keys() == _BOX_GEOMETRY
        and all(type(number) in (int, float) and abs(number) < _EXACT_IN_DOUBLE for number in _corners(value))  # type: ignore[arg-type] # tested just before
    )
