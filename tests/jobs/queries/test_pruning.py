"""What a query reads: columns that it names, partitions where its targets are, nothing where nothing can be."""

from typing import Any

import polars as pl
import pytest
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.queries import partition_frames, reading
from pipelines.queries.answers import Answer
from pipelines.queries.conditions import Column
from transforms.kernels.batch.batch import Batch
from transforms.rules.identity import partition_of
from transforms.storage.stored_files import StoredFile

Read = list[tuple[str, list[str]]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """(path, columns) of every state file that is read."""
    seen: Read = []
    pruned = reading.read_pruned

    def noted(state: StoredFile, names: Any, keys: Any) -> Batch:
        batch = pruned(state, names, keys)
        seen.append((state.path, batch.rows.columns))
        assert set(batch.cells["key"].unique()) <= set(keys)
        return batch

    monkeypatch.setattr(reading, "read_pruned", noted)
    return seen


def count(published: Ended, text: str, group: Any = "items") -> int:
    answer = Answer.to(text, Dataset.at(str(published.dataset)), group)
    return sum(len(match.positions) for match in answer.matches())


def test_only_the_columns_that_are_named_are_read(published: Ended, read: Read) -> None:
    assert count(published, "metadata.weather = rain")
    assert {name for _, columns in read for name in columns} == {"reference_id", "null:weather", "string:weather"}
    assert len(read) == 4


def test_groups_that_are_not_named_are_not_read(published: Ended, read: Read) -> None:
    assert count(published, "annotations.metadata.points > 2")
    assert {path.split("/")[1] for path, _ in read} == {"items", "annotations"}


def test_a_reference_id_is_looked_for_in_its_partition(published: Ended, read: Read) -> None:
    assert count(published, 'metadata.n != 100 AND (reference_id = "img_1" OR "img_2" = reference_id)') == 2
    wanted = {partition_of(name, 4) for name in ("img_1", "img_2")}
    assert {int(path.split("-")[1]) for path, _ in read} == wanted
    read.clear()
    assert count(published, 'reference_id = "img_1" AND reference_id = "img_2"') == 0
    assert read == []


@pytest.mark.parametrize(
    "text",
    [
        "metadata.weather = hail",
        "metadata.n > 1000",
        "metadata.n <= -1000 OR metadata.d = 7e300",
        "metadata.none = 1",
        "annotations.metadata.points > 1000",
        "scene.metadata.km = 77",
        "metadata.n > 1000 AND annotations.count > 1",
    ],
)
def test_nothing_is_read_where_the_schema_says_that_nothing_can_be(text: str, published: Ended, read: Read) -> None:
    assert count(published, text) == 0
    assert read == []


def test_columns_that_are_not_asked_for_are_not_decoded(published: Ended) -> None:
    files = Dataset.at(str(published.dataset)).published().states("items")
    frame = reading.read_columns(files[0], ("reference_id",), (Column("metadata", "n", "long"),))
    assert frame.schema == {"reference_id": pl.String, "metadata:n": pl.Int64}
    assert partition_frames.read_optional(None, ("reference_id",), (Column("metadata", "n", "long"),)).height == 0
