"""What a partition holds and what a job brings, merged: identity, duplicates, references, updates (I, U).

Everything that belongs together is in one partition: items and scenes by their reference id, annotations and
predictions by the reference id of their target. So a partition is decided without looking at any other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from transforms.kernels.batch import Batch
from transforms.rules.annotations import GEOMETRIC, MASK, SEGMENT
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejections import Code

Mode = Literal["append"]
"""How records meet what the dataset holds (U1). `replace` and `merge` (U2, U3) take their place beside it."""
OnDuplicate = Literal["reject", "last"]

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
}
"""Columns of the rejections that are found after the raw records are gone; where they stand says where to read them."""

_ORDER = ("export", "offset", "part")


@dataclass(slots=True)
class GroupCounts:
    """What became of the rows of one group (U4)."""

    created: int = 0
    updated: int = 0
    ignored: int = 0
    unchanged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Merged:
    """A partition after the merge.

    Attributes:
        batches: The rows that it holds now, by group, in the order of their identity; groups without rows are absent.
        counts: What became of the rows that the job brought.
        rejected: Rows that are not accepted, with the columns REJECTED.
    """

    batches: dict[Group, Batch] = field(default_factory=dict)
    counts: dict[Group, GroupCounts] = field(default_factory=lambda: {group: GroupCounts() for group in GROUPS})
    rejected: list[pl.DataFrame] = field(default_factory=list)


def merge(
    incoming: Mapping[Group, Sequence[Batch]],
    held: Mapping[Group, Batch],
    *,
    exports: Sequence[str],
    on_duplicate: OnDuplicate = "reject",
) -> Merged:
    """Merges the rows of one partition in mode `append` (U1): what the dataset holds stays as it is.

    Args:
        incoming: The batches of the job, in any order.
        held: What the published version holds.
        exports: Name of each export of the job.
        on_duplicate: Which of two rows with one identity stays, the first or the last in the order of the exports (I3).
    """
    merged = Merged()
    for group in GROUPS:
        brought = incoming.get(group, ())
        before = held.get(group)
        if brought:
            batch = Batch.concatenated(brought)
            fresh = _new_rows(batch, before, merged, on_duplicate=on_duplicate)
            _keep(group, batch.take(fresh), before, exports, merged)
        elif before is not None:
            merged.batches[group] = before
    return merged


def identity(rows: pl.DataFrame, group: Group) -> pl.DataFrame:
    """The columns that say who a row is (I1, I2), in the order of the published rows."""
    if group in ("items", "scenes"):
        return rows.select("reference_id")
    kind = pl.col("type")
    geometric = kind.is_in(list(GEOMETRIC))
    return rows.select(
        "reference_id",
        "model_run",
        space=pl.when(geometric).then(pl.lit("object")).otherwise(kind),
        name=pl.when(geometric)
        .then(pl.col("annotation_id"))
        .when(kind == SEGMENT)
        # Zero-padded, so that segments stand in the order of their numbers.
        .then(pl.col("segment_index").cast(pl.String).str.zfill(19))
        .when(kind != MASK)
        .then(pl.col("taxonomy_name")),
        task_id=pl.when(geometric).then(pl.col("task_id")),
    )


def _new_rows(
    batch: Batch, before: Batch | None, merged: Merged, *, on_duplicate: OnDuplicate
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Positions of the rows that the partition does not hold yet; the others are counted, or rejected."""
    group = batch.group
    names = identity(batch.rows.head(0), group).columns
    keys = identity(batch.rows, group).hstack(
        batch.rows.select("export", "offset", "part", pl.int_range(pl.len(), dtype=pl.Int64).alias("position"))
    )
    keys = keys.sort(*_ORDER)
    who = pl.struct(names)
    keys = keys.with_columns(stays=who.is_first_distinct() if on_duplicate == "reject" else who.is_last_distinct())
    duplicates = keys.filter(~pl.col("stays"))
    keys = keys.filter("stays")
    if group in ("annotations", "predictions") and duplicates.height:
        lost = _of_masks(keys, duplicates)
        duplicates, keys = pl.concat([duplicates, lost]), keys.join(lost, on="position", how="anti")
    _reject(batch, duplicates, Code.DUPLICATE_ID, merged)
    if before is not None:
        known = identity(before.rows, group)
        count = keys.height
        held = keys.join(known, on=names, how="semi", nulls_equal=True)
        keys = keys.join(held, on="position", how="anti")
        if group in (
            "annotations",
            "predictions",
        ):  # what the dataset holds is left as it is: no segment is added to it
            keys = keys.join(_of_masks(keys, held), on="position", how="anti")
        merged.counts[group].ignored += count - keys.height
    if group in ("annotations", "predictions"):
        targets = [merged.batches[each].rows["reference_id"] for each in ("items", "scenes") if each in merged.batches]
        known_targets = pl.concat(targets) if targets else pl.Series([], dtype=pl.String)
        unknown = keys.filter(~pl.col("reference_id").is_in(known_targets.implode()))
        if unknown.height:
            _reject(batch, unknown, Code.UNKNOWN_REFERENCE, merged)
            keys = keys.join(unknown, on="position", how="anti")
    merged.counts[group].created += keys.height
    return keys.sort(*names)["position"].to_numpy()


