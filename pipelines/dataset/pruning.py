"""Plans what `prune` removes from a dataset, and what it keeps."""

from dataclasses import dataclass

from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What `prune` removes and keeps.

    Attributes:
        keep: Numbers of the newest versions, which are kept, newest first.
        removed: Numbers of the versions to remove, ascending.
        runs: Ids of abandoned runs to remove.
        foreign: Paths of foreign files in old versions that are kept because of them (P6).
    """

    keep: tuple[int, ...]
    removed: tuple[int, ...]
    runs: tuple[str, ...]
    foreign: tuple[str, ...]


def prune_plan(dataset: Dataset, keep: int) -> PrunePlan:
    """Plans to keep the `keep` newest versions, and those that running jobs read.

    Raises:
        UsageError: There is no dataset, or `keep` is below 1.
    """
    if keep < 1:
        raise UsageError(f"--keep expects a number of at least 1, got {keep}: the current version always stays")
    newest = tuple(version.number for version in dataset.versions()[:keep])
    found = dataset.store.removable(newest)
    return PrunePlan(newest, found.versions, found.runs, found.blocked)
