"""The JSON Schema of raw records: it accepts what an ingest accepts, and refuses the faults that it can express."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from support.profiles import draws
from support.strategies import normalized, records

from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.record_schema import record_schema

VALIDATORS = {group: Draft202012Validator(record_schema(group)) for group in GROUPS}
ITEM: dict[str, Any] = {"reference_id": "a", "image_url": "https://example.org/a.jpg"}
BOX: dict[str, Any] = {
    "reference_id": "a",
    "type": "box",
    "label": "car",
    "geometry": {"x": 0, "y": 1.5, "width": 2, "height": 3},
}
MASK: dict[str, Any] = {"reference_id": "a", "type": "mask", "mask_url": "gs://b/m.png"}

SEGMENT: dict[str, Any] = {
    "reference_id": "a",
    "type": "segment",
    "label": "road",
    "segment_index": 3,
    "metadata": {"wet": True},
    "cache_key": None,
    "extra": None,
    "source": {"export": "masks.ndjson", "offset": 0},
}
"""As a query prints it."""


@pytest.mark.parametrize("group", GROUPS)
def test_it_is_a_valid_schema(group: Group) -> None:
    Draft202012Validator.check_schema(record_schema(group))


@draws(400)
@given(st.sampled_from(GROUPS).flatmap(lambda group: st.tuples(st.just(group), records[group])))
def test_what_an_ingest_accepts_whole_is_valid(drawn: tuple[Group, Any]) -> None:
    group, record = drawn
    done = normalized([record], group, model_run="m" if group == "predictions" else None)
    if not done.rejected:
        assert [error.message for error in VALIDATORS[group].iter_errors(record)] == []


@pytest.mark.parametrize(
    ("group", "record"),
    [
        ("items", ITEM | {"reference_id": ""}),
        ("items", ITEM | {"reference_id": 31}),
        ("items", {"image_url": "https://example.org/a.jpg"}),
        ("items", {"reference_id": "a"}),
        ("items", {"reference_id": "a", "image_url": ""}),
        ("items", ITEM | {"width": "12"}),
        ("items", ITEM | {"metadata": [1]}),
        ("items", ITEM | {"metadata": {"lat": 95, "lon": 1}}),
        ("items", ITEM | {"metadata": {"context_attachments": [{"frame": 1}]}}),
        ("items", ITEM | {"camera_params": [1]}),
        ("scenes", {"reference_id": "s"}),
        ("scenes", {"reference_id": "s", "frames": []}),
        ("scenes", {"reference_id": "s", "frames": [3]}),
        ("scenes", {"reference_id": "s", "type": "radar", "frames": []}),
        ("scenes", {"reference_id": "s", "frames": [{"cam": {"url": "https://example.org/a.jpg"}}]}),
        ("annotations", BOX | {"type": "circle"}),
        ("annotations", {key: value for key, value in BOX.items() if key != "type"}),
        ("annotations", {key: value for key, value in BOX.items() if key != "label"}),
        ("annotations", BOX | {"geometry": {"x": 0, "y": 0, "width": 1}}),
        ("annotations", BOX | {"geometry": {"x": "0", "y": 0, "width": 1, "height": 1}}),
        ("annotations", BOX | {"type": "polygon"}),
        ("annotations", BOX | {"type": "cuboid", "geometry": {"position": {"x": 0, "y": 0, "z": 0}}}),
        ("annotations", BOX | {"annotation_id": 7}),
        ("annotations", {"reference_id": "a", "type": "multicategory", "labels": "x"}),
        ("annotations", {"reference_id": "a", "type": "category"}),
        ("annotations", {"reference_id": "a", "type": "mask"}),
        ("annotations", MASK | {"annotations": [{"index": -1}]}),
        ("annotations", MASK | {"annotations": {"label": "car"}}),
        ("annotations", SEGMENT | {"segment_index": -1}),
        ("annotations", {"reference_id": "a", "type": "segment", "label": "road"}),
        ("predictions", BOX | {"confidence": "high"}),
        ("predictions", BOX | {"class_pdf": [0.5]}),
    ],
)
def test_a_fault_is_refused(group: Group, record: dict[str, Any]) -> None:
    assert normalized([record], group, model_run="m").rejected
    assert not VALIDATORS[group].is_valid(record)


@pytest.mark.parametrize(
    ("group", "record"),
    [
        ("items", ITEM),
        ("items", {"ref_id": "a", "pointcloud_url": "gs://b/a.json", "metadata": None}),
        ("scenes", {"reference_id": "s", "video_url": "https://example.org/v.mp4"}),
        ("scenes", {"reference_id": "s", "frames": [{"cam": ITEM}]}),
        ("scenes", {"reference_id": "s", "frame_rate": 10, "frames": [ITEM]}),
        ("annotations", BOX),
        ("annotations", MASK | {"annotations": [{"index": "3", "label": "road", "metadata": {"wet": True}}]}),
        ("annotations", {"reference_id": "a", "type": "category", "label": "x", "geometry": {}}),
        ("annotations", SEGMENT),
        ("predictions", BOX | {"confidence": 0.5, "class_pdf": {"car": 0.5}}),
    ],
)
def test_a_sound_record_is_valid(group: Group, record: dict[str, Any]) -> None:
    assert not normalized([record], group, model_run="m").rejected
    assert [error.message for error in VALIDATORS[group].iter_errors(record)] == []


def test_with_a_dataset_the_metadata_have_to_fit_its_fields() -> None:
    speed: Any = {"records": 1, "fields": {"speed": {"kind": "number"}}}
    validator = Draft202012Validator(record_schema("items", speed))
    assert validator.is_valid(ITEM | {"metadata": {"speed": 3}})
    assert not validator.is_valid(ITEM | {"metadata": {"speed": "fast"}})
