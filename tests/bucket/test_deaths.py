"""Jobs on a dataset in a bucket that are killed or overtaken, and what is put in order after them (P1, P2, R4)."""

import io
import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from support.bucket import handle, put
from support.bucket_jobs import PATIENCE, Sleeper, is_version_of, objects, publish, published, wait_for
from support.preloaded import WORKERS, Command, command
from support.profiles import cases, some_and_all
from support.runs import an_item, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store.base import new_run_id
from pipelines.dataset.store.bucket import BucketStore
from pipelines.dataset.versions import Dataset

HELD_UP = """
import sys, time
from datetime import timedelta
from operator import attrgetter
from os import getpid
from pathlib import Path
from pipelines.cli.main import main
from pipelines.dataset import store
from pipelines.dataset.store import bucket, bucket_claims, bucket_runs

place, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
bucket_runs.HEARTBEAT_SECONDS, bucket_runs.HEARTBEAT_TIMEOUT = 0.1, timedelta(seconds=5)
owner, _, method = name.rpartition(".")
real, calls = attrgetter(name)(store), iter(range(1000))

def held_up(*arguments, **options):
    if next(calls) == count:
        place.joinpath(str(getpid())).touch()
        while not place.joinpath("go").exists():
            time.sleep(0.01)
    return real(*arguments, **options)

setattr(attrgetter(owner)(store), method, held_up)
sys.exit(main(sys.argv[4:]))
"""
"""A command that stops where it calls something in `pipelines.dataset.store`, until there is a file `go`."""
pytestmark = pytest.mark.usefixtures("without_beam")  # processes of their own have Beam
SMALL = ("--json", "--partitions", "1")
BEGUN, PUBLISHING, CLAIMING = (f"bucket.BucketStore.{call}" for call in ("sweep 0", "publish 0", "_replace_object 0"))
COPYING, COPIED = "bucket_claims.storage.Bucket.copy_blob 3", "bucket.BucketStore._replace_object 2"


@contextmanager
def held_up(folder: Path, moment: str, dataset: str, *exports: Path) -> Iterator[list[Command]]:
    """Ingests, each a process, that have all come to a moment; whoever is still there at the end is killed."""
    folder.mkdir()
    to_be_held_up = (str(folder), *moment.split())
    jobs = [
        Command(*to_be_held_up, "ingest", "--dataset", dataset, "--items", str(export), *SMALL, script=HELD_UP)
        for export in exports
    ]
    try:
        wait_for(lambda: len(list(folder.iterdir())) == len(jobs) or any(job.poll() is not None for job in jobs))
        assert {job.poll() for job in jobs} == {None}
        yield jobs
    finally:
        for job in jobs:
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
                job.communicate()


def ingest(dataset: str, export: Path) -> dict[str, Any]:
    with redirect_stdout(io.StringIO()) as out:
        main(["ingest", "--dataset", dataset, "--items", str(export), *SMALL])
    return dict(json.loads(out.getvalue()))


def contents(dataset: str) -> dict[str, bytes]:
    """What is in the dataset, but for when it was published."""
    found = {path: data for path, (_, data) in objects(dataset).items()}
    for path, data in found.items():
        if path.endswith("/manifest.json"):
            found[path] = json.dumps(json.loads(data) | {"published_at": None}).encode()
    return found


def copies(dataset: str) -> list[str]:
    """What is there of the second version."""
    return [path for path in objects(dataset) if path.startswith("versions/000002/")]


def an_export(folder: Path, reference_id: str) -> Path:
    return ndjson(folder / f"{reference_id}.ndjson", [an_item(reference_id, {"n": 1})])


KILLS = ((BEGUN, 0), (COPIED, 4), (COPYING, 3))
"""Moments, and how many objects of the next version are there then at least."""


