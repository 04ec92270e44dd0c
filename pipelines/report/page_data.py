"""Collects the data of the insights page, of a version or of a run that published nothing."""

import json
from collections.abc import Collection, Mapping, Sequence

from pipelines.dataset.diff import GroupChanges, changes
from pipelines.dataset.documents.types import CountsJson, FoundConflictJson
from pipelines.dataset.versions import Dataset, Version
from pipelines.ingest.outcome import Outcome
from pipelines.json_output import JsonOutput
from pipelines.report.annotations import annotations_document
from pipelines.report.cuts import Cut, cut
from pipelines.report.examples import examples, first_rejections
from pipelines.report.fields import field_documents
from pipelines.report.gaps import gaps
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejection_json import RejectionJson
from transforms.storage.stored_files import files_named, join, mapped, readable
from transforms.storage.verified_files import verified

_LISTED = 8
"""Number of added or removed categories of a field that are named; the page gives the total."""


def of_version(dataset: Dataset, version: Version, conflicts: Collection[FoundConflictJson] = ()) -> JsonOutput:
    """The data of a version and its job.

    Args:
        dataset: The dataset of the version.
        version: The version to show.
        conflicts: Type conflicts that the job resolved; they are not stored with the version.
    """
    schema = version.schema()["groups"]
    insights = version.insights()["groups"]
    manifest = version.manifest
    compared = changes(dataset, version.number)
    rejected = first_rejections((file.uri, verified(file)) for _, file in sorted(version.files("rejections").items()))
    groups: list[JsonOutput] = []
    for group in GROUPS:
        fields = schema[group]["fields"]
        counts = compared.counts[group]
        groups.append(
            {
                "name": group,
                "records": schema[group]["records"],
                "counts": _counts(counts),
                "rejections": _rejections(group, counts, rejected),
                "conflicts": _conflicts(group, conflicts),
                "changes": None if compared.parent is None else _changes(compared.groups[group]),
                "locations": insights[group]["locations"],
                "annotations": annotations_document(insights[group]["annotations"]),
                "fields": field_documents(
                    fields,
                    insights[group]["fields"],
                    examples(version, group, fields),
                    gaps(version, group, fields),
                    insights[group].get("timelines", {}),
                ),
            }
        )
    return {
        "dataset": cut(readable(name_of(dataset.root))),
        "place": cut(readable(dataset.root)),
        "version": version.number,
        "parent": manifest["parent"],
        "compared": compared.parent,
        "published_at": manifest["published_at"],
        "run": None,
        "cache_keys": manifest["cache_keys"],
        "warnings": manifest["warnings"],
        "groups": groups,
    }


def of_run(outcome: Outcome) -> JsonOutput:
    """The data of a run that published nothing: schema, rejections and conflicts; no values, no histograms."""
    schema, counts = outcome.schema, outcome.tally.counts()
    rejected = first_rejections((uri, mapped(uri)) for uri in _parts(outcome)) if outcome.kept_run else {}
    groups: list[JsonOutput] = [
        {
            "name": group,
            "records": schema[group]["records"],
            "counts": _counts(counts[group]),
            "rejections": _rejections(group, counts[group], rejected),
            "conflicts": _conflicts(group, outcome.tally.conflicts),
            "changes": None,
            "locations": None,
            "annotations": None,
            "fields": field_documents(schema[group]["fields"], {}, {}, {}, {}),
        }
        for group in GROUPS
    ]
    return {
        "dataset": cut(readable(name_of(outcome.dataset))),
        "place": cut(readable(outcome.dataset)),
        "version": outcome.version,
        "parent": None,
        "compared": None,
        "published_at": None,
        "run": {"id": outcome.run, "outcome": outcome.verdict.outcome, "message": cut(outcome.verdict.reason, 2000)},
        "cache_keys": outcome.tally.cache_keys,
        "warnings": dict(sorted(outcome.tally.warnings.items())),
        "groups": groups,
    }


def name_of(root: str) -> str:
    """The name of a dataset: the last part of its URI.

    >>> name_of("gs://bucket/streets/"), name_of("gs://bucket"), name_of("/")
    ('streets', 'bucket', 'dataset')
    """
    return root.rstrip("/").rpartition("/")[2] or "dataset"


def _parts(outcome: Outcome) -> list[str]:
    folder = join(outcome.dataset, "runs", outcome.run, "rejections")
    return files_named(folder, "part-*")


def _counts(counts: CountsJson) -> JsonOutput:
    return {**counts, "rejected": sum(counts["rejected"].values())}


def _rejections(group: Group, counts: CountsJson, first: Mapping[tuple[str, str], RejectionJson]) -> list[JsonOutput]:
    """Each code of rejections of a group, the most frequent first, with an example."""
    found: list[JsonOutput] = []
    for code, count in sorted(counts["rejected"].items(), key=lambda each: (-each[1], each[0])):
        example = first.get((group, code))
        found.append({"code": code, "count": count, "example": None if example is None else _example(example)})
    return found


def _example(rejection: RejectionJson) -> JsonOutput:
    """The members of a rejection that the page shows."""
    return {
        "message": _bounded(rejection["message"]),
        "field": _bounded(rejection["field"]),
        "export": _bounded(rejection["export"]),
        "line": _bounded(rejection["line"]),
        "reference_id": _bounded(rejection["reference_id"]),
    }


def _conflicts(group: Group, conflicts: Collection[FoundConflictJson]) -> list[JsonOutput]:
    return [
        {
            "field": cut(conflict["field"]),
            "kinds": conflict["kinds"],
            "examples": [
                {name: _bounded(value) for name, value in example.items()} | {"value": _json(example["value"])}
                for example in conflict["examples"]
            ],
        }
        for conflict in conflicts
        if conflict["group"] == group
    ]


def _bounded(value: object) -> Cut | None:
    """A value as shortened text; None for None."""
    return None if value is None else cut(value if isinstance(value, str) else repr(value))


def _json(value: str | float) -> Cut:
    """A value as JSON, whose quotes and brackets show its kind."""
    return cut(json.dumps(value, ensure_ascii=False))


def _changes(changed: GroupChanges) -> JsonOutput:
    return {
        "records": list(changed.records),
        "added": [[cut(key), kind] for key, kind in sorted(changed.added.items())],
        "dropped": [[cut(key), kind] for key, kind in sorted(changed.dropped.items())],
        "retyped": [[cut(key), *types] for key, types in sorted(changed.retyped.items())],
        "categories": [
            [cut(key), _some(added), _some(removed)] for key, (added, removed) in sorted(changed.categories.items())
        ],
    }


def _some(names: Sequence[str]) -> list[object]:
    """The number of names, and the first of them."""
    return [len(names), [cut(name) for name in names[:_LISTED]]]
