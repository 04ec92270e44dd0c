"""Sorts the published and incoming rows of one group by identity and then by time, for `decisions` (I)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.sorting import ordered_by
from transforms.rules.annotations import GEOMETRIC, MASK, SEGMENT
from transforms.rules.export_rows import REFERENCED_GROUPS, Group
from transforms.rules.policies import Step

PUBLISHED = -1
"""The step of published rows, before all others."""
NEVER = np.iinfo(np.int32).max
"""A step after all others: of records that do not exist."""
_PLACE = ("export", "offset", "part")


def identity(rows: pl.DataFrame, group: Group) -> pl.DataFrame:
    """The columns that are the identity of a row (I1, I2), in the sort order of the published rows."""
    if group in REFERENCED_GROUPS:
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
        # Zero-padded, so that segments are sorted by their numbers.
        .then(pl.col("segment_index").cast(pl.String).str.zfill(19))
        .when(kind != MASK)
        .then(pl.col("taxonomy_name")),
        task_id=pl.when(geometric).then(pl.col("task_id")),
    )


def timeline(
    group: Group,
    incoming: pl.DataFrame,
    published: pl.DataFrame | None,
    *,
    steps: Sequence[Step],
    export_steps: Sequence[int],
) -> pl.DataFrame:
    """One line for each row, sorted by identity, then by step and by the order of the exports.

    Columns: those of `identity`; `identity`, the number of the identity in this order; `step`, PUBLISHED for published
    rows; `export`, `offset`, `part`; `row`, the position among the published rows, or behind these among the incoming
    ones; `is_effective`, whether the row is the one of its identity and step that counts (I3).
    """
    names = identity(incoming.head(0), group).columns
    before = 0 if published is None else published.height
    of_export = pl.Series("step", list(export_steps), pl.Int32)
    lines = identity(incoming, group).hstack(
        incoming.select(
            step=of_export.gather(incoming["export"]) if incoming.height else pl.lit(0, pl.Int32),
            export="export",
            offset="offset",
            part="part",
            row=pl.int_range(before, before + incoming.height, dtype=pl.Int64),
        )
    )
    if published is not None:
        known = identity(published, group).with_columns(
            step=pl.lit(PUBLISHED, pl.Int32),
            export=pl.lit(-1, incoming.schema["export"]),
            offset=pl.lit(0, incoming.schema["offset"]),
            part=pl.lit(0, incoming.schema["part"]),
            row=pl.int_range(before, dtype=pl.Int64),
        )
        lines = pl.concat([known, lines])
    lines = lines[ordered_by([lines[name] for name in names], _by_time(lines))]
    given = [name for name in names if lines[name].null_count() < lines.height] or names
    new = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in given)
    lines = lines.with_columns(first=new | (pl.int_range(pl.len()) == 0)).with_columns(
        identity=pl.col("first").cum_sum().cast(pl.Int64) - 1,
        begins=pl.col("first") | (pl.col("step") != pl.col("step").shift()),
    )
    ends = pl.col("begins").shift(-1, fill_value=True)
    keeps_last = pl.Series([step.on_duplicate == "last" for step in steps])
    last = keeps_last.gather(lines["step"].clip(0).cast(pl.UInt32)) if lines.height else pl.lit(value=False)
    return lines.with_columns(is_effective=pl.when(last).then(ends).otherwise(pl.col("begins"))).drop("first", "begins")


def _by_time(lines: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The order of lines by step and by the order of the exports: int64[lines]; most jobs have one of each."""
    times = [lines[name].to_numpy() for name in (*reversed(_PLACE), "step")]
    differing = [each for each in times if len(each) and each.min() != each.max()]
    return np.lexsort(differing) if differing else np.arange(lines.height)


def follow_masks(lines: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The line of the mask of each incoming segment, -1 for all other lines: int64[lines]."""
    found = np.full(lines.height, -1, np.int64)
    numbered = lines.select("space", "step", *_PLACE).with_row_index("line").filter(pl.col("step") != PUBLISHED)
    masks = numbered.filter(space=MASK).select("export", "offset", mask="part", of="line")
    if masks.height:
        segments = numbered.filter(space=SEGMENT).with_columns(mask=pl.col("part") // 2**32)
        pairs = segments.join(masks, on=["export", "offset", "mask"])
        found[pairs["line"].to_numpy()] = pairs["of"].to_numpy()
    return found


def removed_segments(lines: pl.DataFrame, masks: npt.NDArray[np.int64], replacing: Sequence[bool]) -> pl.DataFrame:
    """The segments that are removed because a mask without them replaces theirs.

    Columns: `identity` and `step` of the segment, `mask`, the line of the replacing mask. `masks` is the
    result of `follow_masks`; `replacing` tells for each step whether its mode is `replace`.
    """
    if not any(replacing):
        return pl.DataFrame(schema={"identity": pl.Int64, "mask": pl.Int64, "step": pl.Int32})
    numbered = lines.select(
        "reference_id", "model_run", "space", "is_effective", "identity", "step", mask=pl.Series(masks)
    )
    numbered = numbered.with_row_index("line").cast({"line": pl.Int64})
    is_replacing = pl.Series([step for step, replaces in enumerate(replacing) if replaces], dtype=pl.Int32)
    is_new = (pl.col("space") == MASK) & pl.col("is_effective") & pl.col("step").is_in(is_replacing.implode())
    new = numbered.filter(is_new).select("reference_id", "model_run", mask="line", replaced="step")
    segments = numbered.filter(pl.col("space") == SEGMENT)
    known = segments.group_by("reference_id", "model_run", "identity").agg(pl.col("step").min())
    pairs = known.join(new, on=["reference_id", "model_run"], nulls_equal=True).filter(
        pl.col("step") < pl.col("replaced")
    )
    # A segment is kept by its own mask only: one of a duplicate mask in the job does not keep it.
    incoming = segments.select("identity", "mask")
    return pairs.join(incoming, on=["identity", "mask"], how="anti").select("identity", "mask", step="replaced")
