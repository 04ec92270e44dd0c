"""Versions that come and go while the explorer shows one (EXPLORER, Trust)."""

from pathlib import Path

from support.explorer import exploring
from support.in_process import ingest
from support.runs import an_item, ndjson

from pipelines.cli.main import main


def published(dataset: Path, name: str, speed: int, *flags: str) -> None:
    items = ndjson(dataset.parent / f"{name}.ndjson", [an_item("a", {"speed": speed}), an_item(name, {"speed": speed})])
    assert ingest(dataset, "--items", f"{items}", *flags).outcome == "published"


def test_another_version_is_asked_by_its_number_and_history_tells_what_changed(tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    published(dataset, "b", 1)
    published(dataset, "c", 2, "--mode", "replace")
    with exploring(dataset) as explorer:
        assert [explorer.json("records", version=version)["count"] for version in (1, 2, None)] == [2, 3, 3]
        assert [each["version"] for each in explorer.json("dataset")["versions"]] == [2, 1]
        assert explorer.json("record", reference_id="a")["history"] == [
            {"version": 1, "change": "created"},
            {
                "version": 2,
                "change": "updated",
                "changed": [{"name": "metadata.speed", "before": 1, "now": 2}],
            },
        ]
        assert explorer.json("record", reference_id="b")["history"] == [{"version": 1, "change": "created"}]
        assert explorer.json("record", reference_id="c")["history"] == [{"version": 2, "change": "created"}]
        assert explorer.json("record", reference_id="a", version=1)["record"]["metadata"] == {"speed": 1}


def test_a_version_that_is_pruned_while_it_is_shown_is_told(tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    published(dataset, "b", 1)
    with exploring(dataset) as explorer:
        assert explorer.json("records", query="metadata.speed > 0")["count"] == 2
        published(dataset, "c", 2, "--mode", "replace")
        published(dataset, "d", 3, "--mode", "replace")
        assert [each["version"] for each in explorer.json("dataset")["versions"]] == [3, 2, 1]
        assert main(["prune", f"{dataset}", "--keep", "1"]) == 0
        for call in ("records", "insights", "dataset"):
            answer = explorer.get(f"/api/{call}", query="metadata.speed > 1")
            assert answer.status == 410, call
            assert "version 1" in answer.json["error"]["message"]
            assert answer.json["error"]["hints"] == ["3"]
        for _ in range(2):
            assert explorer.get("/api/records", version=2).status == 410
        assert explorer.get("/api/records", version=4).json["error"]["hints"] == ["3"]
        assert explorer.json("records", version=3)["count"] == 4
        assert explorer.json("record", reference_id="a", version=3)["history"] == []


def test_the_explorer_leaves_the_dataset_as_it_was(tmp_path: Path) -> None:
    dataset = tmp_path / "d"
    published(dataset, "b", 1)
    before = {path: path.stat().st_mtime_ns for path in dataset.rglob("*")}
    with exploring(dataset) as explorer:
        for call in ("dataset", "records", "insights", "suggest", "export"):
            assert explorer.get(f"/api/{call}", query="metadata.speed > 0").status == 200
        explorer.json("record", reference_id="a")
    assert {path: path.stat().st_mtime_ns for path in dataset.rglob("*")} == before
