"""An export in which there is no record is not a silent success."""

import json
from pathlib import Path

import pytest

from transforms.stages.elements import Export, RawChunk
from transforms.stages.exports import EMPTY_EXPORT, byte_ranges, read

COCO = {
    "info": {"year": 2017},
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4]}],
    "categories": [{"id": 1, "name": "cat"}],
}


def reading(path: Path) -> list[RawChunk]:
    loads = byte_ranges([Export(0, str(path), "items", None, path.stat().st_size)])
    return [raw for load in loads for byte_range in load for raw in read(byte_range)]


def warnings(path: Path) -> dict[str, int]:
    return {code: count for raw in reading(path) if raw.chunk for code, count in raw.chunk.warnings.items()}


@pytest.mark.parametrize(
    "text", ["", "\n \r\n\n", "[]", "[ , ]", '{"items": []}', '{"items": [], "data": []}', "\ufeff"]
)
def test_an_export_without_a_record_is_a_warning(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    assert warnings(path) == {EMPTY_EXPORT: 1}


@pytest.mark.parametrize("text", ["[1]", '{"items": [null]}', '{"a": 1}\n', "5"])
def test_one_with_something_in_it_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    assert warnings(path) == {}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "document",
    [
        COCO,
        {**COCO, "annotations": []},
        {key: COCO[key] for key in ("images", "annotations", "categories")},
        {**COCO, "images": [{"id": number, "file_name": "a" * 100} for number in range(2_000)]},
    ],
)
def test_a_coco_file_is_refused_by_name(tmp_path: Path, document: object, indent: int | None) -> None:
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(document, indent=indent), encoding="utf-8")
    (fault,) = [str(raw.unreadable) for raw in reading(path) if raw.unreadable]
    assert "got an object with the keys annotations, categories, " in fault
    assert "which looks like a COCO file: write a record with a reference_id for each" in fault
    assert sum(len(raw.chunk.records) for raw in reading(path) if raw.chunk) == 0


def test_an_envelope_with_a_list_of_images_beside_items_is_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"images": 5, "items": [{"reference_id": "a"}]}', encoding="utf-8")
    assert [list(raw.chunk.records) for raw in reading(path) if raw.chunk] == [[b'{"reference_id": "a"}']]
