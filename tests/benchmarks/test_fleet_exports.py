"""The exports of a fleet: the same bytes for the same seed, of the promised sizes and shapes (RULES G2, G3, I2, I4)."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "fleet_exports.py"
ITEMS = 1_200
RUNS = ("night-small", "night-large")


def write(out: Path, *arguments: str) -> dict[str, bytes]:
    """Path below the directory to bytes."""
    subprocess.run(
        [sys.executable, str(SCRIPT), "--items", str(ITEMS), "--out", str(out), *arguments],
        capture_output=True,
        check=True,
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.ndjson"))}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return write(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(scope="module")
def records(written: dict[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    return {name: [json.loads(line) for line in data.splitlines()] for name, data in written.items()}


def test_a_seed_gives_the_same_bytes_and_parts_are_the_whole(written: dict[str, bytes], tmp_path: Path) -> None:
    parts = write(tmp_path / "parts", "--files", "3")
    assert set(written) == {
        *("items.ndjson", "scenes.ndjson", "annotations.ndjson", "update/items.ndjson"),
        *(f"{run}/predictions.ndjson" for run in RUNS),
    }
    for name, data in written.items():
        stem = name.removesuffix(".ndjson")
        own = [parts[part] for part in sorted(parts) if part == name or part.startswith(f"{stem}-0")]
        assert len(own) == (1 if stem == "update/items" else 3)
        assert b"".join(own) == data
    other = write(tmp_path / "other", "--seed", "2")
    assert all(other[name] != data for name, data in written.items())
    assert written["night-small/predictions.ndjson"] != written["night-large/predictions.ndjson"]


def test_half_of_the_items_are_frames_and_one_in_twenty_of_the_others_has_attachments(
    records: dict[str, list[dict[str, Any]]],
) -> None:
    frames = [frame for scene in records["scenes.ndjson"] for frame in scene["frames"]]
    of_frames = [item for frame in frames for item in ([frame] if "reference_id" in frame else frame.values())]
    items = records["items.ndjson"]
    assert len(of_frames) == len(items) == ITEMS // 2
    assert len({item["reference_id"] for item in [*items, *of_frames]}) == ITEMS
    assert Counter("frame_rate" in scene for scene in records["scenes.ndjson"]) == {True: 15, False: 15}
    assert sum("context_attachments" in item["metadata"] for item in items) == len(items) // 20


def test_there_are_six_types_of_annotations_masks_and_two_model_runs_all_on_items(
    records: dict[str, list[dict[str, Any]]],
) -> None:
    types = Counter(each["type"] for each in records["annotations.ndjson"])
    each_type = dict.fromkeys(("box", "polygon", "line", "keypoints", "cuboid", "category"), ITEMS // 12)
    assert types == {**each_type, "mask": ITEMS // 20}
    items = {item["reference_id"] for item in records["items.ndjson"]}
    for name in ("annotations.ndjson", *(f"{run}/predictions.ndjson" for run in RUNS)):
        assert {each["reference_id"] for each in records[name]} <= items
    for run in RUNS:
        predictions = records[f"{run}/predictions.ndjson"]
        assert len(predictions) == ITEMS // 4
        assert all({"confidence", "class_pdf"} <= set(each) for each in predictions)


def test_the_update_is_of_metadata_of_items_that_are_there_with_attachments_and_without(
    records: dict[str, list[dict[str, Any]]],
) -> None:
    items = {item["reference_id"]: item["metadata"] for item in records["items.ndjson"]}
    updated = [each["reference_id"] for each in records["update/items.ndjson"]]
    assert updated == list(items)[::11]
    assert all(set(each) == {"reference_id", "metadata"} for each in records["update/items.ndjson"])
    assert {"context_attachments" in items[name] for name in updated} == {True, False}


@pytest.mark.parametrize("arguments", [("--items", "0"), ("--files", "0")])
def test_a_command_line_that_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, "--out", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "error:" in ended.stderr
    assert not list(tmp_path.iterdir())
