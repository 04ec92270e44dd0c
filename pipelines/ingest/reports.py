"""Combines the reports of a job's steps (`transforms.write_reports`) for publishing."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import cast

from pipelines.dataset.documents.types import FoundConflictJson, InputJson, MapJson
from pipelines.ingest.tally import Tally
from transforms.kernels.summarize.conflict_examples import kinds_in_order
from transforms.stages.elements import Export
from transforms.stages.exports import EMPTY_EXPORT
from transforms.stages.results import FilesReport, Results
from transforms.stages.write_reports import RESULTS
from transforms.storage.stored_files import StoredFile, is_local, join, object_checksum, read_bytes

NOTHING_READ = "nothing_read"
"""Warning: the exports of a job have records, but none of the group that they were given as."""


def _warn_of_nothing(tally: Tally) -> None:
    """Adds the warning `nothing_read` if it applies."""
    if not any(of.read for of in tally.groups.values()) and EMPTY_EXPORT not in tally.warnings:
        tally.warnings[NOTHING_READ] += 1


def read_results(root: str) -> Results:
    """What the steps of a run reported, from the folder of the run; its own file, which no one else reads or keeps."""
    return cast("Results", json.loads(read_bytes(join(root, RESULTS))))


def tally_of(results: Results) -> Tally:
    """The counts of all steps combined."""
    tally = Tally()
    states, rows = results.get("states", []), results.get("rows", [])
    tally.repair(path for report in (*states, *rows) for path in report["repaired"])
    for reading in results.get("readings", []):
        for group, count in reading["read"].items():
            tally.groups[group].read += count
        tally.warnings.update(reading["warnings"])
        for group, code, count in reading["rejected"]:
            tally.groups[group].rejected[code] += count
    _warn_of_nothing(tally)
    for counts in results.get("counts", []):
        of = tally.groups[counts["group"]]
        of.created += counts["created"]
        of.updated += counts["updated"]
        of.ignored += counts["ignored"]
        of.unchanged += counts["unchanged"]
        of.rejected.update(counts["rejected"])
        tally.cleared += counts["cleared"]
    for part in results.get("rejections", []):
        tally.cascaded.update(part["cascaded"])
    for keys in results.get("cache_keys", []):
        tally.cache_keys["upload"] += keys["upload"]
        tally.cache_keys["cached"] += keys["cached"]
    schema = results["schema"][0]
    tally.too_many_fields = schema["too_many_fields"]
    tally.other_choices = schema["other_choices"]
    tally.unresolved = len(schema["conflicts"])
    if tally.cleared:
        tally.warnings["cleared_value"] += tally.cleared
    tally.conflicts = list(_conflicts(results))
    return tally


def _conflicts(results: Results) -> Iterator[FoundConflictJson]:
    """All conflicts that were found, also those that a policy resolved, each with its examples (T6)."""
    examples = {
        (found["group"], found["field"], found["kind"]): found["examples"] for found in results.get("examples", [])
    }
    schema = results.get("conflicts", results["schema"])[0]
    for conflict in schema["conflicts"]:
        rarest, *others = (
            examples.get((conflict["group"], conflict["field"], kind), []) for kind in kinds_in_order(conflict)
        )
        yield {**conflict, "examples": [*rarest], "other_examples": [each for found in others for each in found]}


def files_of(results: Results) -> list[StoredFile]:
    """All files that the steps wrote for the version."""
    reports: Iterable[FilesReport] = chain(
        results.get("states", []), results.get("rows", []), results.get("cache_keys", []), results.get("rejections", [])
    )
    return [StoredFile(**file) for report in reports for file in report["files"]]


def digests_of(results: Results) -> dict[int, dict[int, str]]:
    """Number of each local export to the starts of its byte ranges to their SHA-256."""
    digests: dict[int, dict[int, str]] = {}
    for reading in results.get("readings", []):
        if reading["digest"] is not None:
            digests.setdefault(reading["export"], {})[reading["start"]] = reading["digest"]
    return digests


def inputs_of(
    exports: Sequence[Export], digests: Mapping[int, Mapping[int, str]], checksums: Mapping[int, str | None]
) -> list[InputJson]:
    """The exports by name, each with a fingerprint: SHA-256 over those of its ranges, or the checksum of its bucket.

    Args:
        exports: Of the job.
        digests: As `digests_of` gives them.
        checksums: Number of each export in a bucket to its checksum there.
    """
    inputs: list[InputJson] = [
        {
            "uri": export.name,
            "group": export.group,
            "model_run": export.model_run,
            "bytes": export.size,
            "fingerprint": _fingerprint(export, digests.get(export.number, {}), checksums),
            **_map(export),
        }
        for export in exports
    ]
    return sorted(inputs, key=lambda each: (each["uri"], each["group"], str(each["model_run"])))


def _map(export: Export) -> MapJson:
    """The map of an export, if it has one."""
    if export.map is None:
        return {}
    return {"map": export.map.name, "map_sha256": hashlib.sha256(export.map.identity.encode()).hexdigest()}


def _fingerprint(export: Export, digests: Mapping[int, str], checksums: Mapping[int, str | None]) -> str:
    if not is_local(export.uri):
        known = export.number in checksums
        return f"store:{checksums[export.number] if known else object_checksum(export.uri)}"
    whole = hashlib.sha256()
    for _, digest in sorted(digests.items()):
        whole.update(bytes.fromhex(digest))
    return f"sha256-of-ranges:{whole.hexdigest()}"
