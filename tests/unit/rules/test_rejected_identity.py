"""The identities of rejected records (I1, I2): those of the timeline, where the rules accept the record."""

from typing import Any

import pytest
from support.strategies import normalized

from transforms.kernels.merge.timeline import identity
from transforms.rules.rejected_identity import identities

CORNERS = {"x": 1, "y": 2, "width": 3, "height": 4}
ACCEPTED: list[dict[str, Any]] = [
    {"type": "box", "label": "car", "geometry": CORNERS},
    {"type": "box", "label": "car", "geometry": CORNERS, "annotation_id": "1", "task_id": "t"},
    {"type": "category", "label": "x"},
    {"type": "category", "label": "x", "taxonomy_name": "t"},
    {"type": "mask", "mask_url": "/m", "annotations": [{"index": 1}, {"index": 12}]},
]


@pytest.mark.parametrize("record", ACCEPTED)
def test_of_an_accepted_annotation_they_are_those_of_its_rows(record: dict[str, Any]) -> None:
    whole = {"reference_id": "a", **record}
    rows = [
        name
        for batch in normalized([whole], "annotations").batches
        for name in identity(batch.rows, batch.group).rows()
    ]
    assert identities(whole, "annotations", "a", None) == set(rows)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        ({"type": "box", "annotation_id": "1", "geometry": 3}, {("a", "v", "object", "1", None)}),
        ({"type": "box", "geometry": 3}, set()),
        ({"type": "category", "taxonomy_name": 3}, {("a", "v", "category", None, None)}),
        ({"type": "circle"}, set()),
        ({"type": ["box"]}, set()),
    ],
)
def test_of_a_broken_one_they_are_read_from_its_raw_fields(record: dict[str, Any], names: set[Any]) -> None:
    assert identities({"reference_id": "a", **record}, "predictions", "a", "v") == names


def test_items_are_known_by_their_reference_id_alone() -> None:
    assert identities(None, "items", "a", None) == {("a",)}
    assert identities({"reference_id": "b"}, "items", None, None) == set()
    assert identities({"reference_id": "b", "type": "mask"}, "annotations", "a", None) == set()
