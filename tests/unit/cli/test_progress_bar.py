"""What a terminal shows of a job is what its workers note: the phase, bytes and records (INTERFACE)."""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.cli.progress_bar import ProgressBar
from pipelines.runners.choose import Runner
from transforms.stages.progress_notes import note_progress

HERE = Runner("local runner", local=True, options=PipelineOptions())
ELSEWHERE = Runner("PortableRunner", local=False, options=PipelineOptions())
PATIENCE = 30.0


class Terminal(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal; in the test itself, because pytest sets streams of its own before it."""
    monkeypatch.setattr(sys, "stderr", made := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return made


def comes(shown: Callable[[], str], text: str) -> None:
    end = time.monotonic() + PATIENCE
    while text not in shown():
        assert time.monotonic() < end, (text, shown())
        time.sleep(0.01)


def test_bytes_and_records_that_are_read_and_the_last_phase_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    bar = ProgressBar()
    with bar.watching(2_000_000, HERE) as notes:
        comes(terminal.getvalue, "starting")
        note_progress(notes, "read", 500_000, 1_200)
        comes(terminal.getvalue, "1,200 records")
        assert "reading" in terminal.getvalue()
        note_progress(notes, "read", 1_000_000, 34)
        comes(terminal.getvalue, "1,234 records")
        assert "1.5/2.0 MB" in terminal.getvalue()
        note_progress(notes, "merged", 1, 9)  # counts as no record that is read
        comes(terminal.getvalue, "merging")
        note_progress(notes, "written", 1, 0)
        comes(terminal.getvalue, "writing")
        bar.phase("publishing")
        comes(terminal.getvalue, "publishing")
    assert "1,243" not in terminal.getvalue()
    assert notes is not None
    assert not Path(notes).exists()
    bar.phase("afterwards")
    assert "afterwards" not in terminal.getvalue()


def test_of_workers_elsewhere_only_the_runner_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    with ProgressBar().watching(2_000_000, ELSEWHERE) as notes:
        assert notes is None
    assert terminal.getvalue() == "PortableRunner: 2.0 MB of exports\n"


def test_without_a_terminal_only_the_runner_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar().watching(2_000_000, HERE) as notes:
        assert notes is None
        note_progress(notes, "read", 1, 1)
    assert capsys.readouterr().err == "local runner: 2.0 MB of exports\n"
