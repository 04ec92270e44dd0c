"""A dataset in a bucket: generations of objects, server-side copies. The only module that knows google.cloud.storage.

A bucket knows no rename and no lock. Two things take their place (P2):

- Who publishes a version makes its manifest first, the claim, by an upload that expects no object there.
- CURRENT is replaced by an upload that expects the generation which was read before the claim was made. Who puts away
  the claim of a job that seems dead gives CURRENT a new generation first: if that job only slept, it is refused.
"""

import json
import secrets
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage

from pipelines.config import UsageError
from pipelines.stores.store import (
    BASE,
    CURRENT,
    MANIFEST,
    REPORT,
    AnotherJobPublishedError,
    Placed,
    Run,
    version_folder,
)

HEARTBEAT_SECONDS = 10.0
DEAD_AFTER = timedelta(seconds=60)
"""A run that has not been heard of for so long, by the clock of the bucket, is taken for dead."""
_REQUESTS_AT_ONCE = 8  # of the 10 connections that the library keeps
_WAIT_SECONDS = 0.5
_OVERTAKEN = "another job published a version of {} meanwhile; run this job again on top of it"
_NOTHING = b'{"version": 0, "manifest": null}'
"""CURRENT where nothing is published, and the claim of a dead job was put away."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """CURRENT as it is now, None and 0 where nothing is published; who replaces it has to expect its generation."""

    data: bytes | None
    generation: int

    @property
    def version(self) -> int:
        return 0 if self.data is None else int(json.loads(self.data)["version"])


class BucketStore:
    """A dataset in a bucket; `root` is its URI, without a slash at the end."""

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

    def pointer(self) -> bytes | None:
        """See `Store`."""
        with self._explained():
            return self._seen().data

    def check_free(self) -> None:
        """See `Store`."""
        with self._explained():
            found = self._entries("") - {"", CURRENT, "runs/", "versions/"}
        if found:
            raise UsageError(f"{self.root} holds objects but no dataset ({CURRENT} is missing): name an empty folder")

    def numbers(self) -> list[int]:
        """See `Store`."""
        with self._explained(), ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            numbers = self._folders()
            return [number for number, claim in zip(numbers, pool.map(self._claim_on, numbers), strict=True) if claim]

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`. A run that lives says so every few seconds, in an object of its own."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        run = Run(name, f"{self.root}/runs/{name}")
        self._beat(name, base)
        over = threading.Event()
        beating = threading.Thread(target=self._keep_beating, args=(name, base, over), daemon=True)
        beating.start()
        leftover = run.root
        try:
            self.sweep()
            yield run
            leftover = f"{run.root}/{BASE}"
        finally:
            over.set()
            beating.join()
            self.remove(leftover)

    def publish(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> None:
        """See `Store`. Whoever dies in between leaves CURRENT as it was, and a claim that the next job puts away."""
        with self._explained():
            try:
                while not self._is_published(run, version, seen, files):
                    pass  # put away by somebody who perhaps does not publish, or in the way of one who was put away
            except NotFound as error:
                if self._seen().data != seen:
                    raise AnotherJobPublishedError(_OVERTAKEN.format(self.root)) from error
                raise OSError(f"{run.root} was taken for dead, and put away; run this job again ({error})") from error

    def sweep(self) -> list[str]:
        """See `Store`."""
        with self._explained():
            dead = self._runs()[1]
            for name in dead:
                self.remove(f"{self.root}/runs/{name}")
            now = self._seen()
            for number in self._folders():
                if number > now.version and (claim := self._claim_on(number)) is not None:
                    self._put_away(claim, number, now)
            return dead

    def prune(self, keep: Collection[int]) -> list[int]:
        """See `Store`."""
        self.sweep()
        with self._explained():
            kept = {*keep, *(int(base) for base in self._runs()[0].values() if base)}
            current, there = self._seen().version, self.numbers()
            removed = [number for number in there if number < current and number not in kept]
            for number in self._folders():
                if number in removed or (number < current and number not in there):  # its removal was cut short
                    folder = f"{self.root}/{version_folder(number)}"
                    self.remove(f"{folder}/{MANIFEST}")  # first: from here on nobody sees the version
                    self.remove(folder)
            return removed

    def remove(self, uri: str) -> None:
        """See `Store`."""
        with self._explained():
            name = self._at(uri).name
            listed = self._bucket.list_blobs(prefix=name)
            _delete([blob for blob in listed if blob.name == name or blob.name.startswith(f"{name}/")])

    def _is_published(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> bool:
        """Tries to publish; where that is refused, or fails before CURRENT is replaced, nothing of the try stays."""
        (manifest,) = (file for file in files if file.path == MANIFEST)
        now, claim = self._claim(run, version, seen, self._at(manifest.source).download_as_bytes())
        copies: list[storage.Blob] = []
        with ExitStack() as failing:
            failing.callback(_delete, [claim])  # last: until then nobody else makes the version
            failing.callback(_delete, copies)
            if not self._is_filled(now, claim, copies, files):
                return False
            # An error from here on leaves open whether CURRENT was replaced: all stays, for the next job to see.
            refused = failing.pop_all()
        pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
        is_moved = self._put(CURRENT, json.dumps(pointer).encode(), now.generation, run.id) is not None
        if not is_moved:
            refused.close()
        return is_moved

    def _claim(self, run: Run, version: int, seen: bytes | None, manifest: bytes) -> tuple[_Seen, storage.Blob]:
        """Makes a version this run's to write, once nobody else does; returns CURRENT as it was, and the manifest."""
        while True:
            now = self._seen()
            if now.data != seen:
                raise AnotherJobPublishedError(_OVERTAKEN.format(self.root))
            if (other := self._claim_on(version)) is not None:
                self._put_away(other, version, now)
                time.sleep(_WAIT_SECONDS)
            elif claim := self._put(f"{version_folder(version)}/{MANIFEST}", manifest, 0, run.id):
                return now, claim

    def _put_away(self, claim: storage.Blob, version: int, now: _Seen) -> None:
        """Puts away what a dead job has of a version; does nothing while the one that claims it lives.

        If that one only slept, it must not publish any more: CURRENT gets a new generation first, with what it says.
        """
        owner = (claim.metadata or {}).get("run", "")
        if owner not in self._runs()[0] and self._put(CURRENT, now.data or _NOTHING, now.generation, owner) is not None:
            self.remove(f"{self.root}/{version_folder(version)}")

    def _is_filled(self, now: _Seen, claim: storage.Blob, copies: list[storage.Blob], files: Sequence[Placed]) -> bool:
        """Copies files to where a version has them, and lists the copies; says whether nothing was in the way."""

        def copy(file: Placed) -> None:
            source, name = self._at(file.source), folder + file.path
            copies.append(self._bucket.copy_blob(source, self._bucket, name, if_generation_match=0))

        folder = claim.name.removesuffix(MANIFEST)
        left = [blob for blob in self._bucket.list_blobs(prefix=folder) if blob.generation != claim.generation]
        if self._seen() != now:
            return False  # the claim was put away, and what is there may be of the next one
        _delete(left)  # of the dead
        try:
            with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
                list(pool.map(copy, (file for file in files if file.path != MANIFEST)))
        except PreconditionFailed:
            return False
        return True

    def _seen(self) -> _Seen:
        while (blob := self._object(CURRENT)) is not None:
            with suppress(NotFound):  # it is replaced between the two requests
                data = self._bucket.blob(blob.name, generation=blob.generation).download_as_bytes()
                return _Seen(None if data == _NOTHING else data, int(blob.generation))
        return _Seen(None, 0)

    def _put(self, path: str, data: bytes, generation: int, run: str) -> storage.Blob | None:
        """Replaces an object of this generation, 0 for none; returns the new one, None where another one is there."""
        blob = self._bucket.blob(self._prefix + path)
        blob.cache_control = "no-store"
        blob.metadata = put = {"run": run, "put": secrets.token_hex(8)}
        try:
            blob.upload_from_string(data, content_type="application/json", if_generation_match=generation)
        except PreconditionFailed:
            # If the answer got lost and the library asked again, what is in the way is this very object.
            there = self._object(path)
            return there if there is not None and there.metadata == put else None
        return blob

    def _runs(self) -> tuple[dict[str, str], list[str]]:
        """The runs that live, each with the version that it reads; and those that died without a report."""
        probe = self._beat(f".clock-{secrets.token_hex(4)}", None)  # before the listing, in case this one is held up
        _delete([probe])
        found: dict[str, dict[str, storage.Blob]] = {}
        for blob in self._bucket.list_blobs(prefix=f"{self._prefix}runs/"):
            name, _, path = blob.name.removeprefix(f"{self._prefix}runs/").partition("/")
            found.setdefault(name, {})[path] = blob
        beats = {name: objects[BASE] for name, objects in found.items() if BASE in objects}
        living = {name: beat for name, beat in beats.items() if probe.updated - beat.updated <= DEAD_AFTER}
        dead = [name for name, objects in found.items() if name not in living and REPORT not in objects]
        return {name: (beat.metadata or {}).get("reads", "") for name, beat in living.items()}, dead

    def _beat(self, run: str, base: int | None) -> storage.Blob:
        blob = self._bucket.blob(f"{self._prefix}runs/{run}/{BASE}")
        blob.metadata = {"reads": "" if base is None else str(base)}
        with self._explained():
            blob.upload_from_string(b"", timeout=HEARTBEAT_SECONDS)
        return blob

    def _keep_beating(self, run: str, base: int | None, over: threading.Event) -> None:
        while not over.wait(HEARTBEAT_SECONDS):
            with suppress(OSError, UsageError):  # the next beat comes soon; only who misses them all is taken for dead
                self._beat(run, base)

    def _claim_on(self, number: int) -> storage.Blob | None:
        return self._object(f"{version_folder(number)}/{MANIFEST}")

    def _object(self, path: str) -> storage.Blob | None:
        return self._bucket.get_blob(self._prefix + path)

    def _at(self, uri: str) -> storage.Blob:
        return self._bucket.blob(uri.removeprefix(f"gs://{self._bucket.name}/"))

    def _folders(self) -> list[int]:
        """The numbers of all versions of which anything is there, ascending."""
        names = (entry.partition("/")[0] for entry in self._entries("versions/"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _entries(self, path: str) -> set[str]:
        """Names of the objects, and with a slash of the folders, in one folder."""
        listed = self._bucket.list_blobs(prefix=self._prefix + path, delimiter="/")
        names = [blob.name for blob in listed]  # the folders are there once all pages were read
        return {name.removeprefix(self._prefix + path) for name in (*names, *listed.prefixes)}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the bucket refuses, in one line that says what to do."""
        try:
            yield
        except NotFound as error:
            raise UsageError(f"{self.root}: no such bucket, or no right to see it; make the bucket first") from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise OSError(f"{self.root}: {error}") from error


def _delete(blobs: Sequence[storage.Blob]) -> None:
    """Deletes objects if they are there still, each of its generation alone: not what others have put in its place."""

    def delete(blob: storage.Blob) -> None:
        with suppress(NotFound):
            blob.delete()

    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        list(pool.map(delete, blobs))
