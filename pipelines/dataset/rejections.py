"""Reads the rejections of a version, or of a run that published nothing (R1, R4)."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pipelines.config import OptionsJson
from pipelines.dataset.documents.paths import REPORT
from pipelines.dataset.documents.reading import DocumentError, parsed
from pipelines.dataset.documents.types import FoundConflictJson, ReportJson
from pipelines.dataset.store.base import REJECTIONS
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import UsageError
from transforms.damage import damaged_file
from transforms.rules.export_rows import Group
from transforms.rules.rejection_json import RejectionJson
from transforms.storage.stored_files import StoredFile, exists, files_named, join, read_bytes
from transforms.storage.verified_files import verified

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RejectingJob:
    """A job whose rejections can be read.

    Attributes:
        name: `version 3`, or `run ID` of one that published nothing.
        base: Number of the version that was current after the job, 0 for none.
        published: Whether its accepted records are in the dataset.
        options: Of the job, as in the manifest; empty if they are not known.
        model_runs: URI of an export to the model runs that it was given for.
        parts: The files with its rejections, in order: stored files of a version, or URIs for a run.
        conflicts: As in the report of a run.
        kept: Its open rejections, if its version was pruned.
    """

    name: str
    base: int
    published: bool
    options: OptionsJson
    model_runs: Mapping[str, frozenset[str]]
    parts: tuple[StoredFile | str, ...]
    conflicts: tuple[FoundConflictJson, ...] = ()
    kept: tuple[RejectionJson, ...] | None = None

    def rejections(self) -> "list[Rejected]":
        """All of them, in the order of the exports."""
        if self.kept is not None:
            return [Rejected(self, line) for line in self.kept]
        return [Rejected(self, line) for part in self.parts for line in _lines_of(part)]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejection as it was written.

    Attributes:
        job: The job that rejected the record.
        line: The line of the rejections file (docs/outputs.md).
    """

    job: RejectingJob = field(repr=False)
    line: RejectionJson

    @property
    def group(self) -> Group:
        """The group in which it counts."""
        return self.line["group"]

    @property
    def export_group(self) -> Group:
        """The group of its export, with which the record has to be re-ingested: scenes for a frame."""
        return self.line.get("export_group", self.line["group"])

    @property
    def model_run(self) -> str | None:
        """The model run of a prediction; None for other groups, or if an older release did not record it."""
        if (written := self.line.get("model_run")) is not None:
            return written
        runs = self.job.model_runs.get(self.line["export"], frozenset())
        return next(iter(runs)) if self.export_group == "predictions" and len(runs) == 1 else None

    @property
    def raw(self) -> bytes | None:
        """The raw record byte for byte; None if it is not whole."""
        text = self.line["raw"]
        raw = base64.b64decode(text) if self.line["encoding"] == "base64" else text.encode()
        return raw if raw and not self.line.get("raw_truncated") else None

    @property
    def native(self) -> bytes | None:
        """The raw record as it can be ingested: that which a map made, if the export has one; None if there is none."""
        if "map" not in self.line:
            return self.raw
        made = self.line.get("record")
        return None if made is None else made.encode()


def job_of_version(dataset: Dataset, version: int | None) -> RejectingJob:
    """The job that published a version, by default the current one.

    Raises:
        UsageError: There is no such version.
    """
    return of_version(dataset.published() if version is None else dataset.version(version))


def of_version(version: Version) -> RejectingJob:
    """The job that published a version."""
    runs: dict[str, set[str]] = {}
    for given in version.manifest["inputs"]:
        if given["model_run"] is not None:
            runs.setdefault(given["uri"], set()).add(given["model_run"])
    return RejectingJob(
        name=f"version {version.number}",
        base=version.number,
        published=True,
        options=version.manifest["options"],
        model_runs={uri: frozenset(names) for uri, names in runs.items()},
        parts=tuple(file for _, file in sorted(version.files(REJECTIONS).items())),
    )


def job_of_run(dataset: Dataset, run: str) -> RejectingJob:
    """The job of a run whose report is kept.

    Raises:
        UsageError: There is no such run.
    """
    folder = join(dataset.root, "runs", run)
    # An id contains no slash: it must not lead out of the folder of runs.
    if "/" in run or not exists(join(folder, REPORT)):
        raise UsageError(f"{dataset.root} has no report of a run {run}; the ids of kept runs are the folders of runs/")
    uri = join(folder, REPORT)
    report = _whole(uri, lambda: parsed(read_bytes(uri), ReportJson))
    if report["outcome"] == "published":  # of a detached job
        return job_of_version(dataset, report["version"])
    parts = files_named(join(folder, REJECTIONS), "part-*")
    return RejectingJob(
        name=f"run {run}",
        base=report["version"] or 0,
        published=False,
        options=report.get("options", {}),
        model_runs={},
        parts=tuple(parts),
        conflicts=tuple(report["conflicts"]),
    )


def raw_records(rejections: Iterable[Rejected]) -> Iterator[bytes | None]:
    """The raw record of each rejection on one line, ready to re-ingest; None if it is not whole.

    A record that was rejected in several parts (a mask with its segments) is given once.
    """
    seen: set[tuple[object, object, bytes | None]] = set()
    for rejection in rejections:
        raw = rejection.native
        place = (rejection.line["export"], rejection.line["offset"], raw)
        if place in seen:
            continue
        seen.add(place)
        # Records may span lines; in JSON line ends are never inside strings, so a space is equivalent.
        yield None if raw is None else raw.replace(b"\r\n", b" ").replace(b"\n", b" ")


def lines(uri: str, data: bytes) -> list[RejectionJson]:
    """The rejections in a part.

    Args:
        uri: Of the part, for the error.
        data: Its bytes, or whole lines of it.

    Raises:
        DamagedFileError: They are no rejections.
    """
    return _whole(uri, lambda: [parsed(line, RejectionJson) for line in data.split(b"\n") if line])


def _lines_of(part: StoredFile | str) -> list[RejectionJson]:
    """The rejections in a part, which is verified if it belongs to a version."""
    if isinstance(part, StoredFile):
        return lines(part.uri, bytes(verified(part)))
    return lines(part, read_bytes(part))


def _whole(uri: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except DocumentError as error:
        raise damaged_file(uri, f"{error}") from error
