"""Makes the objects of `versions --json` and `show --json` (docs/outputs.md)."""

from collections.abc import Iterable

from pipelines.dataset.diff import Changes
from pipelines.dataset.versions import Version
from pipelines.json_output import JsonOutput
from transforms.rules.export_rows import GROUPS


def versions_object(versions: Iterable[Version]) -> JsonOutput:
    """The object of `versions --json`; the newest version, which is the current one, comes first."""
    listed = [
        {
            "version": version.number,
            "current": version.pointer is not None,
            "parent": version.manifest["parent"],
            "published_at": version.manifest["published_at"],
            "records": {group: version.records(group) for group in GROUPS},
            "counts": version.manifest["counts"],
            "cache_keys": version.manifest["cache_keys"],
            "options": version.manifest["options"],
        }
        for version in versions
    ]
    return {"versions": listed}


def changes_object(found: Changes) -> JsonOutput:
    """The object of `show --json`."""
    groups = {}
    for group, changed in found.groups.items():
        before, now = changed.records
        fields = {
            "added": dict(sorted(changed.added.items())),
            "dropped": dict(sorted(changed.dropped.items())),
            "retyped": {key: {"before": old, "now": new} for key, (old, new) in sorted(changed.retyped.items())},
            "categories": {
                key: {"added": added, "removed": removed}
                for key, (added, removed) in sorted(changed.categories.items())
            },
        }
        groups[group] = {
            "records": {"before": before, "now": now},
            "counts": found.counts[group],
            "fields": fields,
        }
    upload, cached = found.uploads
    return {
        "version": found.version.number,
        "parent": found.parent,
        "groups": groups,
        "cache_keys": {"upload": upload, "cached": cached},
    }
