"""A partition from dicts to Avro by the functions of the stages alone, as another engine would call them (U, G, T)."""

from pathlib import Path
from typing import Any

import fastavro
import polars as pl

from transforms.stages.elements import Partition
from transforms.stages.infer_schema import SchemaOptions, merge_summaries, resolve
from transforms.stages.merge_records import MergedPartitions, Merging, PartitionMerger, merge_partition
from transforms.stages.normalize import normalize_records, split_by_partition
from transforms.stages.write_rows import Writing, write_partition

URL = "https://example.org/a.jpg"
ITEMS = [
    {"reference_id": "a", "image_url": URL, "metadata": {"speed": 3}},
    {"reference_id": "b", "image_url": URL, "metadata": {"speed": 2.5, "sky": "blue"}},
    {"reference_id": "a", "image_url": URL, "metadata": {"speed": 4}},
]


def merging(root: Path) -> Merging:
    return Merging(root=str(root), partitions=1, exports=["items"], export_steps=[0])


def incoming() -> list[Any]:
    normalized = normalize_records(ITEMS, "items")
    return [rows for batch in normalized.batches for _, rows in split_by_partition(batch, 1)]


def rows_of(merged: MergedPartitions, root: Path) -> list[Any]:
    options = SchemaOptions()
    schema = resolve(merge_summaries((summaries for _, summaries in merged.partitions), options), options)
    assert {key: field["type"] for key, field in schema["groups"]["items"]["fields"].items()} == {
        "sky": "categorical",
        "speed": "numerical",
    }
    ((partition, _),) = merged.partitions
    written = write_partition(partition, schema, Writing(root=str(root), partitions=1))
    assert written is not None
    assert pl.concat(written.uses)["url"].to_list() == [URL, URL]
    (part,) = written.stored
    with Path(part.uri).open("rb") as stream:
        return [(row["reference_id"], row["metadata"]) for row in fastavro.reader(stream)]


def test_a_partition_is_merged_and_written(tmp_path: Path) -> None:
    merged = merge_partition(0, incoming(), merging(tmp_path))
    counts = merged.counts["items"]
    assert (counts.created, dict(counts.rejected)) == (2, {"duplicate_id": 1})
    (rejection,) = merged.rejections
    assert (rejection.code, rejection.reference_id, rejection.raw) == ("duplicate_id", "a", None)
    assert rows_of(merged, tmp_path) == [
        ("a", {"sky": None, "speed": 3.0}),
        ("b", {"sky": "blue", "speed": 2.5}),
    ]


def test_one_partition_alone_is_merged_as_one_among_others(tmp_path: Path) -> None:
    merger = PartitionMerger(merging(tmp_path / "merger"))
    (found,) = [*merger.add(0, incoming()), *merger.flush()]
    alone = merge_partition(0, incoming(), merging(tmp_path / "alone"))
    assert found.counts == alone.counts
    assert [*found.rejections] == [*alone.rejections]

    def digests(partition: Partition) -> list[str]:
        return [state.sha256 for state in (*partition.states.values(), partition.summaries)]

    assert [digests(each) for each, _ in found.partitions] == [digests(each) for each, _ in alone.partitions]
