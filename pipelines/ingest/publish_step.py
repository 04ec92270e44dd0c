"""Defines the steps by which a detached job publishes by itself and renews its lease.

An engine may retry a bundle, or run it twice at the same time: a run is finished once, and every further attempt reads
the report of the first.
"""

import hashlib
import json
import logging
import time
from collections.abc import Mapping
from typing import cast

import apache_beam as beam

from pipelines.dataset.store.base import REJECTIONS, REPORT, SCHEMA, Run, join
from pipelines.dataset.versions import Dataset, document_text
from pipelines.ingest.publish import PublishContext, finish_run
from transforms.beam.steps import StepFn
from transforms.beam.stored_files import read_if_there, write_bytes
from transforms.rules.values import JsonObject
from transforms.write_reports import RESULTS

RENEWING_SECONDS = 600.0
"""How often a worker looks whether the lease of its run has to be renewed."""
_RESULTS_OF = "results"
"""Key of a report: SHA-256 of the results that it was made from."""
_log = logging.getLogger(__name__)


class NothingPublishedError(Exception):
    """A job ended without a version; its report says why. It fails the job of the engine, so that it shows there."""


class AlreadyFinishedError(Exception):
    """A run was concluded before by another job from the same graph."""


def finish_detached_run(context: PublishContext, run: str) -> JsonObject:
    """Concludes a detached run, unless that was done before; returns its report, which says how it ended.

    Raises:
        AlreadyFinishedError: It was concluded from other results than these.
        RunLostError: It was taken for dead, and put away.
        OSError: Something cannot be read or written; another try may.
    """
    dataset = Dataset.at(context.config.dataset)
    here = Run(run, join(dataset.root, "runs", run))
    report = _report(here)
    if report is None:
        with dataset.store.finishing(run) as trying:
            report = _finish(dataset, trying, context)
    other = (found := _results(here)) is not None and found != report[_RESULTS_OF]
    _clear(dataset, here, report)
    if other:
        raise AlreadyFinishedError(
            f"the run {run} was concluded before ({report['outcome']}, exit code {report['exit_code']}), by another "
            "job from the same graph, and this one published nothing: each job takes a graph, and with it a run, of "
            "its own. Have the graph made anew: a flex template does so at each launch, a classic one does not"
        )
    return report


def _finish(dataset: Dataset, here: Run, context: PublishContext) -> JsonObject:
    before = None if context.parent is None else dataset.at_number(context.parent, context.seen)
    try:
        results = _results(here)
        outcome = finish_run(dataset, here, context, before, stages={})
    except OSError:
        # Where another try has just concluded the run, what it was made of is gone.
        if (report := _report(here)) is None:
            raise
        return report
    # What another try said stands: of two at once one publishes, and the other could take it for another job's.
    if (report := _report(here)) is None:
        report = outcome.document() | {_RESULTS_OF: results}
        write_bytes(join(here.root, REPORT), document_text(report))
    return report


def _clear(dataset: Dataset, here: Run, report: JsonObject) -> None:
    published = report["outcome"] == "published"
    dataset.store.clear(here, (REPORT,) if published else (REPORT, SCHEMA, REJECTIONS))
    dataset.store.release(here)


def _report(here: Run) -> JsonObject | None:
    text = read_if_there(join(here.root, REPORT))
    return None if text is None else cast("JsonObject", json.loads(text))


def _results(here: Run) -> str | None:
    data = read_if_there(join(here.root, RESULTS))
    return None if data is None else hashlib.sha256(data).hexdigest()


class Publish(StepFn):
    """Concludes the run when all results are written; fails the job where nothing is published for a reason."""

    def __init__(self, context: PublishContext, run: str) -> None:
        """Takes what there is to know of the job, and the id of its run."""
        self._context, self._run = context, run

    def process(self, _: object) -> None:
        """Publishes, or leaves the report.

        Raises:
            NothingPublishedError: A gate was against it, or another job was quicker. The report is there by then, so
                that every further try of the engine only reads it.
        """
        report = finish_detached_run(self._context, self._run)
        if report["exit_code"]:
            raise NothingPublishedError(
                f"nothing was published, exit code {report['exit_code']}: {report['message']}. "
                f"Report: {join(self._context.config.dataset, 'runs', self._run, REPORT)}"
            )
        _log.info("the run %s is concluded: %s, version %s", self._run, report["outcome"], report["version"])


class KeepLease(StepFn):
    """Gives the signs of life of a detached run, wherever its steps report something; gives nothing on."""

    def __init__(self, dataset: str, run: str) -> None:
        """Takes the URI of the dataset, and the id of the run."""
        self._dataset, self._run, self._due = dataset, run, 0.0

    def process(self, _: object) -> None:
        """Renews the lease now and then. That it cannot be renewed now is no reason to fail: the next try comes."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + RENEWING_SECONDS
        try:
            alive = Dataset.at(self._dataset).store.renew(self._run)
        except OSError as error:
            _log.warning("the lease of the run %s cannot be renewed now: %s", self._run, error)
        else:
            if not alive:
                _log.warning("the run %s has no lease any more; it will not publish", self._run)


def add_publishing(
    reports: Mapping[str, beam.PCollection[object]], results: beam.PCollection[None], context: PublishContext, run: str
) -> None:
    """Ends a graph with its publication.

    Args:
        reports: What the steps report, by name: as long as they do, the run lives.
        results: One element, when all of them are written.
        context: What else there is to know of the job.
        run: Its id.
    """
    for name, reported in reports.items():
        label = f"KeepLease{name.title().replace('_', '')}"
        _ = reported | label >> beam.ParDo(KeepLease(context.config.dataset, run))
    _ = results | "Publish" >> beam.ParDo(Publish(context, run))
