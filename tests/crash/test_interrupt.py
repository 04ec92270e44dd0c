"""An interrupt at the terminal: the job ends at once, in one line, and leaves the dataset as it was (P1)."""

import json
import signal
from pathlib import Path

from support.in_process import ingest
from support.preloaded import WORKERS, Command
from support.processes import of_session, wait_until
from support.runs import an_item, digests, ndjson


def test_an_interrupted_job_says_so_and_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    first = ndjson(tmp_path / "first.ndjson", [an_item("first")])
    dataset = tmp_path / "dataset"
    assert ingest(dataset, "--items", str(first)).exit_code == 0
    before = digests(dataset)
    many = ndjson(tmp_path / "many.ndjson", (an_item(str(number), {"n": number}) for number in range(60_000)))
    arguments = ["ingest", "--dataset", str(dataset), "--items", str(many), "--", "--direct_num_workers=2"]
    job = Command(*arguments, script=WORKERS)
    wait_until(lambda: len(of_session(job)) >= 3 and any(dataset.glob("runs/*/spilled")), job)
    job.send_signal(signal.SIGINT)
    _, said = job.communicate(timeout=30)
    assert job.returncode == 130
    assert said.splitlines()[-1] == "metadata-etl: interrupted; nothing was published"
    assert "Traceback" not in said
    assert digests(dataset) == before, "the folder of the run has gone too"
    wait_until(lambda: not of_session(job))
    assert ingest(dataset, "--items", str(first)).outcome == "unchanged"
    assert digests(dataset) == before


def test_with_json_an_interrupted_job_prints_the_object_of_jobs(tmp_path: Path) -> None:
    many = ndjson(tmp_path / "many.ndjson", (an_item(str(number), {"n": number}) for number in range(60_000)))
    dataset = tmp_path / "dataset"
    arguments = ["ingest", "--dataset", str(dataset), "--items", str(many), "--json"]
    job = Command(*arguments)
    wait_until(lambda: any(dataset.glob("runs/*")), job)
    job.send_signal(signal.SIGTERM)
    printed, said = job.communicate(timeout=30)
    assert (job.returncode, said) == (143, "")
    document = json.loads(printed)
    assert (document["outcome"], document["exit_code"]) == ("failed", 143)
    assert document["message"] == "terminated; nothing was published"
    assert len(document["groups"]) == 4
