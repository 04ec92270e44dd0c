"""A typed DuckDB script, as one who knows the fields of these exports writes it by hand.

    python benchmarks/peers/duckdb_typed.py --items ITEMS.ndjson... [--annotations MARKS.ndjson...] --out DIR

Reads the exports with the types given, counts and summarizes every metadata field, lists the categories, makes the
histograms of the numbers and writes Parquet. A value of another type than the one given ends it; there are no checks of
records, no duplicates, no references, no cache keys, no rejections and no versions.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
from findings import GROUPS, HISTOGRAM_BINS, LOOK_BELOW, MAX_CATEGORIES, Finding, group, options, tell

NUMBERS = {"BIGINT", "DOUBLE"}
CORE = {
    "items": {"reference_id": "VARCHAR", "image_url": "VARCHAR"},
    "annotations": {
        "reference_id": "VARCHAR",
        "annotation_id": "VARCHAR",
        "label": "VARCHAR",
        "type": "VARCHAR",
        "taxonomy_name": "VARCHAR",
        "geometry": "JSON",
        "track_reference_id": "VARCHAR",
        "task_id": "VARCHAR",
    },
}
METADATA = {
    "items": {
        "weather": "VARCHAR",
        "city": "VARCHAR",
        "camera": "VARCHAR",
        "serial": "VARCHAR",
        "night": "BOOLEAN",
        "gear": "BIGINT",
        "speed": "DOUBLE",
        "temperature": "DOUBLE",
        "ego": "JSON",
        "date": "VARCHAR",
        "lat": "DOUBLE",
        "lon": "DOUBLE",
    },
    "annotations": {"occluded": "BOOLEAN", "truncation": "DOUBLE", "colour": "VARCHAR", "points": "BIGINT"},
}


def load(connection: duckdb.DuckDBPyConnection, name: str, exports: Sequence[Path]) -> None:
    """Reads the exports of a group into a table with a column for every core key and metadata field."""
    metadata = ", ".join(f"{field} {kind}" for field, kind in METADATA[name].items())
    columns = {**CORE[name], "metadata": f"STRUCT({metadata})"}
    core = ", ".join(CORE[name])
    connection.execute(
        f"CREATE TABLE {name} AS SELECT {core}, unnest(metadata) "
        "FROM read_json($exports, format = 'newline_delimited', columns = $columns)",
        {"exports": [str(path) for path in exports], "columns": columns},
    )


def summaries(connection: duckdb.DuckDBPyConnection, name: str, fields: Mapping[str, str]) -> dict[str, Finding]:
    """Returns what every field holds: one query for all statistics, one for each histogram or list of categories."""
    wanted: list[str] = []
    for field, kind in fields.items():
        wanted.append(f"count({field})")
        if kind in NUMBERS:
            wanted += (f"{function}({field})" for function in ("min", "max", "avg", "stddev_samp"))
        else:
            wanted.append(f"approx_count_distinct({field})")
    row = iter(connection.execute(f"SELECT {', '.join(wanted)} FROM {name}").fetchall()[0])
    found: dict[str, Finding] = {}
    for field, kind in fields.items():
        present = next(row)
        if kind in NUMBERS:
            minimum, maximum, mean, stddev = (next(row) for _ in range(4))
            bins = histogram(connection, name, field, minimum, maximum) if present else []
            found[field] = Finding(present, minimum, maximum, mean, stddev, histogram=bins)
        else:
            few = next(row) < LOOK_BELOW and kind != "JSON"
            found[field] = Finding(present, categories=categories(connection, name, field) if few else None)
    return found


def histogram(
    connection: duckdb.DuckDBPyConnection, name: str, field: str, minimum: float, maximum: float
) -> list[int]:
    """Returns the counts of bins of one width between the minimum and the maximum."""
    width = (maximum - minimum) / HISTOGRAM_BINS or 1.0
    counted = connection.execute(
        f"SELECT least(floor(({field} - $minimum) / $width), {HISTOGRAM_BINS - 1})::INTEGER AS bin, count(*) "
        f"FROM {name} WHERE {field} IS NOT NULL GROUP BY bin",
        {"minimum": minimum, "width": width},
    ).fetchall()
    counts = dict(counted)
    return [counts.get(position, 0) for position in range(HISTOGRAM_BINS)]


def categories(connection: duckdb.DuckDBPyConnection, name: str, field: str) -> dict[str, int] | None:
    """Returns the count of each value, None if there are too many."""
    counted = connection.execute(
        f"SELECT {field}::VARCHAR, count(*) FROM {name} WHERE {field} IS NOT NULL GROUP BY {field} "
        f"LIMIT {MAX_CATEGORIES + 1}"
    ).fetchall()
    return dict(counted) if len(counted) <= MAX_CATEGORIES else None


def main() -> None:
    """Runs the script."""
    given = options(__doc__)
    connection = duckdb.connect()
    # What DuckDB advises for large imports; nothing here depends on the order of rows.
    connection.execute("SET preserve_insertion_order = false")
    groups = {}
    for name in GROUPS:
        exports = getattr(given, name)
        if exports:
            load(connection, name, exports)
            records = connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            groups[name] = group(records, summaries(connection, name, METADATA[name]))
            connection.execute(f"COPY {name} TO '{given.out / name}.parquet' (FORMAT parquet)")
    tell(groups)


if __name__ == "__main__":
    main()
