"""A job whose stages are called without Beam publishes what a job on Beam does, in any order (RULES T5, P3).

That is why tests of rules may take it in the place of a whole job.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import in_process, mixed_exports, oracle, runs
from support.agreement import check
from support.runs import Ended, Job, digests, flags

RANGE_BYTES = 24_000
Ingest = Callable[..., Ended]
WAYS: dict[str, Ingest] = {
    "forwards": partial(in_process.ingest, range_bytes=RANGE_BYTES),
    "backwards": partial(in_process.ingest, range_bytes=RANGE_BYTES, backwards=True),
    "in whole files": in_process.ingest,
}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Job, tuple[str, ...]]]:
    """Two jobs with their options: new records with faults of all kinds, and an update with conflicts."""
    folder = tmp_path_factory.mktemp("exports")
    return [
        (mixed_exports.job(folder / "first", seed=1, numbers=range(60)), ("--partitions=3",)),
        (
            [
                *mixed_exports.job(folder / "second", seed=2, numbers=range(40, 80)),
                ("items", "", runs.ndjson(folder / "conflict.ndjson", [runs.an_item("c", {"speed": "fast"})] * 2)),
            ],
            ("--mode=replace", "--on-conflict=quarantine"),
        ),
    ]


def published(dataset: Path, jobs: list[tuple[Job, tuple[str, ...]]], ingest: Ingest) -> tuple[object, object]:
    """The digests of all files (of manifests the contents), and what `--json` prints apart from times and the run."""
    printed = []
    for job, options in jobs:
        document = ingest(dataset, *flags(job), *options).document
        printed.append({key: document[key] for key in document.keys() - {"seconds", "stages", "run", "dataset"}})
    found: dict[str, Any] = dict(digests(dataset))
    for path in dataset.glob("versions/*/manifest.json"):
        document = json.loads(path.read_text("utf-8"))
        del document["published_at"]
        for export in document["inputs"]:  # by byte range
            del export["fingerprint"]
        found[path.relative_to(dataset).as_posix()] = document
    return found, printed


@pytest.fixture(scope="module")
def by_beam(tmp_path_factory: pytest.TempPathFactory, jobs: list[tuple[Job, tuple[str, ...]]]) -> tuple[object, object]:
    return published(tmp_path_factory.mktemp("beam") / "d", jobs, runs.ingest)


@pytest.mark.parametrize("way", WAYS)
def test_every_byte_and_report_is_that_of_a_job_on_beam(
    way: str, tmp_path: Path, jobs: list[tuple[Job, tuple[str, ...]]], by_beam: tuple[object, object]
) -> None:
    files, printed = published(tmp_path / "d", jobs, WAYS[way])
    assert files == by_beam[0]
    assert printed == by_beam[1]
    assert json.dumps(printed).count('"published"') == 2
    assert "quarantine" in json.dumps(printed)


def test_a_job_equals_the_oracle(tmp_path: Path) -> None:
    job = mixed_exports.job(tmp_path / "job", seed=3, numbers=range(40))
    expected = oracle.run(job)
    check(in_process.ingest(tmp_path / "d", *flags(job)), expected, [expected.cache_urls])


def test_the_stages_load_no_beam() -> None:
    names = sorted(path.stem for path in Path("transforms/stages").glob("[a-z]*.py"))
    assert len(names) > 10
    lines = [*(f"import transforms.stages.{name}" for name in names), "import sys; print('apache_beam' in sys.modules)"]
    ended = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
