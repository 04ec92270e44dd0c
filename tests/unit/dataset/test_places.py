"""Places of datasets: what a person may write for a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

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
