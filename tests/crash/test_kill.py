"""A job that is killed at any moment leaves the dataset as it was, and the next one cleans up (RULES P1)."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support import in_process
from support.preloaded import Command
from support.profiles import some_and_all
from support.runs import Ended, an_item, digests, ndjson

DEADLINE = 30.0


def killed(dataset: Path, export: Path, moment: Callable[[Path, float], bool], *flags: str) -> bool:
    """Starts a job and kills it with all its children at a moment; whether it was still at work then."""
    words = ["ingest", "--dataset", str(dataset), "--items", str(export), "--quiet", *flags]
    began = time.monotonic()
    with Command(*words) as process:
        while process.poll() is None and not moment(dataset, time.monotonic() - began):
            assert time.monotonic() - began < DEADLINE
            time.sleep(0.001)
        at_work = process.poll() is None
        if at_work:
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == (-signal.SIGKILL if at_work else 0)
    return at_work


def ingest(dataset: Path, *arguments: str) -> Ended:
    """A job that nobody kills, into as many partitions as the command would choose."""
    return in_process.ingest(dataset, "--partitions", "8", *arguments)


def after(seconds: float) -> Callable[[Path, float], bool]:
    return lambda _, elapsed: elapsed >= seconds


def once(pattern: str) -> Callable[[Path, float], bool]:
    return lambda dataset, _: any(dataset.glob(pattern))


MOMENTS = {
    "0.2 s": after(0.2),
    "0.4 s": after(0.4),
    "0.6 s": after(0.6),
    "0.8 s": after(0.8),
    "its run has a folder": once("runs/*"),
    "a state file is there": once("runs/*/state/items/*"),
    "a part of the items is there": once("runs/*/items/*.avro"),
    "a list of cache keys is there": once("runs/*/cache_keys/*"),
    "the results are there": once("runs/*/results.json"),
    "the manifest is there": once("runs/*/manifest.json"),
    "it begins to publish": once("runs/*/.staged/*"),
    "files lie under their final name": once("versions/000002/manifest.json"),
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("exports")
    first = [an_item(f"i{n}", {"speed": n, "weather": "rain"}) for n in range(400)]
    second = [an_item(f"j{n}", {"speed": n / 7, "note": f"note {n}"}) for n in range(4000)]
    return ndjson(folder / "first.ndjson", first), ndjson(folder / "second.ndjson", second)


SOME = ("0.4 s", "a state file is there", "it begins to publish")


@pytest.mark.slow
@pytest.mark.parametrize("moments", some_and_all(SOME, tuple(MOMENTS)))
def test_killed_job_leaves_the_dataset_and_the_next_one_cleans_up(
    moments: tuple[str, ...], exports: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset, expected = tmp_path / "d", tmp_path / "undisturbed"
    for folder in (dataset, expected):
        assert ingest(folder, "--items", str(exports[0])).outcome == "published"
    assert ingest(expected, "--items", str(exports[1])).outcome == "published"
    published = digests(dataset / "versions/000001")
    pointer = (dataset / "CURRENT").read_bytes()

    interrupted = 0
    for name in moments:
        if not killed(dataset, exports[1], MOMENTS[name]):
            # It was faster: the version that it published is whole, and the dataset is put back for the next moment.
            assert digests(dataset / "versions") == digests(expected / "versions"), name
            (dataset / "CURRENT").write_bytes(pointer)
            continue
        if (dataset / "CURRENT").read_bytes() != pointer:
            assert digests(dataset / "versions/000002") == digests(expected / "versions/000002"), name
            (dataset / "CURRENT").write_bytes(pointer)
            continue
        interrupted += 1
        assert digests(dataset / "versions/000001") == published, name
        assert (dataset / "CURRENT").read_bytes() == pointer, name
    assert interrupted >= len(moments) // 2

    run = ingest(dataset, "--items", str(exports[1]))
    assert (run.outcome, run.document["version"]) == ("published", 2)
    assert digests(dataset) == digests(expected), "nothing of the killed runs is left"


def test_killed_first_job_leaves_no_dataset(exports: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    assert killed(dataset, exports[1], once("runs/*/state/items/*"))
    assert not (dataset / "CURRENT").exists()
    run = ingest(dataset, "--items", str(exports[0]))
    assert (run.outcome, run.document["version"]) == ("published", 1)
    assert not (dataset / "runs").exists()


@pytest.mark.long
def test_killed_workers_of_their_own_leave_the_dataset(exports: tuple[Path, Path], tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    ingest(dataset, "--items", str(exports[0]))
    before = digests(dataset)
    two = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")
    assert killed(dataset, exports[1], once("runs/*/state/items/*"), *two)
    assert {name: digest for name, digest in digests(dataset).items() if not name.startswith("runs/")} == before
    assert ingest(dataset, "--items", str(exports[1])).outcome == "published"
    assert not (dataset / "runs").exists()
