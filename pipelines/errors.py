"""Defines the errors that a person sees: each is one line that ends in what to do, with an exit code (R4)."""

import shlex
from collections.abc import Mapping
from enum import IntEnum
from typing import overload

from transforms.errors import (
    ChangedExportError,
    DamagedFileError,
    OutOfMemoryError,
    OutOfSpaceError,
    StepError,
    step_error,
)


class ExitCode(IntEnum):
    """The exit codes of all commands (R4)."""

    OK = 0
    ERROR = 1
    USAGE = 2
    TYPE_CONFLICT = 3
    TOO_MANY_REJECTED = 4
    ANOTHER_PUBLISHED = 5
    UNREADABLE = 6
    DAMAGED = 7
    INTERRUPTED = 130
    TERMINATED = 143


class JobError(Exception):
    """A command failed and published nothing; the text is a line for a person that says what to do.

    Attributes:
        exit_code: Exit code of the process.

    Examples:
        >>> import metadata_etl
        >>> try:
        ...     metadata_etl.open("/nowhere")
        ... except metadata_etl.JobError as error:
        ...     print(int(error.exit_code), error)
        2 /nowhere is no dataset: nothing is published there; `metadata-etl ingest` makes one
    """

    exit_code: ExitCode = ExitCode.ERROR

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines to print: a single one, in which line ends from data are escaped when it is printed."""
        return (str(self),)


class UsageError(JobError):
    """The command or its input is wrong; the text says what to do instead.

    Examples:
        >>> import metadata_etl
        >>> metadata_etl.open("dataset").version(7)
        Traceback (most recent call last):
        pipelines.errors.UsageError: dataset has no version 7; it has 1
    """

    exit_code = ExitCode.USAGE


class AnotherJobPublishedError(JobError):
    """Another job published a version since this job started (P2)."""

    exit_code = ExitCode.ANOTHER_PUBLISHED


class ExportChangedError(JobError):
    """An export changed since the job was planned, or cannot be read (R4)."""

    exit_code = ExitCode.UNREADABLE


class DamagedDatasetError(JobError):
    """A file of the dataset is damaged, or missing (P7)."""

    exit_code = ExitCode.DAMAGED


class ForeignFilesError(JobError):
    """Foreign files are where a version has to be written; they are left as they are (P6)."""


class EngineError(JobError):
    """An engine refused or failed a job; the text says what to do."""


class FailedJobError(JobError):
    """A job ran to its end and published nothing, because a gate failed (R4).

    Attributes:
        report: The object of `--json`: counts, conflicts, reasons.

    Examples:
        >>> import metadata_etl
        >>> try:
        ...     metadata_etl.ingest(dataset="new", items="items.ndjson", max_rejected=0)
        ... except metadata_etl.FailedJobError as error:
        ...     print(int(error.exit_code), error.report["groups"]["items"]["rejected"])
        4 {'missing_url': 1}
    """

    def __init__(self, message: str, exit_code: ExitCode, report: Mapping[str, object]) -> None:
        """Takes the outcome of the job."""
        super().__init__(message)
        self.exit_code = exit_code
        self.report = report


class WorkerLostError(JobError):
    """A worker process of the local runner died."""

    def __init__(self, what: str) -> None:
        """Takes what happened; the advice is added."""
        super().__init__(
            f"{what}; nothing was published. It was killed, perhaps because memory ran out: free memory, or use fewer "
            "workers (`-- --direct_num_workers=1`), and run the job again"
        )


class RunLostError(JobError):
    """A detached run was considered dead, and removed."""

    def __init__(self, run: str) -> None:
        """Takes the id of the run."""
        super().__init__(
            f"the run {run} is not there any more: its lease ran out without a heartbeat of its steps, or a person "
            "removed it; nothing was published, run the job again"
        )


_OF_STEPS: Mapping[type[StepError], type[JobError]] = {
    ChangedExportError: ExportChangedError,
    DamagedFileError: DamagedDatasetError,
    OutOfMemoryError: JobError,
    OutOfSpaceError: JobError,
}
"""Errors of steps to the errors that a person sees."""


@overload
def job_error(error: StepError) -> JobError: ...


@overload
def job_error(error: BaseException) -> JobError | None: ...


def job_error(error: BaseException) -> JobError | None:
    """The error to show for the error of a step; None if it is none that a step raised for a person.

    Args:
        error: Raised by the runner: the error of a step, or one with its traceback as text.
    """
    found = step_error(error)
    if found is None:
        return None
    return _OF_STEPS.get(type(found), JobError)(found.message)


def shell_command(*words: str) -> str:
    r"""A command of this program, quoted so that it can be pasted into a shell.

    >>> shell_command("rejections", "my data", "--run", "R"), shell_command("inspect", "it's\n1")
    ("metadata-etl rejections 'my data' --run R", "metadata-etl inspect $'it\\'s\\n1'")
    """
    return " ".join(_quoted(word) for word in ("metadata-etl", *words))


def _quoted(word: str) -> str:
    """A word for a shell; one that would not be printed as it is, with escapes that bash and zsh know."""
    if word.isprintable():
        return shlex.quote(word)
    known = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t"}
    escaped = (known.get(each) or (each if each.isprintable() else _bytes_of(each)) for each in word)
    return f"$'{''.join(escaped)}'"


def _bytes_of(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
