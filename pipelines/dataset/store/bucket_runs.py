"""Tracks the runs of a dataset in a bucket by heartbeats and leases: which are alive, which are abandoned.

A run whose process waits for it uploads its object `base` every few seconds, as a heartbeat. A detached run has a
lease in the metadata of that object instead, which its workers renew. Each attempt to finish a detached run has a
heartbeat of its own, because an attempt can die while the run lives on.
"""

import secrets
import threading
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import PreconditionFailed
from google.cloud import storage

from pipelines.dataset.documents.paths import PRIVATE, REPORT
from pipelines.dataset.store.base import BASE, LEASE, RENEWAL_INTERVAL, Run, new_run_id, removed_after_an_error
from pipelines.dataset.store.bucket_place import OWNER, BucketPlace, delete
from pipelines.dataset.store.marker import REMOVED
from pipelines.dataset.store.names import is_run_id
from pipelines.errors import RunLostError, UsageError

HEARTBEAT_SECONDS = 10.0
HEARTBEAT_TIMEOUT = timedelta(seconds=60)
"""A run or an attempt without a heartbeat for this long, by the clock of the bucket, is considered dead."""
_ATTEMPT = "publishing-"
"""Prefix of the names of heartbeat objects of attempts to finish a run."""


@dataclass(slots=True)
class Runs:
    """The runs of a dataset at one time.

    Attributes:
        now: The time by the clock of the bucket.
        living: Id of each run that is alive to the version that it reads, "" for none.
        abandoned: Ids of runs that died without a report.
        unreleased: Ids of detached runs that died after writing their report, before cleaning up.
        owners: Runs and attempts with a recent heartbeat, which may own the claim on a version.
        reported: Ids of runs that have a report.
        foreign: Names in the folder of runs that do not belong to this dataset.
    """

    now: datetime

    living: dict[str, str] = field(default_factory=dict)
    abandoned: list[str] = field(default_factory=list)
    unreleased: list[str] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)
    reported: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


