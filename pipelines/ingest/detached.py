"""Submits a job to an engine without waiting; its graph ends in a step that publishes (P1, P2)."""

import time
from dataclasses import dataclass

import apache_beam as beam

from pipelines.config import JobConfig
from pipelines.dataset.documents.paths import REPORT
from pipelines.dataset.store.base import LEASE
from pipelines.dataset.versions import Dataset
from pipelines.ingest.find_exports import find
from pipelines.ingest.graph import build
from pipelines.ingest.plan import plan
from pipelines.ingest.publish import PublishContext
from pipelines.ingest.publish_step import add_publishing
from pipelines.json_output import JsonOutput
from pipelines.runners import choose as runners
from pipelines.runners.temporary_folders import private_temporary_files
from transforms.storage.stored_files import join


@dataclass(frozen=True, slots=True)
class Started:
    """A submitted job.

    Attributes:
        dataset: URI of the dataset.
        run: Id of the run.
        runner: Name of the runner.
        job: The engine's id of the job; None if it gives none, or if a template was written.
        template: Where the template was written; None if the job was started.
        foreign: Paths of foreign files in the folders of the dataset (P6).
    """

    dataset: str
    run: str
    runner: str
    job: str | None
    template: str | None
    foreign: tuple[str, ...] = ()

    @property
    def report(self) -> str:
        """URI of the report that the job will write when it ends."""
        return join(self.dataset, "runs", self.run, REPORT)

    def document(self) -> JsonOutput:
        """The object of `--json`."""
        return {
            "outcome": "submitted",
            "exit_code": 0,
            "version": None,
            "run": self.run,
            "report": self.report,
            "runner": self.runner,
            "job": self.job,
            "template": self.template,
            "message": self.message,
        }

    @property
    def message(self) -> str:
        """One line for a person: what was submitted, and how it goes on."""
        hours = LEASE.total_seconds() / 3600
        if self.template is not None:
            return f"the graph of the run {self.run} is at {self.template}; start it within {hours:.0f} hours, once"
        return f"{self.runner} has the job of the run {self.run}, which publishes by itself"


def start(config: JobConfig) -> Started:
    """Submits an ingest or a backfill to an engine without waiting for it.

    Raises:
        UsageError: An export or the dataset is missing or is something else; or the job would run in this process.
        EngineError: The engine did not accept the job.
    """
    began = time.time()
    found = find(config.steps, allow_empty=config.allow_empty)
    exports = found.exports
    dataset = Dataset.at(config.dataset)
    before = dataset.current()
    runner = runners.choose(config.runner_flags, 0)
    runners.check_can_detach(config.runner_flags)
    with private_temporary_files(), dataset.store.detach(None if before is None else before.number) as run:
        number = dataset.store.next_number(0 if before is None else before.number)
        job = plan(config, exports, before, root=run.root, progress=None, version=number)
        context = PublishContext.of(config, job, before, unmatched=found.unmatched, runner=runner.name, began=began)

        def graph(root: beam.Pipeline) -> None:
            reports, results = build(root, job)
            add_publishing(reports, results, context, run.id)

        name = runner.submit(graph)
    template, foreign = runners.template(config.runner_flags), tuple(dataset.store.foreign())
    return Started(config.dataset, run.id, runner.name, name, template, foreign)
