"""docs/mapping.md: every example of a source and a map is a job that rejects nothing."""

import re
import shlex
from pathlib import Path

import pytest
from support.in_process import ingest

from transforms.mapping.presets import PRESETS

PAGE = Path(__file__).parents[1] / "docs" / "mapping.md"
TEXT = PAGE.read_text("utf-8")
FILES = re.findall(r"```\w+ (\w+\.\w+)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"```sh mapped\n(.*?)\n```", TEXT, re.DOTALL)


def test_the_examples_are_jobs_that_reject_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES:
        Path(name).write_text(text)
    assert len(COMMANDS) > 2
    for command in COMMANDS:
        _, job, flag, dataset, *flags = shlex.split(command)
        assert (job, flag) == ("ingest", "--dataset")
        done = ingest(tmp_path / dataset, *flags, "--max-rejected", "0")
        assert done.outcome == "published", done.document["message"]
        assert done.document["warnings"] == {}


def test_the_page_names_every_preset_and_its_options() -> None:
    named = set(re.findall(r"`(\w+)`", TEXT))
    assert {*PRESETS, *(option for options in PRESETS.values() for option in options)} <= named
