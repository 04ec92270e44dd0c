"""Dicts go into a pipeline of one's own, and rows come out as a job publishes them (RULES C4, K1, R1, T3)."""

import ast
import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from support import in_process
from support.runs import an_item, ndjson

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Beam warns of what other libraries lack
    from transforms import api

ROOT = Path(__file__).resolve().parents[2]
ITEMS: list[dict[str, object]] = [
    an_item("a", {"n": 1, "s": "x", "lat": "52.5", "lon": "13", "o": [1, {"b": True}]}),
    an_item("b", {"n": 2.5, "flag": True, "ключ 1": None, "big": 2**70}),
    an_item("c", {"n": 3, "context_attachments": [{"attachment": "/x.jpg"}]}, width=7),
]


def test_the_example_prints_types_rows_and_rejections() -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "examples/records_to_rows.py")]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "field lat: geographic" in lines
    assert "field speed: numerical" in lines
    (first,) = [line for line in lines if line.startswith("row frame-1: ")]
    assert "'latitude': 52.5" in first
    assert "'wipers': 'true'" in first
    assert len([line for line in lines if line.startswith("row ")]) == 2
    assert [line.split(":")[1] for line in lines if line.startswith("rejected frame-3")] == [" missing_url"]


def test_rows_as_dicts_are_those_that_a_job_publishes(tmp_path: Path) -> None:
    done = api.normalize_records(ITEMS, "items")
    schema: Any = api.infer_schema(done.batches)
    rows = [row for batch in done.batches for row in api.rows_as_dicts(batch, schema)]
    job = in_process.ingest(tmp_path / "d", "--items", str(ndjson(tmp_path / "items.ndjson", ITEMS)))
    expected = {row["reference_id"]: row for row in job.rows("items")}
    for row in expected.values():
        del row["source"]
    assert {str(row["reference_id"]): row for row in rows} == expected
    assert schema["groups"] == job.schema


def test_rows_of_exports_name_their_source(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "items.ndjson", ITEMS)
    (export,) = api.local_exports([("items", str(path), None)])
    chunks = [each for load in api.byte_ranges([export]) for each in api.read_byte_ranges(load)]
    done = [api.normalize_chunks(each) for each in chunks]
    batches = [batch for each in done for batch in each.batches]
    schema = api.infer_schema(batches)
    rows = [row for batch in batches for row in api.rows_as_dicts(batch, schema, exports=[export.name])]
    lines = path.read_bytes().splitlines(keepends=True)
    offsets = {"a": 0, "b": len(lines[0]), "c": len(lines[0]) + len(lines[1])}
    expected = {name: {"export": str(path), "offset": offset} for name, offset in offsets.items()}
    assert {row["reference_id"]: row["source"] for row in rows} == expected


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (an_item("a", {"n": math.nan}), "non_finite_number"),
        (an_item("a", {"s": "\ud800"}), "malformed_json"),
        (an_item("a", {"n": 10**400}), "number_out_of_range"),
        ({"reference_id": "a"}, "missing_url"),
    ],
)
def test_a_bad_dict_is_rejected_as_a_bad_line_is_and_takes_no_neighbour_with_it(
    record: dict[str, object], code: str
) -> None:
    done = api.normalize_records([ITEMS[0], record, ITEMS[1]], "items")
    assert [(each.code, each.line) for each in done.rejections] == [(code, 2)]
    assert sorted(name for batch in done.batches for name in batch.rows["reference_id"]) == ["a", "b"]
    (rejection,) = done.rejections
    assert rejection.raw is not None
    assert json.loads(rejection.raw)["reference_id"] == "a"


def test_rows_without_types_are_refused() -> None:
    done = api.normalize_records([an_item("a", {"n": 1}), an_item("b", {"n": "x"})], "items")
    schema = api.infer_schema(done.batches)
    assert not api.can_publish(schema)
    with pytest.raises(ValueError, match="'field': 'n'"):
        list(api.rows_as_dicts(done.batches[0], schema))


def test_all_that_is_public_is_there_and_listed() -> None:
    assert api.__all__ == sorted(api.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
    assert all(hasattr(api, name) for name in api.__all__)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_import_the_public_surface_alone(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert {name for name in names if name.partition(".")[0] in {"transforms", "pipelines"}} == {"transforms.api"}