@pytest.mark.slow
@pytest.mark.parametrize("kills", some_and_all(KILLS[2:], KILLS))
def test_a_job_that_is_killed_at_any_moment_leaves_the_dataset_and_the_next_one_cleans_up(
    kills: tuple[tuple[str, int], ...], dataset: str, bucket: str, tmp_path: Path, short_lives: None
) -> None:
    del short_lives
    first, second = an_export(tmp_path, "first"), an_export(tmp_path, "second")
    for each in (dataset, f"{bucket}/undisturbed"):
        assert ingest(each, first)["version"] == 1
    before = contents(dataset)
    for moment, copied in kills:
        with held_up(tmp_path / moment, moment, dataset, second):
            wait_for(lambda copied=copied: len(copies(dataset)) >= copied)  # several are made at once
        after = contents(dataset)
        assert before.items() <= after.items(), moment
        assert Dataset.at(dataset).published().number == 1
        assert len(copies(dataset)) >= copied
    for each in (dataset, f"{bucket}/undisturbed"):
        assert ingest(each, second)["version"] == 2
    wait_for(lambda: not BucketStore(dataset).sweep() and contents(dataset) == contents(f"{bucket}/undisturbed"))


@pytest.mark.long
def test_a_job_that_is_killed_with_its_workers_while_they_write_leaves_the_dataset(
    dataset: str, tmp_path: Path, short_lives: None
) -> None:
    del short_lives
    assert ingest(dataset, an_export(tmp_path, "first"))["version"] == 1
    before = objects(dataset)
    many = ndjson(tmp_path / "many.ndjson", (an_item(f"j{n}", {"note": f"note {n}"}) for n in range(4000)))
    words = ["ingest", "--dataset", dataset, "--items", str(many), "--quiet", "--", "--direct_num_workers=2"]
    job = Command(*words, script=WORKERS)
    try:
        wait_for(lambda: job.poll() is not None or [name for name in objects(f"{dataset}/runs") if "/state/" in name])
        assert job.poll() is None
    finally:
        os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
    assert before.items() <= objects(dataset).items()
    wait_for(BucketStore(dataset).sweep)
    assert objects(dataset) == before


@pytest.mark.parametrize("moment", cases([PUBLISHING, CLAIMING], [CLAIMING]))
def test_of_two_processes_that_publish_at_once_one_ends_with_5(dataset: str, tmp_path: Path, moment: str) -> None:
    exports = [an_export(tmp_path, "a"), an_export(tmp_path, "b")]
    with held_up(tmp_path / "race", moment, dataset, *exports) as jobs:
        (tmp_path / "race/go").touch()
        ended = [(json.loads(job.communicate(timeout=PATIENCE)[0]), job.returncode) for job in jobs]
    assert sorted(code for _, code in ended) == [0, 5]
    ((lost, _),) = (each for each in ended if each[1] == 5)
    assert (lost["outcome"], lost["version"]) == ("failed", None)
    assert "another job published a version" in lost["message"]
    version = Dataset.at(dataset).published()
    (publisher,) = (path.name for path, each in zip(exports, ended, strict=True) if each[1] == 0)
    assert publisher in json.dumps(version.manifest["inputs"])
    listed = {file["path"] for file in version.manifest["files"]}  # type: ignore[union-attr,call-overload,index]
    documents = {f"versions/000001/{name}.json" for name in ("manifest", "schema", "insights")}
    reports = {f"runs/{lost['run']}/{name}.json" for name in ("report", "schema")}
    assert set(objects(dataset)) == listed | documents | reports | {"CURRENT"}


