"""The jobs of the pages run on their engines, and give the bytes of the local runner (P3)."""

import json
from functools import cache
from pathlib import Path
from shutil import copytree

import pytest
from support.engines import Engine, blocks, ended, variables
from support.profiles import cases
from support.runs import digests


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> "Local":
    return Local(tmp_path_factory.mktemp("local"))


class Local:
    """What the local runner publishes for the same commands, without the flags of an engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.dataset = cache(self._dataset)

    def versions(self, jobs: tuple[str, ...], exports: Path) -> dict[str, str]:
        return digests(self.dataset(jobs, exports) / "versions")

    def _dataset(self, jobs: tuple[str, ...], exports: Path) -> Path:
        """The dataset after these jobs; one that is not there after none."""
        before = self.dataset(jobs[:-1], exports) if jobs else None
        dataset = self._folder / str(len(list(self._folder.iterdir())))
        if before is not None:
            if before.exists():
                copytree(before, dataset)
            done = ended(f"ENGINE=()\n{jobs[-1]}", variables(DATASET=str(dataset), EXPORTS=str(exports)))
            assert done.returncode == 0, done.stderr
        return dataset


JOBS = ("ingest", "ingest", "backfill")
"""The second is an update."""
ENGINES = ("prism", "flink", "spark")
# In the gate, the first job on Prism and on Flink is in the modules beside: detached, with killed workers.
GATE = [("spark", JOBS[:2], 0), ("flink", JOBS[:2], 1), ("prism", JOBS[:2], 1)]
"""Engine, jobs, and how many of these the local runner does, so that the engine begins with an update of them."""


@pytest.mark.parametrize(
    ("engine", "commands", "begun"),
    cases([*GATE, *((name, JOBS, 0) for name in ENGINES)], GATE),
    indirect=["engine"],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_the_jobs_of_its_page_give_the_bytes_of_the_local_runner(
    engine: Engine, commands: tuple[str, ...], begun: int, exports: Path, few: Path, local: Local, tmp_path: Path
) -> None:
    read = exports if commands == JOBS else few
    blocks_of_jobs = blocks(engine.name, "job")
    assert tuple(text.split()[1] for text in blocks_of_jobs) == JOBS
    jobs = blocks_of_jobs[: len(commands)]
    dataset = tmp_path / "dataset"
    if begun:
        copytree(local.dataset(tuple(jobs[:begun]), read), dataset)
    for number, text in enumerate(jobs[begun:], start=begun + 1):
        done = engine.job(text, dataset, read)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{engine.log}"
        assert json.loads((dataset / "CURRENT").read_text())["version"] == number
    found, expected = digests(dataset / "versions"), local.versions(tuple(jobs), read)
    assert len([name for name in expected if name.endswith("manifest.json")]) == len(jobs)
    assert len([name for name in expected if "/part-" in name]) > 20
    assert found == expected
    assert list((dataset / "runs").glob("*")) == []
