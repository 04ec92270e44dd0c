"""Defines the arguments of `ingest` and `backfill`."""

import argparse
from collections.abc import Sequence

from pipelines.cli.strict_parser import GROUPS, Commands, add_color
from pipelines.config import DEFAULT_MAX_FIELDS, Source
from transforms.rules.policies import CACHE_KEY_MODES, MODES, ON_CONFLICT, ON_DUPLICATE


class _AddSource(argparse.Action):
    """Collects the exports of all groups in the order given (I3)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        group = next(group for group in GROUPS if option_string == f"--{group}")
        sources: list[Source] = namespace.sources or []
        namespace.sources = [*sources, Source.of(group, str(values))]  # type: ignore[arg-type] # one of the groups


def add_ingest(commands: Commands) -> None:
    """Adds the command `ingest`."""
    ingest = commands.add_parser(
        "ingest",
        help="read and check exports, publish a new version",
        description="Reads raw exports, checks every record, infers the schema of each group, and publishes a version.",
        epilog="Flags after `--` go to the Beam runner. With none, the job runs here, on all cores.",
        allow_abbrev=False,
    )
    for group in GROUPS[:3]:
        ingest.add_argument(
            f"--{group}", action=_AddSource, dest="sources", metavar="GLOB", help=f"exports of {group}; may be repeated"
        )
    ingest.add_argument(
        "--predictions",
        action=_AddSource,
        dest="sources",
        metavar="RUN=GLOB",
        help="exports of the predictions of a model run; may be repeated",
    )
    ingest.add_argument(
        "--mode",
        choices=MODES,
        help="known records are ignored (append, the default), replaced, or get their metadata merged",
    )
    _add_job(ingest)


def add_backfill(commands: Commands) -> None:
    """Adds the command `backfill`."""
    backfill = commands.add_parser(
        "backfill",
        help="rebuild a dataset from its whole history",
        description="Rebuilds a dataset from all jobs of its history in one pass, and publishes a new version.",
        epilog="Flags after `--` go to the Beam runner. With none, the job runs here, on all cores.",
        allow_abbrev=False,
    )
    backfill.add_argument(
        "--history", required=True, metavar="HISTORY.toml", help="the jobs in order, with mode and exports of each"
    )
    _add_job(backfill)


def _add_job(job: argparse.ArgumentParser) -> None:
    """Adds the options of all jobs."""
    job.add_argument("--dataset", metavar="DATASET", help="directory of the dataset, local or gs://")
    job.add_argument("--config", metavar="JOB.toml", help="file with options; the command line takes precedence")
    job.add_argument(
        "--map",
        metavar="PRESET|FILE.toml",
        help="how exports of another format become records: a preset such as manifest, or a map file",
    )
    job.add_argument(
        "--on-conflict",
        choices=ON_CONFLICT,
        help="on type conflicts publish nothing (default), reject the records in conflict, or clear their values",
    )
    job.add_argument(
        "--on-duplicate",
        choices=ON_DUPLICATE,
        help="of records with the same identity keep the first and reject the others (default), or keep the last",
    )
    job.add_argument(
        "--strict",
        action="store_const",
        const=True,
        help="reject records with keys that no rule knows, or with values that cannot be meant, instead of warning",
    )
    job.add_argument(
        "--max-rejected", metavar="N|P%", help="publish nothing if more records are rejected (default: no limit)"
    )
    job.add_argument(
        "--allow-unreadable", action="store_const", const=True, help="publish even if an export is damaged"
    )
    job.add_argument(
        "--date",
        metavar="YYYY-MM-DD",
        help="value of {date} in the patterns of the job file (default: today in UTC); not for a backfill",
    )
    job.add_argument("--allow-empty", action="store_const", const=True, help="allow patterns that match nothing")
    job.add_argument(
        "--verify",
        action="store_const",
        const=True,
        help="verify every file of the dataset before the job, and rebuild damaged files where possible",
    )
    job.add_argument(
        "--cache-key",
        choices=CACHE_KEY_MODES,
        help="hash the canonical form of a URL for its cache key (default), or the URL as it is in the export",
    )
    job.add_argument(
        "--max-fields",
        type=int,
        metavar="N",
        help=f"maximum number of distinct metadata keys of a group (default {DEFAULT_MAX_FIELDS})",
    )
    job.add_argument(
        "--partitions",
        type=int,
        metavar="N",
        help="number of partitions of a new dataset, which keeps it (default: by size)",
    )
    job.add_argument(
        "--declare",
        metavar="SCHEMA.json",
        help="types, choices and descriptions of fields, kept by the dataset from now on",
    )
    job.add_argument("--report", metavar="FILE.html", help="write the insights page of the version, or of a failed run")
    job.add_argument("--dry-run", action="store_const", const=True, help="do everything except publish")
    job.add_argument(
        "--detach",
        action="store_const",
        const=True,
        help="submit the job to the engine named after `--` and return; the job publishes by itself",
    )
    job.add_argument(
        "--no-fsync",
        action="store_const",
        const=True,
        help="do not flush the version to the disk, so that a power failure may damage it; for throw-away data",
    )
    job.add_argument("--json", action="store_const", const=True, help="print one JSON object and nothing else")
    job.add_argument("--quiet", action="store_const", const=True, help="print no progress and no summary")
    job.add_argument(
        "--verbose",
        action="store_const",
        const=True,
        help="log stages, files and timings to standard error, instead of progress",
    )
    add_color(job)
