"""DuckDB reads the published Avro rows as they are, from the version that docs/outputs.md names (RULES V9)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import GROUPS, Ended, an_item, ndjson
from support.tools import MissingToolError, called, kept

READ = """
import glob, json, pathlib, sys
import duckdb, duckdb_extension_avro
(extension,) = pathlib.Path(duckdb_extension_avro.__file__).parent.rglob("*.duckdb_extension")
connection = duckdb.connect(config={"allow_unsigned_extensions": True})
connection.execute(f"LOAD '{extension}'")
found = {}
for group in sys.argv[2:]:
    found[group] = []
    if paths := sorted(glob.glob(f"{sys.argv[1]}/{group}/*.avro")):
        rows = connection.sql(f"SELECT * FROM read_avro({paths!r})")
        found[group] = [dict(zip(rows.columns, row)) for row in rows.fetchall()]
print(json.dumps(found))
"""


def installed(version: str) -> Path:
    """DuckDB of a version with its extension for Avro, as PyPI has them."""

    def install(place: Path) -> None:
        packages = [f"duckdb=={version}", f"duckdb-extension-avro=={version}"]
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{place}", *packages]
        called(words, place, os.environ)

    try:
        return kept(f"duckdb-{version}-python{sys.version_info.major}.{sys.version_info.minor}", install)
    except MissingToolError as error:
        pytest.skip(f"DuckDB {version} with duckdb-extension-avro cannot be had here: {error}")


def read_by_duckdb(version: str, run: Ended) -> Any:
    (folder,) = (run.dataset / "versions").glob("000001")
    words = [sys.executable, "-c", READ, f"{folder}", *GROUPS]
    environment = {**os.environ, "PYTHONPATH": f"{installed(version)}"}
    return json.loads(subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A dataset with more rows than DuckDB reads at a time, and a field that some of them lack."""
    folder = tmp_path_factory.mktemp("tall")
    records = [an_item(f"{number}", {"code": "x"} if number % 3 else {}) for number in range(6000)]
    return ingest(folder / "d", "--items", f"{ndjson(folder / 'i', records)}", "--partitions=1")


@pytest.mark.long
@pytest.mark.parametrize("version", ["1.5.2", "1.5.5"])
def test_duckdb_reads_the_rows_that_are_published(query_dataset: Ended, tall: Ended, version: str) -> None:
    for run in (query_dataset, tall):
        assert read_by_duckdb(version, run) == {group: run.rows(group) for group in GROUPS}


@pytest.mark.long
def test_duckdb_before_the_version_that_is_named_reads_values_as_null(tall: Ended) -> None:
    """What the page warns of; where this fails, the warning is to be taken back."""
    found = [row["metadata"]["code"] for row in read_by_duckdb("1.5.1", tall)["items"]]
    expected = [row["metadata"]["code"] for row in tall.rows("items")]
    assert len(found) == len(expected)
    assert {one for one, other in zip(found, expected, strict=True) if one != other} == {None}
