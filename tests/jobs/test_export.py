"""An export on Beam is the export of its stage (RULES P3)."""

from pathlib import Path

import pytest
from support import in_process
from support.preloaded import WORKERS, command
from support.runs import Ended, digests, main


def test_a_job_on_beam_writes_the_bytes_of_the_stage(query_dataset: Ended, tmp_path: Path) -> None:
    flags = ("--split=train=0.7,test=0.3", "--query=metadata.n > -3")
    assert in_process.export(query_dataset.dataset, tmp_path / "stage", *flags)[0] == 0
    words = (
        "export",
        f"{query_dataset.dataset}",
        "--out",
        f"{tmp_path / 'job'}",
        *flags,
        "--",
        "--direct_num_workers=2",
    )
    done = command(*words, script=WORKERS)
    assert done.returncode == 0, done.stderr
    assert "train: " in done.stdout
    assert digests(tmp_path / "job") == digests(tmp_path / "stage")


@pytest.mark.parametrize("form", ["nucleus", "coco"])
def test_records_of_all_partitions_come_together(query_dataset: Ended, tmp_path: Path, form: str) -> None:
    """Scenes with their frames, documents with their ids."""
    flags = (f"--format={form}", "--split=train=0.5,test=0.5")
    assert in_process.export(query_dataset.dataset, tmp_path / "stage", *flags)[0] == 0
    assert main(["export", f"{query_dataset.dataset}", "--out", f"{tmp_path / 'job'}", *flags]) == 0
    assert digests(tmp_path / "job") == digests(tmp_path / "stage")
