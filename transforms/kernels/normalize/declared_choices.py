"""Rejects rows with undeclared choices, in whole batches, as the rule `transforms.rules.declared.not_a_choice` (D2)."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.normalized import Normalized
from transforms.kernels.summarize.fields import values_by_form
from transforms.rules.declared import Declared, DeclaredField, not_a_choice
from transforms.rules.rejections import Fault


def reject_other_choices(done: Normalized, declared: Declared, origin: Origin) -> None:
    """Rejects the rows of a chunk with a string that is no declared choice of its field."""
    for number, batch in enumerate(done.batches):
        pinned = {key: field for key, field in declared.get(batch.group, {}).items() if field.choices is not None}
        if pinned:
            done.reject_rows(number, other_choices(batch, pinned), origin)


def other_choices(batch: Batch, pinned: Mapping[str, DeclaredField]) -> dict[int, Fault]:
    """Row to its first fault, in the order of keys and then of forms."""
    found: dict[int, Fault] = {}
    values_of = values_by_form(batch)
    for key, field in sorted(pinned.items()):
        for form in ("bool", "string"):
            for rows, values in values_of.get(key, {}).get(form, ()):
                given = values.cast(pl.String) if form == "bool" else values
                wrong = given.is_not_null() & ~given.is_in(list(field.choices or ()))
                for place in np.flatnonzero(wrong.to_numpy()).tolist():
                    fault = not_a_choice(field, values[place], key)
                    if fault is not None:
                        found.setdefault(place if rows is None else int(rows[place]), fault)
    return found
