"""Publishing on a local disk: one step, one winner, nothing left of the dead (P1, P2), limits of a group (R5)."""

import json
import multiprocessing
import os
import re
import signal
from pathlib import Path

import pytest
from support.preloaded import command
from support.runs import a_run, flags, ingest
from support.store_processes import die_before_the_pointer_is_replaced, hold, manifest_of, written

from pipelines.cli.main import main
from pipelines.dataset.documents.paths import CURRENT
from pipelines.dataset.store.base import VersionFile
from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.store.locks import is_locked
from pipelines.dataset.versions import Dataset
from pipelines.errors import AnotherJobPublishedError

pytestmark = pytest.mark.usefixtures("without_beam")  # who does the job does not matter
ITEM = '{"reference_id": "%s", "image_url": "https://example.org/%s.jpg", "metadata": {"%s": 1}}\n'


def export(folder: Path, name: str, *, key: str = "n") -> Path:
    path = folder / f"{name}.ndjson"
    path.write_text(ITEM % (name, name, key))
    return path


def test_of_two_jobs_on_one_parent_the_second_ends_with_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = export(tmp_path, "first"), export(tmp_path, "second")
    publish = LocalStore.publish

    def overtaken(self: LocalStore, *arguments: object, **options: object) -> None:
        done = command("ingest", "--dataset", str(tmp_path / "dataset"), "--items", str(second))
        assert done.returncode == 0, done.stderr
        publish(self, *arguments, **options)  # type: ignore[arg-type]

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
    assert json.loads((tmp_path / "dataset/versions/000001/manifest.json").read_text())["who"] == "a"


