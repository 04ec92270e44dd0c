"""Type conflicts and the policies that settle them (T3, T4, T6, D2)."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from support.oracle.metadata import Metadata
from support.oracle.records import GROUPS, Published, Record
from support.oracle.schema import KIND, describe
from support.oracle.updates import Decided

Decide = Callable[[AbstractSet[int], Mapping[int, AbstractSet[str]]], Decided]
# Of two kinds that are equally frequent, the one that stands first wins.
PREFERRED = ("string", "number", "other")


@dataclass(slots=True)
class Resolved:
    """A job whose conflicts are settled as far as the policy goes.

    Attributes:
        decided: what became of its records in the end.
        conflicts: as they were found, before any was settled.
        cleared: record to the keys whose values were cleared.
        is_failed: whether conflicts are left.
    """

    decided: Decided
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    cleared: dict[int, set[str]] = field(default_factory=dict)
    is_failed: bool = False


def resolve(decide: Decide, before: Published, after: Published, *, policy: str) -> Resolved:
    """Decides a job, and again without what loses, until nothing is in conflict or nothing more can be done.

    Args:
        decide: what becomes of the records, given those that are refused and the keys that are cleared of others.
        before: the dataset.
        after: holds what the job declares (its records are not looked at).
        policy: fail, quarantine or null.
    """
    refused: dict[int, str] = {}  # to the path of the first value that loses
    resolved = Resolved(decide(refused.keys(), {}))
    conflicts = resolved.conflicts = conflicts_of(resolved.decided.after, after)
    while conflicts and policy != "fail":
        losers = [
            (number, key)
            for conflict in conflicts
            for number, key in _losers(conflict, resolved.decided.made, before, after)
        ]
        if policy == "quarantine":
            news = {number for number, _ in losers} - refused.keys()
            refused = {number: f"metadata.{key}" for number, key in reversed(losers)} | refused
        else:
            news = {number for number, key in losers if key not in resolved.cleared.get(number, ())}
            for number, key in losers:
                resolved.cleared.setdefault(number, set()).add(key)
        if not news:  # what is published is in conflict itself
            break
        resolved.decided = decide(refused.keys(), resolved.cleared)
        resolved.decided.fields |= refused
        conflicts = conflicts_of(resolved.decided.after, after)
    resolved.is_failed = bool(conflicts)
    return resolved


def conflicts_of(records: Sequence[Record], dataset: Published) -> list[dict[str, Any]]:
    """Group, field and kinds {kind: n} of every field in conflict."""
    return [
        {"group": group, "field": name, "kinds": about["kinds"]}
        for group in GROUPS
        for name, about in schema_of(group, records, dataset)["fields"].items()
        if about["type"] == "conflict"
    ]


def schema_of(group: str, records: Sequence[Record], dataset: Published) -> dict[str, Any]:
    """The schema of a group that holds these records, in a dataset with this history and this declaration."""
    text, declared = dataset.text.get(group, frozenset()), dataset.declared.get(group)
    return describe([record.draft.metadata for record in records if record.group == group], text, declared)


def _losers(
    conflict: dict[str, Any], made: Mapping[int, Record], before: Published, after: Published
) -> list[tuple[int, str]]:
    group, key = conflict["group"], conflict["field"]
    kept = _kept(conflict, before, after)
    return [
        (number, key)
        for number, record in made.items()
        if record.group == group and _kind(record.draft.metadata, key) not in (None, kept)
    ]


def _kept(conflict: dict[str, Any], before: Published, after: Published) -> str:
    """The kind that a field will have (T6, D2)."""
    group, key, kinds = conflict["group"], conflict["field"], conflict["kinds"]
    declared = after.declared.get(group, {}).get(key)
    if declared is not None:
        return declared.kind
    published = Counter(_kind(record.draft.metadata, key) for record in before.records if record.group == group)
    del published[None]
    counts = published or Counter(kinds)
    return min(PREFERRED, key=lambda kind: -counts[kind])


def _kind(metadata: Metadata, key: str) -> str | None:
    return KIND[metadata.observed[key]] if key in metadata.observed else None
