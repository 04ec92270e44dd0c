"""Defines the interface by which a job reports its progress; the default reports nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.runners.choose import Runner


class Progress:
    """Reports nothing; `ProgressBar` shows it at a terminal."""

    @contextmanager
    def watching(self, total_bytes: int, runner: Runner) -> Iterator[str | None]:  # noqa: ARG002 - subclasses use it
        """Entered while the workers run; yields the path of the file for their notes, None for none."""
        yield None

    def phase(self, name: str) -> None:
        """Reports what the launching process itself is doing."""
