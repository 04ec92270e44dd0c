"""The jobs of the pages run on their engines, and give the bytes of the local runner (P3)."""

import json
from functools import cache
from pathlib import Path

import pytest
from support.engines import Engine, blocks, ended, variables
from support.profiles import some_and_all
from support.runs import digests


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> "Local":
    return Local(tmp_path_factory.mktemp("local"))


class Local:
    """What the local runner publishes for the same commands, without the flags of an engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.versions = cache(self._versions)

    def _versions(self, jobs: tuple[str, ...], exports: Path) -> dict[str, str]:
        dataset = self._folder / str(len(list(self._folder.iterdir())))
        for text in jobs:
            done = ended(f"ENGINE=()\n{text}", variables(DATASET=str(dataset), EXPORTS=str(exports)))
            assert done.returncode == 0, done.stderr
        return digests(dataset / "versions")


JOBS = ("ingest", "ingest", "backfill")
"""The second is an update."""


@pytest.mark.parametrize("commands", some_and_all(JOBS[:2], JOBS))
def test_the_jobs_of_its_page_give_the_bytes_of_the_local_runner(
    engine: Engine, commands: tuple[str, ...], exports: Path, few: Path, local: Local, tmp_path: Path
) -> None:
    read = exports if commands == JOBS else few
    blocks_of_jobs = blocks(engine.name, "job")
    assert tuple(text.split()[1] for text in blocks_of_jobs) == JOBS
    jobs = blocks_of_jobs[: len(commands)]
    dataset = tmp_path / "dataset"
    for number, text in enumerate(jobs, start=1):
        done = engine.job(text, dataset, read)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{engine.log}"
        assert json.loads((dataset / "CURRENT").read_text())["version"] == number
    found, expected = digests(dataset / "versions"), local.versions(tuple(jobs), read)
    assert len([name for name in expected if name.endswith("manifest.json")]) == len(jobs)
    assert len([name for name in expected if "/part-" in name]) > 20
    assert found == expected
    assert list((dataset / "runs").glob("*")) == []
