"""A Polars script, as one who knows the fields of these exports writes it by hand.

    python benchmarks/peers/polars_script.py --items ITEMS.ndjson... [--annotations MARKS.ndjson...] --out DIR

The same work as `duckdb_typed.py`: the types are given, and of what a record may have wrong nothing is looked at.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
from findings import GROUPS, HISTOGRAM_BINS, LOOK_BELOW, MAX_CATEGORIES, Finding, group, options, tell

POINT = pl.Struct({"x": pl.Float64, "y": pl.Float64})
CORE = {
    "items": {"reference_id": pl.String, "image_url": pl.String},
    "annotations": {
        "reference_id": pl.String,
        "annotation_id": pl.String,
        "label": pl.String,
        "type": pl.String,
        "taxonomy_name": pl.String,
        "geometry": pl.Struct(
            {
                **dict.fromkeys(("x", "y", "width", "height"), pl.Float64),
                "vertices": pl.List(POINT),
            }
        ),
        "track_reference_id": pl.String,
        "task_id": pl.String,
    },
}
METADATA = {
    "items": {
        "weather": pl.String,
        "city": pl.String,
        "camera": pl.String,
        "serial": pl.String,
        "night": pl.Boolean,
        "gear": pl.Int64,
        "speed": pl.Float64,
        "temperature": pl.Float64,
        "ego": pl.Struct({"lane": pl.Int64}),
        "date": pl.String,
        "lat": pl.Float64,
        "lon": pl.Float64,
    },
    "annotations": {"occluded": pl.Boolean, "truncation": pl.Float64, "colour": pl.String, "points": pl.Int64},
}
NUMBERS = {pl.Int64, pl.Float64}


def load(name: str, exports: Sequence[Path]) -> pl.DataFrame:
    """Returns the records of a group, with a column for every core key and metadata field."""
    schema = {**CORE[name], "metadata": pl.Struct(METADATA[name])}
    return pl.scan_ndjson(list(exports), schema=schema).unnest("metadata").collect(engine="streaming")


def summaries(frame: pl.DataFrame, fields: Mapping[str, object]) -> dict[str, Finding]:
    """Returns what every field holds."""
    wanted = []
    for field, kind in fields.items():
        column = pl.col(field)
        wanted.append(column.count().alias(f"{field} count"))
        if kind in NUMBERS:
            wanted += [
                column.min().alias(f"{field} min"),
                column.max().alias(f"{field} max"),
                column.mean().alias(f"{field} mean"),
                column.std().alias(f"{field} stddev"),
            ]
        elif kind == pl.String:
            wanted.append(column.approx_n_unique().alias(f"{field} distinct"))
    row = frame.lazy().select(wanted).collect().row(0, named=True)
    found = {}
    for field, kind in fields.items():
        present = row[f"{field} count"]
        if kind in NUMBERS:
            minimum, maximum = row[f"{field} min"], row[f"{field} max"]
            bins = histogram(frame[field], minimum, maximum) if present else []
            found[field] = Finding(present, minimum, maximum, row[f"{field} mean"], row[f"{field} stddev"], None, bins)
        else:
            few = kind == pl.Boolean or (kind == pl.String and row[f"{field} distinct"] < LOOK_BELOW)
            found[field] = Finding(present, categories=categories(frame[field]) if few else None)
    return found


def histogram(values: pl.Series, minimum: float, maximum: float) -> list[int]:
    """Returns the counts of bins of one width between the minimum and the maximum."""
    width = (maximum - minimum) / HISTOGRAM_BINS or 1.0
    places = ((values.drop_nulls() - minimum) / width).floor().clip(upper_bound=HISTOGRAM_BINS - 1).cast(pl.Int32)
    counts = dict(places.value_counts().iter_rows())
    return [counts.get(position, 0) for position in range(HISTOGRAM_BINS)]


def categories(values: pl.Series) -> dict[str, int] | None:
    """Returns the count of each value, None if there are too many."""
    counted = values.drop_nulls().value_counts()
    return dict(counted.cast({values.name: pl.String}).iter_rows()) if counted.height <= MAX_CATEGORIES else None


def main() -> None:
    """Runs the script."""
    given = options(__doc__)
    groups = {}
    for name in GROUPS:
        exports = getattr(given, name)
        if exports:
            frame = load(name, exports)
            groups[name] = group(frame.height, summaries(frame, METADATA[name]))
            frame.write_parquet(given.out / f"{name}.parquet")
    tell(groups)


if __name__ == "__main__":
    main()
