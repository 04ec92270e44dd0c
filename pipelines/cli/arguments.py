"""Defines the arguments of all commands, in one place that loads fast."""

import argparse
import os
import re
from collections.abc import Sequence
from typing import Literal, NoReturn, TypeAlias, get_args

from pipelines.config import DEFAULT_MAX_FIELDS, Source
from pipelines.errors import UsageError
from pipelines.near_names import hint, suggestion
from pipelines.streams import say
from pipelines.version import __version__
from transforms.rules.rejections import Code, shown

Color = Literal["auto", "always", "never"]
COLORS = get_args(Color)
GROUPS = ("items", "scenes", "annotations", "predictions")


_FLAG = re.compile(r"-[^0-9.]")
"""The beginning of a flag; a negative number is a value."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line: the mistake, the nearest known name, and where to find help."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def parse_known_args(  # type: ignore[override] # argparse declares overloads of it
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuses unknown flags first: a mistyped required flag would otherwise be reported as missing."""
        known = [flag for action in self._actions for flag in action.option_strings]
        commands = any(isinstance(action, argparse._SubParsersAction) for action in self._actions)  # noqa: SLF001 - argparse has no other name for it
        for word in args or ():
            if commands and not word.startswith("-"):
                break  # what follows belongs to the command
            flag = word.partition("=")[0]
            # argparse takes a word with a space in it as a value.
            if _FLAG.match(word) and flag not in known and " " not in word:
                self.error("; ".join(filter(None, (f"unknown flag {flag}", suggestion(flag, known)))))
        return super().parse_known_args(args, namespace)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            raise argparse.ArgumentError(None, f"unknown command {shown(value)}; {hint(str(value), choices)}")
        fault = f"expected one of {', '.join(choices)}, got {shown(value)}"
        raise argparse.ArgumentError(action, "; ".join(filter(None, (fault, suggestion(str(value), choices)))))


def _text(given: str) -> str:
    """An argument that is text and no path: decoded as UTF-8, whatever the locale is."""
    try:
        return os.fsencode(given).decode()
    except UnicodeError:  # not UTF-8: refused where it is parsed
        return given


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


