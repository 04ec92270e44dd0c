"""Errors of reading a dataset have the classes and words of the command line, in programs too (INTERFACE)."""

import errno
from pathlib import Path

import pytest
from support.in_process import ingest
from support.runs import an_item, ndjson

import metadata_etl
from pipelines.cli.main import main
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import DamagedDatasetError, JobError, UsageError
from pipelines.handle.faults import explained
from transforms.errors import DamagedFileError, StepError


def published(dataset: Path, *flags: str) -> Version:
    items = ndjson(dataset.parent / "items.ndjson", [an_item("a", {"n": len(flags)})])
    assert ingest(dataset, "--items", f"{items}", *flags).outcome == "published"
    return Dataset.at(f"{dataset}").published()


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (StepError("a step that knows why"), JobError),
        (DamagedFileError("a part that is damaged"), DamagedDatasetError),
        (DamagedDatasetError("a document that is damaged"), DamagedDatasetError),
        (OSError(errno.ENOSPC, "No space left on device", "part"), JobError),
        (MemoryError(), JobError),
    ],
)
def test_what_a_person_can_act_on_is_an_error_of_a_job(
    error: Exception, becomes: type[JobError], tmp_path: Path
) -> None:
    for version in (None, published(tmp_path / "d")):
        with pytest.raises(becomes) as found, explained(version):
            raise error
        assert type(found.value) is becomes
        assert str(error) in str(found.value) or isinstance(error, OSError | MemoryError)


def test_what_nobody_has_advice_for_stays_what_it_is() -> None:
    strange = OSError(errno.EXDEV, "Invalid cross-device link")
    with pytest.raises(OSError, match="cross-device") as found, explained():
        raise strange
    assert found.value is strange
    with pytest.raises(ZeroDivisionError), explained():
        raise ZeroDivisionError


@pytest.mark.parametrize("error", [StepError("gone"), DamagedDatasetError("gone")])
def test_of_a_version_that_was_pruned_it_says_so(error: Exception, tmp_path: Path) -> None:
    first = published(tmp_path / "d")
    published(tmp_path / "d", "--mode=replace")
    assert main(["prune", f"{tmp_path / 'd'}", "--keep", "1"]) == 0
    with pytest.raises(UsageError, match=r"version 1 of .* was pruned after it was opened; it has 2"), explained(first):
        raise error


def test_a_dataset_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(metadata_etl.JobError, match="nowhere"):
        metadata_etl.open(tmp_path / "nowhere")
