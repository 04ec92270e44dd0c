"""Defines the errors that a person sees: each is one line that ends in what to do, with an exit code (R4)."""

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
    """What the process ends with (R4)."""

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
    """A command cannot do what it was asked for; its text is for a person, and nothing was published.

    Attributes:
        exit_code: What the process ends with.
    """

    exit_code: ExitCode = ExitCode.ERROR

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that are printed: one, whose line ends, if data brought any, are escaped."""
        return (str(self),)


class UsageError(JobError):
    """What a user asked for cannot be done as asked; the text says what to do instead."""

    exit_code = ExitCode.USAGE


class AnotherJobPublishedError(JobError):
    """The dataset is not at the version that this job started from (P2)."""

    exit_code = ExitCode.ANOTHER_PUBLISHED


class ExportChangedError(JobError):
    """An export is not what it was when the job was planned, or cannot be read."""

    exit_code = ExitCode.UNREADABLE


class DamagedDatasetError(JobError):
    """A file of the dataset is not what its manifest says (P7)."""

    exit_code = ExitCode.DAMAGED


class ForeignFilesError(JobError):
    """Something that is not the dataset's own is in the way; it stays (P6)."""


class EngineError(JobError):
    """An engine did not do a job; the text says what to do."""


class WorkerLostError(JobError):
    """A worker process of the local runner died."""

    def __init__(self, what: str) -> None:
        """Takes what happened, without what to do."""
        super().__init__(
            f"{what}; nothing was published. It was killed, perhaps because memory ran out: free some, or take fewer "
            "workers (`-- --direct_num_workers=1`), and run the job again"
        )


class RunLostError(JobError):
    """A detached run was considered dead, and removed."""

    def __init__(self, run: str) -> None:
        """Takes the id of the run."""
        super().__init__(
            f"the run {run} is not there any more: no step of it gave a sign of life within its lease, or a person "
            "removed it; nothing was published, run the job again"
        )


_OF_STEPS: Mapping[type[StepError], type[JobError]] = {
    ChangedExportError: ExportChangedError,
    DamagedFileError: DamagedDatasetError,
    OutOfMemoryError: JobError,
    OutOfSpaceError: JobError,
}
"""What the errors of steps are to the person who started the job."""


@overload
def job_error(error: StepError) -> JobError: ...


@overload
def job_error(error: BaseException) -> JobError | None: ...


def job_error(error: BaseException) -> JobError | None:
    """The error for a person behind what a runner raised; None where no step said anything for one.

    Args:
        error: What the runner raised: the error of a step, or one with its traceback as text.
    """
    found = step_error(error)
    if found is None:
        return None
    return _OF_STEPS.get(type(found), JobError)(found.message)
