"""Counts or rejects irregular rows in whole batches, as the rule `transforms.rules.irregularities` finds them (R7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.normalize.columns import Origin, Rejected
from transforms.kernels.normalize.normalize import Normalized
from transforms.rules.annotations import GEOMETRIC
from transforms.rules.export_rows import Group
from transforms.rules.irregularities import Irregularity, irregular_fault, irregularities
from transforms.rules.rejections import Code, Fault, shown
from transforms.rules.values import JsonObject, JsonValue

MAX_KEYS = 1_000
"""How many irregular keys of a form are counted one by one: a record may have any key."""
_MOST_COUNTED = 20 * MAX_KEYS
_SIZES: dict[Group, tuple[str, ...]] = {"items": ("width", "height"), "scenes": ("frame_rate",)}
_JSON = ("geometry", "class_pdf", "labels", "extra")
_NEGATIVE_SIZE = r'"(?:width|height)":-|"dimensions":\{[^}]*:-'
"""In geometries with a negative size, and in a few others."""
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


@dataclass(slots=True)
class Irregular:
    """Rows with the same irregularity.

    Attributes:
        group: Their group.
        code: What it is.
        key: The unknown key, or the path of the value.
        form: The form of the rows (`transforms.rules.irregularities`).
        count: How many there are.
        example: The first of them, by export and offset.
    """

    group: Group
    code: Code
    key: str
    form: str
    count: int
    example: IrregularExample


def irregular_rows(done: Normalized) -> list[Irregular]:
    """What is irregular in the accepted rows of a chunk, which are counted among its warnings.

    Of each form at most MAX_KEYS keys are returned, the first by name: of keys that are among the first of all chunks,
    every chunk has its count.
    """
    found: dict[tuple[Group, str, str, str], Irregular] = {}
    for batch in done.batches:
        rows: set[tuple[int, str]] = set()
        for row, form, each in _found(batch):
            rows.add((row, each.code.value))
            known = found.get((batch.group, form, each.code, each.key))
            example = _example(batch, row, each.value)
            if known is None:
                known = Irregular(batch.group, each.code, each.key, form, 0, example)
                found[batch.group, form, each.code, each.key] = known
            known.count += 1
            if (example.export, example.offset) < (known.example.export, known.example.offset):
                known.example = example
        done.warnings.update(code for _, code in rows)
        if len(found) > _MOST_COUNTED:
            found = dict(_first(found))
    return [irregular for _, irregular in _first(found)]


def reject_irregular_rows(done: Normalized, origin: Origin) -> None:
    """Rejects the irregular rows of a chunk, each by its first irregularity (`--strict`)."""
    exports = np.broadcast_to(origin.export, origin.offsets.shape).tolist()
    places = {place: position for position, place in enumerate(zip(exports, origin.offsets.tolist(), strict=True))}
    for number, batch in enumerate(done.batches):
        faults: dict[int, Fault] = {}
        for row, form, each in _found(batch):
            faults.setdefault(row, irregular_fault(each, form))
        if not faults:
            continue
        rows = np.array(sorted(faults), np.int64)
        for row, (export, offset, name) in zip(
            rows.tolist(), batch.rows.select("export", "offset", "reference_id")[rows].iter_rows(), strict=True
        ):
            done.rejected.append(Rejected(batch.group, places[export, offset], name, faults[row]))
        done.batches[number] = batch.take(np.setdiff1d(np.arange(batch.rows.height), rows))


def _found(batch: Batch) -> Iterator[tuple[int, str, Irregularity]]:
    """(row, its form, an irregularity) of all irregular rows of a batch, by row."""
    rows = batch.rows
    positions = np.flatnonzero(_suspects(batch.group, rows)).tolist()
    if not positions:
        return
    names = (*_SIZES[batch.group], "extra") if batch.group in _SIZES else ("type", "label", "confidence", *_JSON)
    for row, values in zip(positions, rows.select(names)[positions].iter_rows(named=True), strict=True):
        form = values.pop("type", batch.group)
        columns: JsonObject = {
            name: orjson.loads(value) if name in _JSON else value for name, value in values.items() if value is not None
        }
        extra = columns.pop("extra", None)
        record = {**extra, **columns} if isinstance(extra, dict) else columns
        for each in irregularities(record, form, prediction=batch.group == "predictions"):
            yield row, form, each


def _suspects(group: Group, rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """The rows that may be irregular: bool[rows]; the irregular ones are among them."""
    extra = rows["extra"]
    found: list[pl.Series] = []
    if extra.null_count() < len(extra):
        is_known = extra.str.contains(_FREQUENT[group])
        if group not in _SIZES:
            is_known |= rows["type"].is_in(list(GEOMETRIC)) & extra.str.contains(_EMBEDDING)
        found.append(~is_known)
    if group in _SIZES:
        found += [rows[name] < 0 for name in _SIZES[group]]
    else:
        found.append(rows["label"] == "")
        found.append(~rows["confidence"].is_between(0, 1))
        for name, pattern in (("labels", _EMPTY_LABEL), ("geometry", _NEGATIVE_SIZE), ("class_pdf", _OUTSIDE)):
            if rows[name].null_count() < rows.height:
                found.append(rows[name].str.contains(pattern))
    is_suspect = np.zeros(rows.height, np.bool_)
    for each in found:
        is_suspect |= each.fill_null(False).to_numpy()  # noqa: FBT003 - polars takes it so
    return is_suspect


def _first(
    found: dict[tuple[Group, str, str, str], Irregular],
) -> Iterator[tuple[tuple[Group, str, str, str], Irregular]]:
    """The first MAX_KEYS of each group, form and code, by key."""
    for _, alike in groupby(sorted(found.items(), key=itemgetter(0)), key=lambda item: item[0][:3]):
        yield from islice(alike, MAX_KEYS)


def _example(batch: Batch, row: int, value: JsonValue) -> IrregularExample:
    export, chunk, line, offset, name = batch.rows.select("export", "chunk", "line", "offset", "reference_id").row(row)
    return IrregularExample(export, chunk, line, offset, name, shown(value))
