"""Defines the arguments of all commands, in one place that loads fast."""

import argparse
import os
from collections.abc import Sequence

from pipelines.cli.job_arguments import add_backfill, add_ingest
from pipelines.cli.strict_parser import GROUPS, Commands, StrictParser, add_color
from pipelines.files import FILES, FOLDERS
from pipelines.streams import say
from pipelines.version import __version__
from transforms.rules.policies import EXPORT_FORMATS
from transforms.rules.rejections import Code


def _text(given: str) -> str:
    """An argument that is text and no path: decoded as UTF-8, whatever the locale is."""
    try:
        return os.fsencode(given).decode()
    except UnicodeError:  # not UTF-8: refused where it is parsed
        return given


class _ShowVersion(argparse.Action):
    """Prints the version, and whether jobs use the C extension, which it looks for only then."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse calls it so
        values: str | Sequence[object] | None,  # noqa: ARG002 - likewise
        option_string: str | None = None,  # noqa: ARG002 - likewise
    ) -> None:
        from pipelines import extensions  # noqa: PLC0415 - see above

        say(f"{parser.prog} {__version__}")
        if extensions.is_built():
            say("built with its C extension")
        else:
            say("built without its C extension: jobs are slower; install a C compiler, then install this package again")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The parser of all commands. An option of a job that is not given is None, because a job file may set it."""
    top = StrictParser(
        prog="metadata-etl",
        description="Turns raw exports of dataset items, scenes, annotations and predictions into a validated dataset.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_ShowVersion, nargs=0, help="show program's version number and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=StrictParser)
    add_ingest(commands)
    add_backfill(commands)
    schema = _add_look(
        commands,
        "schema",
        "show the schema of a dataset, or of the records of exports",
        "Shows the fields of a version, by default the current one.",
        needs_dataset=False,
    )
    schema.add_argument("--input", choices=GROUPS, help="a JSON Schema of whole raw records; needs no dataset")
    _add_version(schema)
    schema.add_argument("--group", choices=GROUPS, help="one group only")
    schema.add_argument("--format", choices=("table", "json", "avro", "bigquery", "json-schema"), default="table")
    add_color(schema)
    report = _add_look(
        commands,
        "report",
        "write the insights page of a dataset",
        "Writes the insights of a version as one HTML file: fields, histograms, categories, a map, changes.",
    )
    _add_version(report)
    report.add_argument("--out", metavar="FILE.html", help="the file (default: NAME.html in the current folder)")
    _add_questions(commands)
    add_color(_add_look(commands, "versions", "list the versions of a dataset", "Lists the versions, newest first."))
    show = _add_look(
        commands,
        "show",
        "show what a version changed",
        "Shows what a version added, changed and dropped, compared with its parent.",
    )
    show.add_argument("version", type=int, nargs="?", metavar="VERSION", help="instead of the current one")
    add_color(show)
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
    _add_explore(commands)
    _add_export(commands)
    _add_files(commands)
    _add_inspect(commands)
    return top


def _add_look(
    commands: Commands, name: str, summary: str, description: str, *, needs_dataset: bool = True
) -> StrictParser:
    look = commands.add_parser(name, help=summary, description=description, allow_abbrev=False)
    look.add_argument("dataset", metavar="DATASET", nargs=None if needs_dataset else "?")
    look.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return look


def _add_version(command: StrictParser) -> None:
    command.add_argument("--version", type=int, metavar="N", help="of this version instead of the current one")


def _add_questions(commands: Commands) -> None:
    """Adds `query`, and the commands that complete queries."""
    query = _add_look(
        commands,
        "query",
        "list the records that meet a condition",
        "Lists the records of a version that meet a condition, such as: metadata.weather = rain",
    )
    query.add_argument(
        "expression", type=_text, metavar="EXPRESSION", help="the condition; docs/query.md has the language"
    )
    _add_version(query)
    query.add_argument("--group", choices=GROUPS, default="items", help="what is listed (default: items)")
    query.add_argument("--format", choices=("table", "ndjson", "csv", "ids"), default="table")
    query.add_argument("--count", action="store_true", help="print only how many there are, whatever the format")
    query.add_argument("--limit", type=int, metavar="N", help="list at most N")
    add_color(query)
    suggest = _add_look(
        commands,
        "suggest",
        "complete the name of a field, or a category",
        "Lists the fields with this beginning and their types; for a whole field its categories and their counts.",
    )
    suggest.add_argument("field", type=_text, metavar="FIELD", help="a metadata key or a path, or its beginning")
    suggest.add_argument("prefix", type=_text, metavar="PREFIX", nargs="?", help="the beginning of a category")
    _add_version(suggest)
    suggest.add_argument("--group", choices=GROUPS, default="items", help="whose fields (default: items)")
    # Used by the scripts of `completion`: whole words for the second argument of `query` or of `suggest`.
    suggest.add_argument("--complete", choices=("query", "field", "version"), help=argparse.SUPPRESS)
    completion = commands.add_parser(
        "completion",
        help="print a script that completes commands in a shell",
        description="Prints a script that completes commands, flags and fields: source <(metadata-etl completion bash)",
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))


