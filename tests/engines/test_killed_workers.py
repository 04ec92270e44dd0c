"""Workers that are killed while they write leave one set of files, or none (P1, P2)."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.engines import ROOT, Engine, blocks, ended, variables
from support.profiles import cases
from support.runs import digests

PATIENCE = 120.0
PARTITIONS = 32
JOB = f"""metadata-etl ingest --dataset "$DATASET" --partitions {PARTITIONS} --items "$EXPORTS/items.ndjson" """
RETRIES = {"flink": "--environment_cache_millis=15000"}
"""What an engine that tries again what failed is told beside: that it shall forget its dead worker until then."""


def killed_while_writing(engine: Engine, dataset: Path, exports: Path) -> subprocess.CompletedProcess[str]:
    """Runs a job, and kills its Python workers as soon as it has written some parts."""
    (flags,) = blocks(engine.name, "engine")
    text = f'{flags}\n{JOB} -- "${{ENGINE[@]}}" {RETRIES.get(engine.name, "")}'
    with subprocess.Popen(
        ["bash", "-euc", text],
        cwd=ROOT,
        env=engine.environment(dataset, exports),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as job:
        end = time.monotonic() + PATIENCE
        while len(list(dataset.glob("runs/*/items/part-*.avro"))) < 3:
            assert job.poll() is None, job.communicate()
            assert time.monotonic() < end
            time.sleep(0.005)
        workers = engine.processes()
        assert workers
        for worker in workers:
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        assert len(list(dataset.glob("runs/*/items/part-*.avro"))) < PARTITIONS
        out, error = job.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(text, job.returncode, out, error)


@pytest.mark.parametrize("engine", cases(["prism", "flink", "spark"], ["flink"]), indirect=True)
def test_a_job_whose_workers_are_killed_ends_with_one_set_of_files(
    engine: Engine, exports: Path, tmp_path: Path
) -> None:
    dataset, expected = tmp_path / "dataset", tmp_path / "expected"
    done = killed_while_writing(engine, dataset, exports)
    if engine.name in RETRIES:
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    else:
        assert done.returncode == 1, f"{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "PortableRunner did not finish the job: " in done.stderr
        assert "nothing was published" in done.stderr
        assert list((dataset / "versions").glob("*")) == []
        done = engine.job(f'{JOB} -- "${{ENGINE[@]}}"', dataset, exports)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert json.loads((dataset / "CURRENT").read_text())["version"] == 1
    assert list((dataset / "runs").glob("*")) == []
    assert ended(JOB, variables(DATASET=str(expected), EXPORTS=str(exports))).returncode == 0
    assert digests(dataset) == digests(expected)
