"""Finds and clears values whose kind a resolved type conflict drops, in incoming rows (T6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import KIND_FORMS
from transforms.kernels.batch.null_columns import without
from transforms.kernels.batch.row_equality import json_value
from transforms.kernels.batch.sparse_values import without_values
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.summarize.fields import values_by_form
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonValue

_WANTED = {"number": "a number", "string": "a string", "other": "a list or an object"}


@dataclass(frozen=True, slots=True)
class Resolution:
    """The resolution of the type conflicts of a job (T6).

    Attributes:
        on_conflict: Whether records with a dropped value are rejected, or only the value is cleared.
        kept_kinds: Group to field to the kind that its values must have; fields without a conflict are absent.
    """

    on_conflict: OnConflict
    kept_kinds: Mapping[Group, Mapping[str, str]]


def dropped_values(batch: Batch, kept_kinds: Mapping[str, str]) -> Iterator[tuple[int, Fault]]:
    """(row, fault) of every value of another kind than the kept kind of its field."""
    for key, forms in values_by_form(batch).items():
        if key not in kept_kinds:
            continue
        for form, pieces in forms.items():
            if form == "null" or form in KIND_FORMS[kept_kinds[key]]:
                continue
            for rows, values in pieces:
                places = np.flatnonzero(values.is_not_null().to_numpy())
                where = places if rows is None else rows[places]
                for row, value in zip(where.tolist(), values.gather(places).to_list(), strict=True):
                    yield row, _fault(key, kept_kinds[key], json_value(form, value))


def _fault(key: str, kept_kind: str, value: JsonValue) -> Fault:
    return expected(Code.TYPE_CONFLICT, _WANTED[kept_kind], value, at=f"metadata.{key}")


def cleared(batch: Batch, kept_kinds: Mapping[str, str]) -> Batch:
    """The rows without their dropped values, as if the records had not had them."""
    lost = {
        (form, key)
        for key, kept_kind in kept_kinds.items()
        for kind, forms in KIND_FORMS.items()
        if kind != kept_kind
        for form in forms
    }
    rows = without(batch.rows, {ValueColumn(form, key).name for form, key in lost})
    cells = without_values(batch.cells, lost)
    return Batch(batch.group, rows, cells)
