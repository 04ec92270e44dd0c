"""COCO documents as raw records: no record is lost, none is guessed (EXCHANGE, In; RULES R1, R2, V6, V7)."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import SHARED, needs_shared
from support.in_process import ingest
from support.runs import Ended

from transforms.formats.chunks import Unreadable
from transforms.mapping.coco.annotations import AnnotationMaker
from transforms.mapping.coco.images import image_record
from transforms.mapping.coco.lookups import Category, Lookups
from transforms.mapping.coco.records import Folders
from transforms.mapping.coco.shapes import Skeleton
from transforms.mapping.coco.tokens import members
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.looks import look
from transforms.mapping.maps import Given, MapError, SourceFile
from transforms.mapping.presets import fitting, preset_of
from transforms.rules.rejections import Fault

LICENSES = {4: {"id": b"4", "name": b'"CC BY"', "url": b'"http://l"'}}
POSE = Skeleton.of({"keypoints": b'["nose","eye"]', "skeleton": b"[[1,2]]"})
LOOKUPS = Lookups(
    images={1: b'"a.jpg"', 2: None, "x": b'"x.jpg"'},
    categories={
        1: Category(b'"person"', b"1", (("supercategory", b'"human"'),), POSE),
        2: Category(None, b"2"),
        3: None,
    },
    licenses=LICENSES,
)
CHECKED = {"checked": b"true"}
BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
VERTICES = [{"x": 0, "y": 0}, {"x": 4, "y": 0}, {"x": 4, "y": 4}]


def item(image: dict[str, Any], **folders: str) -> dict[str, Any]:
    made = image_record(json.dumps(image).encode(), LOOKUPS, Folders(**folders))
    assert isinstance(made.record, bytes)
    return dict(json.loads(made.record))


def made_of(annotation: dict[str, Any], *, prediction: bool = False, **folders: str) -> list[Any]:
    """What the annotation becomes: records, or faults."""
    maker = AnnotationMaker(LOOKUPS, Folders(**folders), prediction=prediction)
    found = maker.made(json.dumps({"image_id": 1, "category_id": 1, **annotation}).encode())
    return [each.record if isinstance(each.record, Fault) else json.loads(each.record) for each in found]


def annotation(given: dict[str, Any], *, prediction: bool = False) -> dict[str, Any]:
    (found,) = made_of(given, prediction=prediction)
    assert isinstance(found, dict)
    return found


def test_an_image_is_named_by_its_file_and_keeps_all_keys() -> None:
    image = {"id": 7, "file_name": "a.jpg", "coco_url": "http://h/a.jpg", "width": 4, "height": 5, "license": 4}
    found = item({**image, "weather": "rain", "flickr_url": "http://f/a.jpg", "date_captured": None})
    assert found == {
        "reference_id": "a.jpg",
        "image_url": "http://h/a.jpg",
        "width": 4,
        "height": 5,
        "metadata": {
            "weather": "rain",
            "flickr_url": "http://f/a.jpg",
            "date_captured": None,
            "coco_image_id": 7,
            "license": "CC BY",
            "license_url": "http://l",
        },
    }
    assert item({"license": 9})["metadata"] == {"license_id": 9}


@pytest.mark.parametrize(
    ("image", "folder", "url"),
    [
        ({"file_name": "a b.jpg", "coco_url": "http://h/1"}, "s3://b/x", "http://h/1"),
        ({"file_name": "a b.jpg"}, "s3://b/x/", "s3://b/x/a b.jpg"),
        ({"file_name": "t/a b#.jpg"}, "https://h/x", "https://h/x/t/a%20b%23.jpg"),
        ({"file_name": "gs://b/a.jpg", "flickr_url": "http://f"}, "s3://b/x", "gs://b/a.jpg"),
        ({"file_name": "a.jpg", "flickr_url": "http://f"}, "", "http://f"),
        ({"file_name": "a.jpg", "coco_url": None}, "", "a.jpg"),
    ],
)
def test_the_url_of_an_image(image: dict[str, Any], folder: str, url: str) -> None:
    assert item(image, images=folder)["image_url"] == url


@pytest.mark.parametrize(
    ("given", "kind", "geometry"),
    [
        ({"bbox": [1, 2, 3, 4]}, "box", BOX),
        ({"bbox": [1, 2, 3, 4], "segmentation": []}, "box", {**BOX, "segmentation": []}),
        (
            {"bbox": [1, 2, 3, 4], "segmentation": [[0, 0, 4, 0, 4, 4]]},
            "polygon",
            {"vertices": VERTICES, "bbox": [1, 2, 3, 4]},
        ),
        (
            {"segmentation": [[0, 0, 4, 0, 4, 4], [5, 5, 6, 6, 5, 7.5]]},
            "box",
            {
                "x": 0,
                "y": 0,
                "width": 6,
                "height": 7.5,
                "segmentation": [[0, 0, 4, 0, 4, 4], [5, 5, 6, 6, 5, 7.5]],
            },
        ),
        (
            {"segmentation": {"size": [3, 3], "counts": "423"}, "iscrowd": 1},
            "box",
            {"x": 1, "y": 1, "width": 1, "height": 2, "segmentation": {"size": [3, 3], "counts": "423"}},
        ),
        (
            {"keypoints": [1, 2, 2, 0, 0, 0], "bbox": [1, 2, 3, 4]},
            "keypoints",
            {
                "keypoints": [{"x": 1, "y": 2, "visible": True}, {"x": None, "y": None, "visible": False}],
                "names": ["nose", "eye"],
                "skeleton": [[0, 1]],
                "bbox": [1, 2, 3, 4],
            },
        ),
        ({"keypoints": [0, 0, 0, 0, 0, 0], "bbox": [1, 2, 3, 4]}, "box", {**BOX, "keypoints": [0, 0, 0, 0, 0, 0]}),
    ],
)
def test_one_annotation_keeps_all_its_shapes(given: dict[str, Any], kind: str, geometry: dict[str, Any]) -> None:
    found = annotation({"id": 17, **given})
    assert (found["type"], found["geometry"]) == (kind, geometry)
    assert (found["reference_id"], found["annotation_id"], found["label"]) == ("a.jpg", "17", "person")


def test_visibility_keeps_all_information() -> None:
    flat = [1, 2, 1, 3, 4, 0.5, 5, 6, 0, 0, 0, 1]
    points = annotation({"keypoints": flat})["geometry"]["keypoints"]
    assert points == [
        {"x": 1, "y": 2, "visible": False},
        {"x": 3, "y": 4, "visible": True, "v": 0.5},
        {"x": 5, "y": 6, "visible": False, "v": 0},
        {"x": 0, "y": 0, "visible": False},
    ]


def test_all_other_keys_are_metadata_attributes_also_by_themselves() -> None:
    given = {"bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "score": 0.5, "attributes": {"occluded": True, "area": 1}}
    assert annotation(given)["metadata"] == {
        "area": 12,
        "iscrowd": 0,
        "score": 0.5,
        "attributes": {"occluded": True, "area": 1},
        "occluded": True,
        "coco_category_id": 1,
        "supercategory": "human",
    }
    found = annotation(given, prediction=True)
    assert (found["confidence"], "score" in found["metadata"]) == (0.5, False)


def test_digits_stay_as_they_are() -> None:
    maker = AnnotationMaker(LOOKUPS, Folders())
    text = b'{"id": 1e2, "image_id": 1.0, "category_id": 1, "bbox": [1.50, -0.0, 1E5, 123456789012345678901234567890]}'
    (made,) = maker.made(text)
    assert isinstance(made.record, bytes)
    assert b'{"x":1.50,"y":-0.0,"width":1E5,"height":123456789012345678901234567890}' in made.record
    assert b'"annotation_id":"100"' in made.record


def test_captions_and_image_labels_of_one_image_are_numbered() -> None:
    maker = AnnotationMaker(LOOKUPS, Folders())
    elements: list[dict[str, Any]] = [{"id": 1, "caption": "one"}, {"id": 2, "caption": "two"}]
    elements += [{"id": 3, "category_id": 1}, {"id": 4, "category_id": 1}]
    records = [
        json.loads(m.record) for each in elements for m in maker.made(json.dumps({"image_id": 1, **each}).encode())
    ]
    assert [(each["type"], each["label"], each.get("taxonomy_name")) for each in records] == [
        ("category", "caption", "caption"),
        ("category", "caption", "caption_2"),
        ("category", "person", None),
        ("category", "person", "category_2"),
    ]
    assert records[1]["metadata"] == {"caption": "two"}


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"image_id": 9}, "unknown_reference", "expected the id of an image of the document, got 9 at image_id"),
        ({"image_id": 2}, "unknown_reference", "expected the id of one image that has a file_name, got 2 at image_id"),
        ({"image_id": "1"}, "unknown_reference", 'expected the id of an image of the document, got "1" at image_id'),
        ({"image_id": None}, "unknown_reference", "expected the id of an image, got null at image_id"),
        ({"category_id": 9}, "invalid_field", "expected the id of a category of the document, got 9 at category_id"),
        ({"category_id": 2}, "invalid_field", "expected the id of a category with a name, got 2 at category_id"),
        ({"category_id": 3}, "invalid_field", "expected the id of one category, got 3 at category_id"),
        ({"category_id": None}, "invalid_field", "expected the id of a category, got nothing at category_id"),
        ({"bbox": None}, "invalid_field", "expected [x, y, width, height], got null at bbox"),
        ({"bbox": [1, 2, 3]}, "invalid_field", "expected [x, y, width, height], got [1, 2, 3] at bbox"),
        ({"bbox": [1, 2, 3, "4"]}, "invalid_field", 'expected [x, y, width, height], got [1, 2, 3, "4"] at bbox'),
        ({"segmentation": [[1, "a"]]}, "invalid_field", "expected polygons or RLE with an extent"),
        ({"keypoints": [1, 2]}, "invalid_field", "expected a list of x, y, v for each point, got [1, 2] at keypoints"),
        ({"segments_info": {}}, "invalid_field", "expected a list of segments, got {} at segments_info"),
        (
            {"segments_info": []},
            "invalid_field",
            "expected segments, or the URL of their mask (the option masks=FOLDER)",
        ),
    ],
)
def test_what_cannot_be_meant_is_a_fault_with_its_place(given: dict[str, Any], code: str, message: str) -> None:
    (fault,) = made_of(given)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.message[: len(message)]) == (code, message)


@pytest.mark.parametrize("text", [b"7", b'{"bbox": [NaN, 1, 2, 3]}', b'{"id": ', b"[" * 5000])
def test_text_that_is_no_object_is_left_to_the_rules(text: bytes) -> None:
    assert [each.record for each in AnnotationMaker(LOOKUPS, Folders()).made(text)] == [text]
    assert image_record(text, LOOKUPS, Folders()).record == text


def test_panoptic_segments_are_a_mask_where_its_url_is_known_and_boxes_where_not() -> None:
    segments = [{"id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 5}, {"id": 4, "category_id": 9}]
    given = {"file_name": "a.png", "segments_info": segments}
    (mask,) = made_of(given, masks="s3://b/m/")
    assert (mask["type"], mask["mask_url"]) == ("mask", "s3://b/m/a.png")
    metadata = {"bbox": [1, 2, 3, 4], "area": 5, "coco_category_id": 1, "supercategory": "human"}
    assert mask["annotations"] == [
        {"label": "person", "index": 3, "metadata": metadata},
        {"label": 9, "index": 4, "metadata": {}},  # a number is no label: the rules reject this segment alone
    ]
    (told,) = made_of({**given, "checked": True}, masks="s3://b/m/")
    assert "metadata" not in told
    assert [each["metadata"]["checked"] for each in told["annotations"]] == [True, True]
    box, fault = made_of(given)
    assert (box["type"], box["annotation_id"], box["geometry"]) == ("box", "3", BOX)
    assert box["metadata"]["mask"] == "a.png"
    assert isinstance(fault, Fault)


@pytest.mark.parametrize(
    ("given", "masks", "left"),
    [
        ({"id": 5, "annotation_id": "x", "bbox": [1, 2, 3, 4]}, "", {"id": b"5"}),
        ({"id": 5, "annotation_id": "5", "bbox": [1, 2, 3, 4]}, "", {}),
        ({"category_id": 1, "coco_category_id": 7, "bbox": [1, 2, 3, 4]}, "", {"category_id": b"1"}),
        (
            {"id": 5, "file_name": "a.png", "category_id": 1, "segments_info": [{"category_id": 1}], "bbox": [1]},
            "s3://m",
            {"category_id": b"1", "bbox": b"[1]"},
        ),
        ({"file_name": "a.png", "checked": True, "segments_info": [7]}, "s3://m", {"category_id": b"1"} | CHECKED),
        (
            {"id": 5, "file_name": "a.png", "checked": True, "segments_info": [7]},
            "",
            {"category_id": b"1", "id": b"5", "file_name": b'"a.png"'} | CHECKED,
        ),
    ],
)
def test_what_has_no_place_in_a_record_is_counted(given: dict[str, Any], masks: str, left: dict[str, bytes]) -> None:
    maker = AnnotationMaker(LOOKUPS, Folders(masks=masks))
    found = [*maker.made(json.dumps({"image_id": 1, "category_id": 1, **given}).encode())]
    assert {key: text for each in found for key, text in each.left} == left


def test_what_is_said_of_all_segments_is_metadata_of_each_beside_its_own() -> None:
    segments = [{"id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 5, "attributes": {"b": 2}}]
    given = {"file_name": "a.png", "area": 9, "attributes": {"a": 1}, "mask": "m", "segments_info": segments}
    (box,) = made_of(given)
    (mask,) = made_of(given, masks="s3://m")
    shared = {"area": 5, "area_": 9, "attributes": {"b": 2}, "b": 2, "attributes_": {"a": 1}}
    own = {"coco_category_id": 1, "supercategory": "human"}
    assert box["metadata"] == {**shared, **own, "mask": "a.png", "mask_": "m"}
    assert mask["annotations"][0]["metadata"] == {**shared, **own, "mask": "m", "bbox": [1, 2, 3, 4]}


def write(path: Path, value: object) -> str:
    path.write_text(json.dumps(value))
    return f"{path}"


def document(**more: object) -> dict[str, object]:
    annotations = [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}, {"id": 6, "image_id": 8}]
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": 5}]
    return {"annotations": annotations, "images": images, "categories": [{"id": 1, "name": "car"}], **more}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Items, annotations and results of one document."""
    folder = tmp_path_factory.mktemp("coco")
    path = write(folder / "i.json", document(info={"year": 1}, videos=[1, 2]))
    results = write(folder / "r.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}, 5])
    flags = ("--items", path, "--annotations", path, "--predictions", f"m={results}", "--map=coco:images=s3://b/")
    return ingest(folder / "d", *flags)


def test_a_job_takes_images_annotations_and_results(run: Ended) -> None:
    assert run.outcome == "published"
    assert [row["image_url"] for row in run.rows("items")] == ["s3://b/a.jpg"]
    assert [row["annotation_id"] for row in run.rows("annotations")] == ["5"]
    assert [(row["model_run"], row["confidence"]) for row in run.rows("predictions")] == [("m", 0.5)]


def test_rejections_have_the_place_and_the_bytes_of_the_element(run: Ended) -> None:
    assert sorted((each["place"], each["code"], json.loads(each["raw"])) for each in run.rejections) == [
        ("[1]", "not_an_object", 5),
        ("annotations[1]", "unknown_reference", {"id": 6, "image_id": 8}),
        ("images[1]", "invalid_reference_id", {"id": 2, "file_name": 5}),
    ]


def test_what_is_warned_of_has_the_place_of_the_element_and_lists_have_none(tmp_path: Path) -> None:
    path = write(tmp_path / "i.json", document(videos=[1], categories=[{"id": 1, "name": ""}]))
    run = ingest(tmp_path / "d", "--items", path, "--annotations", path, "--map=coco:images=s3://b/")
    shown = [(each["code"], each["key"], each["example"].get("place")) for each in run.document["irregularities"]]
    assert sorted(shown) == [("implausible_value", "label", "annotations[0]"), ("not_taken", "videos", None)]


def chunks(path: Path, group: str, preset: str = "coco") -> list[Any]:
    size = path.stat().st_size
    return list(preset_of(preset).chunks(SourceFile(f"{path}", size, 0, size), group))  # type: ignore[arg-type]


def test_parts_that_are_not_taken_are_counted(tmp_path: Path) -> None:
    colored = [{"id": 1, "name": "car", "color": [1]}]
    write(tmp_path / "i", document(info={"year": 1}, videos=[1, 2], categories=colored))
    aside = [(each.name, each.count) for chunk in chunks(tmp_path / "i", "items") for each in chunk.set_aside]
    assert sorted(aside) == [("videos", 2)]  # the header `info` is none
    aside = [(each.name, each.count) for chunk in chunks(tmp_path / "i", "annotations") for each in chunk.set_aside]
    assert aside == [("categories.color", 1)]


def aside_of(found: list[Any]) -> dict[str, tuple[int, str]]:
    return {each.name: (each.count, each.value) for chunk in found for each in chunk.set_aside}


def test_categories_and_licences_that_no_record_gets_are_counted(tmp_path: Path) -> None:
    categories = [
        {"id": 1, "name": "car", "keypoints": ["a"], "supercategory": "x"},
        {"id": 2, "name": "bus"},
        {"name": "van"},
        5,
        {"id": 3, "name": "cab"},
        {"id": 3, "name": "jeep"},
        {"id": 4},
    ]
    licenses = [
        {"id": 1, "name": "CC", "by": "me"},
        {"id": 2, "name": "B"},
        {"id": 2, "name": "C"},
        {"id": 3, "url": 5},
        {"id": 0, "name": "", "url": ""},  # as CVAT writes it
    ]
    write(tmp_path / "i", document(categories=categories, licenses=licenses))
    assert aside_of(chunks(tmp_path / "i", "annotations")) == {
        "categories with the id of others": (2, '{"id": 3, "name": "jeep"}'),
        "categories without a name": (1, '{"id": 4}'),
        "categories without an id": (2, '{"name": "van"}'),
        "categories without annotations": (1, '"bus"'),
        "categories.keypoints": (1, '["a"]'),
    }
    assert aside_of(chunks(tmp_path / "i", "items")) == {
        "licenses with the id of others": (2, '{"id": 2, "name": "C"}'),
        "licenses without a name": (1, '{"id": 3, "url": 5}'),
        "licenses without images": (1, '"CC"'),
        "licenses.by": (1, '"me"'),
    }


def test_annotations_without_items_count_the_members_of_their_document(tmp_path: Path) -> None:
    source = SourceFile.whole(write(tmp_path / "i", document(videos=[1, 2], info={"year": 1})))
    coco = preset_of("coco")
    alone = coco.completed("annotations", [Given("annotations", source.uri, coco)])
    beside = coco.completed("annotations", [Given("items", source.uri, coco)])
    found = [aside_of([*each.chunks(source, "annotations")]) for each in (alone, beside)]
    assert found == [{"videos": (2, "null")}, {}]
    assert alone.identity == coco.identity


@pytest.mark.parametrize(
    ("value", "group", "message"),
    [
        (
            {"items": []},
            "items",
            "expected a COCO document with a list under 'images', got an object with the keys items",
        ),
        ([], "items", "a list of results goes with --predictions RUN=FILE"),
        ({"images": 5}, "items", "expected a list under 'images', got another value"),
        ([{"image_id": 1}], "predictions", "give the document with --map coco:annotations=FILE"),
        ({}, "annotations", "got an object with no keys"),
    ],
)
def test_a_file_that_is_no_coco_document_is_said(tmp_path: Path, value: object, group: str, message: str) -> None:
    write(tmp_path / "i", value)
    with pytest.raises(Unreadable, match=re.escape(message)):
        chunks(tmp_path / "i", group)


def test_what_is_readable_of_a_truncated_document_is_taken(tmp_path: Path) -> None:
    (tmp_path / "i").write_text('{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "fi')
    found = preset_of("coco").chunks(SourceFile(f"{tmp_path / 'i'}", 9, 0, 9), "items")
    assert [len(next(found).records), len(next(found).records)] == [0, 1]
    with pytest.raises(Unreadable, match="the rest of a list"):
        next(found)


def test_results_belong_to_the_one_document_or_to_the_named_one(tmp_path: Path) -> None:
    coco, named = preset_of("coco"), preset_of("coco:annotations=k.json")
    with pytest.raises(MapError, match="--map coco:images=s3://BUCKET/FOLDER"):
        coco.completed(
            "items", [Given("items", write(tmp_path / "k", document(images=[{"file_name": "a.jpg"}])), coco)]
        )
    results = Given("predictions", write(tmp_path / "r", []), coco)
    one = Given("items", write(tmp_path / "i", document()), coco)
    other, native = Given("items", f"{tmp_path / 'j'}", coco), Given("items", f"{tmp_path / 'n'}")
    assert coco.completed("predictions", [one, native, results]).identity.endswith(one.uri)
    assert named.completed("predictions", [one, other, results]) == named
    with pytest.raises(MapError, match="--map coco:annotations=FILE"):
        coco.completed("predictions", [one, other, results])
    assert coco.completed("predictions", [one, other, Given("predictions", one.uri)]) == coco


@needs_shared
def test_records_of_real_files_are_those_of_their_nucleus_form() -> None:
    lines = (SHARED / "coco/annotations.ndjson").read_text().splitlines()
    for expected in map(json.loads, lines):
        metadata, geometry = expected["metadata"], expected["geometry"]
        given = {"id": expected["annotation_id"], **metadata, "category_id": 1}
        if expected["type"] == "box":
            given["bbox"] = [geometry[key] for key in ("x", "y", "width", "height")]
        else:
            given["keypoints"] = [
                n for p in geometry["keypoints"] for n in (p["x"] or 0, p["y"] or 0, 2 * p["visible"])
            ]
        found = annotation(given)
        assert (found["type"], found["annotation_id"]) == (expected["type"], expected["annotation_id"])
        assert found["metadata"].items() >= {k: v for k, v in metadata.items() if k != "category_id"}.items()
        if expected["type"] == "box":
            assert found["geometry"] == geometry


def test_members_of_duplicate_keys_are_the_last() -> None:
    assert members(b'{"a": 1, "a": 2}') == {"a": b"2"}


def test_a_look_says_which_groups_fit(tmp_path: Path) -> None:
    write(tmp_path / "i", document())
    write(tmp_path / "r", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}])
    write(tmp_path / "n", [{"reference_id": "a", "image_url": "s3://b/a.jpg"}])
    found = []
    for name in "irn":
        size = (tmp_path / name).stat().st_size
        found.append(fitting(look(SourceFile(f"{tmp_path / name}", size, 0, size), CsvOptions())).get("coco"))
    assert [each and each.groups for each in found] == [("items", "annotations"), ("predictions",), None]
