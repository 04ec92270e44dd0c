"""A DuckDB script that takes any metadata key: of what one writes by hand, the one nearest to the job.

    python benchmarks/peers/duckdb_any_key.py --items ITEMS.ndjson... [--annotations MARKS.ndjson...] --out DIR

Nothing is known of the metadata: it is read as a map of JSON values and laid out as one row for each value. That gives
the kinds of each key with their counts, statistics, categories and histograms; keys that hold several kinds are
conflicts, told with example records (file and row number) of the rarest kind. Then it writes Parquet, a column of the
found type for each key. No checks of records, duplicates, references or cache keys, no rejections, no versions.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
from duckdb_typed import CORE
from findings import GROUPS, HISTOGRAM_BINS, LOOK_BELOW, MAX_CATEGORIES, Finding, group, options, tell

EXAMPLES = 3
EXAMPLE_KEYS = ("export", "line", "reference_id", "value")
MAX_COLUMNS = 250
"""With more keys than this the Parquet file keeps the map: a look into it for each key and row would take hours."""

LONG = """
CREATE TABLE long AS
WITH entries AS (SELECT row, unnest(map_entries(metadata)) AS entry FROM records),
typed AS (SELECT row, entry.key AS key, entry.value AS value, json_type(entry.value) AS type FROM entries)
SELECT row, key,
  CASE
    WHEN type IN ('VARCHAR', 'BOOLEAN') THEN 'string'
    WHEN type IN ('ARRAY', 'OBJECT') THEN 'other'
    ELSE 'number'
  END AS kind,
  CASE WHEN type NOT IN ('BOOLEAN', 'ARRAY', 'OBJECT', 'VARCHAR') THEN value::DOUBLE END AS number,
  CASE WHEN type IN ('BOOLEAN', 'ARRAY', 'OBJECT', 'VARCHAR') THEN value ->> '$' END AS text,
  type IN ('BIGINT', 'UBIGINT') AS integral
FROM typed WHERE type != 'NULL'
"""
STATISTICS = """
CREATE TABLE statistics AS
SELECT key, kind, count(*) AS present,
  min(number) AS minimum, max(number) AS maximum, avg(number) AS mean, stddev_samp(number) AS stddev,
  approx_count_distinct(text) AS distinct_texts, bool_and(integral) AS integral, min(row, $examples) AS first
FROM long GROUP BY key, kind
"""
# Ties among the kinds of a key are broken by name, so that every run tells the same.
KINDS = """
SELECT key, list({kind: kind, present: present, first: first} ORDER BY present DESC, kind)
FROM statistics GROUP BY key HAVING count(*) > 1 ORDER BY key
"""
CATEGORIES = """
WITH few AS (SELECT key FROM statistics WHERE kind = 'string' AND distinct_texts < $look_below),
counted AS (SELECT key, text, count(*) AS count FROM long SEMI JOIN few USING (key) WHERE kind = 'string' GROUP BY ALL)
SELECT key, map(list(text), list(count)) FROM counted GROUP BY key HAVING count(*) <= $most
"""
HISTOGRAMS = """
WITH placed AS (
  SELECT key, floor((number - minimum) / nullif((maximum - minimum) / $bins, 0)) AS place
  FROM long JOIN statistics USING (key, kind) WHERE kind = 'number'),
counted AS (
  SELECT key, least(coalesce(place, 0), $bins - 1)::INTEGER AS bin, count(*) AS count FROM placed GROUP BY ALL)
