"""Defines the interface by which a job reports its progress; the default reports nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.runners.choose import Runner


class Progress:
    """Tells nobody."""

    @contextmanager
    def watching(self, total_bytes: int, runner: Runner) -> Iterator[str | None]:  # noqa: ARG002 - for who tells
        """Lasts as long as the workers work; gives the file for their notes, None where nobody reads them."""
        yield None

    def phase(self, name: str) -> None:
        """What the launching process itself is doing."""
