"""Implements `report`: writes the insights page of a version."""

from pipelines.json_output import print_object
from pipelines.report.delivery import deliver
from pipelines.streams import say, told_afterwards


def report(dataset: str, out: str | None, *, version: int | None = None, as_json: bool = False) -> int:
    """Writes the insights page of a version, by default the current one, and prints its path; returns the exit code.

    Raises:
        UsageError: There is no dataset or no such version, or the page cannot be written to this path.
    """
    delivered = deliver(dataset, out, version)
    size = f"{delivered.bytes / 1_000_000:.1f} MB"
    with told_afterwards():
        if as_json:
            print_object({"version": delivered.version, "path": delivered.path, "bytes": delivered.bytes})
        else:
            say(f"Insights of version {delivered.version} of {dataset} ({size}): {delivered.path}")
    return 0
