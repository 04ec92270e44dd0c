"""Tells a version that was removed while it was read from a damaged one, for commands and programs."""

from pipelines.dataset.versions import Dataset
from pipelines.errors import JobError, UsageError
from transforms.damage import version_of
from transforms.errors import DamagedFileError, StepError


def check_not_removed(root: str, number: int, error: BaseException) -> None:
    """Raises UsageError if a version, of which a file could not be read, was pruned after it was opened.

    Args:
        root: URI of the dataset.
        number: Of the version.
        error: The error of reading it.
    """
    try:
        left = Dataset.at(root).numbers_without(number)
    except (JobError, StepError, OSError):  # the dataset cannot be read: what was said of the file holds
        return
    if left:
        listed = ", ".join(map(str, left))
        raise UsageError(
            f"version {number} of {root} was pruned after it was opened; it has {listed}: open one of these"
        ) from error


def removed_version(error: DamagedFileError) -> UsageError | None:
    """The error to show instead, if the file is of a version that was pruned meanwhile; None if it is not."""
    place = version_of(error.uri)
    if place is None:
        return None
    try:
        check_not_removed(*place, error)
    except UsageError as removed:
        return removed
    return None
