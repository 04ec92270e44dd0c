"""Every program that the job is compared with finds what it finds, on small exports (RULES G2, G3, T1, T3, V1, V2)."""

import importlib.util
import json
import math
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from support.in_process import ingest
from support.runs import Ended

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
exports = SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "exports.py")))

ITEMS, ANNOTATIONS = 900, 400
"""Enough for fields with more than 250 distinct values, and with values that are null or missing."""
FIGURES = ("mean", "stddev")

needs_duckdb = pytest.mark.skipif(
    importlib.util.find_spec("duckdb") is None, reason="duckdb is not installed (it is in the extra `bench`)"
)
PEERS = [
    pytest.param("duckdb_typed", marks=needs_duckdb),
    pytest.param("duckdb_any_key", marks=needs_duckdb),
    "polars_script",
    "plain_loop",
]
WITH_HISTOGRAMS = tuple(PEERS)
PEERS += ["plain_script", pytest.param("beam_records", marks=pytest.mark.long)]
FLEET_PEERS = [pytest.param("duckdb_fleet", marks=needs_duckdb), "polars_fleet"]
FLEET_ITEMS = 900


Given = dict[str, list[Path]] | dict[str, list[str]]


def run(peer: str, given: Given, out: Path) -> dict[str, Any]:
    if peer == "plain_script":  # it knows items alone
        words = list(map(str, given["items"]))
    else:
        words = [word for group, names in given.items() for word in (f"--{group}", *map(str, names))]
    command = [sys.executable, str(BENCHMARKS / "peers" / f"{peer}.py"), *words, "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr.decode()
    (line,) = ended.stdout.splitlines()
    return dict(json.loads(line))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    out = tmp_path_factory.mktemp("small")
    return {
        "items": exports.write(exports.item_lines(ITEMS), ITEMS, out=out, name="items", files=2),
        "annotations": exports.write(
            exports.annotation_lines(ANNOTATIONS, ITEMS), ANNOTATIONS, out=out, name="annotations"
        ),
    }


@pytest.fixture(scope="module")
def schema(small: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    flags = [word for group, paths in small.items() for path in paths for word in (f"--{group}", str(path))]
    ended = ingest(tmp_path_factory.mktemp("ours") / "dataset", *flags)
    assert ended.outcome == "published"
    return ended.schema


@pytest.fixture(scope="module")
def told(
    small: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[dict[str, Any], Path]]:
    """What a peer prints of the small exports, and where it wrote: each runs once."""

    @cache
    def once(peer: str) -> tuple[dict[str, Any], Path]:
        out = tmp_path_factory.mktemp(peer)
        return run(peer, small, out), out

    return once


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_agrees_with_the_schema_that_the_job_publishes(
    peer: str, told: Callable[[str], tuple[dict[str, Any], Path]], schema: dict[str, Any]
) -> None:
    report, out = told(peer)
    assert set(report["groups"]) == ({"items"} if peer == "plain_script" else {"items", "annotations"})
    assert_agrees(report, schema)
    assert any(path.stat().st_size for path in out.glob("items*.*"))


def assert_agrees(report: dict[str, Any], schema: dict[str, Any]) -> None:
    assert report["conflicts"] == []
    for group, found in report["groups"].items():
        ours = schema[group]
        assert found["created"] == ours["records"]
        assert set(found["fields"]) == set(ours["fields"])
        for name, field in ours["fields"].items():
            theirs = found["fields"][name]
            assert theirs["present"] == field["present"], name
            assert (theirs["minimum"], theirs["maximum"]) == (field["minimum"], field["maximum"]), name
            assert (theirs["categories"] or None) == field["categories"], name
            for figure in FIGURES:
                if field[figure] is None:
                    assert theirs[figure] is None, name
                else:
                    assert math.isclose(theirs[figure], field[figure], rel_tol=1e-9), name


@pytest.mark.parametrize("peer", WITH_HISTOGRAMS)
def test_a_histogram_holds_every_number_of_its_field(
    peer: str, told: Callable[[str], tuple[dict[str, Any], Path]], schema: dict[str, Any]
) -> None:
    assert_histograms(told(peer)[0], schema)


def assert_histograms(report: dict[str, Any], schema: dict[str, Any]) -> None:
    for group, found in report["groups"].items():
        for name, field in schema[group]["fields"].items():
            bins = found["fields"][name]["histogram"]
            assert (len(bins), sum(bins)) == ((50, field["present"]) if field["kind"] == "number" else (0, 0)), name


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    out = tmp_path_factory.mktemp("fleet")
    script = [sys.executable, str(BENCHMARKS / "fleet_exports.py"), "--items", str(FLEET_ITEMS), "--out", str(out)]
    subprocess.run(script, capture_output=True, check=True)
    names = {group: [str(out / f"{group}.ndjson")] for group in ("items", "scenes", "annotations")}
    runs = ("night-small", "night-large")
    return {**names, "predictions": [f"{run}={out / run}/predictions.ndjson" for run in runs]}


@pytest.fixture(scope="module")
def fleet_dataset(fleet: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    flags = [word for group, names in fleet.items() for name in names for word in (f"--{group}", name)]
    ended = ingest(tmp_path_factory.mktemp("ours") / "dataset", *flags)
    assert ended.outcome == "published"
    assert ended.rejections == []
    return ended


@pytest.mark.parametrize("peer", FLEET_PEERS)
def test_a_peer_agrees_on_all_groups_of_a_fleet(
    peer: str, fleet: dict[str, list[str]], fleet_dataset: Ended, tmp_path: Path
) -> None:
    report = run(peer, fleet, tmp_path)
    schema = fleet_dataset.schema
    assert set(report["groups"]) == set(schema) == {"items", "scenes", "annotations", "predictions"}
    assert_agrees(report, schema)
    assert_histograms(report, schema)
    for group, keys in FLEET_KEYS.items():
        theirs = pl.read_parquet(tmp_path / f"{group}.parquet").select(keys)
        assert Counter(theirs.rows()) == Counter(tuple(row[key] for key in keys) for row in fleet_dataset.rows(group))
    attachments = [
        (row["reference_id"], each["attachment"])
        for row in fleet_dataset.rows("items")
        for each in row["context_attachments"] or ()
    ]
    found = pl.read_parquet(tmp_path / "context_attachments.parquet").select("reference_id", "attachment")
    assert Counter(found.rows()) == Counter(attachments)
    assert attachments


FLEET_KEYS = {
    "items": ("reference_id", "image_url", "pointcloud_url", "scene_reference_id", "frame_index", "sensor"),
    "scenes": ("reference_id", "frame_rate"),
    "annotations": ("reference_id", "type", "label", "taxonomy_name", "mask_url", "segment_index"),
    "predictions": ("model_run", "reference_id", "annotation_id", "type", "label", "confidence"),
}
"""Group to columns that say which row it is, of frames and segments too."""


@needs_duckdb
def test_any_key_tells_the_rows_of_the_rarest_kind_and_writes_nothing(tmp_path: Path) -> None:
    values = [1, 2.5, None, 3, "fast", 4, [5], True, 6]
    lines = [
        json.dumps({"reference_id": f"r{place}", "image_url": "https://a.example/b.jpg", "metadata": {"it's": value}})
        for place, value in enumerate(values)
    ]
    paths = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    for path, part in zip(paths, (lines[:4], lines[4:]), strict=True):
        path.write_text("\n".join(part) + "\n", "utf-8")
    (conflict,) = run("duckdb_any_key", {"items": paths}, tmp_path / "out")["conflicts"]
    assert (conflict["group"], conflict["field"]) == ("items", "it's")
    assert conflict["kinds"] == {"number": 5, "string": 2, "other": 1}
    assert conflict["examples"] == [{"export": str(paths[1]), "line": 3, "reference_id": "r6", "value": "[5]"}]
    assert list((tmp_path / "out").iterdir()) == []


@needs_duckdb
def test_any_key_takes_more_keys_than_a_file_has_columns_for(tmp_path: Path) -> None:
    (path,) = exports.write(exports.wide_lines(60), 60, out=tmp_path, name="wide")
    found = run("duckdb_any_key", {"items": [path]}, tmp_path / "out")["groups"]["items"]
    assert found["created"] == 60
    assert sum(field["present"] for field in found["fields"].values()) == 60 * 20
    assert (tmp_path / "out" / "items.parquet").stat().st_size > 0
