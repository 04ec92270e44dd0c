"""Runs an ingest or a backfill to its end: exports -> checked rows -> merged partitions -> schema -> version."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipelines.config import JobConfig
from pipelines.dataset.store.base import Run
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import EngineError, ExportChangedError
from pipelines.ingest import job_log
from pipelines.ingest.cleanup import staying_published
from pipelines.ingest.export_changes import review
from pipelines.ingest.find_exports import find
from pipelines.ingest.graph import build
from pipelines.ingest.outcome import Outcome
from pipelines.ingest.plan import plan
from pipelines.ingest.progress import Progress
from pipelines.ingest.publish import PublishContext, finish_run, keep_run_files
from pipelines.runners import choose as runners
from pipelines.runners import estimate
from pipelines.runners.interrupts import cleanup_on_signal
from pipelines.runners.temporary_folders import private_temporary_files, temporary_folder
from transforms.beam.coders import spilling
from transforms.stages.elements import Export
from transforms.storage.stored_files import is_local

SPILLED = "spilled"


def run(config: JobConfig, progress: Progress) -> Outcome:
    """Runs an ingest or a backfill, and publishes a version if all gates pass.

    Raises:
        UsageError: An export or the dataset is missing or is something else.
        ExportChangedError: A worker failed, and an export changed during the job.
    """
    began = time.time()
    found = find(config.steps, allow_empty=config.allow_empty)
    exports = found.exports
    dataset = Dataset.at(config.dataset)
    before = dataset.current()
    total = sum(export.size for export in exports)
    kept = 0 if before is None or config.backfill else estimate.of_published_state(before.manifest, total)
    runner = runners.choose(config.runner_flags, total + kept)
    with (
        ExitStack() as cleanup,
        private_temporary_files(),
        _run_folder(dataset, before, runner, dry_run=config.dry_run) as run,
        progress.watching(total, runner) as notes,
    ):
        job_log.started(config.dataset, before, runner.name, exports)
        number = dataset.store.next_number(0 if before is None else before.number)
        job = plan(config, exports, before, root=run.root, progress=notes, version=number)
        running = time.monotonic()
        with _spilling(run, runner), _explaining_export_changes(exports):
            stages = runner.run(partial(build, job=job))
        job_log.stages(stages)
        job_log.phase("reading, merging and writing", time.monotonic() - running)
        progress.phase("publishing")
        publishing = time.monotonic()
        context = PublishContext.of(config, job, before, unmatched=found.unmatched, runner=runner.name, began=began)
        outcome = finish_run(dataset, run, context, before, stages=stages)
        if outcome.verdict.outcome == "published":
            cleanup.enter_context(staying_published(outcome.version))
        outcome = replace(outcome, foreign=tuple(dataset.store.foreign()))
        if not config.dry_run:
            keep_run_files(dataset, run, outcome)
        job_log.phase("publishing", time.monotonic() - publishing)
    job_log.ended(outcome)
    return outcome


@contextmanager
def _explaining_export_changes(exports: Sequence[Export]) -> Iterator[None]:
    """Raises ExportChangedError if a job failed and an export was removed or changed meanwhile."""
    try:
        yield
    except (RuntimeError, EngineError, ExportChangedError) as error:
        reviewed = review(exports, {})
        if reviewed.changes:
            raise ExportChangedError(reviewed.reason) from error
        raise


@contextmanager
def _run_folder(dataset: Dataset, before: Version | None, runner: runners.Runner, *, dry_run: bool) -> Iterator[Run]:
    """The folder of the run: below the dataset, or for a local dry run a temporary folder."""
    if dry_run and runner.local:
        with temporary_folder() as folder:
            yield Run("dry-run", str(folder))
        return
    with dataset.store.run(None if before is None else before.number) as run, ExitStack() as cleanups:
        if runner.local and is_local(run.root):  # elsewhere removal takes long: it is left to the next job
            cleanups.enter_context(cleanup_on_signal(partial(dataset.store.remove, run.root)))
        yield run
        if dry_run:  # workers elsewhere could not write to a folder of this machine
            dataset.store.remove(run.root)


@contextmanager
def _spilling(run: Run, runner: runners.Runner) -> Iterator[None]:
    """Lets local worker processes exchange data through files: in the folder of the run if that is local."""
    if runner.environment is None:
        with spilling(None):
            yield
    elif is_local(run.root):
        with spilling(Path(run.root, SPILLED)):
            yield
    else:
        with temporary_folder() as folder, spilling(folder):
            yield
