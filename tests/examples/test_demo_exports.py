"""The exports of the demo: good data without conflicts, and one fault in each faulty line (RULES R3, T3, I2, I4)."""

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "items",
    "annotations",
    "predictions_detector_v1",
    "predictions_detector_v2",
    "scenes",
    "masks",
    "faulty",
}
CODES = [
    "malformed_json",
    "not_an_object",
    "invalid_reference_id",
    "missing_url",
    "invalid_url",
    "invalid_field",
    "invalid_metadata",
    "non_finite_number",
    "number_out_of_range",
    "invalid_coordinate",
    "coordinate_out_of_range",
    "invalid_context_attachment",
    "duplicate_id",
]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("airportsdata") is None, reason="the demo is made from the package airportsdata"
)


def make(out: Path) -> str:
    command = [sys.executable, str(ROOT / "examples" / "demo" / "make_exports.py"), str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    out = tmp_path_factory.mktemp("demo")
    printed = make(out)
    good = {path.stem: records(path) for path in out.glob("*.ndjson") if path.stem != "faulty"}
    return SimpleNamespace(out=out, printed=printed, **good)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def kinds(metadata: Iterable[dict[str, Any] | None]) -> dict[str, set[str]]:
    """Returns the kinds of each field, by V1 to V5."""
    names = {bool: "string", str: "string", int: "number", float: "number", list: "other", dict: "other"}
    found: dict[str, set[str]] = {}
    for each in metadata:
        for name, value in (each or {}).items():
            if value is not None:
                found.setdefault(name, set()).add(names[type(value)])
    return found


def frames(scenes: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for scene in scenes:
        for frame in scene["frames"]:
            yield from [frame] if "reference_id" in frame else frame.values()


def test_one_line_is_printed_for_each_file(demo: SimpleNamespace) -> None:
    lines = demo.printed.splitlines()
    assert {Path(line.split()[0]).stem for line in lines} == FILES
    for line in lines:
        path, count, word, size, _ = line.replace(",", "").split()
        content = Path(path).read_bytes()
        assert (len(content.splitlines()), word, len(content)) == (int(count), "records", int(size))


def test_two_runs_give_the_same_bytes(demo: SimpleNamespace, tmp_path: Path) -> None:
    make(tmp_path)
    for name in FILES:
        assert (tmp_path / f"{name}.ndjson").read_bytes() == (demo.out / f"{name}.ndjson").read_bytes()


def test_every_airport_is_an_item_with_what_is_known_of_it(demo: SimpleNamespace) -> None:
    items = {item["reference_id"]: item for item in demo.items}
    assert len(items) == len(demo.items) > 20_000
    kennedy = items["airport/KJFK"]
    assert kennedy["image_url"] == "https://imagery.example.org/airports/KJFK.jpg"
    metadata = kennedy["metadata"]
    assert (metadata["iata"], metadata["has_iata"], metadata["country"]) == ("JFK", True, "US")
    assert metadata["codes"]["icao"] == "KJFK"
    assert abs(metadata["lat"] - 40.64) < 0.02
    assert all(("iata" in item["metadata"]) == item["metadata"]["has_iata"] for item in demo.items)
    assert {item["metadata"]["city"] is None for item in demo.items} == {True, False}


def test_no_group_has_a_type_conflict(demo: SimpleNamespace) -> None:
    lines = (demo.out / "faulty.ndjson").read_bytes().splitlines()
    # Of the faulty lines only those whose metadata can be read and is not the fault itself.
    readable = [json.loads(line) for line in lines[3:6] + lines[11:]]
    groups = {
        "items": [item["metadata"] for item in [*demo.items, *frames(demo.scenes), *readable]],
        "scenes": [scene["metadata"] for scene in demo.scenes],
        "annotations": [annotation["metadata"] for annotation in demo.annotations]
        + [segment.get("metadata") for mask in demo.masks for segment in mask["annotations"]],
        "predictions": [each["metadata"] for each in demo.predictions_detector_v1 + demo.predictions_detector_v2],
    }
    found = {group: kinds(metadata) for group, metadata in groups.items()}
    assert all(len(seen) == 1 for fields in found.values() for seen in fields.values())
    assert found["annotations"] == {
        "surface": {"string"},
        "visible": {"string"},
        "length_m": {"number"},
        "area_m2": {"number"},
    }


@pytest.mark.parametrize("name", ["annotations", "predictions_detector_v1", "predictions_detector_v2", "masks"])
def test_annotations_are_on_airports_and_have_distinct_identities(demo: SimpleNamespace, name: str) -> None:
    annotations = getattr(demo, name)
    known = {item["reference_id"] for item in demo.items}
    assert {annotation["reference_id"] for annotation in annotations} <= known
    identities = Counter((annotation["reference_id"], annotation["annotation_id"]) for annotation in annotations)
    assert set(identities.values()) == {1}
    if name == "masks":
        assert len({annotation["reference_id"] for annotation in annotations}) == len(annotations)


def test_some_thousand_airports_have_boxes_within_their_image(demo: SimpleNamespace) -> None:
    assert 1_000 < len({annotation["reference_id"] for annotation in demo.annotations}) < 5_000
    assert {annotation["label"] for annotation in demo.annotations} == {"runway", "terminal", "apron"}
    for annotation in demo.annotations:
        box = annotation["geometry"]
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1024.01
        assert box["y"] + box["height"] <= 768.01


def test_the_second_detector_finds_more_with_more_confidence(demo: SimpleNamespace) -> None:
    first, second = demo.predictions_detector_v1, demo.predictions_detector_v2
    assert len(demo.annotations) > len(second) > len(first)
    for annotation in first + second:
        assert 0 <= annotation["confidence"] <= 1
        assert annotation["class_pdf"][annotation["label"]] == annotation["confidence"]
        assert abs(sum(annotation["class_pdf"].values()) - 1) < 1e-3
    means = [
        sum(annotation["confidence"] for annotation in annotations) / len(annotations)
        for annotations in (first, second)
    ]
    assert means[0] < means[1]


def test_the_frames_of_the_scenes_are_items_of_their_own(demo: SimpleNamespace) -> None:
    assert Counter("frame_rate" in scene for scene in demo.scenes) == {False: 20, True: 20}
    found = [frame["reference_id"] for frame in frames(demo.scenes)]
    assert len(found) == 20 * 3 * 2 + 20 * 5
    assert len(set(found) | {item["reference_id"] for item in demo.items}) == len(found) + len(demo.items)
    assert {frame["type"] for frame in frames(demo.scenes)} == {"image", "pointcloud"}


def test_each_faulty_line_is_rejected_with_its_own_code_and_nothing_else_is(
    demo: SimpleNamespace, tmp_path: Path
) -> None:
    script = ROOT / "benchmarks" / "peers" / "plain_script.py"
    exports = [str(demo.out / "items.ndjson"), str(demo.out / "faulty.ndjson")]
    command = [sys.executable, str(script), *exports, "--out", str(tmp_path)]
    report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert report["groups"]["items"]["created"] == len(demo.items)
    assert report["conflicts"] == []
    rejections = records(tmp_path / "rejections.ndjson")
    assert [each["code"] for each in rejections] == CODES
    assert [(each["export"], each["line"]) for each in rejections] == [("faulty.ndjson", line) for line in range(1, 14)]
