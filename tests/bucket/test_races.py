"""Jobs that race for one dataset in a bucket, or sleep over it: one publishes, nothing is broken (P1, P2)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from support.bucket_jobs import (
    PATIENCE,
    Sleeper,
    is_version_of,
    objects,
    publish,
    published,
    wait_for,
    written,
)
from support.profiles import every_combination

from pipelines.dataset.store import bucket_place, bucket_runs
from pipelines.dataset.store.bucket import BucketStore
from pipelines.dataset.store.bucket_place import delete
from pipelines.errors import AnotherJobPublishedError


@pytest.fixture
def kept_preconditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator passes over what a copy expects; here it is looked at."""
    real = bucket_runs.storage.Bucket.copy_blob

    def copy_blob(self: Any, blob: Any, place: Any, name: str, *, if_generation_match: int) -> Any:
        assert if_generation_match == 0
        if self.get_blob(name) is not None:
            raise bucket_runs.PreconditionFailed("there is one")
        return real(self, blob, place, name, if_generation_match=0)

    monkeypatch.setattr(bucket_runs.storage.Bucket, "copy_blob", copy_blob)


def test_publishing_twice_on_one_parent_is_refused(dataset: str) -> None:
    store = BucketStore(dataset)
    with written(store, "a") as (a, files_of_a), written(store, "b") as (b, files_of_b):
        store.publish(a, 1, None, files_of_a)
        generation = objects(dataset)["CURRENT"][0]
        with pytest.raises(AnotherJobPublishedError, match="run this job again"):
            store.publish(b, 1, None, files_of_b)
        assert objects(dataset)["CURRENT"][0] == generation
        for run in (a, b):
            store.remove(run.root)
    is_version_of(dataset, "a")


def test_of_many_concurrent_publishers_one_succeeds(dataset: str) -> None:
    seen, ready = published(dataset, "first"), threading.Barrier(5)

    def race(who: str) -> str | None:
        store = BucketStore(dataset)
        ready.wait(PATIENCE)
        with suppress(AnotherJobPublishedError):
            publish(store, who, 2, seen)
            return who
        return None

    with ThreadPoolExecutor(5) as pool:
        (publisher,) = filter(None, pool.map(race, ("a", "b", "c", "d", "e")))
    is_version_of(dataset, publisher, 2)


def test_a_job_waits_for_one_that_publishes_and_then_is_refused(dataset: str, short_lives: None) -> None:
    del short_lives
    store = Sleeper(dataset, "copying", silent=False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(publish, store, "slow", 1, None)
        assert store.asleep.wait(PATIENCE)
        second = pool.submit(publish, BucketStore(dataset), "late", 1, None)
        beats = {path: at for path, (at, _) in objects(dataset).items() if path.endswith("/base")}
        assert len(beats) >= 1
        first_beat = min(beats.values())
        # It lives for longer than the silent do.
        wait_for(
            lambda: min(at for path, (at, _) in objects(dataset).items() if path in beats) > first_beat + 1_500_000
        )
        assert not second.done()
        store.woken.set()
        first.result()
        with pytest.raises(AnotherJobPublishedError):
            second.result()
    is_version_of(dataset, "slow")


def test_a_job_goes_on_where_the_one_it_waited_for_fails(dataset: str) -> None:
    store = Sleeper(dataset, "copying", silent=False)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(publish, store, "broken", 1, None)
        assert store.asleep.wait(PATIENCE)
        second = pool.submit(publish, BucketStore(dataset), "next", 1, None)
        store.broken = True
        store.woken.set()
        with pytest.raises(OSError, match="out of order"):
            first.result()
        second.result()
    is_version_of(dataset, "next")


@pytest.mark.parametrize(("moment", "version"), every_combination(("claimed", "copying", "copied"), (1, 2)))
def test_a_suspended_publisher_that_was_overtaken_is_refused(
    dataset: str, short_lives: None, kept_preconditions: None, moment: str, version: int
) -> None:
    del short_lives, kept_preconditions
    seen = published(dataset, "first") if version == 2 else None
    store = Sleeper(dataset, moment)
    with ThreadPoolExecutor(1) as pool:
        slept = pool.submit(publish, store, "slept", version, seen)
        assert store.asleep.wait(PATIENCE)
        publish(BucketStore(dataset), "awake", version, seen)
        after = objects(f"{dataset}/versions")
        store.woken.set()
        with pytest.raises(AnotherJobPublishedError):
            slept.result()
    assert objects(f"{dataset}/versions") == after
    is_version_of(dataset, "awake", version)


@pytest.mark.parametrize("moment", ["claimed", "copying", "copied"])
def test_a_suspended_publisher_that_was_swept_leaves_nothing(
    dataset: str, short_lives: None, kept_preconditions: None, moment: str
) -> None:
    del short_lives, kept_preconditions
    seen, store = published(dataset, "first"), Sleeper(dataset, moment)
    before = {path: data for path, (_, data) in objects(dataset).items()}
    with ThreadPoolExecutor(1) as pool:
        slept = pool.submit(publish, store, "slept", 2, seen)
        assert store.asleep.wait(PATIENCE)
        wait_for(BucketStore(dataset).sweep)
        assert {path: data for path, (_, data) in objects(dataset).items()} == before
        store.woken.set()
        with pytest.raises(OSError, match="was considered dead, and removed; run this job again"):
            slept.result()
    assert {path: data for path, (_, data) in objects(dataset).items()} == before
    published(dataset, "second", 2)
    is_version_of(dataset, "second", 2)


@pytest.mark.parametrize("moment", ["claimed", "copied"])
def test_a_running_job_publishes_although_its_claim_was_discarded(dataset: str, moment: str) -> None:
    seen, store, other = published(dataset, "first"), Sleeper(dataset, moment, silent=False), BucketStore(dataset)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(publish, store, "stubborn", 2, seen)
        assert store.asleep.wait(PATIENCE)
        # As does somebody who saw the claim of a dead one there a moment ago, and was slow.
        assert other._replace_object("CURRENT", seen, other._current().generation, "") is not None
        delete(other._in_version(2)[0])
        store.woken.set()
        first.result()
    is_version_of(dataset, "stubborn", 2)


def test_an_answer_that_got_lost_makes_nobody_wait_for_itself(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = bucket_runs.storage.Blob.upload_from_string

    def twice(self: Any, data: Any, **options: Any) -> None:
        real(self, data, **options)
        if "if_generation_match" in options:
            real(self, data, **options)  # as the library does where the answer did not come

    monkeypatch.setattr(bucket_runs.storage.Blob, "upload_from_string", twice)
    published(dataset, "once")
    is_version_of(dataset, "once")


def test_what_goes_wrong_while_publishing_leaves_nothing(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, store = published(dataset, "first"), BucketStore(dataset)
    before, real, count = objects(dataset), store._bucket.copy_blob, iter(range(100))

    def copy_blob(*arguments: Any, **options: Any) -> Any:
        if next(count) == 3:
            raise bucket_place.GoogleAPIError("out of order")
        return real(*arguments, **options)

    monkeypatch.setattr(store._bucket, "copy_blob", copy_blob)
    with pytest.raises(OSError, match="out of order"):
        publish(store, "second", 2, seen)
    assert objects(dataset) == before
