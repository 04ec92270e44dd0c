"""A dataset as plain dictionaries: what jobs in every mode, rollbacks and prunes make of it.

Made for small datasets without faults of single records: items, boxes, masks with segments, a few fields.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Key = tuple[Any, ...]
Rows = dict[Key, dict[str, Any]]
"""(group, reference id[, type, name]) to url, label and metadata."""
KINDS = {bool: "string", str: "string", int: "number", float: "number"}


@dataclass(frozen=True, slots=True)
class Box:
    """A box on an item."""

    target: str
    name: str
    label: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask on an item, its segments by index."""

    target: str
    url: str
    segments: dict[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Item:
    """An item."""

    name: str
    url: str
    metadata: dict[str, Any]


Record = Item | Box | Mask


@dataclass(slots=True)
class Job:
    """What a job comes to.

    Attributes:
        rows: the dataset after it.
        counts: (group, end or code of a rejection) to how many.
    """

    rows: Rows
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def is_conflict(self) -> bool:
        """Whether a field of a group has values of more than one kind (T3)."""
        return any(len(set(map(KINDS.get, map(type, values)))) > 1 for values in self.fields().values())

    @property
    def is_change(self) -> bool:
        """Whether anything is new (P4)."""
        return any(self.counts[group, end] for group, end in self.counts if end in ("created", "updated"))

    def fields(self) -> dict[tuple[str, str], list[Any]]:
        """Group and field to its values, null left out."""
        found: dict[tuple[str, str], list[Any]] = {}
        for key, row in self.rows.items():
            for name, value in row["metadata"].items():
                values = found.setdefault((key[0], name), [])
                values += [] if value is None else [value]
        return found


def done(before: Rows, records: Sequence[Record], mode: str) -> Job:
    """The dataset after a job (I3 with `reject`, I4, U1-U3)."""
    job = Job(dict(before))
    seen: set[Key] = set()
    for record in sorted(records, key=lambda each: not isinstance(each, Item)):  # targets first
        whole, *parts = _rows(record)
        if whole[0] in seen:  # a mask takes its segments along
            job.counts[whole[0][0], "duplicate_id"] += 1 + len(parts)
            continue
        seen.add(whole[0])
        if isinstance(record, Mask) and mode == "replace" and whole[0] in before:
            _drop_segments(job, record)
        is_published = whole[0] in before
        for key, row in (whole, *parts):
            _put(job, before, key, row, mode="append mask" if mode == "append" and is_published and parts else mode)
    return job


def _put(job: Job, before: Rows, key: Key, row: dict[str, Any], *, mode: str) -> None:
    group, target = key[:2]
    if mode == "append mask" or (mode == "append" and key in before):
        job.counts[group, "ignored"] += 1
        return
    if mode == "merge":
        if key not in before:
            job.counts[group, "unknown_reference"] += 1
            return
        merged = {name: value for name, value in before[key]["metadata"].items() if name not in row["metadata"]}
        merged |= {name: value for name, value in row["metadata"].items() if value is not None}
        row = before[key] | {"metadata": merged}
    elif ("items", target) not in job.rows and group != "items":
        job.counts[group, "unknown_reference"] += 1
        return
    # A mask that lost a segment is no longer what it was: `_drop_segments` took it out of the rows.
    end = "created" if key not in before else "unchanged" if job.rows.get(key) == row else "updated"
    job.counts[group, end] += 1
    job.rows[key] = row


def _drop_segments(job: Job, mask: Mask) -> None:
    prefix = ("annotations", mask.target, "segment")
    gone = [key for key in job.rows if key[:3] == prefix and key[3] not in mask.segments]
    for key in gone:
        del job.rows[key]
    if gone:
        del job.rows["annotations", mask.target, "mask", None]


def _rows(record: Record) -> Iterator[tuple[Key, dict[str, Any]]]:
    match record:
        case Item():
            yield ("items", record.name), {"url": record.url, "label": None, "metadata": record.metadata}
        case Box():
            row = {"url": None, "label": record.label, "metadata": record.metadata}
            yield ("annotations", record.target, "box", record.name), row
        case Mask():
            yield ("annotations", record.target, "mask", None), {"url": record.url, "label": None, "metadata": {}}
            for index, metadata in record.segments.items():
                row = {"url": None, "label": "part", "metadata": metadata}
                yield ("annotations", record.target, "segment", index), row


def raw(record: Record) -> dict[str, Any]:
    """The record as it stands in an export."""
    match record:
        case Item():
            return {"reference_id": record.name, "image_url": record.url, "metadata": record.metadata}
        case Box():
            geometry = {"x": 1, "y": 2, "width": 3, "height": 4}
            of_box = {"type": "box", "label": record.label, "geometry": geometry, "annotation_id": record.name}
            return {"reference_id": record.target, "metadata": record.metadata} | of_box
        case Mask():
            segments = [
                {"label": "part", "index": index, "metadata": metadata} for index, metadata in record.segments.items()
            ]
            return {"reference_id": record.target, "type": "mask", "mask_url": record.url, "annotations": segments}


@dataclass(slots=True)
class Versions:
    """All versions of a dataset.

    Attributes:
        rows: of each version that was ever published, from the first on.
        kept: numbers of those that are still there.
        first: URL to the version that listed it first (K2).
    """

    rows: list[Rows] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """That of the current version, 0 if there is none."""
        return len(self.rows)

    @property
    def current(self) -> Rows:
        """The rows of the current version."""
        return self.rows[-1] if self.rows else {}

    def publish(self, rows: Rows) -> None:
        """One more version."""
        self.rows.append(rows)
        self.kept.append(self.number)
        for url in self.urls():
            self.first.setdefault(url, self.number)

    def prune(self, keep: int) -> None:
        """Only the newest ones stay."""
        self.kept = self.kept[-keep:]

    def urls(self) -> set[str]:
        """What the current version would fetch."""
        return {row["url"] for row in self.current.values() if row["url"] is not None}

    def cache_keys(self) -> dict[str, tuple[str, int]]:
        """URL to "upload" or "cached", and the first version that listed it, of the current version."""
        return {url: ("upload" if self.first[url] == self.number else "cached", self.first[url]) for url in self.urls()}


def counted(rows: Mapping[Key, dict[str, Any]], group: str) -> dict[str, tuple[int, int, int]]:
    """Field to present, null and missing (U5)."""
    of_group = [row["metadata"] for key, row in rows.items() if key[0] == group]
    names = {name for metadata in of_group for name in metadata}
    found = {}
    for name in names:
        values = [metadata[name] for metadata in of_group if name in metadata]
        null = values.count(None)
        found[name] = (len(values) - null, null, len(of_group) - len(values))
    return found


def shown(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as it is published: without nulls, booleans by name (V2)."""
    return {
        name: json.dumps(value) if isinstance(value, bool) else value
        for name, value in metadata.items()
        if value is not None
    }