def _of_masks(keys: pl.DataFrame, dropped: pl.DataFrame) -> pl.DataFrame:
    """Those of the segments whose mask is dropped: a mask takes its segments along."""
    masks = dropped.filter(space=MASK).select("export", "offset", mask=pl.col("part"))
    segments = keys.filter(space=SEGMENT).with_columns(mask=pl.col("part") // 2**32)
    return segments.join(masks, on=["export", "offset", "mask"], how="semi").drop("mask")


_MESSAGES = {
    Code.DUPLICATE_ID: ("expected an identity that this job has only once, got ", " again at reference_id"),
    Code.UNKNOWN_REFERENCE: (
        "expected the reference id of an item or a scene of the job or the dataset, got ",
        " at reference_id",
    ),
}


def _reject(batch: Batch, keys: pl.DataFrame, code: Code, merged: Merged) -> None:
    if not keys.height:
        return
    before, after = _MESSAGES[code]
    quoted = (
        pl.col("reference_id").str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    )
    rows = batch.rows[keys["position"].to_numpy()].select(
        pl.lit(batch.group).alias("group"),
        pl.lit(code.value).alias("code"),
        pl.concat_str(pl.lit(before + '"'), quoted.str.head(120), pl.lit('"' + after)).alias("message"),
        pl.lit("reference_id").alias("field"),
        "export",
        "chunk",
        "line",
        "offset",
        "part",
        "reference_id",
    )
    merged.rejected.append(rows.cast(REJECTED))  # type: ignore[arg-type] # a mapping of names to types is taken
    merged.counts[batch.group].rejected[code.value] += keys.height


def _keep(group: Group, fresh: Batch, before: Batch | None, exports: Sequence[str], merged: Merged) -> None:
    """Puts the new rows to those held; from here on a row names its export instead of numbering it."""
    if not fresh.rows.height and before is None:
        return
    names = pl.Series("export_name", list(exports), pl.String)
    named = fresh.rows.with_columns(export_name=names.gather(fresh.rows["export"])).drop(
        "export", "chunk", "line", "part"
    )
    batches = [Batch(group, named, fresh.cells)] if fresh.rows.height else []
    if before is not None:
        batches.append(before)
    whole = Batch.concatenated(batches)
    if len(batches) > 1:
        order = identity(whole.rows, group).with_row_index("position").sort(pl.exclude("position"))
        whole = whole.take(order["position"].to_numpy().astype(np.int64))
    merged.batches[group] = whole.canonical()
