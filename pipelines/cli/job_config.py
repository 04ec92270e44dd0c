"""Builds the configuration of a job for the command, from its arguments and its job file."""

import argparse
from collections.abc import Sequence

from pipelines.cli.config_file import JobFile, read_history, read_options
from pipelines.config import DEFAULT_MAX_FIELDS, JobConfig, JobStep, MaxRejected, Source, read_declared
from pipelines.errors import UsageError
from pipelines.ingest.dates import day


def job_config(options: argparse.Namespace, flags: Sequence[str] | None) -> tuple[JobConfig, JobFile]:
    """The configuration from the arguments and the job file, of which the command line takes precedence.

    Raises:
        UsageError: An option is missing or invalid.
    """
    today = None if options.date is None else day(options.date, "--date")
    if today is not None and options.command == "backfill":
        raise UsageError("--date: a history names the dates of its exports itself; leave the flag out")
    file = read_options(options.config, today) if options.config else JobFile()

    def said(name: str, default: object = None) -> object:
        for place in (options, file):
            value = getattr(place, name)
            if value is not None:
                return value
        return default

    def told(name: str, default: str) -> str:
        return str(said(name, default))

    dataset = said("dataset")
    if dataset is None:
        raise UsageError(f"--dataset is needed (see `metadata-etl {options.command} --help`)")
    max_rejected = file.max_rejected if options.max_rejected is None else MaxRejected.of(options.max_rejected)
    declare = said("declare")
    on_duplicate = told("on_duplicate", "reject")
    if options.command == "backfill":
        for name in ("sources", "mode", "date", "optional"):
            if getattr(file, name) is not None:
                raise UsageError(f"{options.config}: a backfill takes exports, modes and dates from --history alone")
        history = read_history(options.history)
        steps = tuple(JobStep(job.sources, job.mode, job.on_duplicate or on_duplicate) for job in history)  # type: ignore[arg-type] # one of the choices
    else:
        steps = (JobStep(_sources(options.sources, file), told("mode", "append"), on_duplicate),)  # type: ignore[arg-type] # likewise
    config = JobConfig(
        dataset=str(dataset),
        steps=steps,
        backfill=options.command == "backfill",
        on_conflict=told("on_conflict", "fail"),  # type: ignore[arg-type] # likewise
        max_rejected=max_rejected,
        allow_unreadable=bool(said("allow_unreadable")),
        allow_empty=bool(said("allow_empty")),
        verify=bool(said("verify")),
        cache_key=said("cache_key"),  # type: ignore[arg-type] # likewise
        max_fields=int(told("max_fields", str(DEFAULT_MAX_FIELDS))),
        partitions=said("partitions"),  # type: ignore[arg-type] # a number
        declared=None if declare is None else read_declared(str(declare)),
        dry_run=bool(said("dry_run")),
        detach=bool(said("detach")),
        fsync=not said("no_fsync"),
        runner_flags=tuple(flags) if flags is not None else (file.runner_flags or ()),
    )
    return config, file


def _sources(given: Sequence[Source] | None, file: JobFile) -> tuple[Source, ...]:
    """The exports of the file for groups that the command line does not name, then those of the command line."""
    named = {source.group for source in given or ()}
    return (*(source for source in file.sources or () if source.group not in named), *(given or ()))
