"""Examples of the values in conflict: of one field of a batch, those of one kind that stand first (T6)."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import polars as pl

from transforms.kernels.batch import Batch
from transforms.kernels.fields import values_by_form
from transforms.kernels.metadata import KIND_FORMS
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject, JsonValue

EXAMPLES = 5
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Example:
    """A value in conflict.

    Attributes:
        value: The value, cut where it is long; of other kinds the JSON text.
    """

    export: str
    offset: int
    reference_id: str
    kind: str
    value: str | int | float | bool


def rarest_kind(schema: JsonObject) -> Iterator[tuple[Group, str, str]]:
    """(group, field, kind) of each conflict: of the kinds that are not declared the one with the fewest values."""
    for conflict in cast("list[JsonObject]", schema["conflicts"]):
        kinds = dict(cast("dict[str, int]", conflict["kinds"]))
        kinds.pop(str(conflict.get("declared")), None)
        kind = min(kinds, key=lambda each: (kinds[each], each))
        yield cast("Group", conflict["group"]), str(conflict["field"]), kind


def smallest(examples: Iterable[Example]) -> list[Example]:
    """The first few, by export and offset; of one record (a mask has many segments) by value: none by chance (T5)."""
    return heapq.nsmallest(EXAMPLES, examples, key=_place)


def _place(example: Example) -> tuple[str, int, str, str, str]:
    return example.export, example.offset, example.reference_id, example.kind, repr(example.value)


def examples(batch: Batch, field: str, kind: str) -> list[Example]:
    """The first few values of one kind of a field of a batch."""
    found: list[Example] = []
    for form, stretches in values_by_form(batch).get(field, {}).items():
        if form not in KIND_FORMS[kind]:
            continue
        for rows, values in stretches:
            places = np.flatnonzero(values.is_not_null().to_numpy())
            where = places if rows is None else rows[places]
            frame = (
                batch.rows[where]
                .select("export_name", "offset", "reference_id")
                .with_columns(value=values.gather(places))
            )
            # Some stand in one record: those that tie with the last of the first few are all looked at.
            first = frame.filter(pl.struct("export_name", "offset").rank("min") <= EXAMPLES)
            found += (
                Example(export, offset, reference_id, kind, _shown(value, form))
                for export, offset, reference_id, value in first.iter_rows()
            )
    return smallest(found)


def _shown(value: JsonValue, form: str) -> str | int | float | bool:
    if isinstance(value, str):
        return int(value) if form == "big" and len(value) < SHOWN else value[:SHOWN]
    return cast("bool | int | float", value)
