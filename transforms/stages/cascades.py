"""Explains rejections that follow from others: the item or scene of an annotation was rejected in the same job (I4)."""

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from transforms.rules.export_rows import ANNOTATION_GROUPS, REFERENCED_GROUPS
from transforms.rules.policies import Mode
from transforms.rules.rejections import Code
from transforms.stages.rejections import Rejections

Steps: TypeAlias = Sequence[tuple[int, Mode]]
"""Step and mode of each export of the job."""
_CASCADE = "; its {} was rejected in this job ({} at {})"
_CAUSE = ("reference_id", "step")

IS_REFERENCED = pl.col("group").is_in(REFERENCED_GROUPS)
"""Whether annotations or predictions may lack their item or scene because of a rejection."""
LACKS_REFERENCED = pl.col("group").is_in(ANNOTATION_GROUPS) & (pl.col("code") == Code.UNKNOWN_REFERENCE.value)
"""Whether a rejection is that of an annotation or prediction whose item or scene does not exist."""
IS_CASCADED = LACKS_REFERENCED & pl.col("relation").is_not_null()
"""Whether a rejection follows from the rejection of its item or scene."""
_MAY_BE_RELATED = pl.col("reference_id").is_not_null() & (IS_REFERENCED | LACKS_REFERENCED)


def related_and_others(rejections: Rejections) -> tuple[Rejections, Rejections]:
    """The rejections from which others may follow or that may follow from others, and all others (I4)."""
    frame = rejections.frame
    return Rejections(frame.filter(_MAY_BE_RELATED)), Rejections(frame.filter(~_MAY_BE_RELATED))


def cascaded(rejections: Rejections, steps: Steps) -> Rejections:
    """The rejections, with the cause added to those that follow from another rejection.

    The cause is the first rejection of the item or scene in the same step, independent of the order of the input (T5);
    a duplicate comes last, since the record that is kept instead exists or is rejected itself. In a backfill each step
    is a job of its own (P5).
    """
    frame = rejections.frame
    wanted = frame.filter(LACKS_REFERENCED)["reference_id"].drop_nulls().unique()
    if not len(wanted):
        return rejections
    # In mode merge the record itself does not exist, which is independent of its item or scene.
    merging = [mode == "merge" for _, mode in steps]
    exports = frame["export"].cast(pl.UInt32)
    frame = frame.with_columns(
        step=pl.Series([step for step, _ in steps], dtype=pl.Int64).gather(exports),
        merging=pl.Series(merging, dtype=pl.Boolean).gather(exports),
    )
    is_duplicate = pl.col("code") == Code.DUPLICATE_ID.value
    order = (is_duplicate, "export", pl.col("offset").fill_null(0), "part", "group", "code")
    causes = (
        frame.filter(IS_REFERENCED & pl.col("reference_id").is_in(wanted.implode()))
        .sort(*order)
        .unique(_CAUSE, keep="first", maintain_order=True)
    )
    if not causes.height:
        return rejections
    what = pl.when(pl.col("group") == "items").then(pl.lit("item")).otherwise(pl.lit("scene"))
    causes = causes.select(
        *_CAUSE,
        caused=pl.format(_CASCADE, what, "code", pl.lit("{}")),
        by_export="export",
        by_chunk="chunk",
        by_line="line",
    )
    follows = LACKS_REFERENCED & ~pl.col("merging") & pl.col("caused").is_not_null()
    explained = frame.join(causes, on=_CAUSE, how="left", maintain_order="left").with_columns(
        pl.when(follows).then(cause).otherwise(name).alias(name)
        for name, cause in (
            ("relation", "caused"),
            ("other_export", "by_export"),
            ("other_chunk", "by_chunk"),
            ("other_line", "by_line"),
        )
    )
    return Rejections(explained.select(rejections.frame.columns))
