"""Versions and rejections, looked at afterwards: R1 (fed in again), R4 (those of a failed run can be read)."""

import json
from pathlib import Path

import pytest
from support.in_process import ingest
from support.runs import an_item, flags, ndjson

from pipelines.cli.main import main

GOOD = an_item("good")
NAMELESS = {"image_url": "https://example.org/1.jpg", "metadata": {"text": "a\u2028b"}}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    document = tmp_path / "pretty.json"
    document.write_text(json.dumps([GOOD, an_item("far", {"lat": 95, "lon": 1}), NAMELESS], indent=2), "utf-8")
    latin = tmp_path / "latin.ndjson"
    latin.write_bytes('{"reference_id": "é"}\n'.encode("latin-1"))
    folder = tmp_path / "dataset"
    assert ingest(folder, *flags([("items", "", document), ("items", "", latin)])).exit_code == 0
    more = ndjson(tmp_path / "more.ndjson", [an_item("more")])
    assert ingest(folder, *flags([("items", "", more)])).document["version"] == 2
    return folder


def test_versions_are_listed_newest_first(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["versions", str(dataset)]) == 0
    out = capsys.readouterr().out
    assert out.index("2 items") < out.index("1 items")
    assert "3 rejected" in out


def test_rejections_of_a_version_by_code(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejections", str(dataset)]) == 0
    assert "no rejections" in capsys.readouterr().err
    assert main(["rejections", str(dataset), "--version", "1"]) == 0
    table = capsys.readouterr().out
    for code in ("malformed_json", "invalid_reference_id"):
        assert code in table
    assert main(["rejections", str(dataset), "--version", "1", "--code", "malformed_json"]) == 0
    assert "invalid_reference_id" not in capsys.readouterr().out


def test_raw_records_can_be_mended_and_fed_in_again(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rejections", str(dataset), "--version", "1", "--raw", "--code", "coordinate_out_of_range"]) == 0
    (record,) = [json.loads(line) for line in capsys.readouterr().out.split("\n") if line]
    assert record == an_item("far", {"lat": 95, "lon": 1})
    record["metadata"]["lat"] = 59
    mended = ndjson(tmp_path / "mended.ndjson", [record])
    again = ingest(dataset, *flags([("items", "", mended)]))
    assert (again.exit_code, again.document["groups"]["items"]["created"]) == (0, 1)


def test_raw_bytes_are_those_that_came_in(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rejections", str(dataset), "--version", "1", "--raw", "--code", "invalid_reference_id"]) == 0
    assert json.loads(capsys.readouterr().out) == NAMELESS


def test_rejections_of_a_failed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = ndjson(tmp_path / "items.ndjson", [GOOD, NAMELESS])
    ended = ingest(tmp_path / "dataset", *flags([("items", "", export)]), "--max-rejected", "0")
    assert ended.exit_code == 4
    run = str(ended.document["run"])
    assert main(["rejections", str(tmp_path / "dataset"), "--run", run, "--raw"]) == 0
    assert json.loads(capsys.readouterr().out) == NAMELESS


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(["--version", "7"], "it has 2, 1"), (["--run", "nobody"], "runs/"), (["--run", "../x"], "runs/")],
)
def test_what_is_not_there_is_one_line(
    arguments: list[str], named: str, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rejections", str(dataset), *arguments]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
