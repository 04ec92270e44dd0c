"""Submits a job to an engine without waiting; its graph ends in a step that publishes (P1, P2)."""

import time
from dataclasses import dataclass

import apache_beam as beam

from pipelines.config import JobConfig
from pipelines.dataset.store.base import LEASE, REPORT, join
from pipelines.dataset.versions import Dataset
from pipelines.ingest.find_exports import find
from pipelines.ingest.graph import build
from pipelines.ingest.plan import plan
from pipelines.ingest.publish import PublishContext
from pipelines.ingest.publish_step import add_publishing
from pipelines.runners import choose as runners
from pipelines.runners.temporary_folders import private_temporary_files
from transforms.rules.values import JsonObject


@dataclass(frozen=True, slots=True)
class Started:
    """A job that was handed over.

    Attributes:
        run: Id of the run.
        job: What the engine calls it, None where it does not tell, or where it got a template.
        template: Where the graph was written that somebody else starts, None where the job was started.
        foreign: Paths of what is not the dataset's own in its folders (P6).
    """

    dataset: str
    run: str
    runner: str
    job: str | None
    template: str | None
    foreign: tuple[str, ...] = ()

    @property
    def report(self) -> str:
        """URI of what will say how the job ended."""
        return join(self.dataset, "runs", self.run, REPORT)

    def document(self) -> JsonObject:
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
        """What was done, and what comes of it, in one line."""
        hours = LEASE.total_seconds() / 3600
        if self.template is not None:
            return f"the graph of the run {self.run} is at {self.template}; start it within {hours:.0f} hours, once"
        return f"{self.runner} has the job of the run {self.run}, which publishes by itself"


def start(config: JobConfig) -> Started:
    """Hands an ingest or a backfill to an engine, and does not wait for it.

    Raises:
        UsageError: An export or the dataset is not there, or is something else; or the job would run in this process.
        EngineError: The engine did not take the job.
    """
    began = time.time()
    found = find(config.steps, allow_empty=config.allow_empty)
    exports = found.exports
    dataset = Dataset.at(config.dataset)
    before = dataset.current()
    runner = runners.choose(config.runner_flags, 0)
    runners.check_can_detach(config.runner_flags)
    with private_temporary_files(), dataset.store.detach(None if before is None else before.number) as here:
        number = dataset.store.next_number(0 if before is None else before.number)
        job = plan(config, exports, before, root=here.root, progress=None, version=number)
        context = PublishContext.of(config, job, before, unmatched=found.unmatched, runner=runner.name, began=began)

        def graph(root: beam.Pipeline) -> None:
            reports, results = build(root, job)
            add_publishing(reports, results, context, here.id)

        name = runner.submit(graph)
    template, foreign = runners.template(config.runner_flags), tuple(dataset.store.foreign())
    return Started(config.dataset, here.id, runner.name, name, template, foreign)
