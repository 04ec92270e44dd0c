"""Combines the reports of a job's steps (`transforms.write_reports`) for publishing."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from pipelines.ingest.outcome import Tally
from transforms.kernels.summarize.conflict_examples import kinds_in_order
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject
from transforms.stages.elements import Export
from transforms.stages.exports import EMPTY_EXPORT
from transforms.storage.stored_files import StoredFile, is_local, object_checksum

NOTHING_READ = "nothing_read"
"""Warning: the exports of a job have records, but none of the group that they were given as."""

Results: TypeAlias = Mapping[str, list[JsonObject]]
"""The reports of the steps, by name."""
_REPAIRING = ("states", "rows")
"""The reports that list rebuilt files."""


def _warn_of_nothing(tally: Tally) -> None:
    """Adds the warning `nothing_read` if it applies."""
    if not any(of.read for of in tally.groups.values()) and EMPTY_EXPORT not in tally.warnings:
        tally.warnings[NOTHING_READ] += 1


def tally_of(results: Results) -> tuple[Tally, JsonObject]:
    """The counts of all steps combined, and the schema."""
    tally = Tally()
    tally.repair(path for name in _REPAIRING for report in results.get(name, []) for path in _paths(report))
    for reading in results.get("readings", []):
        for group, count in cast("dict[Group, int]", reading["read"]).items():
            tally.groups[group].read += count
        tally.warnings.update(cast("dict[str, int]", reading["warnings"]))
        for group, code, count in cast("list[tuple[Group, str, int]]", reading["rejected"]):
            tally.groups[group].rejected[code] += count
    _warn_of_nothing(tally)
    for counts in results.get("counts", []):
        of = tally.groups[cast("Group", counts["group"])]
        for name in ("created", "updated", "ignored", "unchanged"):
            setattr(of, name, getattr(of, name) + counts[name])
        of.rejected.update(cast("dict[str, int]", counts["rejected"]))
        tally.cleared += cast("int", counts["cleared"])
    for part in results.get("rejections", []):
        tally.cascaded.update(cast("dict[str, int]", part["cascaded"]))
    for name in ("upload", "cached"):
        tally.cache_keys[name] += sum(cast("int", keys[name]) for keys in results.get("cache_keys", []))
    schema = results["schema"][0]
    tally.too_many_fields = cast("dict[str, int]", schema["too_many_fields"])
    tally.other_choices = cast("dict[str, dict[str, int]]", schema["other_choices"])
    tally.unresolved = len(cast("list[JsonObject]", schema["conflicts"]))
    if tally.cleared:
        tally.warnings["cleared_value"] += tally.cleared
    tally.conflicts = list(_conflicts(results))
    return tally, schema


def _conflicts(results: Results) -> Iterator[JsonObject]:
    """All conflicts that were found, also those that a policy resolved, each with its examples (T6)."""
    examples = {
        (found["group"], found["field"], found["kind"]): cast("list[JsonObject]", found["examples"])
        for found in results.get("examples", [])
    }
    schema = results.get("conflicts", results["schema"])[0]
    for conflict in cast("list[JsonObject]", schema["conflicts"]):
        rarest, *others = (
            examples.get((conflict["group"], conflict["field"], kind), []) for kind in kinds_in_order(conflict)
        )
        yield {**conflict, "examples": [*rarest], "other_examples": [each for found in others for each in found]}


def _paths(report: JsonObject) -> list[str]:
    return cast("list[str]", report["repaired"])


def files_of(results: Results) -> list[StoredFile]:
    """All files that the steps wrote for the version."""
    return [
        StoredFile(str(file["uri"]), str(file["path"]), int(file["records"]), int(file["bytes"]), str(file["sha256"]))
        for name in ("states", "rows", "cache_keys", "rejections")
        for report in results.get(name, [])
        for file in cast("list[dict[str, str]]", report["files"])
    ]


def digests_of(readings: Sequence[JsonObject]) -> dict[int, dict[int, str]]:
    """Number of each local export to the starts of its byte ranges to their SHA-256."""
    digests: dict[int, dict[int, str]] = {}
    for reading in readings:
        if reading["digest"] is not None:
            ranges = digests.setdefault(cast("int", reading["export"]), {})
            ranges[cast("int", reading["start"])] = str(reading["digest"])
    return digests


def inputs_of(
    exports: Sequence[Export], digests: Mapping[int, Mapping[int, str]], checksums: Mapping[int, str | None]
) -> list[JsonObject]:
    """The exports by name, each with a fingerprint: SHA-256 over those of its ranges, or the checksum of its bucket.

    Args:
        exports: Of the job.
        digests: As `digests_of` gives them.
        checksums: Number of each export in a bucket to its checksum there.
    """
    inputs: list[JsonObject] = [
        {
            "uri": export.name,
            "group": export.group,
            "model_run": export.model_run,
            "bytes": export.size,
            "fingerprint": _fingerprint(export, digests.get(export.number, {}), checksums),
        }
        for export in exports
    ]
    return sorted(inputs, key=lambda each: (str(each["uri"]), str(each["group"]), str(each["model_run"])))


def _fingerprint(export: Export, digests: Mapping[int, str], checksums: Mapping[int, str | None]) -> str:
    if not is_local(export.uri):
        known = export.number in checksums
        return f"store:{checksums[export.number] if known else object_checksum(export.uri)}"
    whole = hashlib.sha256()
    for _, digest in sorted(digests.items()):
        whole.update(bytes.fromhex(digest))
    return f"sha256-of-ranges:{whole.hexdigest()}"
