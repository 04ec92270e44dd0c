"""What a job says about keys that no rule knows and values that cannot be meant: R7, R2, U4, P5."""

import json
from pathlib import Path
from typing import Any

from support.in_process import ingest

from pipelines.cli.main import main
from pipelines.dataset.versions import Dataset

ITEM = {"reference_id": "a", "image_url": "https://example.org/a.jpg"}
BOX = {"reference_id": "a", "type": "box", "label": "car", "geometry": {"x": 0, "y": 0, "width": 1, "height": 1}}


def write(path: Path, *records: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def exports(folder: Path) -> list[str]:
    boxes = [{**BOX, "annotation_id": f"{number}"} for number in range(5)]
    boxes[1]["score"] = 0.5
    boxes[2]["score"] = 0.25
    boxes[3]["confidence"] = 1.5
    return ["--items", write(folder / "items", ITEM), "--predictions", f"m={write(folder / 'boxes', *boxes)}"]


def test_irregular_records_are_published_and_said(tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", *exports(tmp_path))
    assert run.document["groups"]["predictions"]["created"] == 5
    assert run.document["warnings"] == {"implausible_value": 1, "unknown_key": 2}
    key, value = run.document["irregularities"]
    assert (key["group"], key["code"], key["key"], key["records"]) == ("predictions", "unknown_key", "score", 2)
    assert key["hint"] == "did you mean confidence?"
    assert (key["example"]["line"], key["example"]["reference_id"], key["example"]["value"]) == (2, "a", "0.5")
    assert (value["code"], value["key"], value["hint"]) == ("implausible_value", "confidence", None)
    manifest = Dataset.at(str(tmp_path / "d")).current().manifest
    assert manifest["irregularities"] == run.document["irregularities"]


def test_a_half_coordinate_is_warned_of_with_its_first_record(tmp_path: Path) -> None:
    halves = [{"lat": 1, "lon": 2}, {"lat": 52.5}, {"lat": "north"}, {"longitude": None, "lat": 1}]
    items = [{**ITEM, "reference_id": f"{number}", "metadata": each} for number, each in enumerate(halves)]
    run = ingest(tmp_path / "d", "--items", write(tmp_path / "items", *items))
    assert run.document["warnings"] == {"half_coordinate": 3}
    shown = [
        (each["key"], each["records"], each["hint"], each["example"]["reference_id"], each["example"]["value"])
        for each in run.document["irregularities"]
    ]
    assert shown == [
        ("metadata.lat", 3, "give metadata.lon too", "1", "52.5"),
        ("metadata.longitude", 1, "give metadata.latitude too", "3", "null"),
    ]
    assert run.document["irregularities"][0]["example"]["line"] == 2


def test_a_strict_job_rejects_them_and_no_neighbour(tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", *exports(tmp_path), "--strict")
    counts = run.document["groups"]["predictions"]
    assert counts["rejected"] == {"implausible_value": 1, "unknown_key": 2}
    assert counts["created"] == 2
    assert counts["read"] == 5
    assert run.document["irregularities"] == []
    assert run.document["options"]["strict"] is True


def test_without_irregular_records_nothing_is_said(tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", "--items", write(tmp_path / "items", ITEM), "--strict")
    assert run.document["irregularities"] == []
    assert "irregularities" not in Dataset.at(str(tmp_path / "d")).current().manifest


def test_the_first_example_of_many_exports_is_the_first_by_export_and_line(tmp_path: Path) -> None:
    first = write(tmp_path / "1", ITEM, {**ITEM, "reference_id": "b"})
    second = write(
        tmp_path / "2", {**ITEM, "reference_id": "c", "weather": 2}, {**ITEM, "reference_id": "d", "weather": 1}
    )
    run = ingest(tmp_path / "d", "--items", first, "--items", second)
    (found,) = run.document["irregularities"]
    assert (found["hint"], found["records"]) == ("put it into metadata", 2)
    assert (found["example"]["export"], found["example"]["line"], found["example"]["value"]) == (second, 1, "2")


def test_the_summary_names_the_key_and_what_to_do(tmp_path: Path, capsys: Any) -> None:
    assert main(["ingest", "--dataset", str(tmp_path / "d"), *exports(tmp_path)]) == 0
    lines = " ".join(capsys.readouterr().out.split())
    assert (
        "warning: unknown_key in 2 records predictions: score in 2 (did you mean confidence?), first 0.5 in a" in lines
    )
    assert "predictions: confidence in 1, first 1.5 in a" in lines


def test_a_backfill_is_as_strict_as_each_of_its_jobs(tmp_path: Path) -> None:
    odd = write(tmp_path / "odd", {**ITEM, "weather": 1})
    odd_too = write(tmp_path / "odd_too", {**ITEM, "reference_id": "b", "weather": 1})
    history = tmp_path / "history.toml"
    history.write_text(f"[[job]]\nitems = '{odd}'\nstrict = true\n[[job]]\nitems = '{odd_too}'\n")
    assert main(["backfill", "--dataset", str(tmp_path / "d"), "--history", str(history), "--quiet"]) == 0
    manifest = Dataset.at(str(tmp_path / "d")).current().manifest
    assert manifest["counts"]["items"]["rejected"] == {"unknown_key": 1}
    assert [each["records"] for each in manifest["irregularities"]] == [1]
    assert [step.get("strict") for step in manifest["options"]["backfill"]] == [True, None]


def test_what_an_update_leaves_aside_is_named(tmp_path: Path) -> None:
    ingest(tmp_path / "d", *exports(tmp_path))
    item = write(tmp_path / "item", {"reference_id": "a", "weather": "rain", "width": -1, "metadata": {"n": 1}})
    box = write(tmp_path / "box", {"reference_id": "a", "annotation_id": "0", "speed": 3, "metadata": {"n": 1}})
    run = ingest(tmp_path / "d", "--items", item, "--predictions", f"m={box}", "--mode", "merge")
    assert [(each["group"], each["key"], each["hint"]) for each in run.document["irregularities"]] == [
        ("items", "weather", "put it into metadata"),
        ("predictions", "speed", "put it into metadata"),
    ]
    assert run.document["groups"]["items"]["updated"] == 1
    strict = ingest(tmp_path / "d", "--items", item, "--mode", "merge", "--strict")
    assert strict.document["groups"]["items"]["rejected"] == {"unknown_key": 1}
