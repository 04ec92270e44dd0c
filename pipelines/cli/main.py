"""Entry point of the console script: parses arguments and job files, runs the command, returns the exit code."""

import argparse
import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import NoReturn

from pipelines.cli.arguments import parser
from pipelines.cli.job_commands import JOBS
from pipelines.errors import ExitCode, JobError, UsageError, job_error
from pipelines.json_output import JsonOutput, encoded, print_object
from pipelines.runners import estimate
from pipelines.runners.imports import fast_imports, uncollected_imports
from pipelines.runners.interrupts import exit_on_signal, print_json_on_signal
from pipelines.runners.system_errors import system_error
from pipelines.streams import LogFormatter, complain, prepare
from transforms.errors import StepError, StepErrorFilter


def script() -> NoReturn:
    """The console script: runs a command, and exits with its exit code."""
    codes: list[int] = []
    atexit.register(_end, codes)  # registered first, called last
    codes.append(main())
    sys.exit(codes[0])


def _end(codes: Sequence[int]) -> None:
    """Exits at once: Python would spend a fifth of a second on unloading two thousand modules."""
    if codes:
        with suppress(OSError, ValueError):  # the reader has closed the pipe: left to Python
            for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it was closed at the start
                stream.flush()
            os._exit(codes[0])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code (R4)."""
    prepare()
    given = list(sys.argv[1:] if arguments is None else arguments)
    flags: list[str] | None = None
    if "--" in given:
        place = given.index("--")
        given, flags = given[:place], given[place + 1 :]
    if "numpy" not in sys.modules:
        # Nothing here multiplies matrices: threads for that would only spin in each process.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    began = time.monotonic()
    options: argparse.Namespace | None = None
    try:
        with exit_on_signal():
            options = parser().parse_args(given)
            print_json_on_signal(_interrupted(given) if _wants_json(given, options) else None)
            if options.command in JOBS:
                _quiet_libraries()
                return JOBS[options.command](options, flags)
            return _run_dataset_command(options, flags)
    except (JobError, StepError) as error:
        told = error if isinstance(error, JobError) else job_error(error)
        code, message, lines = told.exit_code, f"{told}", told.lines
    except BrokenPipeError:
        sys.stderr.close()  # the reader has closed the pipe
        return int(ExitCode.ERROR)
    except (OSError, MemoryError) as error:
        refused = system_error(error)
        code = ExitCode.ERROR
        message = f"{refused}" if refused else f"{error}; check the path, its permissions and the free space"
        lines = (message,)
    if _wants_json(given, options):
        print_object(_failure(given, code, message, seconds=time.monotonic() - began))
    else:
        complain(*lines)
    return int(code)


def _interrupted(given: Sequence[str]) -> Callable[[int, str], bytes]:
    """Makes the line that a signal prints with `--json`; prepared here, as a signal may come during an import."""
    prepared = _failure(given, ExitCode.ERROR, "", seconds=0.0)
    return lambda code, message: encoded({**prepared, "exit_code": code, "message": message})


def _wants_json(given: Sequence[str], options: argparse.Namespace | None) -> bool:
    """Whether the command line or its job file asks for `--json`, even if the command line is wrong."""
    if "--json" in given:
        return True
    config = getattr(options, "config", None)
    if config is None:
        return False
    from pipelines.cli.config_file import read_options  # noqa: PLC0415 - commands on a dataset have no job file

    try:
        return bool(read_options(config).json)
    except UsageError:  # reported before
        return False


def _failure(given: Sequence[str], code: ExitCode, message: str, *, seconds: float) -> JsonOutput:
    command = next((word for word in given if not word.startswith("-")), None)
    if command in ("ingest", "backfill"):
        from pipelines.ingest.outcome import failure  # noqa: PLC0415 - shell completion must not wait for it

        return failure(code, message, seconds=seconds)
    return {"exit_code": int(code), "message": message}


def _run_dataset_command(options: argparse.Namespace, flags: Sequence[str] | None) -> int:
    """Runs the commands that read a dataset or manage its versions; each imports what it needs, and nothing else."""
    if flags is not None:
        raise UsageError(f"`{options.command}` takes no runner flags after `--`, got {' '.join(flags) or 'nothing'}")
    _quiet_libraries()
    commands = {
        "suggest": _complete,
        "completion": _complete,
        "rollback": _manage_versions,
        "prune": _manage_versions,
        "query": _query,
        "verify": _verify,
        "rejections": _rejections,
        "explore": _explore,
        "files": _files,
        "inspect": _inspect,
        "versions": _list_versions,
        "show": _list_versions,
        "schema": _schema,
        "report": _report,
    }
    return commands[options.command](options)


def _list_versions(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli import version_listings  # noqa: PLC0415 - as above

    if options.command == "versions":
        return version_listings.versions(options.dataset, as_json=options.json, color=options.color)
    return version_listings.show(options.dataset, options.version, as_json=options.json, color=options.color)


def _schema(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.schema_command import input_schema, schema  # noqa: PLC0415 - as above

    if options.input is not None:
        return input_schema(options.input, options.dataset, version=options.version, as_json=options.json)
    if options.dataset is None:
        raise UsageError("schema: DATASET is needed; or --input items, for a schema of the records of exports")
    return schema(
        options.dataset,
        version=options.version,
        group=options.group,
        form=options.format,
        as_json=options.json,
        color=options.color,
    )


def _report(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.report_command import report  # noqa: PLC0415 - as above

    return report(options.dataset, options.out, version=options.version, as_json=options.json)


def _query(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.query_command import query  # noqa: PLC0415 - as above

    return query(
        options.dataset,
        options.expression,
        version=options.version,
        group=options.group,
        form=_only_json(options) if options.json else options.format,
        count=options.count,
        limit=options.limit,
        color=options.color,
    )


def _explore(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.explore_command import explore  # noqa: PLC0415 - as above

    return explore(
        options.dataset,
        version=options.version,
        host=options.host,
        port=options.port,
        opens=not options.no_open,
        images=options.images,
        roots=options.images_root,
    )


def _verify(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.verify_command import verify  # noqa: PLC0415 - as above

    return verify(
        options.dataset, version=options.version, every=options.all, as_json=options.json, color=options.color
    )


def _files(options: argparse.Namespace) -> int:
    from pipelines.cli.files_command import files  # noqa: PLC0415 - as above

    return files(options.name, options.out, as_json=options.json)


def _inspect(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.inspect_command import inspect  # noqa: PLC0415 - as above

    return inspect(
        options.path, given=options.map, encoding=options.encoding, as_json=options.json, color=options.color
    )


def _manage_versions(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli import version_commands  # noqa: PLC0415 - as above

    if options.command == "rollback":
        return version_commands.rollback(options.dataset, options.version, as_json=options.json)
    return version_commands.prune(
        options.dataset,
        keep=options.keep,
        discard_rejections=options.discard_rejections,
        dry_run=options.dry_run,
        as_json=options.json,
    )


def _imports(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Imports in the block are those that the command needs, and fast; only its files in buckets need Beam."""
    if estimate.has_buckets(vars(options).values()):
        return fast_imports(dataflow=False)
    return uncollected_imports()