class _ShowVersion(argparse.Action):
    """Prints the version, and whether jobs use the C extensions, which it looks for only then."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse calls it so
        values: str | Sequence[object] | None,  # noqa: ARG002 - likewise
        option_string: str | None = None,  # noqa: ARG002 - likewise
    ) -> None:
        from pipelines import extensions  # noqa: PLC0415 - see above

        say(f"{parser.prog} {__version__}")
        if missing := extensions.missing():
            names = f"{'extension' if len(missing) == 1 else 'extensions'} {', '.join(missing)}"
            say(f"built without the C {names}: jobs are slower; install a C compiler, then install this package again")
        else:
            say("built with its C extensions")
        parser.exit()


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001 - argparse has no other name for it


def parser() -> argparse.ArgumentParser:
    """The parser of all commands. An option of a job that is not given is None, because a job file may set it."""
    top = _Parser(
        prog="metadata-etl",
        description="Turns raw exports of dataset items, scenes, annotations and predictions into a validated dataset.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_ingest(commands)
    _add_backfill(commands)
    schema = _add_look(commands, "schema", "show the schema of a dataset", "Shows the fields of the current version.")
    schema.add_argument("--group", choices=GROUPS, help="one group only")
    schema.add_argument("--format", choices=("table", "json", "avro", "bigquery", "json-schema"), default="table")
    _add_color(schema)
    report = _add_look(
        commands,
        "report",
        "write the insights page of a dataset",
        "Writes the insights of the current version as one HTML file: fields, histograms, categories, a map, changes.",
    )
    report.add_argument("--out", metavar="FILE.html", help="the file (default: NAME.html in the current folder)")
    _add_questions(commands)
    _add_color(_add_look(commands, "versions", "list the versions of a dataset", "Lists the versions, newest first."))
    show = _add_look(
        commands,
        "show",
        "show what a version changed",
        "Shows what a version added, changed and dropped, compared with its parent.",
    )
    show.add_argument("version", type=int, nargs="?", metavar="VERSION", help="instead of the current one")
    _add_color(show)
    rollback = _add_look(
        commands,
        "rollback",
        "publish an old version again",
        "Publishes a new version that equals an old one; the versions in between stay.",
    )
    rollback.add_argument("version", type=int, metavar="VERSION", help="the version to go back to")
    prune = _add_look(
        commands,
        "prune",
        "remove old versions",
        "Removes all versions but the newest, and the files of abandoned runs.",
    )
    prune.add_argument(
        "--keep", type=int, required=True, metavar="N", help="how many versions to keep, including the current one"
    )
    prune.add_argument(
        "--discard-rejections",
        action="store_true",
        help="also remove open rejections, which are otherwise kept (see `rejections --open`)",
    )
    prune.add_argument("--dry-run", action="store_true", help="print what would be removed, and remove nothing")
    _add_rejections(commands)
    _add_verify(commands)
    return top


def _add_look(commands: _Commands, name: str, summary: str, description: str) -> _Parser:
    look = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
    look.add_argument("dataset", metavar="DATASET")
    look.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return look


def _add_questions(commands: _Commands) -> None:
    """Adds `query`, and the commands that complete queries."""
    query = _add_look(
        commands,
        "query",
        "list the records that meet a condition",
        "Lists the records of the current version that meet a condition, such as: metadata.weather = rain",
    )
    query.add_argument(
        "expression", type=_text, metavar="EXPRESSION", help="the condition; docs/query.md has the language"
    )
    query.add_argument("--group", choices=GROUPS, default="items", help="what is listed (default: items)")
    query.add_argument("--format", choices=("table", "ndjson", "csv", "ids"), default="table")
    query.add_argument("--count", action="store_true", help="print only how many there are")
    query.add_argument("--limit", type=int, metavar="N", help="list at most N")
    _add_color(query)
    suggest = _add_look(
        commands,
        "suggest",
        "complete the name of a field, or a category",
        "Lists the fields with this beginning and their types; for a whole field its categories and their counts.",
    )
    suggest.add_argument("field", type=_text, metavar="FIELD", help="a metadata key or a path, or its beginning")
    suggest.add_argument("prefix", type=_text, metavar="PREFIX", nargs="?", help="the beginning of a category")
    suggest.add_argument("--group", choices=GROUPS, default="items", help="whose fields (default: items)")
    # Used by the scripts of `completion`: whole words for the second argument of `query` or of `suggest`.
    suggest.add_argument("--complete", choices=("query", "field"), help=argparse.SUPPRESS)
    completion = commands.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Prints a script that completes commands, flags and fields: source <(metadata-etl completion bash)",
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))


def _add_color(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--color", choices=COLORS, default="auto", help="auto (default): at a terminal, unless NO_COLOR is set"
    )


def _add_rejections(commands: _Commands) -> None:
    rejections = _add_look(
        commands,
        "rejections",
        "show rejected records, or write them out to re-ingest",
        "Shows the rejections of the current version, of another version, or of a run that published nothing.",
    )
    which = rejections.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="rejections of this version instead of the current one")
    which.add_argument("--run", metavar="ID", help="rejections of this run, which published nothing")
    which.add_argument(
        "--open",
        action="store_true",
        help="rejections of all versions and runs whose record has not been accepted since",
    )
    rejections.add_argument("--group", choices=GROUPS, help="only of this group")
    rejections.add_argument("--run-name", metavar="RUN", help="only of predictions of this model run")
    rejections.add_argument("--code", choices=[code.value for code in Code], metavar="CODE", help="only with this code")
    how = rejections.add_mutually_exclusive_group()
    how.add_argument("--raw", action="store_true", help="print the raw records of one group, one per line")
    how.add_argument(
        "--out", metavar="DIR", help="write the raw records to files to re-ingest, one for each group and model run"
    )
    _add_color(rejections)


def _add_verify(commands: _Commands) -> None:
    verify = _add_look(
        commands,
        "verify",
        "verify the files of a dataset",
        "Reads every file of a version, compares it with its published digest, and lists damaged files.",
    )
    which = verify.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="this version instead of the current one")
    which.add_argument("--all", action="store_true", help="all versions")
    _add_color(verify)


def _add_ingest(commands: _Commands) -> None:
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
        choices=("append", "replace", "merge"),
        help="known records are ignored (append, the default), replaced, or get their metadata merged",
    )
    _add_job(ingest)


def _add_backfill(commands: _Commands) -> None:
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
        "--on-conflict",
        choices=("fail", "quarantine", "null"),
        help="on type conflicts publish nothing (default), reject the records in conflict, or clear their values",
    )
    job.add_argument(
        "--on-duplicate",
        choices=("reject", "last"),
        help="of records with the same identity keep the first and reject the others (default), or keep the last",
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
        choices=("canonical", "raw"),
        help="hash the canonical form of a URL for its cache key (default), or the URL as it is in the export",
    )
    job.add_argument(
        "--max-fields",
        type=int,
        metavar="N",
        help=f"maximum number of distinct metadata keys of a group (default {DEFAULT_MAX_FIELDS})",
    )
    job.add_argument(
        "--partitions", type=int, metavar="N", help="number of partitions of a new dataset (default: by input size)"
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
    _add_color(job)
