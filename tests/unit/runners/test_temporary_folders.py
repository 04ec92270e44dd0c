"""Temporary folders of jobs: private, gone with their job or with the next one, and nobody else's (P6)."""

import os
import tempfile
from pathlib import Path

import pytest

from pipelines.runners.temporary_folders import private_temporary_files, remove_abandoned_folders, temporary_folder

MARKER = ".metadata-etl-temporary"
NAME = "metadata-etl-abcdefgh"


def left(folder: Path, name: str = NAME, *, marker: bool = True, mode: int = 0o700) -> Path:
    """A folder as a job leaves it that was killed."""
    made = folder / name
    made.mkdir(mode=mode)
    made.chmod(mode)
    (made / "file").touch()
    if marker:
        (made / MARKER).touch()
    return made


def test_a_folder_is_private_and_removed_at_the_end(tmp_path: Path) -> None:
    with temporary_folder(str(tmp_path)) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        remove_abandoned_folders(str(tmp_path))
        assert folder.exists(), "it is in use"
    assert list(tmp_path.iterdir()) == []


def test_abandoned_folders_are_removed(tmp_path: Path) -> None:
    left(tmp_path)
    remove_abandoned_folders(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_folders_that_may_belong_to_others_are_kept(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    left(tmp_path, marker=False)
    left(tmp_path, "metadata-etl-mine")
    left(tmp_path, "metadata-etl-abcdefg_", mode=0o755)
    (tmp_path / "metadata-etl-abcdefg1").symlink_to(left(elsewhere))
    linked = left(tmp_path, "metadata-etl-abcdefg2", marker=False)
    (linked / MARKER).symlink_to(elsewhere / NAME / MARKER)
    os.mkfifo(left(tmp_path, "metadata-etl-abcdefg3", marker=False) / MARKER)
    before = {path.name for path in tmp_path.iterdir()}
    remove_abandoned_folders(str(tmp_path))
    remove_abandoned_folders(str(tmp_path / "nowhere"))
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (elsewhere / NAME / "file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make folders of others")
def test_folders_of_another_user_are_kept(tmp_path: Path) -> None:
    os.chown(left(tmp_path), 65534, 65534)
    remove_abandoned_folders(str(tmp_path))
    assert (tmp_path / NAME).exists()


def test_temporary_files_of_libraries_are_in_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left(tmp_path)
    with private_temporary_files():
        inner = Path(tempfile.mkdtemp())
        assert inner.parent.parent == tmp_path
        assert os.environ["TMPDIR"] == str(inner.parent)
    assert tempfile.gettempdir() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
