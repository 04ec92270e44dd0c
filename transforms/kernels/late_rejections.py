"""Rejections that are found after the raw records are gone; where they stand says where to read them again (R1)."""

from collections.abc import Sequence

import polars as pl

from transforms.rules.export_rows import Group
from transforms.rules.rejections import Code, Fault

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
"""Columns of the rejections; the places of `transforms.kernels.batch.SOURCE`."""

_MESSAGES = {
    Code.DUPLICATE_ID: ("expected an identity that this job has only once, got ", " again at reference_id"),
    Code.UNKNOWN_REFERENCE: (
        "expected the reference id of an item or a scene of the job or the dataset, got ",
        " at reference_id",
    ),
}
_NOTHING_TO_UPDATE = ("expected a record that the dataset holds, to merge metadata into, got ", " at reference_id")


def rejection_rows(
    rows: pl.DataFrame, group: Group, faults: Sequence[Fault] | Code, *, merging: bool = False
) -> pl.DataFrame:
    """The rejections of rows that a job brought: each with a fault of its own, or all for one reason."""
    if isinstance(faults, Code):
        before, after = _NOTHING_TO_UPDATE if merging else _MESSAGES[faults]
        quoted = (
            pl.col("reference_id").str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
        )
        reasons: dict[str, pl.Expr | pl.Series] = {
            "code": pl.lit(faults.value),
            "message": pl.concat_str(pl.lit(before + '"'), quoted.str.head(120), pl.lit('"' + after)),
            "field": pl.lit("reference_id"),
        }
    else:
        reasons = {
            "code": pl.Series([fault.code.value for fault in faults], dtype=pl.String),
            "message": pl.Series([fault.message for fault in faults], dtype=pl.String),
            "field": pl.Series([fault.field for fault in faults], dtype=pl.String),
        }
    places = [name for name in REJECTED if name in ("export", "chunk", "line", "offset", "part", "reference_id")]
    found = rows.select(group=pl.lit(group), **reasons, **{name: pl.col(name) for name in places})
    return found.cast(REJECTED)  # type: ignore[arg-type] # a mapping of names to types is taken
