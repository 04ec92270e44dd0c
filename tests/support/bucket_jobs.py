"""Jobs on a dataset in a bucket, without exports: they publish small versions, and sleep where a test wants them to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from support.bucket import handle, put
from support.runs import GROUPS, PRIVATE

from pipelines.dataset.store import bucket_place
from pipelines.dataset.store.base import Run, VersionFile
from pipelines.dataset.store.bucket import BucketStore

PATIENCE = 120.0
NAMES = tuple(f"{group}/part-0000{number}-of-00002.avro" for group in GROUPS for number in range(2))
OWN = "part-00000-of-00001.avro"


class Sleeper(BucketStore):
    """A store whose job is silent from a moment on, and stops there until it is let go.

    Attributes:
        moment: `claimed`, `copying` or `copied`.
        broken: Whether it cannot copy any more when it wakes up.
    """

    def __init__(self, root: str, moment: str, *, silent: bool = True) -> None:
        super().__init__(root)
        self.moment, self.silent, self.broken = moment, silent, False
        self.asleep, self.woken = threading.Event(), threading.Event()

    def _send_heartbeats(self, *arguments: Any) -> None:
        if not self.silent:
            super()._send_heartbeats(*arguments)

    def _replace_object(self, path: str, data: bytes, generation: int, run: str) -> Any:
        blob = super()._replace_object(path, data, generation, run)
        if self.moment == "claimed" and path.endswith("/manifest.json") and not self.asleep.is_set():
            self._sleep()
        return blob

    def _copy_files(self, now: Any, claim: Any, copies: list[Any], files: Any) -> bool:
        fill = super()._copy_files
        if self.moment == "claimed" or self.asleep.is_set():
            return fill(now, claim, copies, files)
        if self.moment == "copied":
            done = fill(now, claim, copies, files)
            self._sleep()
            return done
        bucket, real, lock, begun = self._bucket, self._bucket.copy_blob, threading.Lock(), iter(range(100))

        def copy_blob(*arguments: Any, **options: Any) -> Any:
            with lock:  # so that none is under way when it falls asleep
                if next(begun) == 3:
                    self._sleep()  # and those that wait for the lock sleep too
                if self.broken:
                    raise bucket_place.GoogleAPIError("out of order")
                return real(*arguments, **options)

        bucket.copy_blob = copy_blob
        return fill(now, claim, copies, files)

    def _sleep(self) -> None:
        self.asleep.set()
        assert self.woken.wait(PATIENCE)


@contextmanager
def written(store: BucketStore, who: str, base: int | None = None) -> Iterator[tuple[Run, list[VersionFile]]]:
    """A run that has written a version which says everywhere whose it is."""
    with store.run(base) as run:
        manifest = json.dumps({"format": 4, "files": [], "who": who}).encode()
        for name in (*NAMES, f"{who}/{OWN}", "manifest.json"):
            put(f"{run.root}/{name}", manifest if name == "manifest.json" else who.encode())
        yield run, [VersionFile(f"{run.root}/{name}", name) for name in (*NAMES, f"{who}/{OWN}", "manifest.json")]


def publish(store: BucketStore, who: str, version: int, seen: bytes | None) -> None:
    with written(store, who, version - 1 or None) as (run, files):
        store.publish(run, version, seen, files)
        store.remove(run.root)


def published(dataset: str, who: str, version: int = 1) -> bytes:
    """Publishes, and returns what CURRENT says then."""
    store = BucketStore(dataset)
    publish(store, who, version, store.pointer())
    pointer = store.pointer()
    assert pointer is not None
    return pointer


def objects(uri: str) -> dict[str, tuple[int, bytes]]:
    """Path to generation and bytes of what is below a URI, but for what says whose dataset it is."""
    place, _, prefix = uri.removeprefix("gs://").partition("/")
    found = {}
    for blob in handle(place).list_blobs(prefix=f"{prefix}/"):
        if PRIVATE in blob.name.split("/"):
            continue
        with suppress(bucket_place.NotFound):  # it went meanwhile
            found[blob.name.removeprefix(f"{prefix}/")] = (blob.generation, blob.download_as_bytes())
    return found


def is_version_of(dataset: str, who: str, version: int = 1) -> None:
    """Asserts that a version is current and whole, and that beside older ones nothing else is there."""
    folder = f"versions/{version:06d}"
    found = {path: data for path, (_, data) in objects(dataset).items()}
    assert json.loads(found.pop("CURRENT")) == {"version": version, "manifest": f"{folder}/manifest.json"}
    assert json.loads(found.pop(f"{folder}/manifest.json"))["who"] == who
    found = {path: data for path, data in found.items() if path.startswith(folder) or not path.startswith("versions/")}
    assert found == {f"{folder}/{name}": who.encode() for name in (*NAMES, f"{who}/{OWN}")}


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
