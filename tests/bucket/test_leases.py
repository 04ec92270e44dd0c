"""A run that nobody waits for lives by its lease: no sweep and no prune takes what it needs before it is over."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.bucket import put
from support.bucket_jobs import wait_for
from support.detached_jobs import Engine, report, runs, submitted, versions
from support.runs import an_item, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store import bucket_runs
from pipelines.dataset.store.base import LEASE, RENEWAL_INTERVAL, Run, Store, VersionFile
from pipelines.dataset.store.bucket import BucketStore
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.store.local_runs import LEASED
from pipelines.dataset.versions import Dataset
from pipelines.errors import RunLostError
from pipelines.ingest import publish_step
from pipelines.ingest.publish_step import KeepLease

pytestmark = pytest.mark.usefixtures("without_beam")  # leases are looked at, not who does the job
SHORT = timedelta(seconds=2)


class Clock:
    """Lets leases run out: in a directory by the dates of files, in a bucket by waiting for short ones."""

    def __init__(self, dataset: str) -> None:
        self.local = not dataset.startswith("gs://")

    def runs_out(self, dataset: str, run: str) -> None:
        if self.local:
            self.ages(dataset, run, LEASE + timedelta(seconds=1))
        else:
            time.sleep(SHORT.total_seconds() + 0.1)

    @staticmethod
    def ages(dataset: str, run: str, age: timedelta) -> None:
        then = time.time() - age.total_seconds()
        os.utime(Path(dataset, "runs", run, LEASED), (then, then))


@pytest.fixture(params=["directory", "bucket"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "bucket":
        monkeypatch.setattr(bucket_runs, "LEASE", SHORT)
        monkeypatch.setattr(bucket_runs, "RENEWAL_INTERVAL", timedelta(0))
        yield f"{request.getfixturevalue('bucket')}/dataset"
    else:
        yield str(tmp_path / "dataset")


@pytest.fixture
def clock(dataset: str) -> Clock:
    return Clock(dataset)


@pytest.fixture
def store(dataset: str) -> Store:
    return Dataset.at(dataset).store


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(monkeypatch)


def wrote(run: Run, name: str, data: bytes = b"x") -> None:
    if run.root.startswith("gs://"):
        put(f"{run.root}/{name}", data)
    else:
        path = Path(run.root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def published(store: Store, version: int) -> None:
    with store.run(None) as run:
        wrote(run, "manifest.json", json.dumps({"format": 4, "files": []}).encode())
        store.publish(run, version, store.pointer(), [VersionFile(f"{run.root}/manifest.json", "manifest.json")])
        store.remove(run.root)


def an_export(folder: Path, reference_id: str) -> Path:
    return ndjson(folder / f"{reference_id}.ndjson", [an_item(reference_id, {"n": 1})])


def test_a_sweep_leaves_a_detached_run_alone_until_its_lease_is_over(dataset: str, store: Store, clock: Clock) -> None:
    with store.detach(None) as run:
        wrote(run, "items/part-0")
    there = runs(dataset)
    assert f"{run.id}/items/part-0" in there
    assert store.sweep() == []
    with store.run(None) as other:
        assert f"{run.id}/items/part-0" in runs(dataset), "a job begins with a sweep"
        store.remove(other.root)
    assert runs(dataset) == there
    clock.runs_out(dataset, run.id)
    assert store.sweep() == [run.id]
    assert runs(dataset) == []


def test_a_prune_keeps_the_version_that_a_detached_run_reads(dataset: str, store: Store, clock: Clock) -> None:
    for number in (1, 2, 3):
        published(store, number)
    with store.detach(1) as run:
        pass
    assert store.prune([1, 2]) == [2]
    assert store.version_numbers() == [1, 3]
    clock.runs_out(dataset, run.id)
    assert store.prune([1]) == [1]
    assert store.version_numbers() == [3]


def test_a_heartbeat_restarts_the_lease(dataset: str, store: Store, clock: Clock) -> None:
    with store.detach(None) as run:
        pass
    if clock.local:
        clock.ages(dataset, run.id, LEASE + timedelta(seconds=1))
        assert store.renew(run.id)
    else:
        end = time.monotonic() + 2 * SHORT.total_seconds()
        while time.monotonic() < end:
            assert store.renew(run.id)
            time.sleep(0.2)
    assert store.sweep() == []
    clock.runs_out(dataset, run.id)
    assert store.sweep() == [run.id]
    assert not store.renew(run.id)
    assert runs(dataset) == [], "no sign of life brings a run back"


def test_not_every_heartbeat_writes_to_a_bucket(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BucketStore(f"{bucket}/dataset")
    with store.detach(None) as run:
        pass
    first = store._lease_of(run.id)
    for _ in range(3):
        assert store.renew(run.id)
    assert store._lease_of(run.id).generation == first.generation
    monkeypatch.setattr(bucket_runs, "RENEWAL_INTERVAL", timedelta(0))
    assert store.renew(run.id)
    renewed = store._lease_of(run.id)
    assert renewed.generation != first.generation
    expected = {"reads": "", "lease": str(LEASE.total_seconds()), "dataset": store.identity()}
    assert renewed.metadata == first.metadata == expected
    assert not store._renew_lease(first), "it was renewed meanwhile"


def test_workers_renew_the_lease_now_and_then(dataset: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[str] = []

    def renew(_: object, run: str) -> bool:
        renewed.append(run)
        if len(renewed) == 2:
            raise OSError("out of order")
        return len(renewed) < 4

    monkeypatch.setattr(type(store), "renew", renew)
    step = KeepLease(dataset, "a")
    for _ in range(3):
        step.process(None)
    assert renewed == ["a"]
    monkeypatch.setattr(publish_step, "RENEWING_SECONDS", 0.0)
    step = KeepLease(dataset, "b")
    for _ in range(3):
        step.process(None)
    assert renewed == ["a", "b", "b", "b"]


def test_every_step_renews_the_lease(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, renewed = str(tmp_path / "dataset"), list[str]()
    run = submitted(dataset, "--items", an_export(tmp_path, "a"), "--on-conflict", "quarantine")
    monkeypatch.setattr(KeepLease, "process", lambda self, _: renewed.append(self._run_id))
    engine.run_on_beam()
    # The reading; counts, state, rows and keys of the one partition; the schema before and after it was settled.
    assert len(renewed) == 7
    assert set(renewed) == {run}


def test_a_lease_that_lasts_a_day_is_renewed_long_before() -> None:
    assert timedelta(seconds=publish_step.RENEWING_SECONDS) + RENEWAL_INTERVAL < LEASE / 4


def test_a_job_whose_lease_was_over_publishes_nothing_and_says_so(
    dataset: str, store: Store, clock: Clock, engine: Engine, tmp_path: Path
) -> None:
    run = submitted(dataset, "--items", an_export(tmp_path, "a"), "--partitions", "2")
    clock.runs_out(dataset, run)
    assert store.sweep() == [run]
    for _ in range(2):
        with pytest.raises(Exception, match=f"the run {run} is not there any more: .*run the job again"):
            engine.run()
        assert versions(dataset) == {}
    assert runs(dataset), "what its steps wrote"
    assert store.sweep() == [run]
    assert runs(dataset) == []
    with pytest.raises(RunLostError):
        engine.publish_step().process(None)
    assert runs(dataset) == []


def test_what_a_try_left_that_died_after_its_report_goes_when_the_lease_is_over(
    dataset: str, store: Store, clock: Clock, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = submitted(dataset, "--items", an_export(tmp_path, "a"), "--partitions", "2")

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "clear", die)
        with pytest.raises(RuntimeError, match="killed"):
            engine.run()
    left = runs(dataset)
    assert f"{run}/results.json" in left
    assert store.sweep() == []
    assert runs(dataset) == left
    clock.runs_out(dataset, run)
    assert store.sweep() == []
    assert runs(dataset) == [f"{run}/report.json", f"{run}/schema.json"]
    assert report(dataset, run)["outcome"] == "published"


def test_the_claim_of_a_try_that_died_is_in_nobodys_way_for_more_than_a_minute(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_runs, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(bucket_runs, "HEARTBEAT_TIMEOUT", timedelta(seconds=1))
    store = BucketStore(f"{bucket}/dataset")
    with store.detach(None) as run:
        wrote(run, "manifest.json", b'{"who": "detached"}')
    dead = Run(run.id, run.root, "publishing-dead")  # renewed by nobody
    manifest = [VersionFile(f"{run.root}/manifest.json", "manifest.json")]
    now, claim = store._claim(dead, 1, None, b'{"who": "detached"}')
    assert (now.data, claim.name) == (None, "dataset/versions/000001/manifest.json")
    wait_for(lambda: store.sweep() == [] and store._claim_on(1) is None)
    assert f"{run.id}/manifest.json" in runs(store.root), "the run itself lives by its lease"
    now, claim = store._claim(dead, 1, None, b'{"who": "detached"}')
    with store.finishing(run.id) as again:  # waits for the dead one, although it is of the same run
        store.publish(again, 1, None, manifest)
    owner = store._claim_on(1).metadata["run"]
    assert owner == f"{run.id}/{again.attempt}"
    with store.finishing(run.id) as third:
        store.publish(third, 1, None, manifest)  # which was done
    assert store._claim_on(1).metadata["run"] == owner
    store.release(run)
    assert runs(store.root) == [f"{run.id}/manifest.json"]


def test_a_detached_run_that_fails_to_start_leaves_nothing(dataset: str, store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.detach(None) as run:  # noqa: PT012 - the start is interrupted
        wrote(run, "items/part-0")
        raise KeyboardInterrupt
    assert runs(dataset) == []


def test_a_run_that_never_was_cannot_be_finished(dataset: str, store: Store) -> None:
    with pytest.raises(RunLostError, match="is not there any more"), store.finishing(secrets.token_hex(4)):
        pass
    assert runs(dataset) == []


def test_the_time_of_a_lease_is_that_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    with store.detach(None) as run:
        pass
    monkeypatch.setattr(time, "time", lambda: 4e9)  # a machine whose clock is far ahead
    assert store.sweep() == []
    assert store.renew(run.id)


def test_looking_at_a_dataset_while_a_detached_run_works(
    dataset: str, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted(dataset, "--items", an_export(tmp_path, "a"), "--partitions", "2")
    assert main(["versions", dataset]) == 2
    assert "nothing is published there" in capsys.readouterr().err
    engine.run()
    assert main(["versions", dataset]) == 0
