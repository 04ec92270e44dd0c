"""Turns metadata objects into columns: one for each key and form, and a long table (cells) for rare values."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

import numpy as np
import orjson
import polars as pl

from transforms.kernels.batch.batch import CELLS, Positions, no_cells
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.batch.sorting import order_of_numbers
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules import coordinates
from transforms.rules.key_limits import key_excess
from transforms.rules.metadata import RESERVED
from transforms.rules.values import LONG_MAXIMUM, LONG_MINIMUM, JsonValue, Objects, canonical_json

KEY_SKETCH = "key_sketch"
FORMS: dict[str, pl.DataType] = {
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
    "big": pl.String(),
    "null": pl.Boolean(),
    KEY_SKETCH: pl.String(),
}
"""The stored forms of a value: `json` is the canonical text of a list or an object (V4), `big` the digits of an
integer beyond int64 (V7), `null` marks an explicit null (V5), KEY_SKETCH what only counts keys (R5)."""

KIND_FORMS = {"number": ("int", "float", "big"), "string": ("string", "bool"), "other": ("json",)}
"""The forms of each kind of value (V)."""

DENSITY = 16
"""A key and form gets a column if at least one in this many rows has a value; rarer values are cells."""
FEW_ROWS = 8
"""Shapes (sets of keys in one order) with fewer rows than this are read row by row."""

Shapes: TypeAlias = dict[tuple[str, ...], list[int]]
"""Keys in their order to the positions of the objects that have just these, in this order."""
Found: TypeAlias = tuple[str, str, Positions, pl.Series]
"""Values of one key in one form: key, form, rows int64[n], and the values of shape (n,)."""
_FORM_OF: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "string",
    list: "json",
    dict: "json",
    type(None): "null",
}
CELL_COLUMN = {"int": "int", "float": "float", "bool": "int", "null": "int"}
"""The column of CELLS for values of a form; `text` for all other forms."""
ALWAYS_COLUMNS = RESERVED | coordinates.KEYS
"""Keys that always get columns, since their rules compare several values of a row."""


@dataclass(slots=True)
class _Values:
    """The values of one key while a batch is read: pieces of rows and of values of equal length."""

    rows: list[Positions] = field(default_factory=list)
    values: list[Sequence[JsonValue]] = field(default_factory=list)


def shapes(objects: Objects) -> Shapes:
    """The positions of the objects that have the same keys in the same order."""
    of_each = list(map(tuple, objects))
    if of_each and of_each.count(of_each[0]) == len(of_each):
        return {of_each[0]: list(range(len(of_each)))}
    found: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, keys in enumerate(of_each):
        found[keys].append(position)
    return found


def odd(objects: Objects, known: Shapes | None = None) -> set[int]:
    """Positions of the objects with coordinates that are no complete pair of numbers within range.

    The rule `transforms.rules.coordinates.locate` would neither change nor warn of the others.
    """
    found: set[int] = set()
    for keys, positions in (shapes(objects) if known is None else known).items():
        special = coordinates.KEYS.intersection(keys)
        if not special:
            continue
        if special not in ({"latitude", "longitude"}, {"lat", "lon"}):
            found.update(positions)
            continue
        north, east = coordinates.PAIRS[0] if "latitude" in special else coordinates.PAIRS[1]
        limits = ((north, coordinates.LATITUDE_LIMIT), (east, coordinates.LONGITUDE_LIMIT))
        for key, limit in limits:
            values = [objects[position][key] for position in positions]
            if set(map(type, values)) == {float}:
                degrees = np.array(values, np.float64)
                wrong = np.flatnonzero(~(np.abs(degrees) <= limit))
                found.update(positions[place] for place in wrong.tolist())
            else:
                found.update(positions[place] for place, value in enumerate(values) if not _is_within(value, limit))
    return found


def _is_within(value: JsonValue, limit: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -limit <= value <= limit


def crowded(known: Shapes) -> set[int]:
    """Positions of the objects with more keys than a record may have (R8)."""
    return {position for keys, positions in known.items() if key_excess(keys) is not None for position in positions}


def tabulated(objects: Objects, known: Shapes | None = None) -> tuple[dict[str, pl.Series], pl.DataFrame]:
    """The columns `FORM:KEY` of shape (N,), and the cells, of N normalized metadata objects.

    `known` are their `shapes`, if they are known already.
    """
    gathered: defaultdict[str, _Values] = defaultdict(_Values)
    rare: defaultdict[str, tuple[list[int], list[JsonValue]]] = defaultdict(lambda: ([], []))
    for keys, positions in (shapes(objects) if known is None else known).items():
        if len(positions) < FEW_ROWS and len(positions) < len(objects):
            for position in positions:
                for key, value in objects[position].items():
                    rows, values = rare[key]
                    rows.append(position)
                    values.append(value)
            continue
        if not keys:
            continue
        where = np.array(positions, np.int64)
        alike = objects if len(positions) == len(objects) else [objects[position] for position in positions]
        by_key = zip(*map(dict.values, alike), strict=True)
        for key, column in zip(keys, by_key, strict=True):
            gathered[key].rows.append(where)
            gathered[key].values.append(column)
    for key, (rows, values) in rare.items():
        gathered[key].rows.append(np.array(rows, np.int64))
        gathered[key].values.append(values)
    found = ((key, form, where, series) for key, of_key in gathered.items() for form, where, series in _by_form(of_key))
    return columns_and_cells(found, len(objects))


def columns_and_cells(found: Iterable[Found], count: int) -> tuple[dict[str, pl.Series], pl.DataFrame]:
    """The columns `FORM:KEY` of shape (count,), and the cells, of values given form by form."""
    columns: dict[str, pl.Series] = {}
    cells: list[Found] = []
    for key, form, where, series in found:
        if len(where) * DENSITY >= count or key in ALWAYS_COLUMNS:
            columns[ValueColumn(form, key).name] = spread(series, where, count)
        else:
            cells.append((key, form, where, series))
    return columns, cells_of(cells) if cells else no_cells()


def _by_form(of_key: _Values) -> Iterable[tuple[str, Positions, pl.Series]]:
    """The values of one key, form by form, each with its rows."""
    if len(of_key.values) == 1:
        rows, values = of_key.rows[0], of_key.values[0]
    else:
        rows = np.concatenate(of_key.rows)
        values = [value for piece in of_key.values for value in piece]
    types = set(map(type, values))
    if len({_FORM_OF[kind] for kind in types}) == 1:
        yield from _series(_FORM_OF[types.pop()], rows, values)
        return
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, kind in enumerate(map(type, values)):
        places[_FORM_OF[kind]].append(place)
    for form, chosen in places.items():
        yield from _series(form, rows[chosen], [values[place] for place in chosen])


def _series(form: str, rows: Positions, values: Sequence[JsonValue]) -> Iterable[tuple[str, Positions, pl.Series]]:
    if form == "json":
        yield form, rows, pl.Series(values=[json_text(value) for value in values], dtype=pl.String)
    elif form == "null":
        yield form, rows, pl.Series(values=[True], dtype=pl.Boolean).new_from_index(0, len(values))
    elif form == "int":
        try:
            yield form, rows, pl.Series(values=values, dtype=pl.Int64)
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            small = np.array([_is_long(value) for value in values], np.bool_)
            fitting = [value for value, fits in zip(values, small, strict=True) if fits]
            digits = [str(value) for value, fits in zip(values, small, strict=True) if not fits]
            if fitting:
                yield form, rows[small], pl.Series(values=fitting, dtype=pl.Int64)
            yield "big", rows[~small], pl.Series(values=digits, dtype=pl.String)
    else:
        yield form, rows, pl.Series(values=values, dtype=FORMS[form])


def _is_long(value: JsonValue) -> bool:
    return isinstance(value, int) and LONG_MINIMUM <= value <= LONG_MAXIMUM


def json_text(value: JsonValue) -> str:
    """The canonical JSON of a value, as `transforms.rules.values.canonical_json` writes it, with a faster writer."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes, or an integer beyond 64 bits
        return canonical_json(value)


