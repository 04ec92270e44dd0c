"""Versions put in order: show, rollback, prune, and what dead and living jobs have (P1, K2, T2)."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.in_process import export, ingest
from support.runs import Ended, a_run, an_item, digests, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.versions import Dataset, Version
from pipelines.exporting import run
from pipelines.queries.listings import csv as csv_lines

GROUPS = ("items", "scenes", "annotations", "predictions")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three versions: two items; one of them changed and a third one; a field that is text, and a URL that is gone."""
    jobs = [
        ([an_item("a", {"v": 1, "s": "x"}), an_item("b", {"v": 2, "s": "y"})], "append"),
        ([an_item("b", {"v": 3, "s": "z"}), an_item("c", {"w": [1]})], "replace"),
        (
            [
                an_item("c", {"s": "x"}, image_url="https://example.org/other.jpg"),
                *(an_item(f"t{n}", {"s": f"text {n}"}) for n in range(251)),
            ],
            "replace",
        ),
    ]
    for number, (records, mode) in enumerate(jobs, start=1):
        path = ndjson(tmp_path / f"{number}.ndjson", records)
        run = ingest(tmp_path / "d", "--items", str(path), "--mode", mode, "--partitions", "2")
        assert run.document["version"] == number
    return tmp_path / "d"


def ended(dataset: Path, version: int) -> Ended:
    return Ended(0, {"outcome": "published", "version": version}, dataset)


def groups(dataset: Path, version: int, name: str) -> object:
    return json.loads((ended(dataset, version).folder / name).read_text())["groups"]


def test_show_lists_what_was_added_changed_and_removed(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(dataset), "1"]) == 0
    out = capsys.readouterr().out
    assert "version 1 against nothing" in out
    for text in ("added (numerical)", "added (categorical)", "2 images to upload, 0 cached"):
        assert text in out
    assert main(["show", str(dataset), "2"]) == 0
    out = capsys.readouterr().out
    for text in (
        "version 2 against version 1",
        "added (other)",
        "new categories: z",
        "removed categories: y",
        "1 images to",
    ):
        assert text in out, out
    assert main(["show", str(dataset)]) == 0
    out = capsys.readouterr().out
    for text in ("version 3 against version 2", "dropped (other)", "categorical became text"):
        assert text in out, out
    assert main(["show", str(dataset), "4"]) == 2
    assert "has no version 4; it has 3, 2, 1" in capsys.readouterr().err


