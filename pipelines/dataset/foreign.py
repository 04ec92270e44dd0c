"""Warns of files in a dataset that are not its own; they are left alone, and the command goes on (P6)."""

from collections.abc import Sequence

from pipelines.dataset.store.names import listed
from pipelines.streams import complain


def warn_of_foreign(dataset: str, paths: Sequence[str]) -> None:
    """Prints the paths of foreign files in one line on standard error, if there are any."""
    if paths:
        complain(f"not part of {dataset}, left as they are: {listed(paths)}")
