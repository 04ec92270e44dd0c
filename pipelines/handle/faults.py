"""Gives errors of a program that reads a dataset the classes and the words of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import DamagedDatasetError, JobError, UsageError, job_error
from pipelines.runners.system_errors import system_error
from transforms.errors import StepError


@contextmanager
def explained(version: Version | None = None) -> Iterator[None]:
    """Raises errors of steps in the block as the JobErrors that commands print.

    Args:
        version: The version that is read, which may be removed meanwhile.

    Raises:
        UsageError: The version was pruned.
        DamagedDatasetError: A file of the dataset is damaged (P7).
        JobError: Another error that a person can act on.
    """
    try:
        yield
    except DamagedDatasetError as error:
        _check_not_pruned(version, error)
        raise
    except StepError as error:
        _check_not_pruned(version, error)
        raise job_error(error) from error
    except (OSError, MemoryError) as error:
        refused = system_error(error)
        if refused is None:
            raise
        raise refused from error


def _check_not_pruned(version: Version | None, error: JobError | StepError) -> None:
    """Raises UsageError if a version, of which a file cannot be read, was removed after it was opened."""
    if version is None:
        return
    dataset = Dataset.at(version.root)
    if version.number not in (there := [each.number for each in dataset.versions()]):
        raise UsageError(
            f"version {version.number} of {version.root} was pruned after it was opened; "
            f"it has {', '.join(map(str, there))}: open one of these"
        ) from error
