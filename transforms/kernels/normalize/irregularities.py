"""Counts or rejects irregular rows in whole batches, as the rule `transforms.rules.irregularities` finds them (R7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.exact_json import exact_json, exact_json_values
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.half_coordinates import half_coordinates, value_at
from transforms.kernels.normalize.normalized import Normalized
from transforms.rules.annotations import GEOMETRIC
from transforms.rules.coordinates import HALF_COORDINATE
from transforms.rules.export_rows import Group
from transforms.rules.irregularities import Irregularity, implausible_values, irregular_fault, is_given, unknown_keys
from transforms.rules.rejections import Code, Fault, shown
from transforms.rules.values import JsonObject, JsonValue

MAX_KEYS = 1_000
"""How many irregular keys of a form are counted one by one: a record may have any key."""
_MOST_COUNTED = 20 * MAX_KEYS
_SIZES: dict[Group, tuple[str, ...]] = {"items": ("width", "height"), "scenes": ("frame_rate",)}
_VALUES: dict[Group, tuple[str, ...]] = {"items": ("width", "height", "image_url", "extra"), "scenes": ("frame_rate",)}
"""The columns that the rule looks at."""
_JSON = ("geometry", "class_pdf", "labels")
_WRONG_GEOMETRY = r'"(?:width|height)":-|"dimensions":\{[^}]*:-|"(?:vertices|keypoints)":\[\]'
"""In geometries with a negative size or no point, and in a few others."""
_BOTH_URLS = '"pointcloud_url":'
"""In `extra` of images with the URL of a point cloud too."""
_OUTSIDE = r":(?:-|[1-9])"
"""In distributions with a probability outside 0 to 1, and in a few others."""
_EMPTY_LABEL = r'(?:\[|,)""'
_SINGLE = r'^\{"(?:%s)":(?:[^":]*|"[^"\\]*")\}$'
"""A value of `extra` with one key, whose value has no keys."""
_FREQUENT: dict[Group, str] = {
    "items": _SINGLE % "type",
    "scenes": _SINGLE % "upload_to_scale",
    "annotations": _SINGLE % "item_id|dataset_id",
    "predictions": _SINGLE % "item_id|dataset_id",
}
"""Values of `extra` with a frequent known key and no other: they need no parser."""
_EMBEDDING = _SINGLE % "embedding_vector"
_ORDER = ("offset", "reference_id", "export")
"""The columns of `IrregularExample.order`."""
_Key = tuple[Group, str, str, str]
"""Group, form, code and key of an irregularity."""


@dataclass(frozen=True, slots=True)
class IrregularExample:
    """One row with an irregularity.

    Attributes:
        export: Number of its export in the job.
        chunk: Byte offset of its chunk, or -1 (`transforms.kernels.batch.batch.SOURCE`).
        line: Its line, counted as in a batch.
        offset: Its byte offset.
        reference_id: Of the row.
        value: What is irregular, as text for a person.
    """

    export: int
    chunk: int
    line: int
    offset: int
    reference_id: str
    value: str

    @property
    def order(self) -> tuple[int, str, int]:
        """By what the first example is found: the order of exports decides among duplicates alone (P3)."""
        return self.offset, self.reference_id, self.export


@dataclass(slots=True)
class Irregular:
    """Rows with the same irregularity.

    Attributes:
        group: Their group.
        code: What it is: a code of rejections, or of a warning.
        key: The unknown key, or the path of the value.
        form: The form of the rows (`transforms.rules.irregularities`).
        count: How many there are.
        example: The first of them, by `order`.
    """

    group: Group
    code: str
    key: str
    form: str
    count: int
    example: IrregularExample


def irregular_rows(done: Normalized) -> list[Irregular]:
    """What is irregular in the accepted rows of a chunk, which are counted among its warnings.

    Of each form at most MAX_KEYS keys are returned, the first by name: of keys that are among the first of all chunks,
    every chunk has its count.
    """
    found: dict[_Key, Irregular] = {}
    for batch in done.batches:
        counted = _counted(batch)
        for (form, code, key), (rows, each) in counted.items():
            _add(found, Irregular(batch.group, code, key, form, len(rows), _example(batch, rows[0], each.value)))
        for code in {code for _, code, _ in counted}:
            of_code = [rows for (_, other, _), (rows, _) in counted.items() if other is code]
            done.warnings[code.value] += len(set().union(*of_code)) if len(of_code) > 1 else len(of_code[0])
        if done.warnings[HALF_COORDINATE]:  # which are counted where metadata are read
            for half in _half_coordinates(batch):
                _add(found, half)
        if len(found) > _MOST_COUNTED:
            found = dict(_first(found))
    return [irregular for _, irregular in _first(found)]


def reject_irregular_rows(done: Normalized, origin: Origin) -> None:
    """Rejects the irregular rows of a chunk, each by its first irregularity (`--strict`)."""
    for number, batch in enumerate(done.batches):
        faults: dict[int, Fault] = {}
        for row, form, each in _found(batch):
            faults.setdefault(row, irregular_fault(each, form))
        done.reject_rows(number, faults, origin)


def _found(batch: Batch) -> Iterator[tuple[int, str, Irregularity]]:
    """(row, its form, an irregularity): of each row first its unknown keys, by name."""
    yield from _unknown(batch)
    yield from _implausible(batch)


def _unknown(batch: Batch) -> Iterator[tuple[int, str, Irregularity]]:
    """As `_found`, of the keys that no rule knows: all of them are in `extra`."""
    rows, extra = batch.rows, batch.rows["extra"]
    if extra.null_count() == len(extra):
        return
    is_known = extra.str.contains(_FREQUENT[batch.group])
    if batch.group not in _SIZES:
        is_known |= rows["type"].is_in(list(GEOMETRIC)) & extra.str.contains(_EMBEDDING)
    positions = (~is_known).fill_null(False).arg_true()  # noqa: FBT003 - polars takes it so
    forms = [batch.group] * len(positions) if batch.group in _SIZES else rows["type"].gather(positions).to_list()
    unknown: dict[tuple[str, ...], list[str]] = {}
    records = cast("list[JsonObject]", exact_json_values(extra.gather(positions).to_list()))
    for row, form, record in zip(positions.to_list(), forms, records, strict=True):
        shape = (form, *record)
        if shape not in unknown:
            unknown[shape] = unknown_keys(record, form)
        for key in unknown[shape]:
            if is_given(key, record[key]):
                yield row, form, Irregularity(Code.UNKNOWN_KEY, key, record[key])


def _implausible(batch: Batch) -> Iterator[tuple[int, str, Irregularity]]:
    """As `_found`, of the values that cannot be meant: the rule looks at the rows that may have one."""
    rows, group = batch.rows, batch.group
    positions = np.flatnonzero(_suspects(group, rows))
    if not len(positions):
        return
    names = _VALUES.get(group, ("type", "label", "confidence", *_JSON))
    for row, values in zip(positions.tolist(), rows.select(names)[positions].iter_rows(named=True), strict=True):
        form, extra = values.pop("type", group), values.pop("extra", None)
        record: JsonObject = {} if extra is None else cast("JsonObject", exact_json(extra))
        record |= {
            name: exact_json(value) if name in _JSON else value for name, value in values.items() if value is not None
        }
        for each in implausible_values(record, form, prediction=group == "predictions"):
            yield row, form, each


def _suspects(group: Group, rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """The rows that may have an implausible value: bool[rows]; those that have one are among them."""
    if group in _SIZES:
        found = [rows[name] < 0 for name in _SIZES[group]]
        if group == "items" and rows["extra"].null_count() < rows.height:
            found.append(rows["image_url"].is_not_null() & rows["extra"].str.contains(_BOTH_URLS, literal=True))
    else:
        found = [rows["label"] == "", ~rows["confidence"].is_between(0, 1)]
        for name, pattern in (("labels", _EMPTY_LABEL), ("geometry", _WRONG_GEOMETRY), ("class_pdf", _OUTSIDE)):
            if rows[name].null_count() < rows.height:
                found.append(rows[name].str.contains(pattern))
    is_suspect = np.zeros(rows.height, np.bool_)
    for each in found:
        is_suspect |= each.fill_null(False).to_numpy()  # noqa: FBT003 - polars takes it so
    return is_suspect


def _counted(batch: Batch) -> dict[tuple[str, Code, str], tuple[list[int], Irregularity]]:
    """(form, code, key) to the rows with an irregularity, the first as an example leading, and that one's."""
    found: dict[tuple[str, Code, str], tuple[list[int], Irregularity]] = {}
    places: list[tuple[int, str, int]] = []
    for row, form, each in _found(batch):
        known = found.get((form, each.code, each.key))
        if known is None:
            found[form, each.code, each.key] = [row], each
            continue
        places = places or list(batch.rows.select(_ORDER).iter_rows())
        rows, _ = known
        rows.append(row)
        if places[row] < places[rows[0]]:
            rows[0], rows[-1] = rows[-1], rows[0]
            found[form, each.code, each.key] = rows, each
    return found


