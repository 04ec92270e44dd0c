"""The console script: sub-commands, strict arguments, `--` before the runner's own flags."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from pipelines.config import DEFAULT_MAX_FIELDS, IngestConfig, MaxRejected, Source, UsageError
from transforms.rules.rejections import Code

_GROUPS = ("items", "scenes", "annotations", "predictions")
_USAGE = 2
_ERROR = 1
_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and where help is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


class _AddSource(argparse.Action):
    """Collects the exports of all groups in the order in which they are given (I3)."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        group = next(group for group in _GROUPS if option_string == f"--{group}")
        sources: list[Source] = namespace.sources or []
        namespace.sources = [*sources, Source.of(group, str(values))]  # type: ignore[arg-type] # one of the groups


def parser() -> argparse.ArgumentParser:
    """All commands and flags."""
    top = _Parser(
        prog="metadata-etl",
        description="Raw exports of dataset items, scenes, annotations and predictions in, a validated dataset out.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"metadata-etl {version('metadata-etl')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_ingest(commands)
    schema = commands.add_parser(
        "schema", help="show the schema of a dataset", description="Shows the fields of a dataset's current version."
    )
    schema.add_argument("dataset", metavar="DATASET")
    schema.add_argument("--group", choices=_GROUPS, help="one group only (for avro: needed)")
    schema.add_argument("--format", choices=("table", "json", "avro"), default="table")
    versions = commands.add_parser(
        "versions", help="list the versions of a dataset", description="Lists the versions, the newest first."
    )
    versions.add_argument("dataset", metavar="DATASET")
    _add_rejections(commands)
    return top


def _add_rejections(commands: "argparse._SubParsersAction[_Parser]") -> None:
    rejections = commands.add_parser(
        "rejections",
        help="show what was rejected, or print it to be fed in again",
        description="Shows the rejections of the current version, of another one, or of a run that published nothing.",
    )
    rejections.add_argument("dataset", metavar="DATASET")
    which = rejections.add_mutually_exclusive_group()
    which.add_argument("--version", type=int, metavar="N", help="of this version instead of the current one")
    which.add_argument("--run", metavar="ID", help="of this run, which published nothing")
    rejections.add_argument("--code", choices=[code.value for code in Code], metavar="CODE", help="of this code only")
    rejections.add_argument("--raw", action="store_true", help="print the raw records, one a line, to be fed in again")


def _add_ingest(commands: "argparse._SubParsersAction[_Parser]") -> None:
    ingest = commands.add_parser(
        "ingest",
        help="read exports, check them, publish a new version",
        description="Reads raw exports, checks every record, infers the schema of each group, and publishes a version.",
        epilog="Flags after `--` go to the Beam runner. With none, the job runs here, on all cores.",
        allow_abbrev=False,
    )
    ingest.add_argument("--dataset", required=True, metavar="DATASET", help="directory of the dataset")
    for group in _GROUPS[:3]:
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
    ingest.add_argument("--mode", choices=("append",), default="append", help="what becomes of known records")
    ingest.add_argument("--on-conflict", choices=("fail",), default="fail", help="what becomes of type conflicts")
    ingest.add_argument(
        "--on-duplicate",
        choices=("reject", "last"),
        default="reject",
        help="of two records with one identity: keep the first (reject the later ones), or keep the last",
    )
    ingest.add_argument(
        "--max-rejected", metavar="N|P%", help="fail when more records are rejected (default: any number passes)"
    )
    ingest.add_argument("--allow-unreadable", action="store_true", help="publish although an export is damaged")
    ingest.add_argument(
        "--cache-key",
        choices=("canonical", "raw"),
        default="canonical",
        help="what is hashed for the cache key of a URL",
    )
    ingest.add_argument(
        "--max-fields",
        type=int,
        default=DEFAULT_MAX_FIELDS,
        metavar="N",
        help=f"most distinct metadata keys of a group (default {DEFAULT_MAX_FIELDS})",
    )
    ingest.add_argument("--partitions", type=int, metavar="N", help="parts of a new dataset (default: by input size)")
    ingest.add_argument("--dry-run", action="store_true", help="do everything but publish")
    ingest.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    ingest.add_argument("--quiet", action="store_true", help="no progress and no summary")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code (R4)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    flags: list[str] = []
    if "--" in given:
        place = given.index("--")
        given, flags = given[:place], given[place + 1 :]
    try:
        options = parser().parse_args(given)
        return _ingest(options, flags) if options.command == "ingest" else _look(options, flags)
    except UsageError as error:
        print(f"metadata-etl: {error}", file=sys.stderr)  # noqa: T201 - this is the console script
        return _USAGE
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()  # the reader has gone; there is nobody to tell
        else:
            print(f"metadata-etl: {error}; check the path, its permissions and the free space", file=sys.stderr)  # noqa: T201 - see above
        return _ERROR


def _ingest(options: argparse.Namespace, flags: Sequence[str]) -> int:
    config = IngestConfig(
        dataset=options.dataset,
        sources=tuple(options.sources or ()),
        mode=options.mode,
        on_conflict=options.on_conflict,
        on_duplicate=options.on_duplicate,
        max_rejected=None if options.max_rejected is None else MaxRejected.of(options.max_rejected),
        allow_unreadable=options.allow_unreadable,
        cache_key=options.cache_key,
        max_fields=options.max_fields,
        partitions=options.partitions,
        dry_run=options.dry_run,
        runner_flags=tuple(flags),
    )
    _quiet_libraries()
    with _ending_at_once_when_interrupted():
        # Beam takes more than half a second to import: not for --help, nor for a mistyped flag.
        from pipelines import commands  # noqa: PLC0415 - see above

        return commands.ingest(config, as_json=options.json, quiet=options.quiet)


def _look(options: argparse.Namespace, flags: Sequence[str]) -> int:
    """The commands that only read a dataset."""
    if flags:
        raise UsageError(f"`{options.command}` takes no runner flags after `--`, got {' '.join(flags)}")
    _quiet_libraries()
    from pipelines import commands  # noqa: PLC0415 - as above

    match options.command:
        case "schema":
            return commands.schema(options.dataset, group=options.group, form=options.format)
        case "versions":
            return commands.versions(options.dataset)
        case _:
            return commands.rejections(
                options.dataset, version=options.version, run=options.run, code=options.code, raw=options.raw
            )


@contextmanager
def _ending_at_once_when_interrupted() -> Iterator[None]:
    """Ends the process when SIGINT comes, wherever it is.

    The runner would first wait for what its workers have in hand. And its main thread sleeps in a lock, where it does
    not notice a signal that another thread took: so a thread of its own waits for the signal's number.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handler = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writing)
    waiting = threading.Thread(target=_wait_for_interrupt, args=(reading,), daemon=True)
    waiting.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, handler)
        os.close(writing)
        waiting.join()
        os.close(reading)


def _wait_for_interrupt(reading: int) -> None:
    while number := os.read(reading, 1):
        if number[0] == signal.SIGINT:
            _interrupted()


def _interrupted() -> NoReturn:
    """Ends the job at once, as a kill would: nothing is published, and the next job puts away what is left (P1)."""
    for worker in Path(os.environ.get("METADATA_ETL_SPILL", os.devnull)).glob("*.worker"):
        with suppress(ProcessLookupError):
            os.kill(int(worker.stem), signal.SIGKILL)
    show_cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""  # the progress bar hides it
    sys.stderr.write(f"{show_cursor}metadata-etl: interrupted; nothing was published\n")
    sys.stderr.flush()
    os._exit(_INTERRUPTED)


def _quiet_libraries() -> None:
    """Lets only errors of libraries through, before they are imported: some warn while they are."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


if __name__ == "__main__":
    sys.exit(main())