def spread(series: pl.Series, rows: Positions, height: int) -> pl.Series:
    """The values at their rows of a column of this height, null elsewhere."""
    if len(rows) == height and (height < 2 or bool((np.diff(rows) > 0).all())):  # noqa: PLR2004 - one row is in order
        return series
    # The null for all other rows is appended to the values.
    places = np.full(height, len(series), np.int64)
    places[rows] = np.arange(len(rows))
    return series.clone().append(pl.Series([None], dtype=series.dtype)).gather(pl.Series(values=places))


def cells_of(found: Sequence[Found]) -> pl.DataFrame:
    """The table of rare values, of which there is at least one."""
    found = sorted(found, key=itemgetter(0, 1))
    rows = np.concatenate([rows for _, _, rows, _ in found])
    order = order_of_numbers(rows)
    counts = np.array([len(rows) for _, _, rows, _ in found])
    owners = np.repeat(np.arange(len(found)), counts)[order]
    columns = {
        "row": pl.Series(values=rows[order].astype(np.uint32)),
        "key": pl.Series([key for key, _, _, _ in found]).gather(owners),
        "form": pl.Series([form for _, form, _, _ in found]).gather(owners),
    }
    starts = np.cumsum(counts) - counts
    for name in ("int", "float", "text"):
        chosen = [place for place, (_, form, _, _) in enumerate(found) if CELL_COLUMN.get(form, "text") == name]
        where = [np.arange(starts[place], starts[place] + counts[place]) for place in chosen]
        values = [found[place][3].cast(CELLS[name]) for place in chosen]
        columns[name] = _gathered(values, where, order, CELLS[name])
    return pl.DataFrame(columns, schema=CELLS)


def _gathered(
    values: Sequence[pl.Series], where: Sequence[Positions], order: Positions, dtype: pl.DataType
) -> pl.Series:
    """A column with values at their places and null elsewhere, in the given order."""
    if not values:
        return null_column("", dtype, len(order))
    whole = pl.concat([*values, null_column("", dtype, 1)])
    places = np.full(len(order), len(whole) - 1, np.int64)
    places[np.concatenate(where)] = np.arange(len(whole) - 1)
    return whole.gather(places[order])
