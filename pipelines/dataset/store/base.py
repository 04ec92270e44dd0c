"""Defines `Store`, the interface of a place for datasets, and what it exchanges with a job."""

import secrets
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, cast

from apache_beam.io.filesystems import FileSystems

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
REPORT = "report.json"
BASE = "base"
"""File of a run that says which version it reads."""
SCHEMA = "schema.json"
INSIGHTS = "insights.json"
DOCUMENTS = (MANIFEST, SCHEMA, INSIGHTS)
"""What a version has beside its parts."""
REJECTIONS = "rejections"
KEPT_FILES = (REPORT, SCHEMA, REJECTIONS)
"""What may stay of a run that is over, for a person to read."""
LEASE = timedelta(hours=24)
"""How long a detached run lives without a sign of life: nobody waits for it, and engines keep jobs in queues."""
RENEWAL_INTERVAL = timedelta(hours=1)
"""How old a sign of life has to be for a worker to give the next one."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job at work on a dataset: everything it writes is below `root` until it is published.

    Attributes:
        attempt: Of a detached run which one of perhaps several tries to conclude it this is; else empty.
    """

    id: str
    root: str
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of a version that is to be published.

    Attributes:
        source: URI of where it lies: below the root of the run, or in an earlier version, which keeps it.
        path: Below the folder of the version, with slashes.
    """

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Removable:
    """What can be removed of a dataset.

    Attributes:
        versions: Their numbers, ascending.
        runs: Ids of the runs that died.
        blocked: Paths of what is not the dataset's own in versions that stay because of it.
    """

    versions: tuple[int, ...]
    runs: tuple[str, ...]
    blocked: tuple[str, ...]


class Store(Protocol):
    """A place for one dataset. `root` is its URI."""

    @property
    def root(self) -> str:
        """URI of the dataset."""

    def pointer(self) -> bytes | None:
        """What CURRENT says now, None where nothing is published."""

    def identity(self) -> str | None:
        """The id that the marker of the dataset names; None where there is no marker (P6).

        Raises:
            DamagedDatasetError: The marker is not what this tool writes.
        """

    def recorded(self, number: int) -> bytes | None:
        """What the dataset recorded of the manifest of a version when it was published; None where it did not.

        A JSON object {"version": 3, "manifest": "versions/000003/manifest.json", "bytes": N, "sha256": HEX}.
        """

    def check_free(self) -> None:
        """Raises UsageError where something else than a dataset is in the place of a new one."""

    def numbers(self) -> list[int]:
        """The numbers of all versions of this dataset that are there whole, published or not, ascending."""

    def next_number(self, number: int) -> int:
        """The number of the version after one: the next that is not taken by what is not this dataset's own."""

    def foreign(self) -> list[str]:
        """Paths below the dataset, in its folders, of what is not its own: it stays as it is (P6)."""

    def reported(self) -> list[str]:
        """The ids of this dataset's runs that have a report, in their order."""

    def removable(self, keep: Collection[int]) -> "Removable":
        """What `prune` would remove, now; nothing is removed."""

    def run(self, base: int | None) -> AbstractContextManager[Run]:
        """A place for a job to write, whose other users see that it is alive, and which version it reads.

        What dead jobs left is removed first. Where the job ends in an exception nothing of its own stays; else what
        it has left by then stays.
        """

    def detach(self, base: int | None) -> AbstractContextManager[Run]:
        """A place for a job that goes on when this process has ended: it stays as it is where the block ends well.

        It lives for `LEASE` from its last sign of life (`renew`).
        """

    def renew(self, run: str) -> bool:
        """A sign of life of a detached run, by its id; False where it is not there any more. May be asked for often."""

    def finishing(self, run: str) -> AbstractContextManager[Run]:
        """A detached run, by its id, for one of perhaps several tries to conclude it; it lives as long as the block.

        Raises:
            RunLostError: It is not there any more.
        """

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """Removes what a run wrote, but for these files and folders, and for what says that it lives."""

    def release(self, run: Run) -> None:
        """Ends a detached run that is concluded: what is still there stays, as that of a run that is over."""

    def publish(
        self, run: Run, version: int, expected: bytes | None, files: Sequence[Placed], *, fsync: bool = True
    ) -> None:
        """Makes these files a version, whole and under its final name, and the version current, in one step (P1).

        Where another try of the same run has done so, it has done its work.

        Args:
            run: The job. Its own files may be moved away from below its root, but for those of a detached run.
            version: Number of the version.
            expected: The bytes of CURRENT when the job started, None where nothing was published.
            files: All of the version, the manifest among them.
            fsync: Whether all of it is on the disk before it becomes current (P7).

        Raises:
            AnotherJobPublishedError: CURRENT says something else by now (P2).
            ForeignFilesError: Something that is not this dataset's own is where the version belongs.
        """

    def sweep(self) -> list[str]:
        """Removes what jobs left that died before they published; returns the ids of their runs."""

    def prune(self, keep: Collection[int]) -> list[int]:
        """Removes the versions before the current one, and what dead jobs left; returns the numbers of those removed.

        Versions stay that are to be kept, that a living job reads, or that hold files which are not their own.
        """

    def remove(self, uri: str) -> None:
        """Removes the folder of a run of this dataset with all that is in it, if it is there."""


def new_run_id() -> str:
    """An id that no run has had: when it began, and some letters by chance."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def version_folder(number: int) -> str:
    """Path of a version below the dataset."""
    return f"versions/{number:06d}"


def join(root: str, *parts: str) -> str:
    """A path below a root, local or not."""
    return cast("str", FileSystems.join(root, *(name for part in parts for name in part.split("/"))))