def test_an_unpublished_version_is_removed(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    orphan = tmp_path / "dataset/versions/000001"
    with written(store, "half") as run:
        store.publish(run, 1, None, manifest_of(run))
    (tmp_path / "dataset/CURRENT").unlink()
    with written(store, "whole") as run:
        assert Dataset(store).current() is None
        assert not orphan.exists()
        store.publish(run, 1, None, manifest_of(run))
    assert [path.name for path in orphan.iterdir()] == ["manifest.json"]


def test_a_job_that_dies_before_the_pointer_is_replaced_blocks_nobody(tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    job = multiprocessing.get_context("spawn").Process(target=die_before_the_pointer_is_replaced, args=(str(dataset),))
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
    assert sorted(path.name for path in dataset.iterdir()) == [".lock", ".metadata-etl", "CURRENT", "versions"]


def test_abandoned_runs_are_swept_and_running_jobs_are_not(tmp_path: Path) -> None:
    store = LocalStore(str(tmp_path / "dataset"))
    failed = a_run(store, left="report.json", text="{}")
    dead = a_run(store)
    (dead / ".lock").touch()
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
    assert sorted(path.name for path in (tmp_path / "dataset").iterdir()) == [".lock", ".metadata-etl"]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=hold, args=(path, ready))
    holder.start()
    assert ready.wait(60)
    assert is_locked(path)
    holder.kill()
    holder.join()
    assert not is_locked(path)


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


def test_all_that_is_new_is_on_the_disk_before_it_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P7: files, then folders, then CURRENT, then its folder; what an earlier version shares is there already."""
    store, done = LocalStore(str(tmp_path / "dataset")), list[str]()
    with written(store, "first") as run:
        store.publish(run, 1, None, manifest_of(run))
    real, move = os.fsync, Folder.move

    def fsync(descriptor: int) -> None:
        done.append(f"{Path(f'/proc/self/fd/{descriptor}').readlink()}".removeprefix(f"{store.root}/"))
        real(descriptor)

    def moved(self: Folder, name: str, to: Folder, new: str) -> None:
        if name == CURRENT:
            done.append("CURRENT moves")
        move(self, name, to, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Folder, "move", moved)
    with written(store, "second") as run:
        part = Path(run.root, "items/part-0")
        part.parent.mkdir()
        part.touch()
        shared = VersionFile(f"{store.root}/versions/000001/manifest.json", "items/shared")
        files = [*manifest_of(run), VersionFile(str(part), "items/part-0"), shared]
        store.publish(run, 2, store.pointer(), files)
    before = {re.sub(r"\.[0-9a-f]{8}\.tmp$", "", name).replace(f"runs/{run.id}/", "") for name in done[:-2]}
    assert before == {
        *(".staged/manifest.json", ".staged/items/part-0", ".metadata-etl/manifests/000002.json", "CURRENT"),
        *("versions/000002", "versions/000002/items", "versions", ".metadata-etl/manifests", ".metadata-etl"),
    }
    assert done[-2:] == ["CURRENT moves", store.root]
    done.clear()
    with written(store, "third") as run:
        store.publish(run, 3, store.pointer(), manifest_of(run), fsync=False)
    assert done == ["CURRENT moves"]


def test_files_of_a_version_that_was_not_flushed_are_flushed_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P7: a version may share files with one that was published with --no-fsync."""
    store, done = LocalStore(str(tmp_path / "dataset")), list[str]()
    move = Folder.move

    def moved(self: Folder, name: str, to: Folder, new: str) -> None:
        if name == CURRENT:
            done.append(CURRENT)
        move(self, name, to, new)

    monkeypatch.setattr(os, "sync", lambda: done.append("all"))
    monkeypatch.setattr(Folder, "move", moved)
    for number, fsync in enumerate((True, False, False, True, True), start=1):
        done.append(f"{number}")
        with written(store, f"{number}") as run:
            store.publish(run, number, store.pointer(), manifest_of(run), fsync=fsync)
    flushed = [place for place, each in enumerate(done) if each == "all"]
    assert [done[place - 1 : place + 2] for place in flushed] == [["4", "all", CURRENT]]


def test_a_cleanup_that_fails_leaves_the_outcome_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """RULES R4: only a job that publishes nothing ends with another exit code than 0."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "runs")

    monkeypatch.setattr(LocalStore, "clear", refused)
    arguments = flags([("items", "", export(tmp_path, "export"))])
    run = ingest(tmp_path / "d", *arguments, "--partitions", "1")
    assert (run.exit_code, run.outcome, run.document["version"]) == (0, "published", 1)
    assert "version 1 is published, but not all files of its run could be removed" in capsys.readouterr().err
    failing = flags([("items", "", export(tmp_path, "export"))])
    assert ingest(tmp_path / "d", *failing).exit_code == 1, "nothing was published"


def test_throw_away_data_need_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[object] = []
    publish = LocalStore.publish

    def noted(self: LocalStore, *arguments: object, **options: object) -> None:
        waits.append(options["fsync"])
        publish(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LocalStore, "publish", noted)
    config = tmp_path / "job.toml"
    config.write_text("no_fsync = true\n")
    for number, words in enumerate(([], ["--no-fsync"], ["--config", str(config)])):
        first = export(tmp_path, f"export{number}")
        assert ingest(tmp_path / "d", *flags([("items", "", first)]), "--partitions", "1", *words).exit_code == 0
    assert waits == [True, False, False]
    options = [json.loads(path.read_text())["options"] for path in (tmp_path / "d/versions").glob("*/manifest.json")]
    assert options[1:] == options[:-1], "the outcome does not depend on it"


def test_a_rollback_whose_cleanup_fails_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """RULES R4, as for a job."""

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "runs")

    for name in ("first", "second"):
        assert ingest(tmp_path / "d", *flags([("items", "", export(tmp_path, name))])).exit_code == 0
    monkeypatch.setattr(LocalStore, "remove", refused)
    assert main(["rollback", str(tmp_path / "d"), "1"]) == 0
    assert "version 3 is published, but not all files of its run could be removed" in capsys.readouterr().err
    assert Dataset.at(str(tmp_path / "d")).published().number == 3
