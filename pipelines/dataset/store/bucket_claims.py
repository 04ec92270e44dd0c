"""Publishes versions of a dataset in a bucket by conditional uploads: a job claims a version, then replaces CURRENT.

A bucket has no rename and no lock. Two conditional uploads take their place (P2):

- A job claims a version by uploading its manifest first, on the condition that no such object exists.
- It replaces CURRENT on the condition that CURRENT still has the generation which was read before the claim. A job that
  discards the claim of a job considered dead first gives CURRENT a new generation, with the same content: if the other
  job was only suspended, its replacement of CURRENT is refused.
"""

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud import storage

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.paths import CURRENT, MANIFEST, record_path, version_folder
from pipelines.dataset.documents.writing import pointer, record
from pipelines.dataset.store.base import Run, VersionFile
from pipelines.dataset.store.bucket_place import OWNER, REQUESTS_AT_ONCE, delete
from pipelines.dataset.store.bucket_runs import BucketRuns
from pipelines.errors import AnotherJobPublishedError, ForeignFilesError

_WAIT_SECONDS = 0.5
_OVERTAKEN = "another job published a version of {} meanwhile; run this job again on top of it"
_IN_THE_WAY = (
    "{} was put there by somebody else while the job ran; nothing was published, and it is left as it is: run the job "
    "again, which then takes the next number"
)
_UNPUBLISHED_POINTER = b'{"version": 0, "manifest": null}'
"""Content of CURRENT if nothing is published and the claim of an abandoned job was discarded."""
PRUNED, UNPUBLISHED = ".pruned", ".unpublished"
"""Suffixes of the notes about removed versions; whoever finds a `.pruned` note completes the removal."""


@dataclass(frozen=True, slots=True)
class _Pointer:
    """CURRENT as it was read.

    Attributes:
        data: Its content, None if nothing is published.
        generation: Its generation, 0 if there is no object; a replacement is conditional on it.
        root: URI of the dataset.
    """

    data: bytes | None
    generation: int
    root: str

    @property
    def version(self) -> int:
        return reading.pointer(self.data, self.root)


