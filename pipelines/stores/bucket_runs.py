"""The runs of a dataset in a bucket: who lives, and who died. A run that lives renews an object of its own.

A job with a process that waits for it renews `base` every few seconds. A detached run has a lease in the metadata of
that object, which its workers renew; each try to conclude it renews an object of its own, as that one may die alone.
"""

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage

from pipelines.errors import RunLostError, UsageError
from pipelines.stores.store import BASE, LEASE, RENEWED_AFTER, REPORT, Run, new_run_id

HEARTBEAT_SECONDS = 10.0
DEAD_AFTER = timedelta(seconds=60)
"""A run that has not been heard of for so long, by the clock of the bucket, is taken for dead; so is a try."""
REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
_ATTEMPT = "publishing-"
"""How the names of the objects begin that tries to conclude a run renew."""


@dataclass(slots=True)
class Runs:
    """Who is at work on a dataset.

    Attributes:
        living: Run to the version that it reads, "" for none.
        dead: Runs that died without a report.
        unreleased: Those that died when they had written their report, before they had cleared up.
        owners: Who may hold the claim on a version: runs, and tries to conclude one, that were heard of just now.
    """

    living: dict[str, str] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)
    unreleased: list[str] = field(default_factory=list)
    owners: set[str] = field(default_factory=set)


