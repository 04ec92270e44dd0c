"""Defines `Store`, the interface of a place for datasets, and what it exchanges with a job."""

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pipelines.dataset.documents.paths import REPORT, SCHEMA
from pipelines.errors import JobError

BASE = "base"
"""File of a run that names the version it reads."""
REJECTIONS = "rejections"
KEPT_FILES = (REPORT, SCHEMA, REJECTIONS)
"""Files of a run that are kept for a person to read when it ends without publishing."""
LEASE = timedelta(hours=24)
"""How long a detached run is considered alive after its last heartbeat; long, because engines keep jobs in queues."""
RENEWAL_INTERVAL = timedelta(hours=1)
"""How old the last heartbeat of a detached run has to be before a worker renews it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A running job; until it publishes, everything that it writes is below `root`.

    Attributes:
        id: As `new_run_id` makes it.
        root: URI of its folder.
        attempt: Identifies the attempt to finish a detached run, of which there may be several; empty for other runs.
    """

    id: str
    root: str
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class VersionFile:
    """A file of the version to publish.

    Attributes:
        source: URI of the file: below the root of the run, or in an earlier version, which keeps it.
        path: Path below the folder of the version, with slashes.
    """

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Removable:
    """What `prune` can remove from a dataset.

    Attributes:
        versions: Numbers of the versions, ascending.
        runs: Ids of abandoned runs.
        blocked: Paths of foreign files in versions that are kept because of them (P6).
    """

    versions: tuple[int, ...]
    runs: tuple[str, ...]
    blocked: tuple[str, ...]


class Store(Protocol):
    """Stores one dataset in a directory or a bucket; all writing to a dataset goes through it."""

    @property
    def root(self) -> str:
        """URI of the dataset."""

    def pointer(self) -> bytes | None:
        """The bytes of CURRENT; None if nothing is published."""

    def identity(self) -> str | None:
        """The id of the dataset, as its marker names it; None if there is no marker (P6).

        Raises:
            DamagedDatasetError: The marker is damaged.
        """

    def manifest_record(self, number: int) -> bytes | None:
        """The record of the manifest of a version, made when it was published; None if there is none.

        A JSON object {"version": 3, "manifest": "versions/000003/manifest.json", "bytes": N, "sha256": HEX}.
        """

    def check_free(self) -> None:
        """Raises UsageError if the place holds files but no dataset, so that no new dataset can be made there."""

    def version_numbers(self) -> list[int]:
        """The numbers of all complete versions of this dataset, published or not, ascending."""

    def next_number(self, number: int) -> int:
        """The number for the version after `number`: the next one whose folder is not taken by foreign files."""

    def foreign(self) -> list[str]:
        """Paths of foreign files and folders in the folders of the dataset; they are left as they are (P6)."""

    def reported_runs(self) -> list[str]:
        """The ids of this dataset's runs that have a report, ascending."""

    def removable(self, keep: Collection[int]) -> "Removable":
        """What `prune` would remove now; removes nothing."""

    def run(self, base: int | None) -> AbstractContextManager[Run]:
        """Makes the folder of a new run, which is seen to be alive and to read version `base` during the block.

        Abandoned runs are removed first. If the block raises, the folder is removed; otherwise the files that are left
        in it at the end are kept.
        """

    def detach(self, base: int | None) -> AbstractContextManager[Run]:
        """Makes the folder of a detached run, which outlives this process; it is removed if the block raises.

        The run is considered alive for `LEASE` after its last heartbeat (`renew`).
        """

    def renew(self, run: str) -> bool:
        """Sends the heartbeat of a detached run; False if the run no longer exists. Cheap enough to call often."""

    def finishing(self, run: str) -> AbstractContextManager[Run]:
        """Starts an attempt to finish a detached run, of which several may run at once; it is alive during the block.

        Raises:
            RunLostError: The run no longer exists.
        """

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """Removes the files of a run, except those to keep and those that show that it is alive."""

    def release(self, run: Run) -> None:
        """Ends the lease of a finished detached run; files that it still has are kept, as those of any ended run."""

    def publish(
        self, run: Run, version: int, expected: bytes | None, files: Sequence[VersionFile], *, fsync: bool = True
    ) -> None:
        """Publishes these files as a version: complete under its final name, then made current in one atomic step (P1).

        Does nothing if another attempt of the same run has published already.

        Args:
            run: The run. Its own files may be moved, except those of a detached run.
            version: Number of the version.
            expected: The bytes of CURRENT when the job started, None where nothing was published.
            files: All files of the version, including the manifest.
            fsync: Whether the version is flushed to the disk before it becomes current (P7).

        Raises:
            AnotherJobPublishedError: CURRENT has changed (P2).
            ForeignFilesError: Foreign files are in the folder of the version.
            RunLostError: The run was considered dead, and removed.
        """

    def sweep(self) -> list[str]:
        """Removes abandoned runs and versions that were never published; returns the ids of these runs."""

    def prune(self, numbers: Collection[int]) -> list[int]:
        """Removes these versions, and abandoned runs; returns the numbers of the removed versions.

        Keeps the current version and later ones, and versions that a running job reads or that contain foreign files.
        """

    def keep_rejections(self, name: str, data: bytes) -> None:
        """Writes a file of the open rejections of versions that are about to be removed, and flushes it to the disk."""

    def remove(self, uri: str) -> None:
        """Removes the folder of a run of this dataset with everything in it, if it exists."""


@contextmanager
def removed_after_an_error(run: Run, remove: Callable[[str], None]) -> Iterator[Run]:
    """Removes the folder of a run if the block raises, also where that interrupts it; what is left, the next job does.

    The error of the block is the one that a person is told: that of a removal does not take its place.
    """
    try:
        yield run
    except BaseException:
        with suppress(OSError, JobError):
            remove(run.root)
        raise


def new_run_id() -> str:
    """A new unique id of a run: its start time and random digits, such as 20261130T034548-8c13a2."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
