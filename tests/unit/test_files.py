"""Files that users copy from the package: `metadata-etl files`."""

import json
import os
from pathlib import Path

import pytest

from pipelines.cli.main import main
from pipelines.files import FILES, FOLDERS, content

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "pipelines/files"


def test_every_file_in_the_folder_is_listed_and_all_that_are_listed_are_there() -> None:
    there = {path.relative_to(PLACE).as_posix() for folder in FOLDERS for path in (PLACE / folder).rglob("*")}
    assert {each for each in there if "__pycache__" not in each and (PLACE / each).is_file()} == set(FILES)


def test_a_file_is_printed_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["files", "jobs/nightly.toml"]) == 0
    assert capfdbinary.readouterr().out == (PLACE / "jobs/nightly.toml").read_bytes()


def test_the_files_of_a_folder_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["files", "worker"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "worker/worker.sh",
        "worker/python.sh",
    ]
    assert main(["files", "--json"]) == 0
    assert {each["name"]: each["what"] for each in json.loads(capsys.readouterr().out)["files"]} == FILES


def test_files_are_written_below_their_folder_and_scripts_can_be_executed(tmp_path: Path) -> None:
    assert main(["files", "flink", "--out", str(tmp_path / "flink")]) == 0
    assert (tmp_path / "flink/conf/config.yaml").read_bytes() == content("flink/conf/config.yaml")
    assert main(["files", "worker", "--out", str(tmp_path)]) == 0
    assert main(["files", "worker/worker.sh", "--out", str(tmp_path)]) == 0  # again: it stays as it is
    assert {path.name for path in tmp_path.iterdir() if os.access(path, os.X_OK) and path.is_file()} == {
        "worker.sh",
        "python.sh",
    }
    assert main(["files", "--out", str(tmp_path / "all")]) == 0
    assert {path.relative_to(tmp_path / "all").as_posix() for path in (tmp_path / "all").rglob("*.*")} >= {
        "jobs/nightly.toml",
        "worker/python.sh",
    }


def test_a_file_that_was_changed_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "python.sh").write_text("mine")
    assert main(["files", "worker", "--out", str(tmp_path)]) == 2
    assert "python.sh is there with another content; remove it, or name another folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["python.sh"]
