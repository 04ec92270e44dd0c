"""Runs the commands that are Beam jobs, each with what it needs: imports, forked workers, a log."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from pipelines.runners import estimate
from pipelines.runners.imports import fast_imports
from pipelines.streams import job_log


def _ingest(options: argparse.Namespace, flags: Sequence[str] | None) -> int:
    """Runs `ingest` or `backfill`."""
    from pipelines.cli.job_config import job_config  # noqa: PLC0415 - commands on a dataset need none of it

    config, given = job_config(options, flags)
    patterns = [source.pattern for step in config.steps for source in step.sources]
    paths = (config.dataset, *patterns, given.report)
    with ExitStack() as resources:
        with _job(config.runner_flags, paths, lambda: estimate.of_job(config), resources):
            from pipelines.cli.ingest_command import run_job  # noqa: PLC0415 - Beam takes more than a second
        if given.verbose:
            resources.enter_context(job_log())
        return run_job(
            config,
            as_json=bool(given.json),
            quiet=bool(given.quiet),
            verbose=bool(given.verbose),
            report=given.report,
            color=options.color,
        )


def _export(options: argparse.Namespace, flags: Sequence[str] | None) -> int:
    from pipelines.exporting.config import ExportConfig  # noqa: PLC0415 - the others need none of it

    config = ExportConfig.of(
        options.dataset,
        out=options.out,
        form=options.format,
        group=options.group,
        query=options.query,
        version=options.version,
        split=options.split,
        split_by=options.split_by,
        runner_flags=tuple(flags or ()),
    )
    paths = (config.dataset, config.out)
    with ExitStack() as resources:
        with _job(config.runner_flags, paths, lambda: estimate.of_export(config.dataset), resources):
            from pipelines.cli.export_command import export  # noqa: PLC0415 - Beam takes more than a second
        return export(config, as_json=options.json)


def may_fork() -> bool:
    """Whether this process may fork workers: it has loaded no Beam before, and so has no threads of earlier jobs."""
    return "apache_beam" not in sys.modules


@contextmanager
def _job(
    runner_flags: Sequence[str], paths: Sequence[object], size: Callable[[], int], resources: ExitStack
) -> Iterator[None]:
    """Makes the imports of a job in the block fast, and then starts the server from which large ones fork workers.

    Args:
        runner_flags: Of the job.
        paths: What it reads and writes.
        size: Estimates how many bytes it reads.
        resources: Closes the server when the job has ended.
    """
    elsewhere = not estimate.runs_locally(runner_flags)
    shared = may_fork() and not elsewhere and size() >= estimate.PARALLEL_BYTES
    if shared:
        # There is a worker for each core, so polars gets one thread; it reads this when it is imported.
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
    with fast_imports(dataflow=elsewhere, buckets=elsewhere or estimate.has_buckets(paths)):
        yield
    if shared:
        from pipelines.runners.fork_server import serving_workers  # noqa: PLC0415 - after the imports, which it shares

        resources.enter_context(serving_workers())


JOBS: Mapping[str, Callable[[argparse.Namespace, Sequence[str] | None], int]] = {
    "ingest": _ingest,
    "backfill": _ingest,
    "export": _export,
}
"""Command to what runs it, given its options and the flags for the runner."""
