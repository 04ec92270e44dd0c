"""The street views of the demo: images that are drawn, records that name them, and what stands on them (K4, T3, I4)."""

import importlib
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.in_process import ingest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("airport", "annotations", "pictures", "streets", "street_pictures", "street_exports")
FEW_KILOBYTES = 8_000


@pytest.fixture(scope="module")
def demo() -> Iterator[SimpleNamespace]:
    """The modules of the demo, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "examples" / "demo")
        modules: dict[str, ModuleType] = {name: importlib.import_module(name) for name in MODULES}
        yield SimpleNamespace(**modules)


@pytest.fixture(scope="module")
def made(demo: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Pictures in a folder and the records of each export."""
    folder = Path(tmp_path_factory.mktemp("street views")) / "images"
    demo.street_exports.write_pictures(folder)
    return SimpleNamespace(
        folder=folder,
        items=list(demo.street_exports.items(folder)),
        scenes=list(demo.street_exports.scenes(folder)),
        annotations=list(demo.street_exports.annotation_records()),
        detector_v1=list(demo.street_exports.prediction_records(demo.annotations.DETECTOR_V1)),
        detector_v2=list(demo.street_exports.prediction_records(demo.annotations.DETECTOR_V2)),
    )


def frames(made: SimpleNamespace) -> list[dict[str, Any]]:
    return [each for scene in made.scenes for frame in scene["frames"] for each in frame.values()]


def test_a_revision_is_of_each_street_view_and_changes_some_of_it(demo: SimpleNamespace, made: SimpleNamespace) -> None:
    revised = {each["reference_id"]: each["metadata"] for each in demo.street_exports.revisions()}
    before = {each["reference_id"]: each["metadata"] for each in made.items}
    assert list(revised) == list(before)
    assert all(each["speed"] > before[name]["speed"] for name, each in revised.items())
    weathers = {name: each["weather"] for name, each in revised.items() if "weather" in each}
    assert weathers == {"street/04": "rain"} != {"street/04": before["street/04"]["weather"]}


def attachments(item: dict[str, Any]) -> list[dict[str, Any]]:
    return list(item["metadata"]["context_attachments"])


def test_png_has_the_pixels_that_were_drawn(demo: SimpleNamespace) -> None:
    picture = demo.pictures.Picture.blank(9, 7, (10, 20, 30))
    picture.rectangle(6, -2, 5, 4, (255, 0, 1))
    picture.polygon([(0, 3), (4, 3), (4, 7), (0, 7)], (0, 255, 2))
    data = picture.png()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert tuple(int.from_bytes(data[at : at + 4], "big") for at in (16, 20)) == (9, 7)
    size = int.from_bytes(data[33:37], "big")
    body = data[37 : 41 + size]
    assert zlib.crc32(body) == int.from_bytes(data[41 + size : 45 + size], "big")
    rows = np.frombuffer(zlib.decompress(body[4:]), np.uint8).reshape(7, 1 + 9 * 3)
    assert set(rows[:, 0]) == {2}, "each row is the difference to the one above"
    pixels = np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(7, 9, 3)
    assert (pixels == picture.pixels).all()
    assert (pixels[:2, 6:] == (255, 0, 1)).all()
    assert (pixels[3:, :4] == (0, 255, 2)).all()
    assert (pixels == (10, 20, 30)).all(axis=2).sum() == 9 * 7 - 2 * 3 - 4 * 4


def test_two_runs_give_the_same_files_of_a_few_kilobytes(
    demo: SimpleNamespace, made: SimpleNamespace, tmp_path: Path
) -> None:
    count = demo.street_exports.write_pictures(tmp_path)
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    assert len(files) == count
    for path in files:
        assert (tmp_path / path.relative_to(made.folder)).read_bytes() == path.read_bytes()
        assert 100 < path.stat().st_size < FEW_KILOBYTES