def test_a_rollback_equals_the_old_version_and_forgets_nothing(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = digests(dataset / "versions/000001")
    assert main(["rollback", str(dataset), "1"]) == 0
    assert capsys.readouterr() == (f"Published version 4 of {dataset}, which equals version 1.\n", "")
    assert digests(dataset / "versions/000001") == before
    for name in ("schema.json", "insights.json"):
        assert groups(dataset, 4, name) == groups(dataset, 1, name)
    for group in (*GROUPS, "cache_keys"):
        old, new = (ended(dataset, number).parts(group) for number in (1, 4))
        assert [path.stat().st_ino for path in old] == [path.stat().st_ino for path in new]
    assert {row["reference_id"] for row in ended(dataset, 4).rows("cache_keys")} == {"a", "b"}
    assert ended(dataset, 4).parts("uploads") == [], "all is cached"
    manifest = json.loads((dataset / "versions/000004/manifest.json").read_text())
    assert (manifest["parent"], manifest["options"]) == (3, {"rollback": 1})
    assert not (dataset / "runs").exists()
    # Images that version 3 listed are known, and its text is text again as soon as a job looks (K2, T2).
    again = ingest(dataset, "--items", str(tmp_path / "3.ndjson"), "--mode", "replace")
    assert again.document["cache_keys"] == {"upload": 0, "cached": 254}
    few = ndjson(tmp_path / "few.ndjson", [an_item("a", {"v": 1, "s": "w"})])
    ingest(dataset, "--items", str(few), "--mode", "replace")
    assert Dataset.at(str(dataset)).published().number == 6


def test_a_rollback_writes_a_damaged_list_of_cache_keys_again(dataset: Path) -> None:
    """P7: the uses behind the list have all of it."""
    part = ended(dataset, 1).parts("cache_keys")[0]
    sound = [each.read_bytes() for each in ended(dataset, 1).parts("cache_keys")]
    part.unlink()  # not in place: other versions may have it too
    part.write_bytes(sound[0][:-1] + bytes([sound[0][-1] ^ 1]))
    assert main(["rollback", str(dataset), "1"]) == 0
    assert [each.read_bytes() for each in ended(dataset, 4).parts("cache_keys")] == sound


def test_a_rollback_leaves_damaged_uses_of_keys_behind(dataset: Path, tmp_path: Path) -> None:
    """P7: the way out that the error names. The list of keys has the version that first listed each (K2)."""
    for part in (dataset / "versions/000003/state/cache_keys").iterdir():
        part.write_bytes(part.read_bytes()[:-1])
    refused = ingest(dataset, "--items", str(tmp_path / "3.ndjson"), "--mode", "replace")
    assert refused.exit_code == 7
    assert "`metadata-etl rollback" in str(refused.document)
    assert main(["rollback", str(dataset), "1"]) == 0
    again = ingest(dataset, "--items", str(tmp_path / "3.ndjson"), "--mode", "replace")
    assert again.document["cache_keys"] == {"upload": 0, "cached": 254}


def test_text_stays_text_through_a_rollback(dataset: Path, tmp_path: Path) -> None:
    assert main(["rollback", str(dataset), "2"]) == 0
    few = ndjson(tmp_path / "few.ndjson", [an_item("a", {"v": 9, "s": "w"})])
    after = ingest(dataset, "--items", str(few), "--mode", "replace")
    assert after.schema["items"]["fields"]["s"]["type"] == "text"


def test_going_back_to_the_current_version_does_nothing(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = digests(dataset)
    assert main(["rollback", str(dataset), "3"]) == 0
    assert "Nothing to do" in capsys.readouterr().out
    assert digests(dataset) == before
    assert main(["rollback", str(dataset), "7"]) == 2


def test_a_version_that_is_pruned_while_it_is_verified_is_not_damaged(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """P7: `verify` beside `prune`, which removes versions after their manifests were read, or before."""
    real = Dataset.at_number

    def at_number(self: Dataset, number: int, pointer: bytes | None) -> Version:
        version = real(self, number, pointer)
        if number == 1:
            monkeypatch.undo()
            assert main(["prune", str(dataset), "--keep", "1"]) == 0
        return version

    monkeypatch.setattr(Dataset, "at_number", at_number)
    code = main(["verify", str(dataset), "--all", "--json"])
    verified = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, verified["versions"], verified["damaged"]) == (0, [3], [])


def test_prune_keeps_the_newest_and_all_that_they_need(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = digests(dataset / "versions/000003")
    assert main(["prune", str(dataset), "--keep", "1"]) == 0
    assert capsys.readouterr().out == f"Removed versions of {dataset}: 1, 2. Kept: 3.\n"
    assert [path.name for path in (dataset / "versions").iterdir()] == ["000003"]
    assert digests(dataset / "versions/000003") == kept
    assert main(["show", str(dataset)]) == 0
    assert "against nothing" in capsys.readouterr().out
    assert main(["prune", str(dataset), "--keep", "0"]) == 2
    assert main(["prune", str(dataset.parent), "--keep", "1"]) == 2


def test_prune_keeps_what_a_running_job_reads_and_removes_abandoned_runs(dataset: Path) -> None:
    store = LocalStore(str(dataset))
    dead = a_run(store)
    with store.run(1) as alive:
        Path(alive.root, "written").touch()
        assert store.prune([1, 2]) == [2]
        assert Path(alive.root, "written").exists()
        assert store.version_numbers() == [1, 3]
    assert store.prune([1]) == [1]
    assert not dead.exists()
    assert sorted(path.name for path in (dataset / "versions").iterdir()) == ["000003"]


PRUNED = "version 1 of {} was pruned after it was opened; it has 3: open one of these"


def test_a_version_that_is_pruned_while_it_is_read_is_no_damage(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pruning(answer: Any, limit: int | None) -> Any:
        assert LocalStore(str(dataset)).prune([1, 2]) == [1, 2]
        return csv_lines(answer, limit)

    monkeypatch.setattr("pipelines.cli.query_command._LINES", {"csv": pruning})
    assert main(["query", str(dataset), "metadata.v > 0", "--format", "csv", "--version", "1"]) == 2
    assert capsys.readouterr().err == f"metadata-etl: {PRUNED.format(dataset)}\n"


def test_a_version_that_is_pruned_while_it_is_exported_is_no_damage(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pruning(*given: Any) -> Any:
        planned = real(*given)
        assert LocalStore(str(dataset)).prune([1, 2]) == [1, 2]
        return planned

    real = run.plan
    monkeypatch.setattr(run, "plan", pruning)
    code, document = export(dataset, tmp_path / "out", "--version", "1")
    assert (code, document["message"]) == (2, PRUNED.format(dataset))


def test_a_version_that_is_pruned_while_all_are_listed_is_left_out(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pruning(store: LocalStore) -> list[int]:
        found = real(store)
        with monkeypatch.context() as patched:
            patched.setattr(LocalStore, "version_numbers", real)
            store.prune([1])
        return found

    real = LocalStore.version_numbers
    there = Dataset.at(str(dataset))
    monkeypatch.setattr(LocalStore, "version_numbers", pruning)
    assert [each.number for each in there.versions()] == [3, 2]


def test_prune_removes_only_what_it_planned(dataset: Path) -> None:
    """Of a version that was still read then, open rejections have not been kept (R1)."""
    store = LocalStore(str(dataset))
    with store.run(1):
        planned = store.removable([3]).versions
    assert store.prune(planned) == [2]
    assert store.version_numbers() == [1, 3]


def test_the_versions_of_a_pruned_dataset_go_on(dataset: Path, tmp_path: Path) -> None:
    main(["prune", str(dataset), "--keep", "1"])
    more = ndjson(tmp_path / "more.ndjson", [an_item("more")])
    run = ingest(dataset, "--items", str(more))
    assert (run.document["version"], run.document["cache_keys"]["upload"]) == (4, 1)
    assert {path.name for path in (dataset / "versions").iterdir()} == {"000003", "000004"}
