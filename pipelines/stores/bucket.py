"""A dataset in a bucket: generations of objects, server-side copies.

This module and `bucket_runs` are the only ones that ask google.cloud.storage for anything of a dataset.

A bucket knows no rename and no lock. Two things take their place (P2):

- Who publishes a version makes its manifest first, the claim, by an upload that expects no object there.
- CURRENT is replaced by an upload that expects the generation which was read before the claim was made. Who puts away
  the claim of a job that seems dead gives CURRENT a new generation first: if that job only slept, it is refused.
"""

import json
import secrets
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from pipelines.errors import AnotherJobPublishedError, UsageError
from pipelines.stores.bucket_runs import REQUESTS_AT_ONCE, BucketRuns, delete
from pipelines.stores.marker import MANIFESTS, PRIVATE, record, record_path
from pipelines.stores.store import CURRENT, LEFT, MANIFEST, Placed, Run, version_folder

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


class BucketStore(BucketRuns):
    """A dataset in a bucket; `root` is its URI, without a slash at the end."""

    def pointer(self) -> bytes | None:
        """See `Store`."""
        with self._explained():
            return self._seen().data

    def recorded(self, number: int) -> bytes | None:
        """See `Store`."""
        with self._explained():
            blob = self._object(record_path(number))
            try:
                return None if blob is None else bytes(blob.download_as_bytes())
            except NotFound:
                return None

    def check_free(self) -> None:
        """See `Store`."""
        with self._explained():
            found = self._entries("") - {"", CURRENT, "runs/", "versions/", f"{PRIVATE}/"}
        if found:
            raise UsageError(f"{self.root} holds objects but no dataset ({CURRENT} is missing): name an empty folder")

    def numbers(self) -> list[int]:
        """See `Store`."""
        with self._explained(), ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            numbers = self._folders()
            return [number for number, claim in zip(numbers, pool.map(self._claim_on, numbers), strict=True) if claim]

    def publish(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> None:
        """See `Store`. Whoever dies in between leaves CURRENT as it was, and a claim that the next job puts away."""
        with self._explained():
            try:
                while not self._is_published(run, version, seen, files):
                    pass  # put away by somebody who perhaps does not publish, or in the way of one who was put away
            except (AnotherJobPublishedError, NotFound) as error:
                if self._has_published(run, version):
                    return
                if self._seen().data != seen:
                    raise AnotherJobPublishedError(_OVERTAKEN.format(self.root)) from error
                raise OSError(f"{run.root} was taken for dead, and put away; run this job again ({error})") from error

    def sweep(self) -> list[str]:
        """See `Store`."""
        with self._explained():
            runs = self._runs()
            for name in runs.dead:
                self.remove(f"{self.root}/runs/{name}")
            for name in runs.unreleased:
                self.clear(self._named(name), LEFT)
                self.release(self._named(name))
            now = self._seen()
            for number in self._folders():
                if number > now.version and (claim := self._claim_on(number)) is not None:
                    self._put_away(claim, number, now)
            self._remove_unused_records()
            return runs.dead

    def prune(self, keep: Collection[int]) -> list[int]:
        """See `Store`."""
        self.sweep()
        with self._explained():
            kept = {*keep, *(int(base) for base in self._runs().living.values() if base)}
            current, there = self._seen().version, self.numbers()
            removed = [number for number in there if number < current and number not in kept]
            for number in self._folders():
                if number in removed or (number < current and number not in there):  # its removal was cut short
                    folder = f"{self.root}/{version_folder(number)}"
                    self.remove(f"{folder}/{MANIFEST}")  # first: from here on nobody sees the version
                    self.remove(folder)
            self._remove_unused_records()
            return removed

    def _is_published(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> bool:
        """Tries to publish; where that is refused, or fails before CURRENT is replaced, nothing of the try stays."""
        (manifest,) = (file for file in files if file.path == MANIFEST)
        data = self._at(manifest.source).download_as_bytes()
        now, claim = self._claim(run, version, seen, data)
        recorded = self._generation(record_path(version))  # before the claim is looked at again, in `_is_filled`
        copies: list[storage.Blob] = []
        with ExitStack() as failing:
            failing.callback(delete, [claim])  # last: until then nobody else makes the version
            failing.callback(delete, copies)
            if not self._is_filled(now, claim, copies, files):
                return False
            if not self._is_recorded(run, version, data, claim, recorded):
                return False
            # An error from here on leaves open whether CURRENT was replaced: all stays, for the next job to see.
            refused = failing.pop_all()
        pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
        is_moved = self._put(CURRENT, json.dumps(pointer).encode(), now.generation, _owner(run)) is not None
        if not is_moved:
            refused.close()
        return is_moved

    def _is_recorded(self, run: Run, version: int, manifest: bytes, claim: storage.Blob, generation: int) -> bool:
        """Records the manifest of a version that this run has claimed; False where the claim was put away.

        The record is replaced only if it is of the generation that was seen when the claim was made, or if the claim
        still stands: who slept, and was overtaken, does not write over what the other one recorded.
        """
        while self._put(record_path(version), record(version, manifest), generation, _owner(run)) is None:
            generation = self._generation(record_path(version))
            now = self._claim_on(version)
            if now is None or now.generation != claim.generation:
                return False
        return True

    def _remove_unused_records(self) -> None:
        """Removes what is recorded of versions that are not there."""
        records = list(self._listed(f"{self.root}/{MANIFESTS}/"))  # before the claims, which are older than they are
        there = {f"{self._prefix}{record_path(number)}" for number in self.numbers()} if records else set()
        delete([blob for blob in records if blob.name not in there])

    def _generation(self, path: str) -> int:
        blob = self._object(path)
        return 0 if blob is None else int(blob.generation)

    def _has_published(self, run: Run, version: int) -> bool:
        """Whether an earlier try of this very run has published: who holds the claim when CURRENT moves is the one."""
        claim = self._claim_on(version)
        owner = "" if claim is None else (claim.metadata or {}).get("run", "")
        return owner.partition("/")[0] == run.id and self._seen().version >= version

    def _claim(self, run: Run, version: int, seen: bytes | None, manifest: bytes) -> tuple[_Seen, storage.Blob]:
        """Makes a version this run's to write, once nobody else does; returns CURRENT as it was, and the manifest."""
        while True:
            now = self._seen()
            if now.data != seen:
                raise AnotherJobPublishedError(_OVERTAKEN.format(self.root))
            if (other := self._claim_on(version)) is not None:
                self._put_away(other, version, now)
                time.sleep(_WAIT_SECONDS)
            elif claim := self._put(f"{version_folder(version)}/{MANIFEST}", manifest, 0, _owner(run)):
                return now, claim

    def _put_away(self, claim: storage.Blob, version: int, now: _Seen) -> None:
        """Puts away what a dead job has of a version; does nothing while the one that claims it lives.

        If that one only slept, it must not publish any more: CURRENT gets a new generation first, with what it says.
        """
        owner = (claim.metadata or {}).get("run", "")
        if (
            owner not in self._runs().owners
            and self._put(CURRENT, now.data or _NOTHING, now.generation, owner) is not None
        ):
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
        delete(left)  # of the dead
        try:
            with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
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

    def _claim_on(self, number: int) -> storage.Blob | None:
        return self._object(f"{version_folder(number)}/{MANIFEST}")

    def _folders(self) -> list[int]:
        """The numbers of all versions of which anything is there, ascending."""
        names = (entry.partition("/")[0] for entry in self._entries("versions/"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _entries(self, path: str) -> set[str]:
        """Names of the objects, and with a slash of the folders, in one folder."""
        listed = self._bucket.list_blobs(prefix=self._prefix + path, delimiter="/")
        names = [blob.name for blob in listed]  # the folders are there once all pages were read
        return {name.removeprefix(self._prefix + path) for name in (*names, *listed.prefixes)}


def _owner(run: Run) -> str:
    """What says whose a claim is: the object of a run that is renewed while somebody publishes."""
    return f"{run.id}/{run.attempt}" if run.attempt else run.id
