"""Jobs whose stages are called without Beam publish what jobs on Beam do, in any order (RULES T5, P3).

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
from support import in_process, mixed_exports, oracle, runs, update_exports
from support.agreement import check
from support.runs import Ended, digests, flags

RANGE_BYTES = 24_000
Work = Callable[..., Ended]
Words = list[str]
"""A job: `ingest` or `backfill`, the name of its dataset, and its other words."""
WAYS: dict[str, Work] = {
    "forwards": partial(in_process.worked, range_bytes=RANGE_BYTES),
    "backwards": partial(in_process.worked, range_bytes=RANGE_BYTES, backwards=True),
    "in whole files": in_process.worked,
}
FIELDS = (("n", (1, 2.5, None)), ("s", ("x", "y", True)))
DECLARED = {"items": {"n": "number", "s": {"type": "category", "choices": ["x", "true"]}, "more": "text"}}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Words]:
    """New records with faults of all kinds, an update with conflicts, one under a declaration, and a backfill."""
    folder = tmp_path_factory.mktemp("exports")
    conflict = runs.ndjson(folder / "conflict.ndjson", [runs.an_item("c", {"speed": "fast"})] * 2)
    update = [*mixed_exports.job(folder / "second", seed=2, numbers=range(40, 80)), ("items", "", conflict)]
    small = [update_exports.small(folder / f"{seed}", "small", seed=seed, fields=FIELDS) for seed in (1, 2)]
    values = [runs.an_item("d1", {"n": "many", "s": "x"}), runs.an_item("d2", {"n": 3, "s": "z"})]
    declared = [("items", "", runs.ndjson(folder / "values.ndjson", values)), *small[0]]
    (folder / "declared.json").write_text(json.dumps(DECLARED), "utf-8")
    cleared = ["--on-conflict=null", f"--declare={folder}/declared.json"]
    history = folder / "history.toml"
    items = [f"{declared[0][2]}", *(f"{each[0][2]}" for each in small)]
    history.write_text("".join(f'[[job]]\nmode = "replace"\nitems = "{path}"\n' for path in items), "utf-8")
    return [
        ["ingest", "mixed", "--partitions=2", *flags(mixed_exports.job(folder / "first", seed=1, numbers=range(60)))],
        ["ingest", "mixed", "--mode=replace", "--on-conflict=quarantine", *flags(update)],
        ["ingest", "small", "--partitions=2", *cleared, *flags(declared)],
        ["backfill", "small", f"--history={history}", *cleared],
    ]


def published(folder: Path, jobs: list[Words], work: Work) -> tuple[object, object]:
    """The digests of all files (of manifests the contents), and what `--json` prints apart from times and the run."""
    printed = []
    for job, name, *words in jobs:
        document = work(job, folder / name, *words).document
        printed.append({key: document[key] for key in document.keys() - {"seconds", "stages", "run", "dataset"}})
    found: dict[str, Any] = dict(digests(folder))
    for path in folder.glob("*/versions/*/manifest.json"):
        document = json.loads(path.read_text("utf-8"))
        del document["published_at"]
        for export in document["inputs"]:  # by byte range
            del export["fingerprint"]
        found[path.relative_to(folder).as_posix()] = document
    return found, printed


@pytest.fixture(scope="module")
def by_beam(tmp_path_factory: pytest.TempPathFactory, jobs: list[Words]) -> tuple[object, object]:
    return published(tmp_path_factory.mktemp("beam"), jobs, runs.worked)


@pytest.mark.parametrize("way", WAYS)
def test_every_byte_and_report_is_that_of_a_job_on_beam(
    way: str, tmp_path: Path, jobs: list[Words], by_beam: tuple[object, object]
) -> None:
    files, printed = published(tmp_path, jobs, WAYS[way])
    assert files == by_beam[0]
    assert printed == by_beam[1]
    assert json.dumps(printed).count('"published"') == len(jobs)
    assert "quarantine" in json.dumps(printed)
    assert json.dumps(printed).count("cleared_value") == 2


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
