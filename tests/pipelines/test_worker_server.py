"""Workers that are forked from one process: they do the job, and go with it however it ends (P1, P3)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.runs import an_item, digests, ingest, ndjson

DEADLINE = 60.0
SCRIPT = """
import sys
from pipelines import cli, workload
workload.PARALLEL_BYTES = 0
sys.exit(cli.main(sys.argv[1:]))
"""
TWO = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def start(dataset: Path, export: Path) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-c", SCRIPT, "ingest", "--dataset", str(dataset), "--items", str(export), "--quiet", *TWO]
    return subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE)


def of_session(process: "subprocess.Popen[bytes]") -> Iterator[tuple[int, str]]:
    """Process id and command line of the processes that a job has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            session = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if session == process.pid and words != [b""]:
            yield int(folder.name), b" ".join(words).decode()


def forked(process: "subprocess.Popen[bytes]") -> list[int]:
    """The server and what it has forked."""
    return [pid for pid, words in of_session(process) if pid != process.pid and " ingest --dataset " in words]


def until_nobody_is_left(process: "subprocess.Popen[bytes]") -> None:
    began = time.monotonic()
    while list(of_session(process)):
        assert time.monotonic() - began < DEADLINE, list(of_session(process))
        time.sleep(0.05)


def until_at_work(process: "subprocess.Popen[bytes]", dataset: Path) -> None:
    """Until the server and two workers are there, and one of these has written something."""
    began = time.monotonic()
    while len(forked(process)) < 3 or not any(dataset.glob("runs/*/state/items/*")):
        assert process.poll() is None
        assert time.monotonic() - began < DEADLINE
        time.sleep(0.005)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return ndjson(
        tmp_path / "items.ndjson", [an_item(f"i{n}", {"speed": n, "note": f"n{n % 9}"}) for n in range(20_000)]
    )


def test_forked_workers_give_the_bytes_of_one_process(tmp_path: Path, export: Path) -> None:
    process = start(tmp_path / "forked", export)
    until_at_work(process, tmp_path / "forked")
    _, error = process.communicate(timeout=DEADLINE)
    assert (process.returncode, error) == (0, b"")
    assert ingest(tmp_path / "alone", "--items", str(export)).exit_code == 0
    assert digests(tmp_path / "forked") == digests(tmp_path / "alone")
    until_nobody_is_left(process)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_they_go_with_a_job_that_is_killed_or_interrupted(
    tmp_path: Path, export: Path, number: signal.Signals, code: int
) -> None:
    process = start(tmp_path / "d", export)
    until_at_work(process, tmp_path / "d")
    os.kill(process.pid, number)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == code
    until_nobody_is_left(process)
    assert ingest(tmp_path / "d", "--items", str(export)).document["version"] == 1


def test_a_server_that_dies_costs_nothing_but_time(tmp_path: Path, export: Path) -> None:
    process = start(tmp_path / "d", export)
    began = time.monotonic()
    while not (server := forked(process)):
        assert time.monotonic() - began < DEADLINE
        time.sleep(0.005)
    os.kill(server[0], signal.SIGKILL)
    _, error = process.communicate(timeout=DEADLINE)
    assert (process.returncode, error) == (0, b"")
    until_nobody_is_left(process)