SELECT key, map(list(bin), list(count)) FROM counted GROUP BY key
"""
EXAMPLE = """
WITH files AS (SELECT filename, min(row) AS first FROM records GROUP BY filename)
SELECT filename, row - first + 1, reference_id, coalesce(text, number::VARCHAR)
FROM records JOIN files USING (filename) JOIN long USING (row)
WHERE key = $key AND list_contains($rows, row) ORDER BY row
"""


def load(connection: duckdb.DuckDBPyConnection, name: str, exports: Sequence[Path]) -> None:
    """Reads the exports of a group into `records`, a row for each record."""
    connection.execute("DROP TABLE IF EXISTS records")
    # The order of the rows is the order of the lines, so that the number of a row tells its line.
    connection.execute(
        "CREATE TABLE records AS SELECT row_number() OVER () AS row, * FROM read_json($exports, "
        "format = 'newline_delimited', columns = $columns, filename = true)",
        {
            "exports": [str(path) for path in exports],
            "columns": {**CORE[name], "metadata": "MAP(VARCHAR, JSON)"},
        },
    )


def tabulate(connection: duckdb.DuckDBPyConnection) -> None:
    """Lays out the metadata of `records` as `long`, a row for each value, and `statistics`, by key and kind."""
    connection.execute("DROP TABLE IF EXISTS long; DROP TABLE IF EXISTS statistics")
    connection.execute(LONG)
    connection.execute(STATISTICS, {"examples": EXAMPLES})


def summaries(connection: duckdb.DuckDBPyConnection) -> dict[str, Finding]:
    """Returns what every key holds; of one in conflict, what its most frequent kind holds."""
    categories = dict(connection.execute(CATEGORIES, {"look_below": LOOK_BELOW, "most": MAX_CATEGORIES}).fetchall())
    histograms = dict(connection.execute(HISTOGRAMS, {"bins": HISTOGRAM_BINS}).fetchall())
    rows = connection.execute(
        "SELECT key, kind, present, minimum, maximum, mean, stddev FROM statistics "
        "QUALIFY row_number() OVER (PARTITION BY key ORDER BY present DESC, kind) = 1"
    ).fetchall()
    found = {}
    for key, kind, present, *numbers in rows:
        bins = [histograms[key].get(place, 0) for place in range(HISTOGRAM_BINS)] if kind == "number" else []
        found[key] = Finding(present, *numbers, categories.get(key) if kind == "string" else None, bins)
    return found


def conflicts(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, object]]:
    """Returns the keys that hold values of several kinds, with examples of the rarest."""
    found: list[dict[str, object]] = []
    for key, kinds in connection.execute(KINDS).fetchall():
        examples = connection.execute(EXAMPLE, {"key": key, "rows": kinds[-1]["first"]}).fetchall()
        found.append(
            {
                "group": name,
                "field": key,
                "kinds": {each["kind"]: each["present"] for each in kinds},
                "examples": [dict(zip(EXAMPLE_KEYS, example, strict=True)) for example in examples],
            }
        )
    return found


def write(connection: duckdb.DuckDBPyConnection, name: str, out: Path, core: Iterable[str]) -> None:
    """Writes the core columns of the records, and a column of its own type for each metadata key."""
    rows = connection.execute("SELECT key, kind, integral FROM statistics ORDER BY key").fetchall()
    types = {key: "VARCHAR" if kind != "number" else "BIGINT" if integral else "DOUBLE" for key, kind, integral in rows}
    columns = ["metadata"] if len(types) > MAX_COLUMNS else [extracted(*each) for each in types.items()]
    wanted = ", ".join([*core, *columns])
    connection.execute(f"COPY (SELECT {wanted} FROM records) TO '{out / name}.parquet' (FORMAT parquet)")


def extracted(key: str, kind: str) -> str:
    """Returns the SQL for the value of a key as a column of a type."""
    name = quoted(key, quote='"')
    return f"(metadata[{quoted(key)}] ->> '$')::{kind} AS {name}"


def quoted(text: str, *, quote: str = "'") -> str:
    """Returns a text as an SQL literal, or as an SQL name."""
    return f"{quote}{text.replace(quote, quote * 2)}{quote}"


def main() -> None:
    """Runs the script."""
    given = options(__doc__)
    connection = duckdb.connect()
    groups: dict[str, dict[str, object]] = {}
    conflicting: list[Mapping[str, object]] = []
    for name in GROUPS:
        exports = getattr(given, name)
        if not exports:
            continue
        load(connection, name, exports)
        tabulate(connection)
        records = connection.execute("SELECT count(*) FROM records").fetchall()[0][0]
        found = conflicts(connection, name)
        groups[name] = group(records, summaries(connection))
        conflicting += found
        if not found:
            write(connection, name, given.out, CORE[name])
    tell(groups, conflicting)


if __name__ == "__main__":
    main()
