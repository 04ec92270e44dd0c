"""A night on which a group has no exports: what may be missing does not stop the job (R4, P4)."""

from pathlib import Path

import pytest
from support.in_process import ingest, worked
from support.runs import an_item, digests, ndjson

from pipelines.cli.main import main


@pytest.fixture
def items(tmp_path: Path) -> Path:
    return ndjson(tmp_path / "2026-03-01.ndjson", [an_item("a", {"n": 1})])


def test_optional_exports_that_are_missing_are_counted_and_the_others_published(items: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(
        f'items = "{tmp_path}/{{date}}.ndjson"\nannotations = {{glob = "{tmp_path}/boxes/*", optional = true}}\n'
    )
    ended = ingest(tmp_path / "one", "--config", f"{job}", "--date", "2026-03-01")
    assert (ended.exit_code, ended.outcome) == (0, "published")
    assert ended.document["groups"]["items"]["created"] == 1
    assert ended.document["warnings"] == {"nothing_matched": 1}
    other = ingest(tmp_path / "two", "--items", f"{items}", "--annotations", f"{tmp_path}/boxes/*", "--allow-empty")
    assert digests(ended.folder) == digests(other.folder)


def test_nothing_at_all_to_read_leaves_a_dataset_as_it_is(items: Path, tmp_path: Path) -> None:
    none = ("--items", f"{tmp_path}/none*", "--allow-empty")
    ended = ingest(tmp_path / "new", *none)
    assert (ended.exit_code, ended.outcome, ended.document["version"]) == (0, "unchanged", None)
    assert ended.document["message"] == "nothing to publish: there was no record to read"
    assert not (tmp_path / "new/CURRENT").exists()
    assert ingest(tmp_path / "there", "--items", f"{items}").exit_code == 0
    ended = ingest(tmp_path / "there", *none)
    assert (ended.exit_code, ended.outcome, ended.document["version"]) == (0, "unchanged", 1)


def test_a_history_of_which_nothing_is_there_does_not_empty_the_dataset(items: Path, tmp_path: Path) -> None:
    assert ingest(tmp_path / "dataset", "--items", f"{items}").exit_code == 0
    history = tmp_path / "history.toml"
    history.write_text('[[job]]\nitems = "none/*"\n[[job]]\nscenes = {glob = "none", optional = true}\n')
    ended = worked("backfill", tmp_path / "dataset", "--history", f"{history}", "--allow-empty")
    assert (ended.exit_code, ended.outcome, ended.document["version"]) == (0, "unchanged", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["ingest", "--items", "none*"],
            "no file matches it as a pattern; check the path, or allow it to be missing with",
        ),
        (["ingest", "--items", "none*", "--date", "2026-2-1"], "--date expects a date such as 2026-11-30, got"),
        (
            ["backfill", "--history", "h.toml", "--date", "2026-02-01"],
            "a history names the dates of its exports itself",
        ),
        (["ingest", "--allow-empty"], "nothing to ingest"),
    ],
)
def test_a_missing_export_that_is_not_optional_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main([*words, "--dataset", f"{tmp_path}/dataset"]) == 2
    assert said in capsys.readouterr().err
