"""A dataset in a bucket: generations of objects, server-side copies. The only module that knows google.cloud.storage.

A bucket knows no rename and no lock, so two things take their place. Who publishes a version first creates its
manifest, which only one can: an upload that expects no object there. And CURRENT is replaced by an upload that expects
the generation which was read before: whoever read an older one is refused (P2).
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

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
    join,
    version_folder,
)

HEARTBEAT_SECONDS = 10.0
DEAD_AFTER = timedelta(seconds=60)
"""A run that has not been heard of for so long, by the clock of the bucket, is taken for dead."""
_COPIES_AT_ONCE = 16
_WAIT_SECONDS = 0.5
_KNOWN = {"runs/", "versions/"}


@dataclass(frozen=True, slots=True)
class _Seen:
    """CURRENT as it is now.

    Attributes:
        data: None where nothing is published.
        generation: That the next upload has to expect; 0 where there is no object.
    """

    data: bytes | None
    generation: int


class BucketStore:
    """A dataset in a bucket."""

    def __init__(self, root: str) -> None:
        """Takes its URI, `gs://bucket/folder`.

        Raises:
            UsageError: That is none, or there are no credentials.
        """
        name, _, folder = root.removeprefix("gs://").strip("/").partition("/")
        if not name or not folder:
            raise UsageError(f"--dataset expects gs://BUCKET/FOLDER, got {root}")
        self._root = f"gs://{name}/{folder}"
        self._prefix = f"{folder}/"
        try:
            # Without a project, which nothing here needs, it would ask the metadata server of a virtual machine.
            self._bucket = storage.Client(project="-").bucket(name)
        except GoogleAuthError as error:
            raise UsageError(
                f"{root}: no credentials for Google Cloud Storage ({error}); run "
                "`gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS"
            ) from error

    @property
    def root(self) -> str:
        """See `Store`."""
        return self._root

    def pointer(self) -> bytes | None:
        """See `Store`."""
        with self._explained():
            return self._seen().data

    def check_free(self) -> None:
        """See `Store`."""
        with self._explained():
            listed = self._bucket.list_blobs(prefix=self._prefix, delimiter="/")
            objects = [blob.name for blob in listed if blob.name != self._prefix]
            folders = {each.removeprefix(self._prefix) for each in listed.prefixes}
        if objects or folders - _KNOWN:
            raise UsageError(
                f"{self.root} holds objects but no dataset ({CURRENT} is missing): name an empty or a new folder"
            )

    def numbers(self) -> list[int]:
        """See `Store`."""
        with self._explained():
            folders = self._folders("versions/")
            return sorted(int(name) for name in folders if name.isdigit() and self._manifest(int(name)).exists())

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`. A run that lives says so every few seconds, in an object of its own."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        run = Run(name, join(self.root, "runs", name))
        over = threading.Event()
        beat = self._heartbeat(name, base)
        beat()
        beating = threading.Thread(target=_beat, args=(beat, over), daemon=True)
        beating.start()
        try:
            self.sweep()
            yield run
        except BaseException:
            over.set()
            beating.join()
            self.remove(run.root)
            raise
        over.set()
        beating.join()
        self.remove(join(run.root, BASE))

    def publish(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> None:
        """See `Store`.

        Whoever dies in between leaves CURRENT as it was, and a claim that the next job takes over.
        """
        with self._explained():
            manifest = next(file for file in files if file.path == MANIFEST)
            text = self._bucket.blob(self._name(manifest.source)).download_as_bytes()
            now = self._claim(run, version, seen, text)
            target = f"{version_folder(version)}/"
            with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
                copies = [
                    pool.submit(self._copy, file.source, target + file.path) for file in files if file is not manifest
                ]
                for copy in copies:
                    copy.result()
            pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
            if not self._swap(json.dumps(pointer).encode(), now):
                raise self._overtaken()

    def sweep(self) -> list[str]:
        """See `Store`."""
        with self._explained():
            dead = [name for name in self._folders("runs/") if self._is_dead(name) and not self._has_report(name)]
            for name in dead:
                self.remove(join(self.root, "runs", name))
            return sorted(dead)

    def prune(self, keep: Collection[int]) -> list[int]:
        """See `Store`."""
        self.sweep()
        with self._explained():
            kept = set(keep)
            for name in self._folders("runs/"):
                blob = self._object(f"runs/{name}/{BASE}")
                if blob is not None and (text := blob.download_as_bytes().decode()):
                    kept.add(int(text))
            now = self._seen()
            current = 0 if now.data is None else int(json.loads(now.data)["version"])
            numbers = self.numbers()
            for number in numbers:
                if number > current:  # claimed, and not published: perhaps by somebody who is about to
                    self._take_over(number, now)
            removed = [number for number in numbers if number < current and number not in kept]
            for number in removed:
                self._manifest(number).delete()  # first: from here on nobody sees the version
                self.remove(join(self.root, version_folder(number)))
            return removed

    def remove(self, uri: str) -> None:
        """See `Store`."""
        with self._explained():
            name = self._name(uri)
            blobs = [blob for blob in self._bucket.list_blobs(prefix=name) if _is_below(blob.name, name)]
            with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
                list(pool.map(_delete, blobs))

    def _claim(self, run: Run, version: int, seen: bytes | None, manifest: bytes) -> _Seen:
        """Makes the version this run's to write; waits for one that is being published.

        Raises:
            AnotherJobPublishedError: CURRENT is not what the job has seen.
        """
        claim = self._manifest(version)
        while True:
            now = self._seen()
            if now.data != seen:
                raise self._overtaken()
            claim.metadata = {"run": run.id}
            try:
                claim.upload_from_string(manifest, content_type="application/json", if_generation_match=0)
            except PreconditionFailed:
                self._take_over(version, now)
                time.sleep(_WAIT_SECONDS)
            else:
                return now

    def _take_over(self, version: int, now: _Seen) -> None:
        """Puts away what a dead job has of a version; does nothing while the one that claims it lives.

        If that one only slept, it must not publish any more: CURRENT gets a new generation first, with what it says.
        """
        claim = self._object(f"{version_folder(version)}/{MANIFEST}")
        owner = None if claim is None else (claim.metadata or {}).get("run")
        if owner is None or not self._is_dead(owner):
            return
        nothing = json.dumps({"version": 0, "manifest": None}).encode()
        if self._swap(nothing if now.data is None else now.data, now):
            self.remove(join(self.root, version_folder(version)))

    def _seen(self) -> _Seen:
        while True:
            blob = self._object(CURRENT)
            if blob is None:
                return _Seen(None, 0)
            try:
                # Of this generation, in case it is replaced between the two requests.
                data = self._bucket.blob(blob.name, generation=blob.generation).download_as_bytes()
            except NotFound:
                continue
            is_nothing = json.loads(data).get("version") == 0 if data.startswith(b'{"version": 0,') else False
            return _Seen(None if is_nothing else data, int(blob.generation))

    def _swap(self, data: bytes, now: _Seen) -> bool:
        """Replaces CURRENT if it is as it was seen; returns whether it was."""
        blob = self._bucket.blob(self._prefix + CURRENT)
        blob.cache_control = "no-store"
        try:
            blob.upload_from_string(data, content_type="application/json", if_generation_match=now.generation)
        except PreconditionFailed:
            return False
        return True

    def _copy(self, source: str, path: str) -> None:
        blob = self._bucket.blob(self._name(source))
        try:
            self._bucket.copy_blob(blob, self._bucket, self._prefix + path, if_generation_match=0)
        except PreconditionFailed as error:
            raise self._overtaken() from error

    def _heartbeat(self, name: str, base: int | None) -> Callable[[], None]:
        blob = self._bucket.blob(f"{self._prefix}runs/{name}/{BASE}")
        text = "" if base is None else str(base)

        def beat() -> None:
            with self._explained():
                blob.upload_from_string(text)

        return beat

    def _is_dead(self, run: str) -> bool:
        """Whether a run has not been heard of for long, by the clock of the bucket."""
        beat = self._object(f"runs/{run}/{BASE}")
        if beat is None:
            return True
        probe = self._bucket.blob(f"{self._prefix}runs/.clock-{secrets.token_hex(4)}")
        probe.upload_from_string(b"")
        now = cast("datetime", probe.updated)
        _delete(probe)
        return bool(now - beat.updated > DEAD_AFTER)

    def _has_report(self, run: str) -> bool:
        return self._object(f"runs/{run}/{REPORT}") is not None

    def _manifest(self, number: int) -> storage.Blob:
        return self._bucket.blob(f"{self._prefix}{version_folder(number)}/{MANIFEST}")

    def _object(self, path: str) -> storage.Blob | None:
        return self._bucket.get_blob(self._prefix + path)

    def _folders(self, path: str) -> list[str]:
        """Names of the folders in one folder."""
        listed = self._bucket.list_blobs(prefix=self._prefix + path, delimiter="/")
        for _ in listed.pages:
            pass  # the prefixes are there once all pages were read
        return sorted(cast("Iterable[str]", (each.rstrip("/").rpartition("/")[2] for each in listed.prefixes)))

    def _name(self, uri: str) -> str:
        return uri.removeprefix(f"gs://{self._bucket.name}/")

    def _overtaken(self) -> AnotherJobPublishedError:
        return AnotherJobPublishedError(
            f"another job published a version of {self.root} meanwhile; run this job again on top of it"
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the bucket refuses, in one line that says what to do."""
        try:
            yield
        except NotFound as error:
            raise UsageError(
                f"{self.root}: there is no such bucket, or no right to see it ({error.message}); make the bucket first"
            ) from error
        except (GoogleAPIError, GoogleAuthError) as error:
            raise OSError(f"{self.root}: {error}") from error


def _beat(beat: Callable[[], None], over: threading.Event) -> None:
    while not over.wait(HEARTBEAT_SECONDS):
        with suppress(OSError):  # the next beat comes soon; only who misses them all is taken for dead
            beat()


def _is_below(name: str, folder: str) -> bool:
    return name == folder or name.startswith(f"{folder}/")


def _delete(blob: storage.Blob) -> None:
    try:
        blob.delete()
    except NotFound:
        return  # somebody else removes the same