class BucketRuns(ABC):
    """The runs of a dataset; `root` is its URI, without a slash at the end."""

    def __init__(self, root: str) -> None:
        """Takes its URI; raises UsageError where that is not `gs://bucket/folder`, or there are no credentials."""
        name, _, folder = root.removeprefix("gs://").strip("/").partition("/")
        if not name or not folder:
            raise UsageError(f"--dataset expects gs://BUCKET/FOLDER, got {root}")
        self.root = f"gs://{name}/{folder}"
        self._prefix = f"{folder}/"
        try:
            # Without a project, which nothing here needs, it would ask the metadata server of a virtual machine.
            self._bucket = storage.Client(project="-").bucket(name)
        except GoogleAuthError as error:
            hint = "run `gcloud auth application-default login`"
            raise UsageError(f"{root}: no credentials for Google Cloud Storage: {error}; {hint}") from error

    @abstractmethod
    def sweep(self) -> list[str]:
        """See `Store`."""

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`. A run that lives says so every few seconds, in an object of its own."""
        run = self._named(new_run_id())
        self._beat(f"{run.id}/{BASE}", _reads(base))
        leftover = run.root
        try:
            with self._beating(f"{run.id}/{BASE}", _reads(base)):
                self.sweep()
                yield run
                leftover = f"{run.root}/{BASE}"
        finally:
            self.remove(leftover)

    @contextmanager
    def detach(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        run = self._named(new_run_id())
        self._beat(f"{run.id}/{BASE}", {**_reads(base), "lease": str(LEASE.total_seconds())})
        try:
            self.sweep()
            yield run
        except BaseException:
            self.remove(run.root)
            raise

    def renew(self, run: str) -> bool:
        """See `Store`. Many workers ask, and few of them write: a bucket takes one upload of an object in a second."""
        with self._explained():
            signed = self._signed(run)
            if signed is not None and datetime.now(UTC) - signed.updated > RENEWED_AFTER:
                self._is_renewed(signed)  # or another worker was quicker
        return signed is not None

    @contextmanager
    def concluding(self, run: str) -> Iterator[Run]:
        """See `Store`."""
        attempt = f"{_ATTEMPT}{secrets.token_hex(4)}"
        self._beat(f"{run}/{attempt}", {})
        try:
            with self._beating(f"{run}/{attempt}", {}):
                with self._explained():
                    while (signed := self._signed(run)) is not None and not self._is_renewed(signed):
                        pass  # another one was quicker
                if signed is None:
                    raise RunLostError(run)
                yield self._named(run, attempt)
        finally:
            self.remove(f"{self.root}/runs/{run}/{attempt}")

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """See `Store`."""
        with self._explained():
            start = self._at(f"{run.root}/").name
            found = ((blob.name.removeprefix(start).partition("/")[0], blob) for blob in self._listed(run.root))
            delete([blob for name, blob in found if not (name in keep or name == BASE or name.startswith(_ATTEMPT))])

    def release(self, run: Run) -> None:
        """See `Store`. The lease goes last: whoever dies in between leaves a run that a sweep releases."""
        with self._explained():
            start = self._at(f"{run.root}/{_ATTEMPT}").name
            delete([blob for blob in self._listed(run.root) if blob.name.startswith(start)])
        self.remove(f"{run.root}/{BASE}")

    def remove(self, uri: str) -> None:
        """See `Store`."""
        with self._explained():
            name = self._at(uri).name
            delete([blob for blob in self._listed(uri) if blob.name == name or blob.name.startswith(f"{name}/")])

    def _runs(self) -> Runs:
        clock = f".clock-{secrets.token_hex(4)}/{BASE}"
        probe = self._beat(clock, {})  # before the listing, in case this one is held up
        delete([probe])
        found: dict[str, dict[str, storage.Blob]] = {}
        for blob in self._listed(f"{self.root}/runs/"):
            name, _, path = blob.name.removeprefix(f"{self._prefix}runs/").partition("/")
            found.setdefault(name, {})[path] = blob
        runs = Runs()
        for name, objects in found.items():
            heard = {path for path, blob in objects.items() if probe.updated - blob.updated <= DEAD_AFTER}
            runs.owners |= {f"{name}/{path}" for path in heard if path.startswith(_ATTEMPT)}
            signed = objects.get(BASE)
            told = {} if signed is None else signed.metadata or {}
            lease = timedelta(seconds=float(told["lease"])) if "lease" in told else DEAD_AFTER
            if signed is not None and probe.updated - signed.updated <= lease:
                runs.living[name] = told.get("reads", "")
                runs.owners.add(name)
            elif REPORT not in objects:
                runs.dead.append(name)
            elif "lease" in told:
                runs.unreleased.append(name)
        return runs

    @contextmanager
    def _beating(self, path: str, metadata: Mapping[str, str]) -> Iterator[None]:
        """Renews an object of a run as long as the block; who wrote it removes it."""
        over = threading.Event()
        beating = threading.Thread(target=self._keep_beating, args=(path, metadata, over), daemon=True)
        beating.start()
        try:
            yield
        finally:
            over.set()
            beating.join()

    def _keep_beating(self, path: str, metadata: Mapping[str, str], over: threading.Event) -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            with suppress(OSError, UsageError):  # the next beat comes soon; only who misses them all is taken for dead
                self._beat(path, metadata)

    def _beat(self, path: str, metadata: Mapping[str, str]) -> storage.Blob:
        blob = self._bucket.blob(f"{self._prefix}runs/{path}")
        blob.metadata = dict(metadata)
        with self._explained():
            blob.upload_from_string(b"", timeout=HEARTBEAT_SECONDS)
        return blob

    def _signed(self, run: str) -> storage.Blob | None:
        return self._object(f"runs/{run}/{BASE}")

    def _is_renewed(self, signed: storage.Blob) -> bool:
        """Renews the lease of a run; says whether it was still as it is said to be, and not gone or another."""
        blob = self._bucket.blob(signed.name)
        blob.metadata = signed.metadata
        try:
            blob.upload_from_string(b"", timeout=HEARTBEAT_SECONDS, if_generation_match=signed.generation)
        except PreconditionFailed:
            return False
        return True

    def _named(self, run: str, attempt: str = "") -> Run:
        return Run(run, f"{self.root}/runs/{run}", attempt)

    def _object(self, path: str) -> storage.Blob | None:
        return self._bucket.get_blob(self._prefix + path)

    def _at(self, uri: str) -> storage.Blob:
        return self._bucket.blob(uri.removeprefix(f"gs://{self._bucket.name}/"))

    def _listed(self, uri: str) -> Iterator[storage.Blob]:
        yield from self._bucket.list_blobs(prefix=self._at(uri).name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the bucket refuses, in one line that says what to do."""
        try:
            yield
        except NotFound as error:
            raise UsageError(f"{self.root}: no such bucket, or no right to see it; make the bucket first") from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise OSError(f"{self.root}: {error}") from error


def delete(blobs: Sequence[storage.Blob]) -> None:
    """Deletes objects if they are there still, each of its generation alone: not what others have put in its place."""

    def remove(blob: storage.Blob) -> None:
        with suppress(NotFound):
            blob.delete()

    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        list(pool.map(remove, blobs))


def _reads(base: int | None) -> dict[str, str]:
    return {"reads": "" if base is None else str(base)}
