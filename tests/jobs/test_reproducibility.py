"""The same exports and options give the same bytes, whatever ran them and in what order (RULES P3, T5)."""

import random
from pathlib import Path

import pytest
from support import mixed_exports
from support.in_process import stages_alone
from support.profiles import cases
from support.runs import Ended, Job, digests, flags, ingest, ndjson
from support.runs import an_item as item

from transforms import native
from transforms.avro import splices as avro_splices
from transforms.kernels.normalize import native_json
from transforms.stages import merge_records

pytestmark = pytest.mark.usefixtures("without_beam")  # tests/jobs/test_in_process.py compares it with Beam
TWO_PROCESSES = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def versions(dataset: Path) -> dict[str, str]:
    """Digests of everything that readers see; the time of publication aside."""
    found = digests(dataset)
    return {name: digest for name, digest in found.items() if name == "CURRENT" or name.startswith("versions/")}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Job]:
    """A first job and one on top of it."""
    folder = tmp_path_factory.mktemp("exports")
    first = mixed_exports.job(folder / "first", seed=3, numbers=range(120))
    return first, mixed_exports.job(folder / "second", seed=4, numbers=range(100, 200))


def run_on(dataset: Path, job: Job, *more: str) -> Ended:
    """Ingests one of these into several partitions, fewer than usual: each costs."""
    return ingest(dataset, *flags(job), "--partitions", "2", *more)


@pytest.fixture(scope="module")
def reference(jobs: tuple[Job, Job], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What one worker in this process gives."""
    dataset = tmp_path_factory.mktemp("reference") / "d"
    for job in jobs:
        assert run_on(dataset, job).outcome == "published"
    found = versions(dataset)
    assert len([name for name in found if name.endswith(".avro")]) > 20
    return found


@pytest.mark.long  # in the gate, those of tests/jobs/test_in_process.py
def test_two_runs_give_the_same_bytes(jobs: tuple[Job, Job], reference: dict[str, str], tmp_path: Path) -> None:
    for job in jobs:
        run_on(tmp_path / "d", job)
    assert versions(tmp_path / "d") == reference


@pytest.mark.long  # in the gate, those of tests/bucket/test_datasets.py and tests/crash/test_fork_server.py
def test_processes_give_the_same_bytes_as_one_worker(
    jobs: tuple[Job, Job], reference: dict[str, str], tmp_path: Path
) -> None:
    for job in jobs:
        run = run_on(tmp_path / "d", job, *TWO_PROCESSES)
        assert run.document["runner"] == "local runner (2 worker processes)"
    assert versions(tmp_path / "d") == reference


@pytest.mark.skipif(not native_json.is_built(), reason="the extension was not built: no C compiler")
def test_without_the_extension_the_bytes_are_the_same(
    jobs: tuple[Job, Job], reference: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "kernels", None)
    for job in jobs:
        run_on(tmp_path / "d", job)
    assert versions(tmp_path / "d") == reference


def test_schema_and_rows_do_not_depend_on_the_size_of_chunks(
    jobs: tuple[Job, Job], reference: dict[str, str], tmp_path: Path
) -> None:
    with stages_alone(range_bytes=8_000):
        for job in jobs:
            run_on(tmp_path / "d", job)
    found = versions(tmp_path / "d")
    # Fingerprints of inputs are by range, and which values are rare (and lie apart in a state) is seen chunk by chunk.
    ranged = {name for name in found if name.endswith("manifest.json") or "/state/" in name}
    assert {name: found[name] for name in found.keys() - ranged} == {
        name: reference[name] for name in reference.keys() - ranged
    }


def test_order_of_exports_without_duplicates_changes_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    paths = [
        ndjson(
            tmp_path / f"{part}.ndjson",
            [
                item(f"{part}-{n}", mixed_exports.metadata(chance, n) | {"sum": chance.random() * 10.0**n})
                for n in range(60)
            ],
        )
        for part in range(4)
    ]
    found: list[dict[str, str]] = []
    for order in (paths, paths[::-1], [paths[2], paths[0], paths[3], paths[1]]):
        dataset = tmp_path / f"d{len(found)}"
        assert ingest(dataset, *flags([("items", "", path) for path in order])).outcome == "published"
        found.append(versions(dataset))
    assert found[0] == found[1] == found[2]


PARTITIONS = 4
TOGETHER = ("--partitions", f"{PARTITIONS}", "--mode", "replace")


@pytest.fixture(scope="module")
def updates(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Job], dict[str, str]]:
    """A first job and two updates of few of its rows, and what one worker in this process gives."""
    folder, chance = tmp_path_factory.mktemp("updates"), random.Random(7)

    def records(numbers: range) -> list[dict[str, object]]:
        return [item(f"i{n}", mixed_exports.metadata(chance, n)) for n in numbers]

    def annotations(numbers: range) -> list[dict[str, object]]:
        return [
            {"reference_id": f"i{n}", "type": "category", "label": "x", "metadata": {"n": chance.random()}}
            for n in numbers
        ]

    jobs: list[Job] = [
        [
            ("items", "", ndjson(folder / f"items{number}.ndjson", records(numbers))),
            ("annotations", "", ndjson(folder / f"marks{number}.ndjson", annotations(numbers))),
        ]
        for number, numbers in enumerate((range(1_200), range(0, 1_210, 60), range(5, 1_210, 75)))
    ]
    for job in jobs:
        assert ingest(folder / "d", *flags(job), *TOGETHER).outcome == "published"
    found = versions(folder / "d")
    bases = [name for name in found if "/state/base/" in name]
    assert len(bases) > 3 * PARTITIONS, "both updates are laid over what the first job wrote, in most partitions"
    return jobs, found


@pytest.mark.parametrize(
    "how", cases(["one by one", "in two processes", "written anew"], ["one by one", "written anew"])
)
def test_partitions_of_which_little_changes_give_the_same_bytes_however_they_are_merged(
    how: str, updates: tuple[list[Job], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, expected = updates
    if how == "one by one":
        monkeypatch.setattr(merge_records, "MOST_WAITING", 1)
    if how == "written anew":  # as if another release of the Avro library had written the parts
        monkeypatch.setattr(avro_splices.AvroPart, "of", classmethod(lambda *_: None))
    for job in jobs:
        ingest(tmp_path / "d", *flags(job), *TOGETHER, *(TWO_PROCESSES if how == "in two processes" else ()))
    assert versions(tmp_path / "d") == expected
