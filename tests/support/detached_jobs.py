"""Detached jobs whose engine is this process: what is handed over runs when a test wants it, as often as it wants.

The steps, the one that publishes and all that they write are those of a real engine; only who runs them is not.
"""

import io
import json
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from support.bucket import handle
from support.in_process import run_stages
from support.runs import PRIVATE

from pipelines.cli.main import main

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from pipelines.ingest import detached
    from pipelines.ingest.graph import Job
    from pipelines.ingest.publish import PublishContext
    from pipelines.ingest.publish_step import Publish
    from pipelines.runners import engines

ENGINE = ("--", "--runner=PortableRunner", "--job_endpoint=localhost:1")


class Engine:
    """Takes jobs, and runs them when it is told to.

    Attributes:
        jobs: Those that it took, as pipelines that are not built yet.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs: list[Callable[[beam.Pipeline], object]] = []
        monkeypatch.setattr(engines, "submit", self._submit)

    def _submit(self, name: str, options: Any, build: Callable[[beam.Pipeline], object]) -> str:
        assert (name, options is not None) == ("PortableRunner", True)
        self.jobs.append(build)
        return f"job-{len(self.jobs)}"

    def run(self, number: int = -1) -> None:
        """Runs a job to its end without Beam: its stages one after the other, then its last step."""
        job, step = self._planned(number)
        run_stages(job)
        step.process(None)

    def run_on_beam(self, number: int = -1) -> None:
        """Runs a job to its end on the local runner."""
        with beam.Pipeline(runner=FnApiRunner()) as root:
            self.jobs[number](root)

    def publish_step(self, number: int = -1) -> Publish:
        """The last step of a job."""
        return self._planned(number)[1]

    def _planned(self, number: int) -> tuple[Job, Publish]:
        """What the graph of a job is built from, without building it, which takes a second."""
        jobs: list[Job] = []
        steps: list[Publish] = []

        def build(_: object, job: Job) -> tuple[dict[str, object], None]:
            jobs.append(job)
            return {}, None

        def add_publishing(_: object, __: object, context: PublishContext, run_id: str) -> None:
            steps.append(Publish(context, run_id))

        with patch.object(detached, "build", build), patch.object(detached, "add_publishing", add_publishing):
            self.jobs[number](None)
        return jobs[0], steps[0]


def said(*words: object) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON object of a command that is run in this process."""
    with redirect_stdout(io.StringIO()) as out:
        code = main([str(word) for word in words])
    return code, dict(json.loads(out.getvalue() or "{}"))


def submitted(dataset: str, *words: object) -> str:
    """Hands a job over; returns the id of its run."""
    code, document = said("ingest", "--dataset", dataset, "--json", "--detach", *words, *ENGINE)
    assert (code, document["outcome"]) == (0, "submitted")
    return str(document["run"])


def stored(dataset: str) -> dict[str, bytes]:
    """Path to bytes of all that is in a dataset, of a manifest without the time; locks are left out,
    and what says whose dataset it is."""
    if dataset.startswith("gs://"):
        place, _, prefix = dataset.removeprefix("gs://").partition("/")
        blobs = handle(place).list_blobs(prefix=f"{prefix}/")
        found = {blob.name.removeprefix(f"{prefix}/"): blob.download_as_bytes() for blob in blobs}
    else:
        paths = [path for path in Path(dataset).rglob("*") if path.is_file() and path.name != ".lock"]
        found = {path.relative_to(dataset).as_posix(): path.read_bytes() for path in paths}
    found = {name: data for name, data in found.items() if PRIVATE not in name.split("/")}
    for name, data in found.items():
        if name.endswith("/manifest.json"):
            found[name] = json.dumps(json.loads(data) | {"published_at": None}).encode()
    return found


def versions(dataset: str) -> dict[str, bytes]:
    """The published part of it."""
    return {name: data for name, data in stored(dataset).items() if not name.startswith("runs/")}


def runs(dataset: str) -> list[str]:
    """Paths of what is below the runs of a dataset."""
    return sorted(name.removeprefix("runs/") for name in stored(dataset) if name.startswith("runs/"))


def report(dataset: str, run: str) -> dict[str, Any]:
    """What is said of the end of a run."""
    return dict(json.loads(stored(dataset)[f"runs/{run}/report.json"]))