def test_a_job_that_is_overtaken_before_it_publishes_ends_with_5(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = an_export(tmp_path, "first"), an_export(tmp_path, "second")
    real, after = BucketStore.publish, list[tuple[int, bytes]]()

    def overtaken(self: BucketStore, *arguments: Any, **options: Any) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
        # In a process of its own: this one lets no second job publish while it does.
        words = ("ingest", "--dataset", dataset, "--items", str(second), *SMALL)
        assert json.loads(command(*words).stdout)["version"] == 1
        after.append(objects(dataset)["CURRENT"])
        real(self, *arguments, **options)

    host = os.environ["STORAGE_EMULATOR_HOST"]
    monkeypatch.setattr(BucketStore, "publish", overtaken)
    lost = ingest(dataset, first)
    assert (lost["exit_code"], lost["outcome"]) == (5, "failed")
    assert after == [objects(dataset)["CURRENT"]], "CURRENT was replaced once"
    assert {path.split("/")[1] for path in objects(dataset) if path.startswith("versions/")} == {"000001"}
    assert ingest(dataset, first)["version"] == 2


def test_running_jobs_are_kept_and_abandoned_runs_are_removed(dataset: str, short_lives: None) -> None:
    del short_lives
    store = BucketStore(dataset)
    store._make_dataset()
    dead, silent, failed = (store._named(new_run_id()) for _ in range(3))
    for each in (dead, silent, failed):
        store._begin(each, {})
        put(f"{each.root}/items/part-0", b"")
    store._close_run(dead)
    put(f"{failed.root}/report.json", b"{}")
    left = {f"runs/{failed.id}/{name}" for name in ("base", "items/part-0", "report.json")}
    with store.run(None) as run:
        alive = {f"runs/{run.id}/base", f"runs/{run.id}/kept"}
        put(f"{run.root}/kept", b"")
        assert f"runs/{dead.id}/items/part-0" not in objects(dataset), "a run begins with a sweep"
        wait_for(lambda: BucketStore(dataset).sweep() == [silent.id])
        assert set(objects(dataset)) == {*alive, *left}
    assert store.sweep() == [run.id], "it is over, and left no report"
    assert set(objects(dataset)) == left


def test_a_version_that_a_living_run_reads_is_kept(dataset: str, short_lives: None) -> None:
    del short_lives
    store = BucketStore(dataset)
    for number in range(1, 6):
        published(dataset, f"v{number}", number)
    handle(dataset.rpartition("/")[0]).delete_blob("dataset/versions/000004/manifest.json")
    put(f"{dataset}/.metadata-etl/removed/000004.pruned", b"")  # by one that was killed
    reported = store._named(new_run_id())
    store._begin(reported, {"reads": "2"})
    put(f"{reported.root}/report.json", b"{}")
    with store.run(1):
        assert store.prune([1, 2, 3, 4]) in ([3], [2, 3])
        assert store.version_numbers() in ([1, 5], [1, 2, 5])
        wait_for(lambda: store.prune([1, 2, 3, 4]) == [2] or store.version_numbers() == [1, 5])
    with ThreadPoolExecutor(3) as pool:
        removed = [each.result() for each in [pool.submit(BucketStore(dataset).prune, [1]) for _ in range(3)]]
    assert [1] in removed
    assert {path.split("/")[1] for path in objects(f"{dataset}") if path.startswith("versions/")} == {"000005"}


@pytest.mark.parametrize("moment", ["claimed", "copying", "copied"])
def test_a_version_that_is_being_published_is_not_pruned(dataset: str, moment: str) -> None:
    seen, store = published(dataset, "first"), Sleeper(dataset, moment, silent=False)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(publish, store, "slow", 2, seen)
        assert store.asleep.wait(PATIENCE)
        before = objects(dataset)
        assert BucketStore(dataset).prune([2]) == []
        assert objects(dataset) == before
        store.woken.set()
        slow.result()
    is_version_of(dataset, "slow", 2)


@pytest.mark.parametrize("claimed", [True, False])
def test_an_unpublished_version_of_a_dead_job_is_removed(dataset: str, *, claimed: bool) -> None:
    store = BucketStore(dataset)
    store._make_dataset()
    if claimed:
        store._replace_object("versions/000001/manifest.json", b"{}", 0, "dead")
    else:  # of one who slept while its claim was put away, and died when it had copied more
        put(f"{dataset}/.metadata-etl/removed/000001.unpublished", b"")
    put(f"{dataset}/versions/000001/items/part-00000-of-00001.avro", b"")
    assert Dataset.at(dataset).current() is None
    published(dataset, "next")
    is_version_of(dataset, "next")


def test_a_discarded_claim_leaves_an_empty_dataset(dataset: str, tmp_path: Path) -> None:
    store = BucketStore(dataset)
    store._make_dataset()
    store._replace_object("versions/000001/manifest.json", b"{}", 0, "dead")
    store.sweep()
    assert list(objects(dataset)) == ["CURRENT"]
    assert Dataset.at(dataset).current() is None
    assert main(["versions", dataset]) == 2
    export = ndjson(tmp_path / "items.ndjson", [an_item("a")])
    assert main(["ingest", "--dataset", dataset, "--items", str(export), "--quiet"]) == 0
    assert [version.number for version in Dataset.at(dataset).versions()] == [1]
