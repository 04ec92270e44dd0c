"""What else a job on an engine meets: a bucket, a dry run, flags that nobody knows, an engine that is not there."""

import json
import uuid
from pathlib import Path

import pytest
from support.bucket import free_port, handle
from support.bucket_jobs import objects
from support.engines import Engine, blocks, ended, variables
from support.runs import PRIVATE, digests

ONE_JOB = """
metadata-etl ingest --dataset "$DATASET" --partitions 4 --items "$EXPORTS/changed.ndjson" {} -- "${{ENGINE[@]}}" {}
"""


@pytest.mark.long
@pytest.mark.parametrize("engine", ["prism"], indirect=True)
def test_a_dataset_in_a_bucket_has_the_bytes_of_one_on_a_disk(
    engine: Engine, emulator: str, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    uri = f"gs://test-{uuid.uuid4().hex}"
    handle(uri).create()
    flag = f"--environment_option=process_variables=STORAGE_EMULATOR_HOST={emulator}"
    done = engine.job(ONE_JOB.format("", flag), f"{uri}/dataset", exports)
    assert done.returncode == 0, done.stderr
    local = tmp_path / "dataset"
    text = "ENGINE=()\n" + ONE_JOB.format("", "")
    assert ended(text, variables(DATASET=str(local), EXPORTS=str(exports))).returncode == 0
    found = {path: data for path, (_, data) in objects(f"{uri}/dataset").items()}
    for name in digests(local / "versions/000001"):
        if name != "manifest.json":
            assert found[f"versions/000001/{name}"] == (local / "versions/000001" / name).read_bytes()
    assert [path for path in found if path.startswith("runs/")] == []


@pytest.mark.long
@pytest.mark.parametrize("engine", ["prism"], indirect=True)
def test_a_dry_run_leaves_nothing(engine: Engine, exports: Path, tmp_path: Path) -> None:
    done = engine.job(ONE_JOB.format("--dry-run --json", ""), tmp_path / "dataset", exports)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "dry_run"
    # A job elsewhere works below the dataset: its marker is there first (P6), and then a note that the run was removed,
    # because a worker may still write to it.
    left = [path for path in (tmp_path / "dataset").rglob("*") if path.is_file() and path.name != ".lock"]
    assert [path for path in left if path.parent.name != "removed"] == [tmp_path / "dataset" / PRIVATE / "dataset.json"]
    assert [path.stat().st_size for path in left if path.parent.name == "removed"] == [0]


@pytest.mark.parametrize("engine", ["prism"], indirect=True)
def test_a_flag_that_neither_beam_nor_the_engine_knows_is_wrong_usage(
    engine: Engine, exports: Path, tmp_path: Path
) -> None:
    done = engine.job(ONE_JOB.format("", "--no_such_flag=1"), tmp_path / "dataset", exports)
    assert done.returncode == 2
    assert "Beam has no flag --no_such_flag=1" in done.stderr


def test_an_engine_that_is_not_there_is_one_line(exports: Path, tmp_path: Path) -> None:
    (flags,) = blocks("prism", "engine")
    surroundings = variables(JOB_PORT=str(free_port()), DATASET=str(tmp_path / "dataset"), EXPORTS=str(exports))
    done = ended(flags + ONE_JOB.format("", "--job_server_timeout=3"), surroundings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "did not finish the job: no answer; nothing was published" in done.stderr