def test_every_image_that_a_record_names_is_there(made: SimpleNamespace) -> None:
    assert len(made.items) == 12
    named = [item["image_url"] for item in made.items] + [item["url"] for item in frames(made)]
    for item in [*made.items, *frames(made)]:
        assert len(attachments(item)) == 2
        named += [each["attachment"] for each in attachments(item)]
    assert [name for name in named if not Path(name).is_absolute() or not Path(name).is_file()] == []
    assert set(map(Path, named)) == {path for path in made.folder.rglob("*") if path.is_file()}


def test_boxes_and_outlines_are_where_things_are_drawn(demo: SimpleNamespace) -> None:
    rows, columns = np.ogrid[: demo.streets.HEIGHT, : demo.streets.WIDTH]
    for street in [*list(demo.streets.streets())[::3], *demo.streets.drive()]:
        assert street.things
        bare = demo.street_pictures.camera(replace(street, things=())).pixels
        for thing in street.things:
            alone = demo.street_pictures.camera(replace(street, things=(thing,))).pixels
            drawn = (alone != bare).any(axis=2)
            x, y, width, height = thing.box()
            inside = (columns >= x - 1) & (columns <= x + width + 1) & (rows >= y - 1) & (rows <= y + height + 1)
            assert min(x, y) >= 0
            assert x + width <= demo.streets.WIDTH
            assert y + height <= demo.streets.HEIGHT
            assert not (drawn & ~inside).any()
            assert drawn.sum() > width * height / 2


def test_each_detector_misses_some_and_the_first_more(made: SimpleNamespace) -> None:
    there = {(each["reference_id"], each["annotation_id"]) for each in made.annotations if each["label"] != "road"}
    first, second = (
        {(each["reference_id"], each["annotation_id"]) for each in run} for run in (made.detector_v1, made.detector_v2)
    )
    assert len(there) > len(second & there) > len(first & there) > len(there) / 3
    assert len(first - there) == 2, "trucks that are not there"
    assert second <= there
    assert {each["type"] for each in made.annotations} == {"box", "polygon"}
    assert all(0 <= each["confidence"] <= 1 for each in made.detector_v1 + made.detector_v2)


def test_three_foggy_nights_have_two_trucks_or_more(made: SimpleNamespace) -> None:
    trucks = Counter(each["reference_id"] for each in made.annotations if each["label"] == "truck")
    foggy = [item for item in made.items if item["metadata"]["weather"] == "fog" and item["metadata"]["night"]]
    assert len([item for item in foggy if trucks[item["reference_id"]] > 1]) == 3 < len(foggy)


def test_all_of_it_is_published_with_the_airports_types(
    demo: SimpleNamespace, made: SimpleNamespace, tmp_path: Path
) -> None:
    airport = demo.airport.Airport("EDDB", "BER", "", "Berlin", "Berlin", "", "DE", 157.0, 52.36, 13.5, "Europe/Berlin")
    exports = {
        "items": [*made.items, demo.airport.item(airport)],
        "scenes": made.scenes,
        "annotations": [*made.annotations, *demo.annotations.annotation_records([airport])],
        "v1": [
            *made.detector_v1,
            *demo.annotations.prediction_records([airport], detector=demo.annotations.DETECTOR_V1),
        ],
        "v2": made.detector_v2,
    }
    for name, records in exports.items():
        (tmp_path / name).write_text("".join(json.dumps(each) + "\n" for each in records), "utf-8")
    flags = [f"--{name}={tmp_path / name}" for name in ("items", "scenes", "annotations")]
    runs = [word for run in ("v1", "v2") for word in ("--predictions", f"{run}={tmp_path / run}")]
    ended = ingest(tmp_path / "dataset", *flags, *runs, "--strict")
    groups = ended.document["groups"]
    assert [(group, each["rejected"]) for group, each in groups.items() if each["rejected"]] == []
    assert groups["items"]["created"] == 12 + 1 + len(frames(made))
    assert groups["annotations"]["created"] == len(exports["annotations"])
