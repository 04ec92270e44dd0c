"""Plans what `prune` removes from a dataset, and what it keeps."""

from dataclasses import dataclass

from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What goes and what stays.

    Attributes:
        keep: Numbers of the versions that were asked for, the newest first.
        removed: Numbers of the versions that go, ascending.
        runs: Ids of the dead runs whose files go.
        foreign: Paths of what is not the dataset's own in versions that would go: they stay because of it (P6).
    """

    keep: tuple[int, ...]
    removed: tuple[int, ...]
    runs: tuple[str, ...]
    foreign: tuple[str, ...]


def prune_plan(dataset: Dataset, keep: int) -> PrunePlan:
    """The plan that leaves the newest versions, and those that running jobs read.

    Raises:
        UsageError: There is no dataset, or nothing would be kept.
    """
    if keep < 1:
        raise UsageError(f"--keep expects a number of at least 1, got {keep}: the current version always stays")
    newest = tuple(version.number for version in dataset.versions()[:keep])
    found = dataset.store.removable(newest)
    return PrunePlan(newest, found.versions, found.runs, found.blocked)
