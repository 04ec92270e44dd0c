"""A detached job goes on when the process that started it has gone, and publishes the bytes of the local runner."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.engines import ROOT, Engine, blocks, ended, variables
from support.profiles import cases
from support.runs import PRIVATE, digests

PATIENCE = 180.0
UPDATE = """metadata-etl ingest --dataset "$DATASET" --mode replace --items "$EXPORTS/changed.ndjson" """
REFUSED = """metadata-etl ingest --dataset "$DATASET" --items "$EXPORTS/faulty.ndjson" --max-rejected 0 """
HELD_UP = """
import sys, time
from pipelines.cli.main import main
from pipelines.runners import engines

real = engines.submit

def submit(*arguments):
    real(*arguments)
    print("the engine has it", flush=True)
    time.sleep(600)

engines.submit = submit
sys.exit(main(sys.argv[1:]))
"""
"""A command that gets no further when the engine has taken its job."""
DETACHED = '--detach --json -- "${ENGINE[@]}"'


def reported(dataset: Path, engine: Engine) -> dict[str, object]:
    """What the only run of a dataset says of its end, as soon as it does."""
    end = time.monotonic() + PATIENCE
    while not (found := list(dataset.glob("runs/*/report.json"))):
        assert time.monotonic() < end, engine.log.read_text("utf-8", "replace")[-5000:]
        time.sleep(0.1)
    (path,) = found
    while True:  # what is left besides goes when the report is there
        left = {each.name for each in path.parent.iterdir()}
        if not left - {"report.json", "schema.json", "rejections", PRIVATE}:
            return dict(json.loads(path.read_text()))
        assert time.monotonic() < end, left
        time.sleep(0.1)


def expected(jobs: list[str], exports: Path, folder: Path) -> dict[str, str]:
    """The versions that the local runner makes of the same jobs."""
    for text in jobs:
        done = ended(f"ENGINE=()\n{text}", variables(DATASET=str(folder), EXPORTS=str(exports)))
        assert done.returncode == 0, done.stderr
    return digests(folder / "versions")


@pytest.mark.parametrize("engine", cases(["prism", "flink"], ["prism"]), indirect=True)
def test_a_detached_job_publishes_when_its_starter_has_ended(engine: Engine, few: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "dataset"
    first = blocks(engine.name, "job")[0]
    assert ' -- "${ENGINE[@]}"' in first
    done = engine.job(first.replace(' -- "${ENGINE[@]}"', f" {DETACHED}"), dataset, few)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["outcome"], said["report"]) == ("submitted", f"{dataset}/runs/{said['run']}/report.json")
    assert not (dataset / "CURRENT").exists(), "whoever starts it does not publish"
    report = reported(dataset, engine)
    assert (report["outcome"], report["exit_code"], report["version"]) == ("published", 0, 1)
    assert digests(dataset / "versions") == expected([first], few, tmp_path / "local")
    assert sorted(path.name for path in dataset.glob("runs/*/*")) == [PRIVATE, "report.json"]


@pytest.mark.long
@pytest.mark.parametrize("engine", ["prism"], indirect=True)
def test_a_detached_job_publishes_when_its_starter_is_killed(engine: Engine, exports: Path, tmp_path: Path) -> None:
    dataset, arguments = tmp_path / "dataset", UPDATE.replace("metadata-etl ingest", "ingest --partitions 4")
    (flags,) = blocks(engine.name, "engine")
    with subprocess.Popen(
        ["bash", "-euc", f'{flags}\nexec python -c "$HELD_UP" {arguments} {DETACHED}'],
        cwd=ROOT,
        env=engine.environment(dataset, exports, HELD_UP=HELD_UP),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "the engine has it\n"
        starter.kill()
    assert starter.returncode == -signal.SIGKILL
    assert not (dataset / "CURRENT").exists()
    assert reported(dataset, engine)["outcome"] == "published"
    local = [f"metadata-etl {arguments}"]
    assert digests(dataset / "versions") == expected(local, exports, tmp_path / "local")


@pytest.mark.long
@pytest.mark.parametrize("engine", ["prism", "flink"], indirect=True)
def test_a_refused_gate_fails_the_detached_job_and_is_in_its_report(
    engine: Engine, exports: Path, tmp_path: Path
) -> None:
    dataset = tmp_path / "dataset"
    done = engine.job(f"{REFUSED} {DETACHED}", dataset, exports)
    assert done.returncode == 0, done.stderr
    report = reported(dataset, engine)
    assert (report["outcome"], report["exit_code"]) == ("failed", 4)
    assert list((dataset / "versions").glob("*")) == []
    end = time.monotonic() + PATIENCE
    while "nothing was published, exit code 4" not in engine.log.read_text("utf-8", "replace"):
        assert time.monotonic() < end
        time.sleep(0.1)
    again = ended(
        'metadata-etl rejections "$DATASET" --run "$RUN" --raw',
        engine.environment(dataset, exports, RUN=str(report["run"])),
    )
    assert again.returncode == 0
    assert len(again.stdout.splitlines()) > 5
