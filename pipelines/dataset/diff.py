"""Compares a version with its parent: records, fields, types, categories, uploads."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.dataset.documents.types import CountsJson
from pipelines.dataset.versions import Dataset, Version
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.schema_json import FieldJson, GroupJson, Groups


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """What changed in one group.

    Attributes:
        records: Number of records of the parent, and of the version.
        added: Field to its type, of fields that only the version has.
        dropped: Field to its type, of fields that only the parent has.
        retyped: Field to its types before and now.
        categories: Field to the added and the removed categories, sorted.
    """

    records: tuple[int, int]
    added: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    retyped: dict[str, tuple[str, str]] = field(default_factory=dict)
    categories: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in a version.

    Attributes:
        version: The version.
        parent: Number of its parent; None for a first version, or if the parent was removed.
        groups: Changes by group.
        counts: Counts of its job, by group.
        uploads: Number of cache keys to upload, and of those that an earlier version lists.
    """

    version: Version
    parent: int | None
    groups: dict[Group, GroupChanges]
    counts: Groups[CountsJson]
    uploads: tuple[int, int]


def changes(dataset: Dataset, number: int | None) -> Changes:
    """The changes of a version, by default the current one, compared with its parent.

    Raises:
        UsageError: There is no such version.
    """
    version = dataset.published() if number is None else dataset.version(number)
    parent = dataset.parent(version)
    now = version.schema()["groups"]
    before = None if parent is None else parent.schema()["groups"]
    keys = version.manifest["cache_keys"]
    return Changes(
        version=version,
        parent=None if parent is None else parent.number,
        groups={group: _changes(None if before is None else before[group], now[group]) for group in GROUPS},
        counts=version.manifest["counts"],
        uploads=(keys["upload"], keys["cached"]),
    )


def _changes(before: GroupJson | None, now: GroupJson) -> GroupChanges:
    was = {} if before is None else before["fields"]
    fields = now["fields"]
    found = GroupChanges((0 if before is None else before["records"], now["records"]))
    found.added.update({key: fields[key]["type"] for key in fields.keys() - was.keys()})
    found.dropped.update({key: was[key]["type"] for key in was.keys() - fields.keys()})
    for key in sorted(fields.keys() & was.keys()):
        types = (was[key]["type"], fields[key]["type"])
        if types[0] != types[1]:
            found.retyped[key] = types
        old, new = (set(_categories(each[key])) for each in (was, fields))
        if old != new and was[key]["categories"] is not None and fields[key]["categories"] is not None:
            found.categories[key] = (sorted(new - old), sorted(old - new))
    return found


def _categories(field: FieldJson) -> Iterator[str]:
    for each in field["categories"] or ():
        yield each["value"]
