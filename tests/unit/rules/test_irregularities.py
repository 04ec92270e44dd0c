"""What is accepted and cannot be meant: R7."""

from typing import Any

import pytest

from transforms.rules.annotations import TYPES
from transforms.rules.irregularities import advice, intended, irregular_fault, irregularities

BOX = {"reference_id": "a", "label": "car", "geometry": {"x": -5, "y": -5, "width": 1, "height": 1}}


def codes(record: dict[str, Any], form: str, *, prediction: bool = False) -> list[tuple[str, str]]:
    return [(each.code.value, each.key) for each in irregularities(record, form, prediction=prediction)]


@pytest.mark.parametrize(
    ("form", "key", "name"),
    [
        ("box", "score", "confidence"),
        ("category", "taxonomy", "taxonomy_name"),
        ("category", "taxonomyName", "taxonomy_name"),
        ("items", "imageUrl", "image_url"),
        ("items", "referenceid", "reference_id"),
        ("box", "class", "label"),
        ("box", "anotation_id", "annotation_id"),
        ("scenes", "fps", "frame_rate"),
        ("box", "attributes", "metadata"),
        ("segment", "idx", "index"),
        ("items", "weather", None),
    ],
)
def test_an_unknown_key_is_named_with_what_may_be_meant(form: str, key: str, name: str | None) -> None:
    assert codes({key: 1}, form) == [("unknown_key", key)]
    assert intended(key, [form]) == name


def test_an_item_with_one_url_that_counts_is_regular() -> None:
    assert codes({"image_url": "", "pointcloud_url": "s3://b/a.json"}, "items") == []
    assert codes({"image_url": "s3://b/a.jpg", "pointcloud_url": ""}, "items") == []


def test_a_mask_has_no_metadata_but_its_segments_do() -> None:
    assert codes({"metadata": {"night": True}}, "mask") == [("unknown_key", "metadata")]
    assert codes({"metadata": {}}, "mask") == codes({"metadata": {"night": True}}, "segment") == []
    assert advice("metadata", ["mask"]) == "put it into the metadata of each of its segments"


def test_a_key_without_a_value_is_not_there() -> None:
    assert codes({**BOX, "weather": None}, "box") == []


@pytest.mark.parametrize("form", sorted(TYPES))
def test_the_keys_of_an_upload_are_known(form: str) -> None:
    record = dict.fromkeys(("reference_id", "annotation_id", "item_id", "confidence"), "x")
    assert codes(record, form) == []


@pytest.mark.parametrize(
    ("form", "record", "path"),
    [
        ("items", {"width": -1}, "width"),
        ("items", {"height": -0.5}, "height"),
        ("scenes", {"frame_rate": -10}, "frame_rate"),
        ("box", {"geometry": {"x": 1, "y": 1, "width": -2, "height": 3}}, "geometry.width"),
        ("cuboid", {"geometry": {"dimensions": {"x": 1, "y": -1, "z": 1}}}, "geometry.dimensions.y"),
        ("polygon", {"label": ""}, "label"),
        ("segment", {"label": ""}, "label"),
        ("multicategory", {"labels": ["a", ""]}, "labels"),
        ("polygon", {"geometry": {"vertices": []}}, "geometry.vertices"),
        ("line", {"geometry": {"vertices": []}}, "geometry.vertices"),
        ("keypoints", {"geometry": {"keypoints": []}}, "geometry.keypoints"),
        ("items", {"image_url": "s3://b/a.jpg", "pointcloud_url": "s3://b/a.json"}, "pointcloud_url"),
        ("items", {"original_image_url": "s3://b/a.jpg", "pointcloud_url": "x"}, "pointcloud_url"),
    ],
)
def test_what_cannot_be_meant_is_named(form: str, record: dict[str, Any], path: str) -> None:
    assert codes(record, form) == [("implausible_value", path)]


@pytest.mark.parametrize("value", [-0.1, 1.5, 70, -1])
def test_a_confidence_is_from_0_to_1(value: float) -> None:
    assert codes({"confidence": value}, "box", prediction=True) == [("implausible_value", "confidence")]
    assert codes({"class_pdf": {"a": 0.5, "b": value}}, "box", prediction=True) == [("implausible_value", "class_pdf")]
    assert codes({"confidence": value}, "box") == []


@pytest.mark.parametrize("value", [0, 1, 0.5, -0.0, True])
def test_the_limits_of_a_range_are_in_it(value: float) -> None:
    assert codes({**BOX, "confidence": value}, "box", prediction=True) == []
    assert codes({"width": value, "height": 0}, "items") == []


def test_the_message_of_a_strict_job_says_what_was_expected_and_what_came() -> None:
    key, value = irregularities({"score": 0.5, "label": ""}, "box")
    assert (
        irregular_fault(key, "box").message == 'expected keys that a rule knows, got "score"; did you mean confidence?'
    )
    assert irregular_fault(value, "box").message == 'expected a label, got "" at label'
    assert advice("weather", ["items"]) == "put it into metadata"
