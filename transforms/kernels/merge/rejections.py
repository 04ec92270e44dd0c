"""Rejections of merged rows, with the places from which their raw records are read again (R1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.rules.annotations import GEOMETRIC, MASK, SEGMENT
from transforms.rules.export_rows import REFERENCED_GROUPS, Group
from transforms.rules.identity import is_derived
from transforms.rules.rejections import Code, Fault, shown

REJECTED = {
    "group": pl.String(),
    "code": pl.String(),
    "message": pl.String(),
    "field": pl.String(),
    "export": pl.Int32(),
    "chunk": pl.Int64(),
    "line": pl.Int64(),
    "offset": pl.Int64(),
    "part": pl.Int64(),
    "reference_id": pl.String(),
    "relation": pl.String(),
    "other_export": pl.Int32(),
    "other_chunk": pl.Int64(),
    "other_line": pl.Int64(),
}
"""Columns of the rejections, among them those of `transforms.kernels.batch.batch.SOURCE`, and the continuation of
the message with the place of another record (`transforms.stages.elements.Rejection`)."""
_PLACES = ("export", "chunk", "line", "offset", "part", "reference_id")
_KEPT = "; the one that counts is at {}"
_KEPT_BOTH_IF_NAMED = "; the one that counts is at {}; if both are meant, give each an annotation_id"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Rows whose item or scene does not exist, or with `merging` the record to merge into (I4, U3)."""

    merging: bool


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows whose identity another row of the job has (I3).

    Attributes:
        kept: The row that is kept instead of each, by number in the pool: int64[rows].
        by_mask: Whether it is a segment of a duplicate mask, and `kept` is the other mask: bool[rows].
    """

    kept: Positions
    by_mask: "np.ndarray[tuple[int], np.dtype[np.bool_]]"


def faulty_rows(rows: pl.DataFrame, group: Group, faults: Sequence[Fault]) -> pl.DataFrame:
    """The rejections of incoming rows, each with a fault of its own."""
    return _frame(rows, group, faults, None, ())


def unknown_rows(rows: pl.DataFrame, group: Group, *, merging: bool) -> pl.DataFrame:
    """The rejections of rows that refer to no record (I4), or have no record to merge into (U3)."""
    what = (
        "the reference id of a published record to merge into,"
        if merging
        else "the reference id of an item or a scene of the job or the dataset,"
    )
    code = Code.UNKNOWN_REFERENCE
    faults = [
        Fault(code, f"expected {what} got {shown(name)} at reference_id", "reference_id")
        for name in rows["reference_id"].to_list()
    ]
    return _frame(rows, group, faults, None, ())


def duplicate_rows(
    rows: pl.DataFrame, group: Group, kept: pl.DataFrame, by_mask: Sequence[bool] | None = None
) -> pl.DataFrame:
    """The rejections of duplicate rows, each with what is equal and the place of the row that is kept.

    Args:
        rows: N rows that are rejected.
        group: Their group.
        kept: N rows that are kept instead.
        by_mask: As in `Duplicates`; by default False for all.
    """
    if group in REFERENCED_GROUPS:
        faults = [
            _duplicate("a reference_id that this job has only once", shown(name), "reference_id")
            for name in rows["reference_id"].to_list()
        ]
        return _frame(rows, group, faults, kept, [_KEPT] * len(faults))
    named = list(_annotations_named(rows, by_mask or [False] * rows.height))
    return _frame(rows, group, [fault for fault, _ in named], kept, [relation for _, relation in named])


def _annotations_named(rows: pl.DataFrame, by_mask: Sequence[bool]) -> Iterator[tuple[Fault, str]]:
    columns = ("type", "reference_id", "annotation_id", "task_id", "taxonomy_name", "segment_index")
    for (kind, target, annotation, task, taxonomy, index), shares in zip(
        rows.select(columns).iter_rows(), by_mask, strict=True
    ):
        if kind in GEOMETRIC and is_derived(annotation):
            what = "an annotation that an item has only once"
            yield _duplicate(what, "the same label, type and geometry", "geometry"), _KEPT_BOTH_IF_NAMED
        elif kind in GEOMETRIC:
            got = shown(annotation) if task is None else f"{shown(annotation)} of the task {shown(task)}"
            yield _duplicate("an annotation_id that an item has only once", got, "annotation_id"), _KEPT
        elif kind == MASK or shares:
            got = f"a segment of another mask for {shown(target)}" if shares else f"another mask for {shown(target)}"
            message = f"expected one mask for an item, got {got} at reference_id"
            yield Fault(Code.DUPLICATE_ID, message, "reference_id"), _KEPT
        elif kind == SEGMENT:
            yield _duplicate("an index that a mask has only once", f"{index}", "annotations.index"), _KEPT
        else:
            got = "one without a taxonomy" if taxonomy is None else f"the taxonomy {shown(taxonomy)}"
            yield _duplicate("one category of each taxonomy for an item or scene", got, "taxonomy_name"), _KEPT


def _duplicate(what: str, got: str, at: str) -> Fault:
    return Fault(Code.DUPLICATE_ID, f"expected {what}, got {got} again at {at}", at)


def _frame(
    rows: pl.DataFrame, group: Group, faults: Sequence[Fault], kept: pl.DataFrame | None, relations: Sequence[str]
) -> pl.DataFrame:
    found = rows.select(
        *_PLACES,
        group=pl.lit(group),
        code=pl.Series([fault.code.value for fault in faults], dtype=pl.String),
        message=pl.Series([fault.message for fault in faults], dtype=pl.String),
        field=pl.Series([fault.field for fault in faults], dtype=pl.String),
    )
    if kept is None:
        others = [pl.lit(None).alias(name) for name in REJECTED if name.startswith("other_")]
        found = found.with_columns(*others, relation=pl.lit(None))
    else:
        found = found.with_columns(
            pl.Series("relation", relations, pl.String),
            *(kept[name].alias(f"other_{name}") for name in ("export", "chunk", "line")),
        )
    return found.select(list(REJECTED)).cast(REJECTED)  # type: ignore[arg-type] # a mapping of names to types is taken
