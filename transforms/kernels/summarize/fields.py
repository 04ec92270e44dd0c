"""Extracts the metadata fields of a batch: values by form, summaries."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.sparse_values import cell_groups, cell_values, ordered, row_ranges
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.summarize import columns
from transforms.kernels.summarize.field_counts import hashes_of, keys_of
from transforms.kernels.summarize.locations import coordinate
from transforms.kernels.summarize.sparse_columns import numbers_of_ranges, strings_of_keys
from transforms.rules.coordinates import PAIRS
from transforms.rules.fields import FIELD_ZERO, FieldSummary, GroupSummary, merge_fields
from transforms.rules.key_limits import most_fields
from transforms.rules.numbers import merge_numbers, summarize_number
from transforms.rules.strings import MAX_CATEGORIES
from transforms.rules.values import Observed

Pieces: TypeAlias = tuple[npt.NDArray[np.int64] | None, pl.Series]
"""Rows int64[n], or None for a column of all rows, and their values."""


def values_by_form(batch: Batch) -> dict[str, dict[str, list[Pieces]]]:
    """Key to form to pieces of values.

    A key may have both a column and cells of one form, since a batch may be a concatenation.
    """
    found: defaultdict[str, dict[str, list[Pieces]]] = defaultdict(dict)
    for column in batch.rows.iter_columns():
        value = ValueColumn.of(column.name)
        if value:
            form, key = value
            found[key].setdefault(form, []).append((None, column))
    for (key, form), cells in cell_groups(batch):
        found[key].setdefault(form, []).append((cells["row"].to_numpy().astype(np.int64), cell_values(cells, form)))
    return dict(found)


def summarize(
    batch: Batch,
    limits: Mapping[str, int] | None = None,
    *,
    most: int = MAX_CATEGORIES,
    max_fields: int | None = None,
) -> GroupSummary:
    """The summary of all records of a batch, equal to that of the rule for one record after the other (T1).

    Args:
        batch: The records.
        limits: Field to the number of distinct strings that are counted, if it is not `most` (D3).
        most: The default number.
        max_fields: Maximum number of metadata keys of a group (R5); of far more keys only their number is kept.
    """
    rows = batch.rows
    keys, sketch = keys_of(batch)
    if sketch or (max_fields is not None and len(keys) > most_fields(max_fields)):
        return GroupSummary(rows.height, {}, hashes_of(batch))
    paired = _paired(rows)
    limits = limits or {}
    fields: dict[str, FieldSummary] = {}
    for column in rows.iter_columns():
        value = ValueColumn.of(column.name)
        if value:
            form, key = value
            summary = _summary(form, _present(column), limits.get(key, most))
            fields[key] = merge_fields(fields.get(key, FieldSummary(paired=paired.get(key, 0))), summary)
    for key, summary in _cell_summaries(batch, limits, most):
        fields[key] = merge_fields(fields.get(key, FIELD_ZERO), summary)
    seen = {key: summary for key, summary in fields.items() if summary.null or summary.observed}
    return GroupSummary(rows.height, seen)


def _present(values: pl.Series) -> pl.Series:
    """The values without nulls; saves a call of polars if there are none."""
    return values.drop_nulls() if values.null_count() else values


def _paired(rows: pl.DataFrame) -> dict[str, int]:
    """Key to the number of rows that have both coordinates of its pair (C1)."""
    found: dict[str, int] = {}
    for pair in PAIRS:
        if all(any(ValueColumn(form, key).name in rows.columns for form in ("float", "int")) for key in pair):
            north, east = (coordinate(rows, key).is_not_null() for key in pair)
            found |= dict.fromkeys(pair, int(rows.select((north & east).sum()).item()))
    return found


def _cell_summaries(batch: Batch, limits: Mapping[str, int], most: int) -> Iterator[tuple[str, FieldSummary]]:
    """The summaries of the cells, by key and form."""
    if not batch.cells.height:
        return
    by_form = ordered(batch.cells, "key").partition_by("form", as_dict=True, maintain_order=True)
    for (form,), cells in by_form.items():
        match form:
            case "string":
                for key, strings in strings_of_keys(cells, limits, most):
                    yield key, FieldSummary(observed={Observed.STRING: strings.count}, strings=strings)
            case "int" | "float":
                places = row_ranges(cells, "key")
                found = numbers_of_ranges(cells[form].to_numpy(), places["start"].to_numpy())
                of = Observed.INT if form == "int" else Observed.FLOAT
                for key, numbers in zip(places["key"].to_list(), found, strict=True):
                    yield key, FieldSummary(observed={of: numbers.count}, numbers=numbers)
            case _:
                for key, start, count in row_ranges(cells, "key").iter_rows():
                    values = cell_values(cells[start : start + count], str(form))
                    yield key, _summary(str(form), values, limits.get(key, most))


def _summary(form: str, values: pl.Series, limit: int) -> FieldSummary:  # noqa: PLR0911 - one for each form
    count = len(values)
    if not count:
        return FIELD_ZERO
    seen: Mapping[Observed, int]
    match form:
        case "null":
            return FieldSummary(null=count)
        case "bool":
            return FieldSummary(observed={Observed.BOOL: count}, strings=columns.booleans_of(values, limit))
        case "int":
            return FieldSummary(observed={Observed.INT: count}, numbers=columns.numbers_of_longs(values.to_numpy()))
        case "big":
            numbers = summarize_number(int(values[0]))
            for digits in values[1:].to_list():
                numbers = merge_numbers(numbers, summarize_number(int(digits)))
            return FieldSummary(observed={Observed.INT: count}, numbers=numbers)
        case "float":
            numbers = columns.numbers_of_doubles(values.to_numpy(), finite=True)
            return FieldSummary(observed={Observed.FLOAT: count}, numbers=numbers)
        case "string":
            return FieldSummary(observed={Observed.STRING: count}, strings=columns.strings_of(values, limit))
        case "json":
            lists = int(values.str.starts_with("[").sum())
            seen = {of: n for of, n in ((Observed.LIST, lists), (Observed.OBJECT, count - lists)) if n}
            return FieldSummary(observed=seen)
        case _:
            raise ValueError(f"expected a form of a value, got {form!r}")
