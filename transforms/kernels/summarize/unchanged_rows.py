"""Computes extremes and strings of the rows that an update does not touch, for fields that `retraction` leaves open.

Most are computed from the Arrow columns of the state file, without a frame. A field with other forms (`big` integers,
booleans, strings in cells) is summarized from its decoded rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import EncodedBatch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.state_files import Mask, StateFile
from transforms.kernels.batch.string_buffers import SomeTexts
from transforms.kernels.batch.value_columns import ValueColumn, columns_of
from transforms.kernels.summarize.columns import many_strings
from transforms.kernels.summarize.fields import summarize
from transforms.rules.fields import FIELD_ZERO
from transforms.rules.retraction import UnchangedValues
from transforms.rules.strings import MAX_CATEGORIES, STRINGS_ZERO

_DIRECT_FORMS = frozenset({"int", "float", "string", "null", "json"})


def unchanged_values(
    state: StateFile, is_unchanged: Mask, fields: Sequence[str], limits: Mapping[str, int] | None = None
) -> dict[str, UnchangedValues]:
    """The extremes of numbers and the summaries of strings of some fields, over the unchanged rows.

    Args:
        state: All rows.
        is_unchanged: The unchanged ones of them: bool[records].
        fields: The fields.
        limits: As in `fields.summarize`.
    """
    limits = limits or {}
    seen = {key: _Seen() for key in fields}
    for encoded, selected in state.layers(is_unchanged):
        _look_at_columns(encoded, selected, seen)
        _look_at_cells(encoded, selected, seen)
    found = {
        key: unchanged for key, each in seen.items() if (unchanged := each.unchanged(limits.get(key, MAX_CATEGORIES)))
    }
    others = seen.keys() - found.keys()
    if others:
        part = state.part(columns_of(others, FORMS), others)
        summaries = summarize(part.take(np.flatnonzero(is_unchanged)), limits).fields
        for key in others:
            summary = summaries.get(key, FIELD_ZERO)
            found[key] = UnchangedValues(summary.numbers.minimum, summary.numbers.maximum, summary.strings)
    return found


@dataclass(slots=True)
class _Seen:
    """The values of a key that were read without decoding.

    Attributes:
        extremes: Minima and maxima of its numbers in each column.
        texts: Its strings, for `many_strings`.
        is_complete: Whether it has no other values.
    """

    extremes: list[int | float] = field(default_factory=list)
    texts: list[SomeTexts] = field(default_factory=list)
    is_complete: bool = True

    def unchanged(self, limit: int) -> UnchangedValues | None:
        """The extremes and strings; None if the key has values that were not read."""
        strings = many_strings(self.texts, limit) if self.texts else STRINGS_ZERO
        if not self.is_complete or strings is None:
            return None
        if not self.extremes:
            return UnchangedValues(strings=strings)
        # Of equal ones an int, where there is one.
        least = min(self.extremes, key=lambda value: (value, isinstance(value, float)))
        greatest = max(self.extremes, key=lambda value: (value, isinstance(value, int)))
        return UnchangedValues(least, greatest, strings)


def _look_at_columns(encoded: EncodedBatch, selected: Mask, seen: Mapping[str, _Seen]) -> None:
    for name in encoded.rows.names:
        value = ValueColumn.of(name)
        if not value or value.key not in seen:
            continue
        form, key = value
        found = seen[key]
        found.is_complete &= form in _DIRECT_FORMS
        if form == "string":
            texts = encoded.rows.texts(name, selected)
            if texts is not None:
                found.texts.append(texts)
        elif form in ("int", "float"):
            values = encoded.rows.numbers(name, selected)
            if len(values):
                found.extremes += [values.min().item(), values.max().item()]


def _look_at_cells(encoded: EncodedBatch, selected: Mask, seen: Mapping[str, _Seen]) -> None:
    if encoded.cells is None:
        return
    cells = encoded.cells.frame().filter(pl.col("key").is_in(list(seen)))
    extremes = [function for column in ("int", "float") for function in (pl.col(column).min(), pl.col(column).max())]
    names = ("int_min", "int_max", "float_min", "float_max")
    kept = cells.filter(pl.Series(selected[cells["row"].to_numpy()]))
    told = kept.group_by("key", "form").agg(each.alias(name) for each, name in zip(extremes, names, strict=True))
    for key, form, *numbers in told.iter_rows():
        found = seen[key]
        found.is_complete &= form in _DIRECT_FORMS and form != "string"
        found.extremes += [number for number in numbers if number is not None]
