"""Places of datasets: what a person may write for a directory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from transforms.storage import stored_files


@pytest.mark.parametrize("written", ["{}", "{}/", "file://{}", "file://{}/"])
def test_a_directory_is_the_same_however_it_is_written(tmp_path: Path, written: str) -> None:
    assert Dataset.at(written.format(tmp_path)).root == str(tmp_path)


def test_another_scheme_is_refused() -> None:
    with pytest.raises(UsageError, match="expects a directory or gs://"):
        Dataset.at("s3://bucket/dataset")


def test_a_file_whose_writing_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        stored_files.store(str(tmp_path), "items/part-0", pieces(), records=0)
    assert list((tmp_path / "items").iterdir()) == []


@pytest.mark.parametrize("begin", [LocalStore.run, LocalStore.detach])
@pytest.mark.parametrize("fault", [OSError("directory not empty"), UsageError("it is no dataset any more")])
def test_the_error_of_a_job_is_told_even_if_its_run_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., Any], fault: Exception
) -> None:
    """R4: as on a network disk, which keeps files that a process has open."""

    def remove(*_: object) -> None:
        raise fault

    monkeypatch.setattr(LocalStore, "remove", remove)
    store = LocalStore(f"{tmp_path}/d")
    with pytest.raises(UsageError, match="the reason"), begin(store, None) as run:
        raise UsageError("the reason")
    monkeypatch.undo()
    if begin is LocalStore.run:
        assert store.sweep() == [run.id], "the next job removes it"


def test_a_directory_that_another_job_makes_a_dataset_meanwhile_is_no_foreign_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P2: two first jobs begin at once."""
    real = Folder.names

    def names(folder: Folder) -> list[str]:
        monkeypatch.setattr(Folder, "names", real)
        with LocalStore(str(tmp_path)).run(None):
            return real(folder)

    monkeypatch.setattr(Folder, "names", names)
    LocalStore(str(tmp_path)).check_free()
