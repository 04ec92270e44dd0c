"""A marker identifies a dataset; whatever is no marker of this tool is damage (P6)."""

import json
import uuid

import pytest

from pipelines.dataset.store.marker import dataset_id, new_marker
from pipelines.errors import DamagedDatasetError

ID = "3f059775-b2d7-4965-b02f-c3b71b9f3926"
MARKER = {"tool": "metadata-etl", "format": 1, "dataset": ID}


def test_a_new_marker_names_a_dataset_of_its_own() -> None:
    one, other = new_marker(), new_marker()
    assert uuid.UUID(dataset_id(one, "d")).version == 4
    assert dataset_id(one, "d") != dataset_id(other, "d")


def test_a_marker_is_read_as_it_was_made() -> None:
    assert dataset_id(json.dumps(MARKER).encode(), "d") == ID


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        json.dumps(MARKER | {"tool": "other"}).encode(),
        json.dumps(MARKER | {"format": 2}).encode(),
        json.dumps(MARKER | {"dataset": "x"}).encode(),
        json.dumps(MARKER | {"dataset": None}).encode(),
        json.dumps(MARKER | {"more": 1}).encode(),
        json.dumps({"tool": "metadata-etl", "format": 1}).encode(),
    ],
)
def test_what_is_no_marker_is_damage(data: bytes) -> None:
    with pytest.raises(DamagedDatasetError, match=r"^d/\.metadata-etl/dataset\.json is damaged"):
        dataset_id(data, "d")
