"""Defines the steps by which a detached job publishes by itself and renews its lease.

An engine may retry a bundle, or run it twice at the same time: a run is finished once, and every further attempt reads
the report of the first.
"""

import hashlib
import logging
import time
from collections.abc import Mapping

import apache_beam as beam

from pipelines.dataset.documents.paths import REPORT, SCHEMA
from pipelines.dataset.documents.reading import document
from pipelines.dataset.documents.types import OutcomeJson, ReportJson
from pipelines.dataset.documents.writing import document_text
from pipelines.dataset.store.base import REJECTIONS, Run
from pipelines.dataset.versions import Dataset
from pipelines.ingest.publish import PublishContext, finish_run
from transforms.beam.steps import StepFn
from transforms.stages.write_reports import RESULTS
from transforms.storage.stored_files import join, read_if_there, write_bytes

RENEWING_SECONDS = 600.0
"""How often, in seconds, a worker checks whether the lease of its run has to be renewed."""
_log = logging.getLogger(__name__)


class NothingPublishedError(Exception):
    """A job ended without a version; raised in a step, so that the job of the engine fails too."""


class AlreadyFinishedError(Exception):
    """Another job from the same graph has finished the run."""


def finish_detached_run(context: PublishContext, run_id: str) -> ReportJson:
    """Finishes a detached run, unless another attempt has; returns its report, the object of `--json`.

    Raises:
        AlreadyFinishedError: The run was finished with other results than these.
        RunLostError: The run was considered dead, and removed.
        OSError: A file cannot be read or written; another attempt may succeed.
    """
    dataset = Dataset.at(context.config.dataset)
    run = Run(run_id, join(dataset.root, "runs", run_id))
    report = _report(run)
    if report is None:
        with dataset.store.finishing(run_id) as attempt:
            report = _finish(dataset, attempt, context)
    other = (found := _results(run)) is not None and found != report.get("results")
    _clear(dataset, run, report)
    if other:
        raise AlreadyFinishedError(
            f"the run {run_id} was finished before ({report['outcome']}, exit code {report['exit_code']}), by another "
            "job from the same graph, and this one published nothing: each job needs a graph, and with it a run, of "
            "its own. Build the graph again: a flex template does so at each launch, a classic one does not"
        )
    return report


def _finish(dataset: Dataset, run: Run, context: PublishContext) -> ReportJson:
    before = None if context.parent is None else dataset.at_number(context.parent, context.parent_pointer)
    try:
        results = _results(run)
        outcome = finish_run(dataset, run, context, before, stages={})
    except OSError:
        # If another attempt has just finished the run, its files are gone.
        if (report := _report(run)) is None:
            raise
        return report
    # The first report counts: of two attempts at once one publishes, and the other may find CURRENT changed by it.
    if (report := _report(run)) is None:
        made: OutcomeJson = {**outcome.document(), "results": results}
        write_bytes(join(run.root, REPORT), document_text(made))
        return made
    return report


def _clear(dataset: Dataset, run: Run, report: ReportJson) -> None:
    published = report["outcome"] == "published"
    dataset.store.clear(run, (REPORT,) if published else (REPORT, SCHEMA, REJECTIONS))
    dataset.store.release(run)


def _report(run: Run) -> ReportJson | None:
    uri = join(run.root, REPORT)
    data = read_if_there(uri)
    return None if data is None else document(data, uri, ReportJson)


def _results(run: Run) -> str | None:
    data = read_if_there(join(run.root, RESULTS))
    return None if data is None else hashlib.sha256(data).hexdigest()


class Publish(StepFn):
    """Finishes the run when all results are written; fails the job of the engine if a gate forbids publishing."""

    def __init__(self, context: PublishContext, run_id: str) -> None:
        """Takes the context of the job, and the id of its run."""
        self._context, self._run_id = context, run_id

    def process(self, _: object) -> None:
        """Publishes, and writes the report.

        Raises:
            NothingPublishedError: A gate failed, or another job published first. The report is written before, so that
                a retry by the engine only reads it.
        """
        report = finish_detached_run(self._context, self._run_id)
        if report["exit_code"]:
            raise NothingPublishedError(
                f"nothing was published, exit code {report['exit_code']}: {report['message']}. "
                f"Report: {join(self._context.config.dataset, 'runs', self._run_id, REPORT)}"
            )
        _log.info("the run %s is finished: %s, version %s", self._run_id, report["outcome"], report["version"])


class KeepLease(StepFn):
    """Renews the lease of a detached run for each report of its steps; emits nothing."""

    def __init__(self, dataset: str, run_id: str) -> None:
        """Takes the URI of the dataset, and the id of the run."""
        self._dataset, self._run_id, self._due = dataset, run_id, 0.0

    def process(self, _: object) -> None:
        """Renews the lease at most every `RENEWING_SECONDS`; a failure is logged, and the next call tries again."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RENEWING_SECONDS
        try:
            alive = Dataset.at(self._dataset).store.renew(self._run_id)
        except OSError as error:
            _log.warning("the lease of the run %s cannot be renewed now: %s", self._run_id, error)
        else:
            if not alive:
                _log.warning("the run %s was considered dead, and removed; it will not publish", self._run_id)


def add_publishing(
    reports: Mapping[str, beam.PCollection[object]],
    results: beam.PCollection[None],
    context: PublishContext,
    run_id: str,
) -> None:
    """Adds the steps that publish and that renew the lease to the graph of a detached job.

    Args:
        reports: The reports of the steps, by name; each renews the lease.
        results: One element, when all reports are written.
        context: Of the job.
        run_id: Id of its run.
    """
    for name, reported in reports.items():
        label = f"KeepLease{name.title().replace('_', '')}"
        _ = reported | label >> beam.ParDo(KeepLease(context.config.dataset, run_id))
    _ = results | "Publish" >> beam.ParDo(Publish(context, run_id))
