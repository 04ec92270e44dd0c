"""Warns of files in a dataset that are not its own; they are left alone, and the command goes on (P6)."""

from collections.abc import Sequence

from pipelines.dataset.store.names import listed
from pipelines.streams import complain


def warn_of_foreign(dataset: str, paths: Sequence[str]) -> None:
    """Names paths below a dataset on standard error, in one line, if there are any."""
    if paths:
        complain(f"not of {dataset}, left as it is: {listed(paths)}")
