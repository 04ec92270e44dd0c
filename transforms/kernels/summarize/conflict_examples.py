"""Finds example values of a type conflict in a batch: the first ones of a field and kind (T6)."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import KIND_FORMS
from transforms.kernels.summarize.fields import Pieces, values_by_form
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import ConflictJson, ResolvedJson

EXAMPLES = 5
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Example:
    """A value in conflict.

    Attributes:
        value: The value, truncated if it is long; of other kinds the JSON text.
    """

    export: str
    offset: int
    reference_id: str
    kind: str
    value: str | int | float | bool


def wanted_kinds(schema: ResolvedJson) -> Iterator[tuple[Group, str, str, int]]:
    """(group, field, kind, most) of the examples of each conflict: several of the rarest kind, one of each other."""
    for conflict in schema["conflicts"]:
        for position, kind in enumerate(kinds_in_order(conflict)):
            yield conflict["group"], conflict["field"], kind, 1 if position else EXAMPLES


def kinds_in_order(conflict: ConflictJson) -> list[str]:
    """The kinds of a conflict: the one with the fewest values first (T6), a declared one last."""
    kinds, declared = conflict["kinds"], conflict.get("declared")
    return sorted(kinds, key=lambda kind: (kind == declared, kinds[kind], kind))


def smallest(examples: Iterable[Example], most: int = EXAMPLES) -> list[Example]:
    """The first few by export and offset, within one record (a mask has many segments) by value: deterministic (T5)."""
    return heapq.nsmallest(most, examples, key=_place)


def _place(example: Example) -> tuple[str, int, str, str, str]:
    return example.export, example.offset, example.reference_id, example.kind, repr(example.value)


def examples(batch: Batch, wanted: Iterable[tuple[str, str, int]]) -> Iterator[list[Example]]:
    """The first few values of each wanted (field, kind, most) of a batch, in the order in which they are wanted."""
    values = values_by_form(batch)
    for field, kind, most in wanted:
        yield _examples(batch, values.get(field, {}), kind, most)


def _examples(batch: Batch, by_form: Mapping[str, list[Pieces]], kind: str, most: int) -> list[Example]:
    found: list[Example] = []
    for form, pieces in by_form.items():
        if form not in KIND_FORMS[kind]:
            continue
        for rows, values in pieces:
            places = np.flatnonzero(values.is_not_null().to_numpy())
            where = places if rows is None else rows[places]
            frame = (
                batch.rows[where]
                .select("export_name", "offset", "reference_id")
                .with_columns(value=values.gather(places))
            )
            # Several may be in one record: all that tie with one of the first few are compared.
            places_of = ["export_name", "offset"]
            few = frame.select(places_of).bottom_k(most, by=places_of).unique()
            first = frame.join(few, on=places_of, how="semi")
            found += (
                Example(export, offset, reference_id, kind, _shown(value, form))
                for export, offset, reference_id, value in first.iter_rows()
            )
    return smallest(found, most)


def _shown(value: str | float | bool, form: str) -> str | int | float | bool:  # noqa: FBT001 - a value
    if isinstance(value, str):
        return int(value) if form == "big" and len(value) < SHOWN else value[:SHOWN]
    return value
