"""Objects in the folder of a dataset in a bucket that are not its own stay, and are no reason to fail (P6)."""

import json
from pathlib import Path

import pytest
from support.bucket import handle, put
from support.bucket_jobs import publish, published, written
from support.runs import an_item, ndjson

from pipelines.cli.main import main
from pipelines.dataset.store.base import new_run_id
from pipelines.dataset.store.bucket import BucketStore
from pipelines.errors import ForeignFilesError, UsageError

PLANTED = (
    "runs/exp1/best.pt",
    "runs/a file",
    "versions/.git/HEAD",
    "versions/2024/manifest.json",
    "versions/٣٣٣٣٣٣/x",
    "versions/000000/manifest.json",
    "versions/000004/manifest.json",
    "versions/000005/schema.json",
    "versions/000009/items/part-00000-of-00001.avro",
)


def everything(dataset: str) -> dict[str, bytes]:
    """Name to bytes of all objects in the bucket of a dataset."""
    return {blob.name: blob.download_as_bytes() for blob in handle(dataset.split("/")[2]).list_blobs()}


def test_what_is_not_its_own_stays_whatever_a_store_does(dataset: str) -> None:
    for number in (1, 2, 3):
        published(dataset, f"v{number}", number)
    foreign = [*PLANTED, f"runs/{new_run_id()}/base", f"runs/{new_run_id()}/.metadata-etl"]
    for name in foreign:
        put(f"{dataset}/{name}", b"of somebody else")
    put(f"{dataset}2/versions/000001/manifest.json", b"of a neighbour")
    before = {name: data for name, data in everything(dataset).items() if b"of " in data}
    store = BucketStore(dataset)
    assert store.sweep() == []
    assert store.version_numbers() == [1, 2, 3]
    number = store.next_number(3)
    assert number == 6
    publish(store, "next", number, store.pointer())
    assert store.prune([1, 2, 3]) == [1, 2, 3]
    with pytest.raises(KeyboardInterrupt), store.run(None):
        raise KeyboardInterrupt
    with store.detach(None) as run:
        pass
    store.clear(run, ())
    store.release(run)
    store.remove(run.root)
    assert before.items() <= everything(dataset).items()
    found = {"/".join(name.split("/")[:2]) for name in foreign}
    assert set(store.foreign()) == found
    assert store.version_numbers() == [6]


def test_what_somebody_put_into_a_version_keeps_it_from_being_pruned(dataset: str) -> None:
    for number in (1, 2, 3):
        published(dataset, f"v{number}", number)
    put(f"{dataset}/versions/000001/notes.txt", b"")
    store = BucketStore(dataset)
    found = store.removable([3])
    assert (found.versions, found.blocked) == ((2,), ("versions/000001/notes.txt",))
    assert store.prune([1, 2]) == [2]
    assert store.version_numbers() == [1, 3]


def test_what_comes_into_the_way_of_a_version_stays_and_the_job_says_so(dataset: str) -> None:
    published(dataset, "first")
    store = BucketStore(dataset)
    for name in ("manifest.json", "schema.json", "notes.txt"):
        with written(store, "late") as (run, files):
            put(f"{dataset}/versions/000002/{name}", b"mine")
            with pytest.raises(ForeignFilesError, match=r"versions/000002 was put there by somebody else"):
                store.publish(run, 2, store.pointer(), files)
            store.remove(run.root)
        left = list(handle(dataset.split("/")[2]).list_blobs(prefix="dataset/versions/000002/"))
        assert [(blob.name.rpartition("/")[2], blob.download_as_bytes()) for blob in left] == [(name, b"mine")]
        left[0].delete()


def test_a_folder_of_others_becomes_no_dataset(dataset: str, tmp_path: Path) -> None:
    put(f"{dataset}/runs/exp1/best.pt", b"weights")
    export = ndjson(tmp_path / "a.ndjson", [an_item("a")])
    before = everything(dataset)
    assert main(["ingest", "--dataset", dataset, "--items", str(export)]) == 2
    with pytest.raises(UsageError, match=r"has objects but is no dataset.*runs/"), BucketStore(dataset).run(None):
        pass
    assert everything(dataset) == before


def test_each_version_is_recorded_as_it_was_published(dataset: str) -> None:
    published(dataset, "first")
    store = BucketStore(dataset)
    recorded, manifest = store.manifest_record(1), everything(dataset)["dataset/versions/000001/manifest.json"]
    assert recorded is not None
    assert json.loads(recorded)["bytes"] == len(manifest)
    assert store.manifest_record(2) is None
    published(dataset, "second", 2)
    store.prune([1])
    assert store.manifest_record(1) is None