def _add_rejections(commands: Commands) -> None:
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
    add_color(rejections)


def _add_export(commands: Commands) -> None:
    export = _add_look(
        commands,
        "export",
        "write a version as Parquet, NDJSON, CSV, Avro or Nucleus files",
        "Writes the rows of a version to files of other programs: all groups or one, all rows or those of a query.",
    )
    export.epilog = "Flags after `--` go to the Beam runner. With none, the job runs here, on all cores."
    export.add_argument("--out", required=True, metavar="DIR", help="a new or empty directory, or gs://BUCKET/FOLDER")
    export.add_argument(
        "--format",
        choices=EXPORT_FORMATS,
        default="parquet",
        help="of the files (default: parquet); ndjson, nucleus and coco can be ingested again, csv cannot",
    )
    export.add_argument("--group", choices=GROUPS, help="one group only")
    export.add_argument(
        "--query",
        type=_text,
        metavar="EXPRESSION",
        help="only rows of the group that meet a condition; without --group, items and all that belongs to them",
    )
    export.add_argument("--version", type=int, metavar="N", help="this version instead of the current one")
    export.add_argument("--split", metavar="NAME=SHARE,...", help="divide the rows, such as train=0.8,val=0.1,test=0.1")
    export.add_argument(
        "--split-by",
        type=_text,
        metavar="scene|item|FIELD",
        help="keep rows of a scene (default), of an item, or with one value of a field of items in one split",
    )


def _add_verify(commands: Commands) -> None:
    verify = _add_look(
        commands,
        "verify",
        "verify the files of a dataset",
        "Reads every file of a version, compares it with its published digest, and lists damaged files.",
    )
    which = verify.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="this version instead of the current one")
    which.add_argument("--all", action="store_true", help="all versions")
    add_color(verify)


def _add_explore(commands: Commands) -> None:
    explore = commands.add_parser(
        "explore",
        help="ask and look in a browser",
        description="Serves a page on this machine with queries, insights of their results, and records with images.",
        allow_abbrev=False,
    )
    explore.add_argument("dataset", metavar="DATASET")
    explore.add_argument("--version", type=int, metavar="N", help="this version first, instead of the current one")
    explore.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1, this machine alone)")
    explore.add_argument("--port", type=int, default=0, metavar="N", help="the port (default: any that is free)")
    explore.add_argument("--no-open", action="store_true", help="open no browser")
    explore.add_argument(
        "--images",
        choices=("off", "browser", "server"),
        default="browser",
        help="who loads images on the web: nobody, the browser (default), or the server",
    )
    explore.add_argument(
        "--images-root",
        action="append",
        default=[],
        metavar="DIR",
        help="show local images that records name below this folder; may be repeated",
    )


def _add_inspect(commands: Commands) -> None:
    inspect = commands.add_parser(
        "inspect",
        help="say what a file is, and how it is ingested",
        description="Looks at a file, of any format that goes in: its records, their fields, and the command for it.",
        allow_abbrev=False,
    )
    inspect.add_argument("path", metavar="FILE", help="an export, local or gs://")
    inspect.add_argument(
        "--map", metavar="PRESET|FILE.toml", help="say what this map makes of the first thousand records"
    )
    inspect.add_argument("--encoding", metavar="NAME", help="of CSV that is not in UTF-8, such as latin-1 or utf-16")
    inspect.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    add_color(inspect)


def _add_files(commands: Commands) -> None:
    files = commands.add_parser(
        "files",
        help="print or write the files that come with it: job files, scripts of workers",
        description="Prints or writes files of this package to copy: job files, and what engines need. Lists them.",
        allow_abbrev=False,
    )
    files.add_argument(
        "name", metavar="NAME", nargs="?", choices=(*FOLDERS, *FILES), help="a file to print, or a folder"
    )
    files.add_argument("--out", metavar="DIR", help="write the file, those of the folder, or all of them into DIR")
    files.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
