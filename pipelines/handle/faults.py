"""Gives errors of a program that reads a dataset the classes and the words of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.dataset.removed_versions import check_not_removed
from pipelines.dataset.versions import Version
from pipelines.errors import DamagedDatasetError, job_error
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
        if version is not None:
            check_not_removed(version.root, version.number, error)
        raise
    except StepError as error:
        if version is not None:
            check_not_removed(version.root, version.number, error)
        raise job_error(error) from error
    except (OSError, MemoryError) as error:
        refused = system_error(error)
        if refused is None:
            raise
        raise refused from error
