"""Entry point of the console script: parses arguments and job files, runs the command, returns the exit code."""

import argparse
import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from pipelines.cli import dataset_commands
from pipelines.cli.arguments import parser
from pipelines.cli.job_commands import JOBS
from pipelines.errors import ExitCode, JobError, UsageError, job_error
from pipelines.json_output import JsonOutput, encoded, print_object
from pipelines.runners.interrupts import exit_on_signal, print_json_on_signal
from pipelines.runners.system_errors import system_error
from pipelines.streams import LogFormatter, PrintError, complain, prepare
from transforms.errors import DamagedFileError, StepError, StepErrorFilter


def script() -> NoReturn:
    """The console script: runs a command, and exits with its exit code."""
    codes: list[int] = []
    atexit.register(_end, codes)  # registered first, called last
    codes.append(main())
    sys.exit(codes[0])


def _end(codes: Sequence[int]) -> None:
    """Exits at once: Python would spend a fifth of a second on unloading two thousand modules."""
    if codes:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it was closed at the start
            with suppress(OSError, ValueError):  # the reader has closed the pipe, or the disk is full: said before
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
        # Arrow's own allocator gives pages back between the batches of a job, to be cleared and mapped again.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    began = time.monotonic()
    options: argparse.Namespace | None = None
    try:
        with exit_on_signal():
            options = parser().parse_args(given)
            print_json_on_signal(_interrupted(given) if _wants_json(given, options) else None)
            _quiet_libraries()
            run = JOBS.get(options.command, dataset_commands.run)
            return run(options, flags)
    except (JobError, StepError) as error:
        told = _told(error)
        code, message, lines = told.exit_code, f"{told}", told.lines
    except BrokenPipeError:
        sys.stderr.close()  # the reader has closed the pipe
        return int(ExitCode.ERROR)
    except PrintError as error:
        complain(
            f"standard output does not take what is printed: {error.strerror}; make room where it goes, or print "
            "elsewhere, and run the command again"
        )
        return int(ExitCode.ERROR)
    except (OSError, MemoryError) as error:
        refused = system_error(error)
        code = ExitCode.ERROR
        message = f"{refused}" if refused else f"{error}; check the path, its permissions and the free space"
        lines = (message,)
    if _wants_json(given, options):
        try:
            print_object(_failure(given, code, message, seconds=time.monotonic() - began))
        except OSError:  # standard output takes nothing: its disk is full, or its reader has gone
            complain(*lines)
    else:
        complain(*lines)
    return int(code)


def _told(error: JobError | StepError) -> JobError:
    """The error to show."""
    if isinstance(error, DamagedFileError):
        from pipelines.dataset.removed_versions import removed_version  # noqa: PLC0415 - only errors need it

        return removed_version(error) or job_error(error)
    return error if isinstance(error, JobError) else job_error(error)


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


def _quiet_libraries() -> None:
    """Logs only errors of libraries; called before they are imported, because some warn on import."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failures are reported by the caller
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(StepErrorFilter())
    handler.setFormatter(LogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.ERROR)
