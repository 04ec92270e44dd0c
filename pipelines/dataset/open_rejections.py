"""Finds the open rejections of all versions and runs, and keeps them when their version is pruned (R1).

A rejection is closed when all identities of its record are in the dataset, and one of them was added or changed since.
A later rejection of the same identities replaces it. A record without an identity, such as a broken line, stays open
until `prune --discard-rejections`.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pipelines.config import OptionsJson
from pipelines.dataset.documents.paths import OPEN_REJECTIONS
from pipelines.dataset.documents.reading import DocumentError, parsed
from pipelines.dataset.documents.types import KeptRejectionsJson
from pipelines.dataset.rejections import Rejected, RejectingJob, job_of_run, lines, of_version
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import DamagedDatasetError, UsageError
from transforms.errors import DamagedFileError
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.exact_json import parse
from transforms.kernels.merge.accepted import accepted_since
from transforms.rules.export_rows import Group
from transforms.rules.identity import partition_of
from transforms.rules.rejected_identity import Identity, identities
from transforms.rules.rejection_json import RejectionJson
from transforms.rules.values import JsonValue
from transforms.storage.states import state_file
from transforms.storage.stored_files import files_named, join, read_bytes

_Key: TypeAlias = tuple[Group, str | None, frozenset[Identity] | str]


@dataclass(frozen=True, slots=True)
class _Named:
    """A rejection, and the identities of its record."""

    rejection: Rejected
    identities: frozenset[Identity]

    @classmethod
    def of(cls, rejection: Rejected) -> "_Named":
        row: JsonValue = parse([rejection.native or b"null"]).values[0]
        known = rejection.line["reference_id"]
        return cls(rejection, identities(row, rejection.group, known, rejection.model_run))

    @property
    def key(self) -> _Key:
        """The key that a later rejection which replaces it has too."""
        return self.rejection.group, self.rejection.model_run, self.identities or self.rejection.line["raw"]


@dataclass(frozen=True, slots=True)
class _History:
    """The versions of a dataset that exist.

    Attributes:
        versions: By number.
        current: None if nothing is published.
    """

    versions: Mapping[int, Version]
    current: Version | None

    @classmethod
    def of(cls, dataset: Dataset) -> "_History":
        versions = [] if dataset.current() is None else dataset.versions()
        return cls({version.number: version for version in versions}, versions[0] if versions else None)

    def at(self, number: int) -> Version | None:
        """The version of this number, or the next one that still exists; None for 0, before the first."""
        later = [each for each in self.versions if each >= number]
        return self.versions[min(later)] if number and later else None


def open_rejections(dataset: Dataset) -> list[Rejected]:
    """All open rejections of a dataset, by job, the oldest first.

    Raises:
        DamagedDatasetError: A file of kept rejections is damaged.
    """
    history = _History.of(dataset)
    return [each for job in _open(dataset, history) for each in job]


def keep_open(dataset: Dataset, removed: Collection[int], *, discard: bool, dry_run: bool = False) -> int:
    """Keeps the open rejections of versions that are about to be removed; returns their number.

    Args:
        dataset: The dataset to prune.
        removed: The numbers of these versions.
        discard: Whether to discard them instead, with those of earlier prunings and of runs that published nothing.
        dry_run: Whether to count them only.
    """
    history = _History.of(dataset)
    open_of = {found[0].job.name: found for found in _open(dataset, history) if found}
    count = 0
    for job in _jobs(dataset, history):
        goes = job.published and (job.kept is not None or job.base in removed)
        loses_base = not job.published and (job.kept is not None or job.base in removed or discard)
        if not goes and not loses_base:
            continue
        found = open_of.get(job.name, [])
        count += len(found)
        lines = [] if discard else [_complete(each) for each in found]
        if not dry_run and (lines or job.kept or not job.published):
            dataset.store.keep_rejections(_file_name(job), _file(job, lines))
    return count


def _open(dataset: Dataset, history: _History) -> list[list[Rejected]]:
    found: list[list[Rejected]] = []
    later: set[_Key] = set()
    for job in reversed(_jobs(dataset, history)):
        named = [_Named.of(each) for each in job.rejections()]
        own = {each.key for each in named}
        left = [each for each in named if each.key not in later]
        closed = _closed(left, history.at(job.base), history.current)
        found.append([each.rejection for each, is_closed in zip(left, closed, strict=True) if not is_closed])
        later |= own
    return found[::-1]


def _closed(named: Sequence[_Named], then: Version | None, now: Version | None) -> list[bool]:
    """Whether each record was accepted after version `then`, up to version `now`."""
    if now is None or (then is not None and then.number == now.number):
        return [False] * len(named)
    wanted: dict[Group, set[str]] = {}
    for each in named:
        for identity in each.identities:
            wanted.setdefault(each.rejection.group, set()).add(str(identity[0]))
    accepted = {
        group: accepted_since(None if then is None else _rows(then, group, ids), _rows(now, group, ids))
        for group, ids in wanted.items()
    }
    return [_is_closed(each.identities, accepted.get(each.rejection.group, {})) for each in named]


def _is_closed(names: frozenset[Identity], accepted: Mapping[Identity, bool]) -> bool:
    return all(name in accepted for name in names) and any(accepted[name] for name in names)


def _rows(version: Version, group: Group, ids: Collection[str]) -> Batch | None:
    """The rows with these reference ids; None if there are none."""
    states = version.states(group)
    batches = []
    for number in sorted({partition_of(each, version.partitions) for each in ids} & states.keys()):
        file = state_file(states[number])
        positions = np.flatnonzero(file.reference_ids().is_in(list(ids)).to_numpy())
        if len(positions):
            batches.append(file.rows(positions))
    return Batch.concatenated(batches) if batches else None


def _jobs(dataset: Dataset, history: _History) -> list[RejectingJob]:
    """The jobs whose rejections exist, in the order in which they ended."""
    jobs = {job.name: job for job in _runs(dataset)}
    jobs |= {job.name: job for job in _kept(dataset)}  # these know more of a run than its report
    jobs |= {job.name: job for job in map(of_version, history.versions.values())}
    # A run with base N ended after version N; the ids of runs begin with their time.
    return sorted(jobs.values(), key=lambda job: (job.base, not job.published, job.name))


def _runs(dataset: Dataset) -> Iterator[RejectingJob]:
    for run in dataset.store.reported_runs():
        try:
            job = job_of_run(dataset, run)
        except (DamagedFileError, UsageError):
            continue  # a foreign report, or that of a detached job whose version was removed
        if not job.published:
            yield job


def _kept(dataset: Dataset) -> Iterator[RejectingJob]:
    for uri in files_named(join(dataset.root, OPEN_REJECTIONS), "*.ndjson"):
        yield _job_in(uri)


def _job_in(uri: str) -> RejectingJob:
    head, _, body = read_bytes(uri).partition(b"\n")
    with suppress(DocumentError, DamagedFileError):
        about = parsed(head, KeptRejectionsJson)
        if about["sha256"] == _digest(about["job"], about["base"], about["published"], about["options"], body):
            return RejectingJob(
                name=about["job"],
                base=about["base"],
                published=about["published"],
                options=about["options"],
                model_runs={},
                parts=(),
                kept=tuple(lines(uri, body)),
            )
    raise DamagedDatasetError(
        f"{uri} is damaged: it contains the open rejections of a pruned version, and nothing else needs it; restore it "
        "from a copy, or remove it"
    )


def _file(job: RejectingJob, lines: Sequence[RejectionJson]) -> bytes:
    """The content of a file of kept rejections, as `_job_in` reads it."""
    body = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()
    about: KeptRejectionsJson = {
        "job": job.name,
        "base": job.base,
        "published": job.published,
        "options": job.options,
        "sha256": _digest(job.name, job.base, job.published, job.options, body),
    }
    return json.dumps(about, ensure_ascii=False).encode() + b"\n" + body


def _digest(job: str, base: int, published: bool, options: OptionsJson, body: bytes) -> str:  # noqa: FBT001 - what there is
    """SHA-256 of the content of such a file."""
    head = json.dumps([job, base, published, options], ensure_ascii=False)
    return hashlib.sha256(head.encode() + b"\n" + body).hexdigest()


def _complete(rejection: Rejected) -> RejectionJson:
    """The line with the model run, which in older releases only the manifest has."""
    return rejection.line if rejection.model_run is None else {**rejection.line, "model_run": rejection.model_run}


def _file_name(job: RejectingJob) -> str:
    return f"{job.name.replace(' ', '-')}.ndjson"
