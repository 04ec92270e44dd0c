"""An interrupt at the terminal: the job ends at once, in one line, and leaves the dataset as it was (P1)."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.runs import COMMAND, an_item, digests, ingest, ndjson


def test_an_interrupted_job_says_so_and_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    first = ndjson(tmp_path / "first.ndjson", [an_item("first")])
    dataset = tmp_path / "dataset"
    assert ingest(dataset, "--items", str(first)).exit_code == 0
    before = digests(dataset)
    many = ndjson(tmp_path / "many.ndjson", (an_item(str(number), {"n": number}) for number in range(60_000)))
    arguments = ["ingest", "--dataset", str(dataset), "--items", str(many), "--", "--direct_num_workers=2"]
    job = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    workers = _workers(dataset, job)
    job.send_signal(signal.SIGINT)
    _, said = job.communicate(timeout=30)
    assert job.returncode == 130
    assert said.splitlines()[-1] == "metadata-etl: interrupted; nothing was published"
    assert "Traceback" not in said
    assert {name: digest for name, digest in digests(dataset).items() if not name.startswith("runs/")} == before
    _wait_until_gone(workers)
    assert ingest(dataset, "--items", str(first)).outcome == "unchanged"
    assert digests(dataset) == before


def _workers(dataset: Path, job: "subprocess.Popen[str]") -> list[int]:
    """The ids of the job's worker processes, once both are there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = [int(path.stem) for path in dataset.glob("runs/*/spilled/*.worker")]
        if len(found) == 2:
            return found
        if job.poll() is not None:
            pytest.fail(f"the job ended with {job.returncode} before it was interrupted")
        time.sleep(0.01)
    pytest.fail("the job started no workers")


def _wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(_alive(process) for process in processes):
        assert time.monotonic() < deadline, "a worker outlived its job"
        time.sleep(0.05)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    # In a container nobody may collect the dead: they are processes only by name.
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
