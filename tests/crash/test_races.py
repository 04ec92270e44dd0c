"""Processes at once on one directory: exactly one publishes, and nobody waits for the dead (P1, P2)."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from support.in_process import ingest, worked
from support.preloaded import Command
from support.profiles import some_and_all
from support.runs import PRIVATE, an_item, digests, ndjson

ITEMS = 3000


def start(dataset: Path, *arguments: str) -> Command:
    return Command(*arguments[:1], "--dataset", str(dataset), "--json", *arguments[1:])


@pytest.mark.parametrize("names", some_and_all("ab", "abc"))
def test_of_processes_at_once_each_version_is_published_by_one_and_the_others_run_again(
    names: str, tmp_path: Path
) -> None:
    dataset = tmp_path / "d"
    paths = [
        ndjson(tmp_path / f"{name}.ndjson", [an_item(f"{name}{n}", {"v": n}) for n in range(ITEMS)]) for name in names
    ]
    left, versions = list(paths), 0
    while left:
        processes = [(path, start(dataset, "ingest", "--items", str(path))) for path in left]
        ends = [(path, *process.communicate(timeout=120), process.returncode) for path, process in processes]
        # Who came so late that it started from the version of another may publish as well: each has its own number.
        published = {path: json.loads(out)["version"] for path, out, _, code in ends if code == 0}
        assert sorted(published.values()) == [versions + number for number in range(1, len(published) + 1)], ends
        assert published
        for _, out, err, code in ends:
            document = json.loads(out)
            assert code in (0, 5), err
            assert (code == 0) == (document["outcome"] == "published") == (document["message"] == ""), err
        left = [path for path in left if path not in published]
        versions += len(published)
        assert json.loads((dataset / "CURRENT").read_text())["version"] == versions
    assert versions == len(paths)
    schema = json.loads((dataset / f"versions/{versions:06d}/schema.json").read_text())
    assert schema["groups"]["items"]["records"] == versions * ITEMS
    for report in dataset.glob("runs/*/report.json"):
        assert json.loads(report.read_text())["exit_code"] == 5
        assert {path.name for path in report.parent.iterdir()} == {"report.json", "schema.json", PRIVATE}


KILLS = tuple(
    (command, moment)
    for command in ("ingest", "backfill")
    for moment in ("runs/*/state/*", "runs/*/items/*", "runs/*/.staged/*")
)
"""Commands, and what is there when they are killed."""


@pytest.mark.parametrize("kills", some_and_all(KILLS[2:4], KILLS))
def test_a_killed_update_or_backfill_blocks_nobody(kills: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    first = ndjson(tmp_path / "first.ndjson", [an_item(f"i{n}", {"v": n}) for n in range(ITEMS)])
    update = ndjson(
        tmp_path / "update.ndjson", [{"reference_id": f"i{n}", "metadata": {"v": -n}} for n in range(ITEMS)]
    )
    ingest(dataset, "--items", str(first), "--partitions", "8")
    history = tmp_path / "history.toml"
    history.write_text(f'[[job]]\nitems = "{first}"\n\n[[job]]\nmode = "merge"\nitems = "{update}"\n')
    before = digests(dataset)
    jobs = {
        "ingest": ("--mode", "merge", "--items", str(update)),
        "backfill": ("--history", str(history)),
    }
    for command, moment in kills:
        process = start(dataset, command, *jobs[command])
        while process.poll() is None and not any(dataset.glob(moment)):
            time.sleep(0.001)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            assert digests(dataset / "versions/000001") == digests_of(before)
            assert json.loads((dataset / "CURRENT").read_text())["version"] == 1
        else:  # it was quicker than whoever was to kill it
            process.communicate()
            assert process.returncode == 0
            return
    done = ingest(dataset, "--mode", "merge", "--items", str(update))
    assert (done.exit_code, done.document["version"]) == (0, 2)
    assert worked("backfill", dataset, "--history", str(history)).outcome == "unchanged"
    assert {path.name for path in (dataset / "versions").iterdir()} == {"000001", "000002"}


def digests_of(before: dict[str, str]) -> dict[str, str]:
    """Those of the files of version 1, by their path in it."""
    folder = "versions/000001/"
    return {name.removeprefix(folder): digest for name, digest in before.items() if name.startswith(folder)}
