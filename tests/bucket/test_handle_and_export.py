"""A dataset in a bucket opens in Python and is exported as one in a directory, also to a bucket."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.bucket import put
from support.in_process import export
from support.runs import Ended, files

import metadata_etl
from transforms.storage.stored_files import files_below, read_bytes


def test_a_bucket_reads_and_writes_as_a_directory_does(bucket: str, query_dataset: Ended, tmp_path: Path) -> None:
    here = query_dataset.dataset
    for name, path in files(here):
        put(f"{bucket}/dataset/{name}", path.read_bytes())
    there = metadata_etl.open(f"{bucket}/dataset")
    query = "metadata.n > 0 AND annotations.count > 0"
    expected = metadata_etl.open(here).items(query).collect()
    assert len(expected)
    assert there.items(query).collect().equals(expected)
    assert there.version(1).schema.keys() == {"items", "scenes", "annotations", "predictions"}
    assert export(here, tmp_path / "out")[0] == 0
    code, printed = export(f"{bucket}/dataset", f"{bucket}/out")
    assert code == 0, printed
    for name, path in files(tmp_path / "out"):
        if name != "export.json":  # which names the dataset
            assert read_bytes(f"{bucket}/out/{name}") == path.read_bytes()
    assert len(files_below(f"{bucket}/out")) == len(list(files(tmp_path / "out")))
    assert pq.read_table(next((tmp_path / "out/items").glob("part-*"))).num_rows
    code, printed = export(here, f"{bucket}/out")
    assert (code, "has objects" in printed["message"]) == (2, True)
    assert [export(here, out, "--format=coco")[0] for out in (tmp_path / "coco", f"{bucket}/coco")] == [0, 0]
    documents = {f"{bucket}/coco/{name}": path.read_bytes() for name, path in files(tmp_path / "coco")}
    assert {uri: read_bytes(uri) for uri in files_below(f"{bucket}/coco")} == documents


def test_no_bucket_is_wrong_usage() -> None:
    with pytest.raises(metadata_etl.UsageError, match="expects a directory or gs://BUCKET/FOLDER"):
        metadata_etl.open("s3://bucket/dataset")
