"""Implements `ingest` and `backfill`.

Modules that print tables or make pages are imported only where they are used, so that reading the exports starts
without waiting for them.
"""

from pipelines.cli.strict_parser import Color
from pipelines.config import JobConfig
from pipelines.dataset.foreign import warn_of_foreign
from pipelines.errors import JobError, UsageError
from pipelines.ingest import run
from pipelines.ingest.outcome import Outcome
from pipelines.ingest.progress import Progress
from pipelines.streams import complain, emit_json, say, told_afterwards
from transforms.errors import StepError
from transforms.storage.stored_files import refusal, refusals


def run_job(
    config: JobConfig,
    *,
    as_json: bool,
    quiet: bool,
    verbose: bool = False,
    report: str | None = None,
    color: Color = "auto",
) -> int:
    """Runs an ingest or a backfill and prints its outcome; returns the exit code.

    The insights page that `report` names is written last: if that fails, the outcome stays the same (R4).
    """
    if config.detached:
        return _detach(config, as_json=as_json, quiet=quiet, report=report)
    if report is not None:
        from pipelines.report.delivery import checked  # noqa: PLC0415 - see above

        report = checked(report, config.dataset)
    outcome = run.run(config, _progress(quiet=quiet or as_json or verbose))
    with told_afterwards():
        warn_of_foreign(config.dataset, outcome.foreign)
        if as_json:
            emit_json(outcome.document())
        elif not quiet or outcome.verdict.exit_code:
            from pipelines.cli.console import console  # noqa: PLC0415 - see above
            from pipelines.cli.tables import print_outcome  # noqa: PLC0415 - see above

            print_outcome(outcome, console(color, stderr=bool(outcome.verdict.exit_code)))
    if report is not None:
        with told_afterwards():
            _deliver(outcome, report, quiet=quiet or as_json)
    return int(outcome.verdict.exit_code)


def _detach(config: JobConfig, *, as_json: bool, quiet: bool, report: str | None) -> int:
    """Submits a job to an engine and prints where its report will be; returns the exit code.

    Raises:
        UsageError: `report` is given, but a detached job writes no page.
    """
    if report is not None:
        raise UsageError(
            "--report: a detached job or a template writes no page; leave it out, and run "
            "`metadata-etl report` when the version is published"
        )
    from pipelines.ingest import detached  # noqa: PLC0415 - see above

    started = detached.start(config)
    with told_afterwards():
        warn_of_foreign(config.dataset, started.foreign)
        if as_json:
            emit_json(started.document())
        elif not quiet:
            listing = f"`metadata-etl versions {started.dataset}` lists its version"
            say(
                f"{started.message[0].upper()}{started.message[1:]}.",
                f"Its outcome will be in {started.report}; {listing}.",
            )
    return 0


def _progress(*, quiet: bool) -> Progress:
    if quiet:
        return Progress()
    from pipelines.cli.progress_bar import ProgressBar  # noqa: PLC0415 - see above

    return ProgressBar()


def _deliver(outcome: Outcome, report: str, *, quiet: bool) -> None:
    from pipelines.report.delivery import deliver_outcome  # noqa: PLC0415 - see above

    try:
        deliver_outcome(outcome, report)
    except (JobError, StepError, *refusals()) as error:  # type: ignore[misc] # mypy does not look into a tuple
        # Such as damage of a file that the version shares with an earlier one, which only the page reads.
        complain(f"the insights page {report} cannot be written: {refusal(error)}")
    else:
        if not quiet:
            say(f"Insights page: {report}", stderr=bool(outcome.verdict.exit_code))
