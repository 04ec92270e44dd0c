"""Turns errors of the cleanup after a version was published into warnings, for jobs and rollbacks (R4)."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.streams import complain
from transforms.storage.stored_files import refusal


@contextmanager
def staying_published(version: int | None) -> Iterator[None]:
    """Warns of an error of the cleanup after a version was published: it does not fail what published it (R4)."""
    try:
        yield
    except OSError as error:
        complain(
            f"version {version} is published, but not all files of its run could be removed ({refusal(error)}); "
            "the next job removes them"
        )
