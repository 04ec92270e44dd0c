"""Compares a version with its parent: records, fields, types, categories, uploads."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from pipelines.dataset.versions import Dataset, Version
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject, JsonValue


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
    counts: dict[str, dict[str, JsonValue]]
    uploads: tuple[int, int]


def changes(dataset: Dataset, number: int | None) -> Changes:
    """The changes of a version, by default the current one, compared with its parent.

    Raises:
        UsageError: There is no such version.
    """
    version = dataset.published() if number is None else dataset.version(number)
    parent = dataset.parent(version)
    now = _groups(version)
    before = {} if parent is None else _groups(parent)
    keys = cast("dict[str, int]", version.manifest["cache_keys"])
    return Changes(
        version=version,
        parent=None if parent is None else parent.number,
        groups={group: _changes(before.get(group), now[group]) for group in GROUPS},
        counts=cast("dict[str, dict[str, JsonValue]]", version.manifest["counts"]),
        uploads=(keys["upload"], keys["cached"]),
    )


def _groups(version: Version) -> dict[Group, JsonObject]:
    return cast("dict[Group, JsonObject]", version.document("schema.json")["groups"])


def _changes(before: JsonObject | None, now: JsonObject) -> GroupChanges:
    was = {} if before is None else cast("dict[str, JsonObject]", before["fields"])
    fields = cast("dict[str, JsonObject]", now["fields"])
    found = GroupChanges((0 if before is None else cast("int", before["records"]), cast("int", now["records"])))
    found.added.update({key: str(fields[key]["type"]) for key in fields.keys() - was.keys()})
    found.dropped.update({key: str(was[key]["type"]) for key in was.keys() - fields.keys()})
    for key in sorted(fields.keys() & was.keys()):
        types = (str(was[key]["type"]), str(fields[key]["type"]))
        if types[0] != types[1]:
            found.retyped[key] = types
        old, new = (set(_categories(each[key])) for each in (was, fields))
        if old != new and was[key]["categories"] is not None and fields[key]["categories"] is not None:
            found.categories[key] = (sorted(new - old), sorted(old - new))
    return found


def _categories(described: JsonObject) -> Iterator[str]:
    for each in cast("list[dict[str, str]] | None", described["categories"]) or ():
        yield each["value"]