class BucketClaims(BucketRuns):
    """Claims on versions, and the pointer to the current one; `root` is the URI of the dataset."""

    def publish(
        self, run: Run, version: int, expected: bytes | None, files: Sequence[VersionFile], *, fsync: bool = True
    ) -> None:
        """See `Store`; `fsync` has no effect, because a bucket acknowledges only what it has stored.

        A job that dies before the last step leaves CURRENT unchanged, and a claim that the next job discards.
        """
        del fsync
        with self._translating_errors():
            try:
                while not self._try_to_publish(run, version, expected, files):
                    pass  # the claim was discarded by a job that may not publish, or CURRENT changed: try again
            except (AnotherJobPublishedError, NotFound) as error:
                if self._has_published(run, version):
                    return
                if self._current().data != expected:
                    raise AnotherJobPublishedError(_OVERTAKEN.format(self.root)) from error
                raise OSError(f"{run.root} was considered dead, and removed; run this job again ({error})") from error

    def _is_free(self, number: int) -> bool:
        """Whether the folder of an unpublished version has only files of jobs on this dataset, or none."""
        own, foreign = self._in_version(number)
        claims = [blob for blob in own if blob.name.endswith(f"/{MANIFEST}")]
        if foreign:
            return False
        return any(map(self._is_own, claims)) or not own or note(number, UNPUBLISHED) in self._removed()

    def _try_to_publish(self, run: Run, version: int, expected: bytes | None, files: Sequence[VersionFile]) -> bool:
        """Tries to publish once; if that is refused or fails before CURRENT is replaced, the attempt is undone."""
        (manifest,) = (file for file in files if file.path == MANIFEST)
        data = self._blob_at(manifest.source).download_as_bytes()
        now, claim = self._claim(run, version, expected, data)
        recorded = self._generation(record_path(version))  # before the claim is checked again, in `_copy_files`
        copies: list[storage.Blob] = []
        with ExitStack() as failing:
            failing.callback(delete, [claim])  # last: until then nobody else can claim the version
            failing.callback(delete, copies)
            if not self._copy_files(now, claim, copies, files):
                return False
            if not self._record_manifest(run, version, data, claim, recorded):
                return False
            # After an error from here on CURRENT may have been replaced or not: everything is kept for the next job.
            refused = failing.pop_all()
        is_moved = self._replace_object(CURRENT, pointer(version), now.generation, _owner(run)) is not None
        if not is_moved:
            refused.close()
        return is_moved

    def _record_manifest(self, run: Run, version: int, manifest: bytes, claim: storage.Blob, generation: int) -> bool:
        """Records the manifest of a version that this run has claimed; False if the claim was discarded.

        The record is replaced only if it still has the generation that was read when the claim was made, or if the
        claim still exists: a job that was suspended and overtaken does not overwrite the record of the other job.
        """
        while self._replace_object(record_path(version), record(version, manifest), generation, _owner(run)) is None:
            generation = self._generation(record_path(version))
            now = self._claim_on(version)
            if now is None or now.generation != claim.generation:
                return False
        return True

    def _generation(self, path: str) -> int:
        blob = self._object(path)
        return 0 if blob is None else int(blob.generation)

    def _has_published(self, run: Run, version: int) -> bool:
        """Whether another attempt of this run has published: the job whose claim exists when CURRENT changes has."""
        claim = self._claim_on(version)
        owner = "" if claim is None else (claim.metadata or {}).get("run", "")
        return owner.partition("/")[0] == run.id and self._current().version >= version

    def _claim(self, run: Run, version: int, expected: bytes | None, manifest: bytes) -> tuple[_Pointer, storage.Blob]:
        """Claims a version for this run, after other claims are discarded; returns CURRENT and the manifest object."""
        while True:
            now = self._current()
            if now.data != expected:
                raise AnotherJobPublishedError(_OVERTAKEN.format(self.root))
            if (other := self._claim_on(version)) is not None:
                if not self._is_own(other):
                    raise ForeignFilesError(_IN_THE_WAY.format(f"{self.root}/{version_folder(version)}"))
                self._discard_claim(other, version, now)
                time.sleep(_WAIT_SECONDS)
            elif claim := self._replace_object(f"{version_folder(version)}/{MANIFEST}", manifest, 0, _owner(run)):
                return now, claim

    def _discard_claim(self, claim: storage.Blob, version: int, now: _Pointer) -> None:
        """Discards the claim of an abandoned job and its files; does nothing while that job is alive.

        If that job was only suspended, it must not publish later: so CURRENT first gets a new generation with the same
        content.
        """
        owner = (claim.metadata or {}).get("run", "")
        if owner in self._runs().owners:
            return
        self._note_removed(note(version, UNPUBLISHED))  # a suspended job may still copy files later
        if self._replace_object(CURRENT, now.data or _UNPUBLISHED_POINTER, now.generation, owner) is not None:
            delete(self._in_version(version)[0])

    def _copy_files(
        self, now: _Pointer, claim: storage.Blob, copies: list[storage.Blob], files: Sequence[VersionFile]
    ) -> bool:
        """Copies files into the folder of a version, and adds them to `copies`; False if the claim was lost."""

        def copy(file: VersionFile) -> None:
            source, name = self._blob_at(file.source), folder + file.path
            copies.append(self._bucket.copy_blob(source, self._bucket, name, if_generation_match=0))

        folder = claim.name.removesuffix(MANIFEST)
        number = int(folder.rstrip("/").rpartition("/")[2])
        own, foreign = self._in_version(number)
        left = [blob for blob in own if blob.generation != claim.generation]
        if self._current() != now:
            return False  # the claim was discarded, and the files may be those of the next job
        if foreign or (left and note(number, UNPUBLISHED) not in self._removed()):
            raise ForeignFilesError(_IN_THE_WAY.format(f"{self.root}/{version_folder(number)}"))
        delete(left)  # files of abandoned jobs
        try:
            with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
                list(pool.map(copy, (file for file in files if file.path != MANIFEST)))
        except PreconditionFailed:
            return False
        return True

    def _current(self) -> _Pointer:
        while (blob := self._object(CURRENT)) is not None:
            with suppress(NotFound):  # it was replaced between the two requests
                data = self._bucket.blob(blob.name, generation=blob.generation).download_as_bytes()
                return _Pointer(None if data == _UNPUBLISHED_POINTER else data, int(blob.generation), self.root)
        return _Pointer(None, 0, self.root)

    def _replace_object(self, path: str, data: bytes, generation: int, run: str) -> storage.Blob | None:
        """Replaces an object if it has this generation, 0 for no object; returns the new one, None if refused."""
        blob = self._bucket.blob(self._prefix + path)
        blob.cache_control = "no-store"
        blob.metadata = put = {"run": run, "put": secrets.token_hex(8), OWNER: self._id}
        try:
            blob.upload_from_string(data, content_type="application/json", if_generation_match=generation)
        except PreconditionFailed:
            # If the answer was lost and the library repeated the request, the object in the way is this one.
            there = self._object(path)
            return there if there is not None and there.metadata == put else None
        return blob


def note(number: int, kind: str) -> str:
    """Name of the note about the removal of a version."""
    return f"{version_folder(number).rpartition('/')[2]}{kind}"


def _owner(run: Run) -> str:
    """Owner of a claim: the run, or the attempt, whose heartbeat shows that it is alive."""
    return f"{run.id}/{run.attempt}" if run.attempt else run.id
