"""Commands that read another version than the current one (U5, P3)."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

from pipelines.cli.main import main
from pipelines.cli.shell_words import words
from pipelines.dataset.versions import Dataset
from pipelines.queries.answers import Answer


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A dataset of two versions: the second has more items, and another category."""
    folder = Path(tmp_path_factory.mktemp("twice"))
    first = ndjson(folder / "first.ndjson", (an_item(f"i{at}", {"sky": "clear", "n": at}) for at in range(200)))
    more = ndjson(folder / "more.ndjson", (an_item(f"j{at}", {"sky": "fog", "n": at}) for at in range(3)))
    assert ingest(folder / "dataset", "--items", f"{first}", "--partitions", "4").exit_code == 0
    ended = ingest(folder / "dataset", "--items", f"{more}")
    assert ended.document["version"] == 2
    return ended


def printed(twice: Ended, capsys: pytest.CaptureFixture[str], command: str, *arguments: str) -> str:
    assert main([command, str(twice.dataset), *arguments]) == 0
    return capsys.readouterr().out


def test_query_schema_and_suggest_take_a_version(twice: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    fog = ["metadata.sky = fog", "--count"]
    assert printed(twice, capsys, "query", *fog) == "3\n"
    assert printed(twice, capsys, "query", *fog, "--version", "2") == "3\n"
    assert printed(twice, capsys, "query", *fog, "--version", "1") == "0\n"
    for number, records in ((1, 200), (2, 203)):
        document: Any = json.loads(printed(twice, capsys, "schema", "--version", f"{number}", "--json"))
        assert (document["version"], document["groups"]["items"]["records"]) == (number, records)
    assert printed(twice, capsys, "suggest", "sky", "--version", "1") == "clear\t200\n"
    assert printed(twice, capsys, "suggest", "sky") == "clear\t200\nfog\t3\n"


def test_report_takes_a_version(twice: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    found = json.loads(printed(twice, capsys, "report", "--version", "1", "--out", f"{out}", "--json"))
    assert found["version"] == 1
    assert out.is_file()


@pytest.mark.parametrize("command", [["query", "metadata.n = 1"], ["schema"], ["report"], ["suggest", "sky"]])
@pytest.mark.parametrize("number", ["7", "0", "-1"])
def test_a_version_that_is_not_there_is_wrong_usage(
    command: list[str], number: str, twice: Ended, capsys: pytest.CaptureFixture[str], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    name, *others = command
    assert main([name, str(twice.dataset), *others, f"--version={number}"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"has no version {number}; it has 2, 1" in said.err


def test_the_numbers_of_versions_are_completed(twice: Ended) -> None:
    assert words(str(twice.dataset), "", None, "items", "version") == ["2", "1"]
    assert words(str(twice.dataset), "2", None, "items", "version") == ["2"]


def test_a_sample_of_an_older_version_stays_in_the_sample_of_a_newer_one(twice: Ended) -> None:
    def drawn(number: int, count: int) -> list[str]:
        answer = Answer.to(f"SAMPLE {count}", Dataset.at(str(twice.dataset)), "items", number)
        return [name for found in answer.matches() for name in found.reference_ids.to_list()]

    older, newer = set(drawn(1, 20)), set(drawn(2, 20))
    assert len(older) == len(newer) == 20
    assert newer - older <= {"j0", "j1", "j2"}
    assert set(drawn(1, 10)) < older
    assert drawn(1, 20) == drawn(1, 20)
    assert len(older & {f"i{at}" for at in range(20)}) < 10, "spread over all"