def _add(found: dict[_Key, Irregular], more: Irregular) -> None:
    """Counts rows of a batch among those with the same irregularity."""
    known = found.setdefault((more.group, more.form, more.code, more.key), more)
    if known is more:
        return
    known.count += more.count
    if more.example.order < known.example.order:
        known.example = more.example


def _half_coordinates(batch: Batch) -> Iterator[Irregular]:
    """The rows of a batch with a coordinate without its partner, by its key (C3)."""
    for key, rows in half_coordinates(batch):
        offsets = batch.rows["offset"].gather(rows).to_numpy()
        least = rows[offsets == offsets.min()]
        *_, first = min(
            (*place, row)
            for place, row in zip(batch.rows.select(_ORDER)[least].iter_rows(), least.tolist(), strict=True)
        )
        example = _example(batch, first, value_at(batch, key, first))
        yield Irregular(batch.group, HALF_COORDINATE, f"metadata.{key}", batch.group, len(rows), example)


def _first(found: dict[_Key, Irregular]) -> Iterator[tuple[_Key, Irregular]]:
    """The first MAX_KEYS of each group, form and code, by key."""
    for _, alike in groupby(sorted(found.items(), key=itemgetter(0)), key=lambda item: item[0][:3]):
        yield from islice(alike, MAX_KEYS)


def _example(batch: Batch, row: int, value: JsonValue) -> IrregularExample:
    """A row as an example."""
    columns = ("export", "chunk", "line", "offset", "reference_id")
    export, chunk, line, offset, name = batch.rows.select(columns).row(row)
    return IrregularExample(export, chunk, line, offset, name, shown(value))