def _only_json(options: argparse.Namespace) -> str:
    """The format of a query with `--json`.

    Raises:
        UsageError: Another format is asked for too.
    """
    if options.format != "table":
        raise UsageError(
            f"--json prints one object, --format {options.format} something else: leave one of the two out"
        )
    return "json"


def _rejections(options: argparse.Namespace) -> int:
    with _imports(options):
        from pipelines.cli.rejections_command import Which, rejections  # noqa: PLC0415 - as above

    which = Which(
        version=options.version,
        run=options.run,
        is_open=options.open,
        code=options.code,
        group=options.group,
        model_run=options.run_name,
    )
    return rejections(
        options.dataset, which, raw=options.raw, out=options.out, as_json=options.json, color=options.color
    )


def _complete(options: argparse.Namespace) -> int:
    """Runs the commands of shell completion, which must not wait for Beam."""
    from pipelines.cli import completion  # noqa: PLC0415 - the others need none of it

    if options.command == "completion":
        return completion.completion(options.shell, parser())
    if options.complete is not None:
        return completion.complete(
            options.dataset,
            options.field,
            options.prefix,
            version=options.version,
            group=options.group,
            within=options.complete,
        )
    return completion.suggest(
        options.dataset,
        options.field,
        options.prefix,
        version=options.version,
        group=options.group,
        as_json=options.json,
    )


def _quiet_libraries() -> None:
    """Logs only errors of libraries; called before they are imported, because some warn on import."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failures are reported by the caller
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(StepErrorFilter())
    handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.ERROR)
