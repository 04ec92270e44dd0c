"""Rows of exports taken to pieces: G1 to G3, G6."""

from typing import Any

import pytest
from hypothesis import given
from support.strategies import json_values

from transforms.rules.export_rows import GROUPS, Group, records

ROW = {
    "item": {"ref_id": "a", "original_url": "https://example.org/a.jpg"},
    "box": [{"label": "car"}, {"label": "bus", "reference_id": "b"}],
    "segmentation": {"mask_url": "https://example.org/m.png", "annotations": []},
    "polygon": [],
    "category": None,
}
PIECES = [
    {"label": "car", "reference_id": "a", "type": "box"},
    {"label": "bus", "reference_id": "b", "type": "box"},
    {"mask_url": "https://example.org/m.png", "annotations": [], "reference_id": "a", "type": "mask"},
]
SCENE = {"scene": {"reference_id": "s", "type": "video", "fileLocation": "https://example.org/v"}, "annotations": {}}


@pytest.mark.parametrize(
    ("row", "group", "pieces"),
    [
        (ROW, "items", [ROW["item"]]),
        (ROW, "annotations", PIECES),
        (ROW, "predictions", PIECES),
        (ROW, "scenes", []),
        ({"item": ROW["item"], "annotations": {"box": ROW["box"]}}, "annotations", PIECES[:2]),
        ({"item": {"reference_id": "a"}, "line": [3]}, "annotations", [3]),
        (
            SCENE,
            "scenes",
            [{"reference_id": "s", "type": "video", "video_url": "https://example.org/v", "annotations": {}}],
        ),
        ({"scene": {"reference_id": "s", "fileLocation": 3}}, "scenes", [{"reference_id": "s", "fileLocation": 3}]),
    ],
)
def test_a_row_is_taken_to_pieces(row: Any, group: Group, pieces: list[Any]) -> None:
    assert records(row, group) == pieces


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    "row",
    [
        {"reference_id": "a", "item": {"ref_id": "b"}},
        {"reference_id": "a", "metadata": {"item": {}}},
        {"item": 3},
        {"scene": "night", "reference_id": "a"},
        [1],
        None,
        3,
    ],
)
def test_a_record_is_itself(row: Any, group: Group) -> None:
    assert records(row, group) == [row]


@given(json_values)
def test_no_value_is_changed(value: Any) -> None:
    before = repr(value)
    for group in GROUPS:
        records(value, group)
    assert repr(value) == before