class BucketRuns(BucketPlace):
    """The runs of a dataset; `root` is its URI, without a slash at the end."""

    @abstractmethod
    def sweep(self) -> list[str]:
        """See `Store`."""

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`. The run sends a heartbeat every few seconds, in an object of its own."""
        self._make_dataset()
        run = self._named(new_run_id())
        self._begin(run, _reads(base))
        with removed_after_an_error(run, self.remove), self._heartbeat(f"{run.id}/{BASE}", _reads(base)):
            self.sweep()
            yield run
        self._close_run(run)

    @contextmanager
    def detach(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        self._make_dataset()
        run = self._named(new_run_id())
        self._begin(run, {**_reads(base), "lease": str(LEASE.total_seconds())})
        with removed_after_an_error(run, self.remove):
            self.sweep()
            yield run

    def renew(self, run: str) -> bool:
        """See `Store`. Of many callers few upload: a bucket allows one upload per object and second."""
        with self._translating_errors():
            lease_object = self._lease_of(run)
            if lease_object is not None and datetime.now(UTC) - lease_object.updated > RENEWAL_INTERVAL:
                self._renew_lease(lease_object)  # if another worker has not done so
        return lease_object is not None

    @contextmanager
    def finishing(self, run: str) -> Iterator[Run]:
        """See `Store`."""
        if self.identity() is None:
            raise RunLostError(run)
        attempt = f"{_ATTEMPT}{secrets.token_hex(4)}"
        self._send_heartbeat(f"{run}/{attempt}", {})
        try:
            with self._heartbeat(f"{run}/{attempt}", {}):
                with self._translating_errors():
                    while (lease_object := self._lease_of(run)) is not None and not self._renew_lease(lease_object):
                        pass  # another worker renewed it meanwhile
                if lease_object is None:
                    raise RunLostError(run)
                yield self._named(run, attempt)
        finally:
            with self._translating_errors():
                delete([self._bucket.blob(f"{self._prefix}runs/{run}/{attempt}")])

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """See `Store`."""
        with self._translating_errors():
            found = ((path.partition("/")[0], blob) for path, blob in self._run_objects(run.id).items())
            kept = {*keep, BASE, PRIVATE}
            delete([blob for name, blob in found if not (name in kept or name.startswith(_ATTEMPT))])

    def release(self, run: Run) -> None:
        """See `Store`. The lease is removed last: if this is interrupted, a sweep completes it."""
        with self._translating_errors():
            found = self._run_objects(run.id)
            delete([blob for path, blob in found.items() if path.startswith(_ATTEMPT)])
            delete([blob for path, blob in found.items() if path == BASE])

    def remove(self, uri: str) -> None:
        """See `Store`."""
        parent, _, name = uri.rpartition("/")
        if parent != f"{self.root}/runs":
            raise ValueError(f"{uri} is no run of {self.root}")  # a programming error
        with self._translating_errors():
            self._remove_run(name)

    def _begin(self, run: Run, metadata: Mapping[str, str]) -> None:
        """Creates the heartbeat and the owner file of a run; the heartbeat also names the owner and comes first."""
        self._send_heartbeat(f"{run.id}/{BASE}", metadata)
        blob = self._bucket.blob(f"{self._prefix}runs/{run.id}/{PRIVATE}")
        blob.metadata = {OWNER: self._id}
        with self._translating_errors():
            blob.upload_from_string(self._id)

    def _close_run(self, run: Run) -> None:
        """Removes the heartbeat of an ended run, or all of it if it left no files."""
        with self._translating_errors():
            found = self._run_objects(run.id)
            is_left = found.keys() - {BASE, PRIVATE}
            delete([blob for path, blob in found.items() if path == BASE or not is_left])

    def _remove_run(self, name: str) -> None:
        """Removes a run of this dataset, and notes that it was removed, because a worker of it may still write."""
        found = self._run_objects(name)
        if self._is_own_run(name, found, self._removed()):
            self._note_removed(name)
            delete(list(found.values()))

    def _run_objects(self, name: str) -> dict[str, storage.Blob]:
        """The objects of a run, by path below its folder."""
        start = f"{self._prefix}runs/{name}/"
        return {blob.name.removeprefix(start): blob for blob in self._bucket.list_blobs(prefix=start)}

    def _is_own_run(self, name: str, objects: Mapping[str, storage.Blob], removed: Collection[str]) -> bool:
        """Whether objects are a run of this dataset: by the form of the name and the owner in the metadata."""
        markers = [objects[path] for path in (PRIVATE, BASE) if path in objects]
        return is_run_id(name) and (any(map(self._is_own, markers)) or (name in removed and not markers))

    def _runs(self) -> Runs:
        probe = self._bucket.blob(f"{self._prefix}{REMOVED}/clock-{secrets.token_hex(4)}")
        probe.upload_from_string(b"", timeout=HEARTBEAT_SECONDS)  # before the listing, in case the listing is delayed
        delete([probe])
        found: dict[str, dict[str, storage.Blob]] = {}
        for blob in self._listed(f"{self.root}/runs"):
            name, _, path = blob.name.removeprefix(f"{self._prefix}runs/").partition("/")
            if name:  # empty for what a console makes for the folder
                found.setdefault(name, {})[path] = blob
        runs, removed = Runs(probe.updated), self._removed()
        for name, objects in found.items():
            if not self._is_own_run(name, objects, removed):
                runs.foreign.append(name)
                continue
            if REPORT in objects:
                runs.reported.append(name)
            alive = {path for path, blob in objects.items() if probe.updated - blob.updated <= HEARTBEAT_TIMEOUT}
            runs.owners |= {f"{name}/{path}" for path in alive if path.startswith(_ATTEMPT)}
            lease_object = objects.get(BASE)
            metadata = {} if lease_object is None else lease_object.metadata or {}
            lease = timedelta(seconds=float(metadata["lease"])) if "lease" in metadata else HEARTBEAT_TIMEOUT
            if lease_object is not None and probe.updated - lease_object.updated <= lease:
                runs.living[name] = metadata.get("reads", "")
                runs.owners.add(name)
            elif REPORT not in objects:
                runs.abandoned.append(name)
            elif "lease" in metadata:
                runs.unreleased.append(name)
        return runs

    @contextmanager
    def _heartbeat(self, path: str, metadata: Mapping[str, str]) -> Iterator[None]:
        """Sends heartbeats during the block; the caller creates and removes the object."""
        over = threading.Event()
        sender = threading.Thread(target=self._send_heartbeats, args=(path, metadata, over), daemon=True)
        sender.start()
        try:
            yield
        finally:
            over.set()
            sender.join()

    def _send_heartbeats(self, path: str, metadata: Mapping[str, str], over: threading.Event) -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            with suppress(
                OSError, UsageError
            ):  # the next heartbeat comes soon; only a run that misses them all is considered dead
                self._send_heartbeat(path, metadata)

    def _send_heartbeat(self, path: str, metadata: Mapping[str, str]) -> storage.Blob:
        blob = self._bucket.blob(f"{self._prefix}runs/{path}")
        blob.metadata = {**metadata, OWNER: self._id}
        with self._translating_errors():
            blob.upload_from_string(b"", timeout=HEARTBEAT_SECONDS)
        return blob

    def _lease_of(self, run: str) -> storage.Blob | None:
        return self._object(f"runs/{run}/{BASE}")

    def _renew_lease(self, lease_object: storage.Blob) -> bool:
        """Renews the lease of a run; False if the object was changed or removed meanwhile."""
        blob = self._bucket.blob(lease_object.name)
        blob.metadata = lease_object.metadata
        try:
            blob.upload_from_string(b"", timeout=HEARTBEAT_SECONDS, if_generation_match=lease_object.generation)
        except PreconditionFailed:
            return False
        return True

    def _named(self, run: str, attempt: str = "") -> Run:
        return Run(run, f"{self.root}/runs/{run}", attempt)


def _reads(base: int | None) -> dict[str, str]:
    return {"reads": "" if base is None else str(base)}
