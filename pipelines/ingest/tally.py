"""Counts what a job does: records by group, conflicts, warnings, repaired files."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.dataset.documents.types import CacheKeysJson, CountsJson, FoundConflictJson, IrregularityJson
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.schema_json import Groups, by_group

REPAIRED = "repaired_file"
"""Warning: damaged files of the dataset that the job rebuilt (P7)."""


@dataclass(slots=True)
class GroupTally:
    """What became of the records of one group (U4): read = created + updated + ignored + unchanged + rejected."""

    read: int = 0
    created: int = 0
    updated: int = 0
    ignored: int = 0
    unchanged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def document(self) -> CountsJson:
        """As in INTERFACE."""
        return {
            "read": self.read,
            "created": self.created,
            "updated": self.updated,
            "ignored": self.ignored,
            "unchanged": self.unchanged,
            "rejected": dict(sorted(self.rejected.items())),
        }


@dataclass(slots=True)
class Tally:
    """Everything that a job counted.

    Attributes:
        groups: Counts of records, by group.
        conflicts: All type conflicts that were found, with examples, as in INTERFACE; also resolved ones (T6).
        unresolved: Number of fields whose conflict is not resolved.
        cascaded: Group to the number of rejections that follow from that of their item or scene in this job (I4).
        cleared: Number of values that the policy `null` cleared.
        other_choices: Group to field to the number of published values that are no declared choice (D2).
        warnings: Number of warnings by code.
        irregularities: Unknown keys and implausible values of accepted records (R7).
        cache_keys: Number of keys to `upload`, and of `cached` ones.
        too_many_fields: Groups with too many metadata keys to their number (R5).
        repaired: Paths of damaged files that the job rebuilt (P7).
    """

    groups: dict[Group, GroupTally] = field(default_factory=lambda: {group: GroupTally() for group in GROUPS})
    conflicts: list[FoundConflictJson] = field(default_factory=list)
    unresolved: int = 0
    cascaded: Counter[str] = field(default_factory=Counter)
    cleared: int = 0
    other_choices: dict[str, dict[str, int]] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)
    irregularities: list[IrregularityJson] = field(default_factory=list)
    cache_keys: CacheKeysJson = field(default_factory=lambda: CacheKeysJson(upload=0, cached=0))
    too_many_fields: dict[str, int] = field(default_factory=dict)
    repaired: set[str] = field(default_factory=set)

    @property
    def read(self) -> int:
        """Records read, of all groups."""
        return sum(group.read for group in self.groups.values())

    @property
    def rejected(self) -> int:
        """Records rejected, of all groups."""
        return sum(group.rejected.total() for group in self.groups.values())

    @property
    def changed(self) -> int:
        """Records that differ from the parent version."""
        return sum(group.created + group.updated for group in self.groups.values())

    def counts(self) -> Groups[CountsJson]:
        """All four groups, as in INTERFACE."""
        return by_group(lambda group: self.groups[group].document())

    def repair(self, paths: Iterable[str]) -> None:
        """Counts damaged files that were rebuilt, each once."""
        self.repaired.update(paths)
        if self.repaired:
            self.warnings[REPAIRED] = len(self.repaired)

    def nothing_created(self) -> None:
        """Resets the counts of created and updated records, because the run fails."""
        for group in self.groups.values():
            group.created = group.updated = 0
