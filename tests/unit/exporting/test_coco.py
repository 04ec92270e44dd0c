"""COCO documents of a version: what COCO can say comes back by `--map coco`, the rest is counted (EXCHANGE, Out)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import in_process
from support.in_process import export, ingest
from support.profiles import draws
from support.runs import GROUPS, Ended, digests, ndjson

from transforms.kernels.batch.batch import Batch
from transforms.stages import coco_fragments, export_coco
from transforms.storage import stored_files
from transforms.storage.stored_files import StoredFile

FLAGS = ("--partitions=3", "--on-conflict=null")


def again(out: Path, dataset: Path, *more: str) -> Ended:
    """Ingests the documents of an export into another dataset."""
    instances = f"{out}/annotations/instances.json"
    words = ["--items", instances, "--annotations", f"{out}/annotations/*.json"]
    for folder in sorted((out / "predictions").iterdir()) if (out / "predictions").exists() else ():
        words += ["--predictions", f"{unquote(folder.name)}={folder}/results.json"]
    return ingest(dataset, *words, "--map=coco", *FLAGS, *more)


def rows(run: Ended, group: str) -> list[dict[str, Any]]:
    """The rows of a group but for where they were read, with their metadata by key, nulls left out."""
    fields = run.schema[group]["fields"] if group in run.schema else {}
    names = {field["column"]: key for key, field in fields.items()}
    found = []
    for row in run.rows(group):
        kept = {key: value for key, value in row.items() if key not in {"source", "metadata"} and value is not None}
        metadata = {names[key]: value for key, value in (row["metadata"] or {}).items() if value is not None}
        found.append({**kept, "metadata": metadata})
    return sorted(found, key=lambda row: json.dumps(row, sort_keys=True))


def document(out: Path, name: str = "annotations/instances.json") -> Any:
    return json.loads((out / name).read_text())


numbers = st.integers(-5, 999) | st.floats(0, 999, allow_nan=False).map(lambda each: round(each, 2))
sizes = st.integers(1, 50) | st.floats(1, 50).map(lambda each: round(each, 2))
names = st.sampled_from(["id", "area", "iscrowd", "caption", "score", "bbox", "metadata", "attributes", "generated"])
keys = names | st.sampled_from(["license", "license_url", "license_id", "supercategory", "file_name", "x y", "Ä"])
values = (
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.text(max_size=3) | st.just({"a": [1, 2.5]}) | st.just([])
)
metadata = st.dictionaries(keys, values, max_size=4)
coco_ids = st.fixed_dictionaries({}, optional={"coco_category_id": st.integers(0, 3)})
boxes = st.fixed_dictionaries({"x": numbers, "y": numbers, "width": sizes, "height": sizes})
vertices = st.lists(st.fixed_dictionaries({"x": numbers, "y": numbers}), min_size=3, max_size=5)
points = st.fixed_dictionaries({"x": numbers, "y": numbers, "visible": st.booleans()}) | st.just(
    {"x": None, "y": None, "visible": False}
)
labelled = st.lists(points, min_size=2, max_size=2).filter(lambda each: any(p["x"] is not None for p in each))
geometries = st.one_of(
    st.tuples(st.just("box"), boxes),
    st.tuples(st.just("polygon"), st.fixed_dictionaries({"vertices": vertices})),
    st.tuples(
        st.just("keypoints"),
        st.fixed_dictionaries({"keypoints": labelled, "names": st.just(["a", "b"]), "skeleton": st.just([[0, 1]])}),
    ),
    st.tuples(st.just("category"), st.none()),
)
images = st.lists(
    st.tuples(st.sampled_from(["a", "b.jpg", "c/d.png", "e f"]), metadata, st.booleans(), st.integers(0, 2)),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each[0],
)
annotations = st.lists(
    st.tuples(
        st.integers(0, 3),
        geometries,
        st.sampled_from(["car", "person", "caption"]),
        st.none() | st.integers(0, 20).map(str) | st.text("xyz", min_size=1, max_size=2),
        metadata,
        coco_ids,
        st.none() | st.floats(0, 1),
    ),
    max_size=5,
)


@draws(30)
@given(images=images, annotations=annotations)
def test_what_coco_can_say_comes_back(
    images: list[Any], annotations: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    items = [
        {
            "reference_id": name,
            "image_url": f"https://h/i/{number}/{name}" if is_file else f"s3://b/{number}",
            "metadata": {**given_metadata, "coco_image_id": image} if image else given_metadata,
            **({"width": 640, "height": 4.5} if is_file else {}),
        }
        for number, (name, given_metadata, is_file, image) in enumerate(images)
    ]
    marked = []
    for place, (kind, geometry), label, name, given_metadata, ids, confidence in annotations:
        record = {
            "reference_id": items[place % len(items)]["reference_id"],
            "type": kind,
            "label": label,
            "metadata": {**given_metadata, **ids},
            **({"geometry": geometry} if geometry else {}),
            **({"annotation_id": name} if name else {}),
        }
        marked.append((record, confidence))
    words = ["--items", f"{ndjson(folder / 'i', items)}"]
    if marked:
        predictions = [{**each, "confidence": confidence} for each, confidence in marked if confidence is not None]
        words += ["--annotations", f"{ndjson(folder / 'a', [each for each, _ in marked])}"]
        words += ["--predictions", f"a run={ndjson(folder / 'p', predictions)}"]
    run = ingest(folder / "d", *words, *FLAGS)
    if run.outcome != "published":
        return
    code, printed = export(run.dataset, folder / "out", "--format=coco")
    assert (code, printed["left_out"]) == (0, {})
    back = again(folder / "out", folder / "e")
    assert not [each for each in back.rejections if each["code"] != "type_conflict"]
    for group in ("items", "annotations", "predictions"):
        assert rows(back, group) == rows(run, group)


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Ended]:
    """A COCO document, and the dataset of it."""
    folder = tmp_path_factory.mktemp("coco")
    rle = {"size": [3, 3], "counts": "423"}
    given_document = {
        "info": {},
        "licenses": [{"id": 1, "name": "CC", "url": "http://l"}],
        "images": [
            {
                "id": 785,
                "file_name": "785.jpg",
                "coco_url": "http://h/x/785.jpg",
                "width": 6,
                "height": 5,
                "license": 1,
            },
            {"id": 9, "file_name": "9.jpg", "coco_url": "http://h/9.jpg", "weather": "rain"},
        ],
        "annotations": [
            {"id": 5, "image_id": 785, "category_id": 18, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0},
            {
                "id": 6,
                "image_id": 785,
                "category_id": 1,
                "bbox": [1, 2, 3, 4],
                "area": 12,
                "iscrowd": 1,
                "segmentation": rle,
            },
            {
                "id": 7,
                "image_id": 9,
                "category_id": 1,
                "bbox": [0, 0, 4, 4],
                "area": 8,
                "iscrowd": 0,
                "segmentation": [[0, 0, 4, 0, 4, 4]],
                "attributes": {"occluded": True},
                "num_keypoints": 2,
                "keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0],
            },
        ],
        "categories": [
            {"id": 1, "name": "person", "supercategory": "human", "keypoints": ["a", "b", "c"], "skeleton": [[1, 2]]},
            {"id": 18, "name": "dog", "supercategory": "animal"},
        ],
    }
    path = folder / "i.json"
    path.write_text(json.dumps(given_document))
    captions = {"images": given_document["images"], "annotations": [{"id": 1, "image_id": 9, "caption": "one"}]}
    (folder / "c.json").write_text(json.dumps(captions))
    results = [{"image_id": 9, "category_id": 18, "bbox": [1, 2, 3, 4.5], "score": 0.25}]
    (folder / "r.json").write_text(json.dumps(results))
    words = ("--items", f"{path}", "--annotations", f"{path}", "--annotations", f"{folder / 'c.json'}")
    run = ingest(folder / "d", *words, f"--predictions=m={folder / 'r.json'}", "--map=coco", *FLAGS)
    return {**given_document, "captions": captions["annotations"], "results": results}, run


def by_id(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(found, key=lambda each: int(each["id"]))


def test_a_coco_document_comes_out_as_it_came_in(coco: tuple[dict[str, Any], Ended], tmp_path: Path) -> None:
    expected, run = coco
    assert export(run.dataset, tmp_path / "out", "--format=coco")[0] == 0
    found = document(tmp_path / "out")
    for name in ("licenses", "images", "annotations", "categories"):
        assert by_id(found[name]) == by_id(expected[name])
    assert document(tmp_path / "out", "annotations/captions.json")["annotations"] == expected["captions"]
    (result,) = document(tmp_path / "out", "predictions/m/results.json")
    assert {key: value for key, value in result.items() if key != "annotation_id"} == expected["results"][0]


def test_counts_and_files_are_in_export_json(coco: tuple[dict[str, Any], Ended], tmp_path: Path) -> None:
    code, printed = export(coco[1].dataset, tmp_path / "out", "--format=coco")
    assert (code, printed["left_out"]) == (0, {})
    assert printed["records"] == {"items": 2, "scenes": 0, "annotations": 4, "predictions": 1}
    assert [each["path"] for each in printed["files"]] == [
        "annotations/captions.json",
        "annotations/instances.json",
        "predictions/m/results.json",
    ]


def test_a_document_of_captions_without_a_caption_is_left_out(
    coco: tuple[dict[str, Any], Ended], tmp_path: Path
) -> None:
    code, printed = export(coco[1].dataset, tmp_path / "out", "--format=coco", "--query=metadata.coco_image_id = 785")
    assert (code, printed["left_out"]) == (0, {})
    assert [each["path"] for each in printed["files"]] == ["annotations/instances.json"]
    assert len(document(tmp_path / "out")["images"]) == 1


def test_splits_divide_images_with_what_belongs_to_them(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--format=coco", "--split=train=0.5,test=0.5")
    assert code == 0
    whole = export(asked.dataset, tmp_path / "whole", "--format=coco")[1]
    ids: dict[str, int] = {each["coco_url"]: each["id"] for each in document(tmp_path / "whole")["images"]}
    found: list[int] = []
    for split in ("train", "test"):
        of_split = document(tmp_path / "out" / split)
        assert {each["image_id"] for each in of_split["annotations"]} <= {each["id"] for each in of_split["images"]}
        assert all(ids[each["coco_url"]] == each["id"] for each in of_split["images"])
        found += [each["id"] for each in of_split["images"]]
    assert sorted(found) == sorted(ids.values())
    assert printed["left_out"] == whole["left_out"]
    assert whole["left_out"]["annotations"]


def test_a_split_of_any_name_has_its_documents(asked: Ended, tmp_path: Path) -> None:
    code, printed = export(asked.dataset, tmp_path / "out", "--format=coco", "--split=fragments=0.5,annotations=0.5")
    assert code == 0
    assert {each["path"].partition("/")[0] for each in printed["files"]} == {"fragments", "annotations"}
    assert all((tmp_path / "out" / each["path"]).is_file() for each in printed["files"])


def test_what_is_not_selected_is_not_called_left_out(asked: Ended, tmp_path: Path) -> None:
    name = next(row["reference_id"] for row in asked.rows("items") if row["scene_reference_id"] is None)
    code, printed = export(asked.dataset, tmp_path / "out", "--format=coco", f'--query=reference_id = "{name}"')
    assert code == 0
    assert printed["records"]["scenes"] == 0
    assert 0 not in [count for counts in printed["left_out"].values() for count in counts.values()]


def test_what_coco_cannot_say_is_counted(mixed: Ended, tmp_path: Path) -> None:
    code, printed = export(mixed.dataset, tmp_path / "out", "--format=coco")
    assert code == 0
    left_out = printed["left_out"]["annotations"]
    kinds = [row["type"] for row in mixed.rows("annotations")]
    for kind in ("cuboid", "line", "mask", "segment", "multicategory"):
        assert left_out.get(kind, 0) == kinds.count(kind)
    whole = sum(count for name, count in left_out.items() if name in kinds or " of " in f" {name}")
    assert printed["records"]["annotations"] + whole == len(kinds)
    assert printed["left_out"]["scenes"]["scene"] == len(mixed.rows("scenes"))


def test_the_same_export_has_the_same_bytes_and_one_group_alone_is_written(mixed: Ended, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(mixed.dataset, tmp_path / name, "--format=coco")
    texts = [{path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.json")} for name in ("a", "b")]
    assert texts[0] == texts[1]
    code, printed = export(mixed.dataset, tmp_path / "c", "--format=coco", "--group=items")
    assert (code, [each["path"] for each in printed["files"]]) == (0, ["items/image_info.json"])
    assert document(tmp_path / "c", "items/image_info.json")["images"] == document(tmp_path / "a")["images"]


def test_partitions_are_read_once_however_many_documents_there_are(
    mixed: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    real = coco_fragments.read_state

    def counted(state: StoredFile) -> Batch:
        read[state.uri] += 1
        return real(state)

    monkeypatch.setattr(coco_fragments, "read_state", counted)
    code, printed = export(mixed.dataset, tmp_path / "out", "--format=coco", "--split=a=0.5,b=0.3,c=0.2")
    assert code == 0
    assert len(printed["files"]) > len(GROUPS)
    assert set(read.values()) == {1}


def test_elements_come_in_blocks_of_few_rows_with_the_same_bytes(
    mixed: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export(mixed.dataset, tmp_path / "a", "--format=coco")[0] == 0
    monkeypatch.setattr(coco_fragments, "_ROWS", 2)
    monkeypatch.setattr(stored_files, "_WRITE_BYTES", 100)
    assert export(mixed.dataset, tmp_path / "b", "--format=coco")[0] == 0
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_nothing_but_documents_is_left_and_no_partial_one_is_published(
    mixed: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export(mixed.dataset, tmp_path / "out", "--format=coco")[0] == 0
    assert not (tmp_path / "out" / coco_fragments.FRAGMENTS).exists()
    real = export_coco.write_coco

    def shortened(*given: Any) -> Any:
        for path in tmp_path.glob(".cut.*.partial/.fragments/*"):
            path.write_bytes(path.read_bytes()[:-1])
        return real(*given)

    monkeypatch.setattr(in_process, "write_coco", shortened)
    code, printed = export(mixed.dataset, tmp_path / "cut", "--format=coco")
    assert (code, "got the end of the file" in printed["message"]) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
