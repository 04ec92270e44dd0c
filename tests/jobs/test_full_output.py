"""What was done decides the exit code, also where standard output takes nothing (R4)."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from support.runs import Ended, an_item, ingest, ndjson

from pipelines.cli.main import main

pytestmark = pytest.mark.usefixtures("without_beam")


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("two")
    first = ndjson(folder / "a.ndjson", [an_item("a", {"speed": 1}), {"reference_id": ""}])
    assert ingest(folder / "d", "--items", str(first)).exit_code == 0
    return ingest(folder / "d", "--items", str(ndjson(folder / "b.ndjson", [an_item("b", {"speed": 2})])))


def no_space() -> TextIO:
    return Path("/dev/full").open("w", encoding="utf-8")


def no_reader() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", encoding="utf-8")


DOES = {
    "ingest": (["ingest", "--dataset", "d", "--items", "c.ndjson"], "versions/000003/manifest.json", True),
    "ingest, no summary": (["ingest", "--dataset", "d", "--items", "c.ndjson", "--json"], "versions/000003", True),
    "page": (["ingest", "--dataset", "d", "--items", "c.ndjson", "--report", "p.html"], "../p.html", True),
    "rollback": (["rollback", "d", "1"], "versions/000003/manifest.json", True),
    "prune": (["prune", "d", "--keep", "1"], "versions/000001", False),
    "prune, as JSON": (["prune", "d", "--keep", "1", "--json"], "versions/000001", False),
    "report": (["report", "d", "--out", "p.html"], "../p.html", True),
    "rejections": (["rejections", "d", "--version", "1", "--out", "out"], "../out/items.ndjson", True),
    "files": (["files", "jobs", "--out", "out"], "../out", True),
    "verify": (["verify", "d"], "CURRENT", True),
}


@pytest.mark.parametrize("stream", [no_space, no_reader])
@pytest.mark.parametrize(("words", "path", "is_there"), DOES.values(), ids=DOES)
def test_a_command_that_did_its_work_ends_with_its_exit_code_where_nothing_can_be_printed(
    words: list[str],
    path: str,
    is_there: bool,
    stream: Callable[[], TextIO],
    two_versions: Ended,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(two_versions.dataset, tmp_path / "d")
    ndjson(tmp_path / "c.ndjson", [an_item("c", {"speed": 3})])
    monkeypatch.chdir(tmp_path)
    taken = stream()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", taken)
        code = main(words)
    taken.close()
    assert code == 0
    assert (tmp_path / "d" / path).exists() is is_there
    told = "done, but standard output does not take what is said of it: No space left on device"
    assert (told in capsys.readouterr().err) is (stream is no_space)


def test_damage_is_the_exit_code_where_it_cannot_be_printed(
    two_versions: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(two_versions.dataset, tmp_path / "d")
    (tmp_path / "d/versions/000002/insights.json").write_text("{}")
    with no_reader() as taken, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", taken)
        assert main(["verify", str(tmp_path / "d")]) == 7


PRINTS = {
    "query": ["query", "d", "metadata.speed > 0"],
    "count": ["query", "d", "metadata.speed > 0", "--count"],
    "rows": ["query", "d", "metadata.speed > 0", "--format", "ndjson"],
    "versions": ["versions", "d"],
    "versions, as JSON": ["versions", "d", "--json"],
    "schema": ["schema", "d"],
    "rejections": ["rejections", "d", "--version", "1"],
    "raw records": ["rejections", "d", "--version", "1", "--raw"],
    "file": ["files", "jobs/nightly.toml"],
    "completion": ["completion", "bash"],
    "help": ["--help"],
    "help of a command": ["query", "--help"],
    "version": ["--version"],
}


@pytest.mark.parametrize("words", PRINTS.values(), ids=PRINTS)
def test_what_cannot_be_printed_is_an_error_that_speaks_of_standard_output(
    words: list[str], two_versions: Ended, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(two_versions.dataset.parent)
    taken = no_space()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", taken)
        assert main(words) == 1
    with suppress(OSError):  # what is left of it
        taken.close()
    assert capsys.readouterr().err == (
        "metadata-etl: standard output does not take what is printed: No space left on device; make room where it "
        "goes, or print elsewhere, and run the command again\n"
    )
