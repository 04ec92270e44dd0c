"""Open rejections over the life of a dataset: closed by what is accepted since, kept by pruning (R1, U1 to U3)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import an_item, flags, ndjson

from pipelines.cli.main import main
from pipelines.dataset.documents.paths import OPEN_REJECTIONS
from pipelines.dataset.open_rejections import open_rejections
from pipelines.dataset.versions import Dataset
from pipelines.errors import DamagedDatasetError

FAR = {"lat": 95, "lon": 1}
BOX = {"type": "box", "label": "car", "geometry": {"x": 1, "y": 2, "width": 3, "height": 4}}


class Life:
    """A dataset that jobs are run on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dataset = folder / "d"
        self._jobs = 0

    def job(self, *arguments: str, **groups: list[Any]) -> Mapping[str, Any]:
        """Runs an ingest of these records; a str is a raw line."""
        self._jobs += 1
        exports = []
        for group, records in groups.items():
            path = self.folder / f"{group}{self._jobs}.ndjson"
            ndjson(path, [])
            path.write_text("".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in records))
            exports.append((group, "v1" if group == "predictions" else "", path))
        return ingest(self.dataset, *flags(exports), *arguments).document

    def open(self) -> list[tuple[str, str, Any]]:
        """Job, code and reference id of what is open."""
        found = open_rejections(Dataset.at(str(self.dataset)))
        return [(each.job.name, str(each.line["code"]), each.line["reference_id"]) for each in found]

    def prune(self, *arguments: str) -> None:
        assert main(["prune", str(self.dataset), "--keep", "1", *arguments]) == 0


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


def test_what_is_accepted_later_is_closed_and_pruning_keeps_the_others(
    life: Life, capsys: pytest.CaptureFixture[str]
) -> None:
    life.job(
        items=[an_item("good"), an_item("b", FAR), "{broken", an_item("c", FAR)],
        annotations=[{"reference_id": "b", **BOX}],
        predictions=[{"reference_id": "b", **BOX}],
    )
    first = [
        ("version 1", "coordinate_out_of_range", "b"),
        ("version 1", "malformed_json", None),
        ("version 1", "coordinate_out_of_range", "c"),
        ("version 1", "unknown_reference", "b"),
        ("version 1", "unknown_reference", "b"),
    ]
    assert life.open() == first
    life.job(items=[an_item("b", {"lat": 5, "lon": 1})], annotations=[{"reference_id": "b", **BOX}])
    # The prediction is an identity of its own, and was not in this job.
    assert life.open() == [first[1], first[2], first[4]]
    failed = life.job("--max-rejected", "0", items=[an_item("c", FAR), an_item("d")])
    run = f"run {failed['run']}"
    left = [first[1], first[4], (run, "coordinate_out_of_range", "c")]
    assert life.open() == left
    life.prune()
    assert life.open() == left[:1] + left[1:]
    assert "Kept 2 open rejections" in capsys.readouterr().out
    life.job(items=[an_item("c", {"lat": 3, "lon": 1})])
    assert life.open() == left[:2]
    life.prune()
    assert life.open() == left[:2]  # what was closed is not open once more when the versions in between are gone
    life.job(items=[an_item("e")])
    life.prune("--discard-rejections")
    assert life.open() == []


def test_a_rejected_update_is_open_until_the_row_changes(life: Life) -> None:
    life.job(items=[an_item("a", {"n": 1}), an_item("other")])
    life.job("--mode", "replace", items=[an_item("a", FAR), an_item("other", {"n": 1})])
    rejected = ("version 2", "coordinate_out_of_range", "a")
    assert life.open() == [rejected]
    life.job("--mode", "replace", items=[an_item("other", {"n": 2})])
    assert life.open() == [rejected]
    life.job("--mode", "replace", items=[an_item("a", {"n": 2})])
    assert life.open() == []


def test_damage_of_what_was_kept_is_named(life: Life) -> None:
    life.job(items=[an_item("good"), "{broken"])
    life.job(items=[an_item("more")])
    life.prune()
    (kept,) = (life.dataset / OPEN_REJECTIONS).iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"{broken", b"{brokem"))
    with pytest.raises(DamagedDatasetError, match=r"version-1\.ndjson is damaged"):
        life.open()


def test_what_lies_in_runs_and_is_none_is_passed_over(life: Life) -> None:
    life.job(items=[an_item("good"), "{broken"])
    for name, text in (("exp1", "{}"), ("exp2", "no json"), ("exp3", "[]")):
        folder = life.dataset / "runs" / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(text)
    assert life.open() == [("version 1", "malformed_json", None)]
