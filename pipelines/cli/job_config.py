"""Builds the configuration of a job for the command, from its arguments and its job file."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import fields

from pipelines.cli.config_file import read_history, read_options
from pipelines.cli.job_options import JobOptions
from pipelines.config import JobConfig, JobStep, MaxRejected, read_declared
from pipelines.errors import UsageError
from pipelines.ingest.dates import day
from pipelines.maps import read_map, with_map
from transforms.rules.policies import DEFAULT_MODE, DEFAULT_ON_DUPLICATE

_CONFIGURED = {each.name for each in fields(JobConfig)} & {each.name for each in fields(JobOptions)}
"""The options that a job is configured by as they are; their defaults are those of `JobConfig`."""


def job_config(arguments: argparse.Namespace, flags: Sequence[str] | None) -> tuple[JobConfig, JobOptions]:
    """The configuration from the arguments and the job file, of which the command line takes precedence; all options.

    Raises:
        UsageError: An option is missing or invalid.
    """
    given = _of_arguments(arguments, flags)
    if given.date is not None and arguments.command == "backfill":
        raise UsageError("--date: a history names the dates of its exports itself; leave the flag out")
    if given.date is not None and arguments.config is None:
        raise UsageError("--date is the {date} in the patterns of a job file: name one with --config, or leave it out")
    file = read_options(arguments.config, given.date) if arguments.config else JobOptions()
    options = given.or_else(file)
    if options.dataset is None:
        raise UsageError(f"--dataset is needed (see `metadata-etl {arguments.command} --help`)")
    return (
        JobConfig(
            steps=_history(arguments, file, options) if arguments.command == "backfill" else (_step(options),),
            backfill=arguments.command == "backfill",
            declared=None if options.declare is None else read_declared(options.declare),
            fsync=not options.no_fsync,
            **{name: value for name in _CONFIGURED if (value := getattr(options, name)) is not None},
        ),
        options,
    )


def _of_arguments(arguments: argparse.Namespace, flags: Sequence[str] | None) -> JobOptions:
    """The options of the command line; `flags` are those after `--`."""
    known = {each.name for each in fields(JobOptions)}
    given = {name: value for name, value in vars(arguments).items() if name in known and value is not None}
    if "map" in given:
        given["map"] = read_map(given["map"])
    if "date" in given:
        given["date"] = day(given["date"], "--date")
    if "max_rejected" in given:
        given["max_rejected"] = MaxRejected.of(given["max_rejected"])
    if flags is not None:
        given["runner_flags"] = tuple(flags)
    return JobOptions(**given)


def _history(arguments: argparse.Namespace, file: JobOptions, options: JobOptions) -> tuple[JobStep, ...]:
    """The steps of a backfill: the jobs of its history."""
    for name in ("sources", "mode", "date", "optional", "map"):
        if getattr(file, name) is not None:
            raise UsageError(f"{arguments.config}: a backfill takes exports, modes and dates from --history alone")
    jobs = read_history(arguments.history)
    _check_used("--map", options.map, (source.map for job in jobs for source in job.sources))
    _check_used("--on-duplicate", options.on_duplicate, (job.on_duplicate for job in jobs))
    _check_used("--strict", options.strict, (job.strict for job in jobs))
    return tuple(
        JobStep(
            sources=with_map(job.sources, options.map),
            mode=job.mode,
            on_duplicate=job.on_duplicate or options.on_duplicate or DEFAULT_ON_DUPLICATE,
            strict=bool(options.strict if job.strict is None else job.strict),
        )
        for job in jobs
    )


def _check_used(flag: str, given: object, of_each: Iterable[object]) -> None:
    """Raises UsageError if an option is given, and all that it is for have one of their own."""
    of_its_own = [each is not None for each in of_each]
    if given is not None and of_its_own and all(of_its_own):
        raise UsageError(f"{flag}: all that it would be for have one of their own; leave it out")


def _step(options: JobOptions) -> JobStep:
    """The one step of an ingest."""
    _check_used("--map", options.map, (source.map for source in options.sources or ()))
    return JobStep(
        sources=with_map(options.sources or (), options.map),
        mode=options.mode or DEFAULT_MODE,
        on_duplicate=options.on_duplicate or DEFAULT_ON_DUPLICATE,
        strict=bool(options.strict),
    )
