"""Asks a dataset in SQL with DuckDB: how often each label is there, for example.

    python examples/reading/duckdb_query.py DATASET

DuckDB gets the rows as Arrow batches, a few at a time. For many questions, or other programs, export Parquet files
first: `metadata-etl export DATASET --out DIR`, then `SELECT ... FROM 'DIR/annotations/*.parquet'`.
"""

import sys

import duckdb

import metadata_etl


def labels(place: str) -> list[tuple[str, int]]:
    """Each label of the annotations with its number, the most frequent first."""
    rows = metadata_etl.open(place).annotations().select("label").reader()
    with duckdb.connect() as connection:
        connection.register("annotations", rows)
        found = connection.sql("SELECT label, count(*) AS n FROM annotations GROUP BY label ORDER BY n DESC, label")
        return [(label, count) for label, count in found.fetchall()]


if __name__ == "__main__":
    for name, number in labels(sys.argv[1]):
        print(f"{number:10,} {name}")
