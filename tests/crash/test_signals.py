"""What a signal does to a command, at any moment of it: the process ends at once and says what is so (P1, R4)."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.processes import wait_until

DEADLINE = 30.0
SCRIPT = """
import pathlib, sys, time
from pipelines.runners.interrupts import cleanup_on_signal, exit_on_signal, publishing

def step(name):
    print(name, flush=True)
    sys.stdin.readline()

with exit_on_signal(), cleanup_on_signal(pathlib.Path(sys.argv[1]).touch):
    step("before")
    try:
        with publishing():
            step("publishing")
            if sys.argv[2:]:
                raise ValueError
    except ValueError:
        time.sleep(60)
    step("after")
"""


DEFAULTS = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""
WITH_DEFAULTS = (sys.executable, "-S", "-c", DEFAULTS)
"""Goes in front of a command, and undoes what whoever runs the tests ignores, as nohup does. Not by `preexec_fn`: a
fork of a process that has loaded gRPC may end in its handlers."""


class Command:
    """A command that takes its steps when it is told to."""

    def __init__(self, cleaned: Path, *words: str, by: Sequence[str] = ()) -> None:
        """Starts it."""
        self._process = subprocess.Popen(
            [*WITH_DEFAULTS, *by, sys.executable, "-c", SCRIPT, str(cleaned), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, step: str) -> None:
        """Goes on to a step."""
        assert self._process.stdout is not None
        while (line := self._process.stdout.readline().strip()) != step:
            assert line, f"it ended before {step}: {self.end()}"
            self.go_on()

    def go_on(self) -> None:
        """Has the step end that it is at."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def says(self) -> str:
        """The next line on standard error."""
        assert self._process.stderr is not None
        return self._process.stderr.readline().strip()

    def end(self) -> tuple[int, list[str]]:
        """Its exit code, and what else it said."""
        _, error = self._process.communicate("\n\n\n", timeout=DEADLINE)
        return self._process.returncode, error.splitlines()


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 129, "the terminal was closed"),
    ],
)
def test_a_signal_ends_a_command_that_has_cleaned_up(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    command = Command(tmp_path / "cleaned")
    command.until("before")
    command.signal(number)
    assert command.says() == f"metadata-etl: {word}; nothing was published"
    assert command.end() == (code, [])
    assert (tmp_path / "cleaned").exists()


def test_one_that_comes_while_a_version_becomes_current_waits_for_it_and_the_command_ends_as_one_that_published(
    tmp_path: Path,
) -> None:
    command = Command(tmp_path / "cleaned")
    command.until("publishing")
    command.signal(signal.SIGTERM)
    command.go_on()
    assert command.says() == "metadata-etl: terminated after the version was published; finishing"
    assert command.end() == (0, [])


def test_one_that_comes_while_publishing_fails_ends_the_command_with_nothing_published(tmp_path: Path) -> None:
    command = Command(tmp_path / "cleaned", "fail")
    command.until("publishing")
    command.signal(signal.SIGTERM)
    command.go_on()
    assert command.end() == (143, ["metadata-etl: terminated; nothing was published"])


def test_a_second_one_does_not_wait_and_does_not_say_what_nobody_knows(tmp_path: Path) -> None:
    command = Command(tmp_path / "cleaned")
    command.until("publishing")
    command.signal(signal.SIGINT)
    command.signal(signal.SIGTERM)
    said = command.says()
    assert said.endswith("while a version was being published; `metadata-etl versions DATASET` says whether it was")
    assert command.end()[0] in (130, 143)


def test_what_was_ignored_when_the_command_began_stays_ignored(tmp_path: Path) -> None:
    command = Command(tmp_path / "cleaned", by=["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
    command.until("before")
    command.signal(signal.SIGINT)
    command.go_on()
    command.until("after")
    assert command.end() == (0, [])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_has_its_handlers_before_it_imports_what_takes_long(number: signal.Signals, code: int) -> None:
    process = subprocess.Popen(
        [*WITH_DEFAULTS, sys.executable, "-m", "pipelines.cli", "versions", "nowhere"],
        stderr=subprocess.PIPE,
        text=True,
    )
    status = Path(f"/proc/{process.pid}/status")
    caught = 1 << (signal.SIGTERM - 1)

    def has_handlers() -> bool:
        (mask,) = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt")]
        return bool(int(mask, 16) & caught)

    wait_until(has_handlers)
    process.send_signal(number)
    _, error = process.communicate(timeout=DEADLINE)
    assert process.returncode == code
    assert error.endswith("; nothing was published\n")
    assert len(error.splitlines()) == 1
