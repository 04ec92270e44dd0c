"""Publishing on a local disk: one step, one winner, nothing left of the dead (P1, P2), limits of a group (R5)."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.runs import command, flags, ingest

from pipelines.dataset import Dataset
from pipelines.errors import AnotherJobPublishedError
from pipelines.stores.local import LocalStore
from pipelines.stores.locks import exclusive, is_held
from pipelines.stores.store import Placed, Run

ITEM = '{"reference_id": "%s", "image_url": "https://example.org/%s.jpg", "metadata": {"%s": 1}}\n'


def export(folder: Path, name: str, *, key: str = "n") -> Path:
    path = folder / f"{name}.ndjson"
    path.write_text(ITEM % (name, name, key))
    return path


@contextmanager
def written(store: LocalStore, text: str) -> Iterator[Run]:
    with store.run(None) as run:
        Path(run.root, "manifest.json").write_text(json.dumps({"format": 2, "files": [], "who": text}))
        yield run


def manifest_of(run: Run) -> list[Placed]:
    return [Placed(f"{run.root}/manifest.json", "manifest.json")]


def test_of_two_jobs_on_one_parent_the_second_ends_with_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = export(tmp_path, "first"), export(tmp_path, "second")
    publish = LocalStore.publish

    def overtaken(self: LocalStore, *arguments: object) -> None:
        done = command("ingest", "--dataset", str(tmp_path / "dataset"), "--items", str(second))
        assert done.returncode == 0, done.stderr
        publish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "publish", overtaken)
    ended = ingest(tmp_path / "dataset", *flags([("items", "", first)]))
    assert (ended.exit_code, ended.outcome) == (5, "failed")
    assert json.loads((tmp_path / "dataset/CURRENT").read_text())["version"] == 1
    assert (ended.folder / "report.json").exists()
    assert [path.name for path in (tmp_path / "dataset/versions").iterdir()] == ["000001"]
    monkeypatch.undo()
    again = ingest(tmp_path / "dataset", *flags([("items", "", first)]))
    assert (again.exit_code, again.document["version"]) == (0, 2)
    assert [row["reference_id"] for row in again.rows("items")] in (["first", "second"], ["second", "first"])


def test_publishing_twice_on_one_parent_is_refused(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    with written(store, "a") as a, written(store, "b") as b:
        store.publish(a, 1, None, manifest_of(a))
        with pytest.raises(AnotherJobPublishedError, match="run this job again"):
            store.publish(b, 1, None, manifest_of(b))
    current = Dataset(store).current()
    assert current is not None
    assert current.manifest["who"] == "a"


def test_a_version_that_was_never_pointed_to_is_put_away(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    orphan = tmp_path / "dataset/versions/000001"
    orphan.mkdir(parents=True)
    (orphan / "half").touch()
    with written(store, "whole") as run:
        assert Dataset(store).current() is None
        store.publish(run, 1, None, manifest_of(run))
    assert [path.name for path in orphan.iterdir()] == ["manifest.json"]


def _die_before_the_pointer_is_replaced(root: str) -> None:
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    store = LocalStore(root)
    with written(store, "dead") as run:
        Path.replace = die  # type: ignore[method-assign, assignment] # of this process, which ends with it
        store.publish(run, 1, None, manifest_of(run))


def test_who_dies_just_before_the_pointer_is_replaced_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    job = multiprocessing.get_context("spawn").Process(target=_die_before_the_pointer_is_replaced, args=(str(dataset),))
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL
    assert [path.name for path in (dataset / "versions").iterdir()] == ["000001"]
    store = LocalStore(str(dataset))
    store.check_free()
    store.sweep()
    assert not any((dataset / "versions").iterdir())
    with written(store, "next") as run:
        store.publish(run, 1, None, manifest_of(run))
        store.remove(run.root)
    assert sorted(path.name for path in dataset.iterdir()) == [".lock", "CURRENT", "versions"]


def test_runs_of_the_dead_are_swept_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    dead, failed = tmp_path / "dataset/runs/dead", tmp_path / "dataset/runs/failed"
    dead.mkdir(parents=True)
    (dead / ".lock").touch()
    failed.mkdir()
    (failed / "report.json").write_text("{}")
    with store.run(None) as alive:
        Path(alive.root, "kept").touch()
        with store.run(None):
            assert Path(alive.root, "kept").exists()
        assert not dead.exists()
    assert (failed / "report.json").exists()


def test_a_job_that_ends_in_an_exception_leaves_nothing(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    with pytest.raises(KeyboardInterrupt), store.run(None) as run:  # noqa: PT012 - the job is what is interrupted
        Path(run.root, "spilled").mkdir()
        Path(run.root, "spilled/rows").touch()
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "dataset").iterdir()] == [".lock"]


def _hold(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with exclusive(path):
        ready.set()
        ready.wait(60)
        multiprocessing.Event().wait(60)


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(path, ready))
    holder.start()
    assert ready.wait(60)
    assert is_held(path)
    holder.kill()
    holder.join()
    assert not is_held(path)


def test_more_metadata_keys_than_the_limit_publish_nothing(tmp_path: Path) -> None:
    one, other = export(tmp_path, "one", key="a"), export(tmp_path, "other", key="b")
    exports = [("items", "", one), ("items", "", other)]
    ended = ingest(tmp_path / "dataset", *flags(exports), "--max-fields", "1")
    assert (ended.exit_code, ended.outcome) == (1, "failed")
    assert "too_many_fields: items has 2" in ended.document["message"]
    assert ingest(tmp_path / "dataset", *flags(exports), "--max-fields", "2").exit_code == 0


def test_a_second_job_on_parts_of_many_rows_lists_every_key_as_cached(tmp_path: Path) -> None:
    path = tmp_path / "items.ndjson"
    path.write_text("".join(ITEM % (number, number, "n") for number in range(40_000)))
    assert ingest(tmp_path / "dataset", *flags([("items", "", path)]), "--partitions", "1").exit_code == 0
    more = export(tmp_path, "more")
    again = ingest(tmp_path / "dataset", *flags([("items", "", path), ("items", "", more)]))
    assert again.document["cache_keys"] == {"upload": 1, "cached": 40_000}
    assert again.document["groups"]["items"]["ignored"] == 40_000
