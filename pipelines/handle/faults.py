"""Gives errors of a program that reads a dataset the classes and the words of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import job_error
from pipelines.runners.system_errors import system_error
from transforms.errors import StepError


@contextmanager
def explained() -> Iterator[None]:
    """Raises errors of steps in the block as the JobErrors that commands print.

    Raises:
        DamagedDatasetError: A file of the dataset is damaged (P7).
        JobError: Another error that a person can act on.
    """
    try:
        yield
    except StepError as error:
        raise job_error(error) from error
    except (OSError, MemoryError) as error:
        refused = system_error(error)
        if refused is None:
            raise
        raise refused from error
