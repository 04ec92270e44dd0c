"""Annotations, predictions, masks and segments: G3 to G6, I2, K4, V2, R1."""

from typing import Any

import pytest
from hypothesis import given
from support.strategies import annotation_records

from transforms.rules.annotations import GEOMETRIC, TYPES, Annotation, annotation, segments
from transforms.rules.metadata import Metadata
from transforms.rules.rejections import Fault

URL = "https://example.org/m.png"
POINT = {"x": 1, "y": 2.5}
SPACE = {"x": 1, "y": 2, "z": 3}
GEOMETRIES: dict[str, Any] = {
    "box": {"x": 1, "y": 2, "width": 3, "height": 4.5},
    "polygon": {"vertices": [POINT, POINT]},
    "line": {"vertices": []},
    "keypoints": {"keypoints": [{"x": 1, "y": 1, "visible": True}], "names": ["nose"]},
    "cuboid": {"position": SPACE, "dimensions": SPACE, "yaw": 0.1},
}


def accepted(record: Any, *, prediction: bool = False) -> Annotation:
    found = annotation(record, prediction=prediction)
    assert isinstance(found, Annotation), found
    return found


@pytest.mark.parametrize("kind", sorted(GEOMETRIC))
def test_a_geometry_is_kept_unchanged(kind: str) -> None:
    found = accepted({"reference_id": "a", "type": kind, "label": "car", "geometry": GEOMETRIES[kind]})
    assert found.geometry == GEOMETRIES[kind]
    assert (found.reference_id, found.type, found.label) == ("a", kind, "car")


def test_a_derived_id_follows_from_the_content_alone() -> None:
    box = {"reference_id": "a", "type": "box", "label": "car", "geometry": GEOMETRIES["box"]}
    derived = accepted(box).annotation_id
    turned = {"height": 4.5, "width": 3, "y": 2, "x": 1}
    assert derived
    assert accepted({**box, "geometry": turned, "metadata": {"a": 1}, "reference_id": "b"}).annotation_id == derived
    others = ({"label": "bus"}, {"type": "polygon", "geometry": {"vertices": []}}, {"geometry": {**turned, "x": 2}})
    assert derived not in {accepted({**box, **other}).annotation_id for other in others}
    assert accepted({**box, "annotation_id": "1"}).annotation_id == "1"


def test_categories_have_no_derived_id() -> None:
    record = {"reference_id": "s", "type": "category", "label": "day", "taxonomy_name": "light"}
    found = accepted({**record, "metadata": {"sure": True}})
    assert (found.label, found.taxonomy_name, found.annotation_id) == ("day", "light", None)
    assert found.metadata == Metadata({"sure": True})
    many = accepted({"reference_id": "s", "type": "multicategory", "labels": ["a", "b"], "taxonomy_name": "light"})
    assert (many.labels, many.label) == (("a", "b"), None)


def test_confidence_and_class_pdf_are_columns_of_predictions_only() -> None:
    record = {"reference_id": "a", "type": "category", "label": "x", "confidence": 1, "class_pdf": {"x": 1.0}}
    predicted = accepted(record, prediction=True)
    assert (predicted.confidence, predicted.class_pdf, predicted.extra) == (1.0, {"x": 1.0}, {})
    annotated = accepted(record)
    assert (annotated.confidence, annotated.class_pdf) == (None, None)
    assert annotated.extra == {"confidence": 1, "class_pdf": {"x": 1.0}}


def test_a_mask_has_no_metadata_and_its_segments_are_rows() -> None:
    record = {
        "reference_id": "a",
        "type": "mask",
        "mask_url": "HTTPS://example.org/m.png",
        "metadata": {"speed": "kept aside"},
        "annotations": [
            {"index": 4, "label": "road", "metadata": {"wet": True}, "area": 3},
            {"label": "sky"},
            {"index": "7"},
        ],
    }
    mask = accepted(record)
    assert (mask.mask_url, mask.url) == ("HTTPS://example.org/m.png", URL)
    assert mask.metadata == Metadata({})
    assert mask.extra == {"metadata": {"speed": "kept aside"}}
    assert segments(record) == (
        Annotation("a", "segment", "road", segment_index=4, metadata=Metadata({"wet": True}), extra={"area": 3}),
        Annotation("a", "segment", "sky", segment_index=1, extra={}),
        Annotation("a", "segment", segment_index=7, extra={}),
    )


@pytest.mark.parametrize(
    ("segment", "code", "field"),
    [
        (3, "invalid_field", "annotations[1]"),
        ({"label": 3}, "invalid_field", "annotations[1].label"),
        ({"index": -1}, "invalid_field", "annotations[1].index"),
        ({"index": True}, "invalid_field", "annotations[1].index"),
        ({"index": 2**63}, "invalid_field", "annotations[1].index"),
        ({"index": "x"}, "invalid_field", "annotations[1].index"),
        ({"index": "9" * 5000}, "invalid_field", "annotations[1].index"),
        ({"metadata": []}, "invalid_metadata", "annotations[1].metadata"),
        ({"metadata": {"lat": True, "lon": 1}}, "invalid_coordinate", "annotations[1].metadata.lat"),
    ],
)
def test_a_faulty_segment_takes_no_neighbour_with_it(segment: Any, code: str, field: str) -> None:
    before, fault, after = segments({"reference_id": "a", "annotations": [{}, segment, {}]})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)
    assert [each.segment_index for each in (before, after) if isinstance(each, Annotation)] == [0, 2]


@pytest.mark.parametrize("value", [{"reference_id": 3, "annotations": [{}]}, {"reference_id": "a"}])
def test_without_a_mask_there_are_no_segments(value: Any) -> None:
    assert segments(value) == ()


def fault_of(keys: dict[str, Any], *, prediction: bool = False) -> tuple[str, str | None]:
    fault = annotation({"reference_id": "a", **keys}, prediction=prediction)
    assert isinstance(fault, Fault), fault
    assert fault.message.startswith("expected ")
    return fault.code, fault.field


@pytest.mark.parametrize("kind", [None, "circle", "segment", 3, ["box"], "Box"])
def test_an_unknown_type(kind: Any) -> None:
    assert fault_of({"type": kind, "label": "x"}) == ("unknown_type", "type")


@pytest.mark.parametrize(
    ("kind", "geometry", "field"),
    [
        *((kind, wrong, "geometry") for kind in sorted(GEOMETRIC) for wrong in (None, [], "x")),
        ("box", {"x": 1, "y": 2, "width": 3}, "geometry.height"),
        ("box", {"x": True, "y": 2, "width": 3, "height": 4}, "geometry.x"),
        ("box", {"x": 1, "y": "2", "width": 3, "height": 4}, "geometry.y"),
        ("box", {"x": 10**400, "y": 2, "width": 3, "height": 4}, "geometry.x"),
        ("polygon", {}, "geometry.vertices"),
        ("line", {"vertices": [POINT, 3]}, "geometry.vertices[1]"),
        ("polygon", {"vertices": [{"x": 1}]}, "geometry.vertices[0].y"),
        ("keypoints", {"keypoints": [3]}, "geometry.keypoints[0]"),
        ("cuboid", {"position": SPACE}, "geometry.dimensions"),
        ("cuboid", {"position": {"x": 1, "y": 1}, "dimensions": SPACE}, "geometry.position.z"),
        ("cuboid", {"position": SPACE, "dimensions": SPACE, "yaw": "x"}, "geometry.yaw"),
        ("category", [], "geometry"),
    ],
)
def test_a_geometry_of_the_wrong_shape(kind: str, geometry: Any, field: str) -> None:
    assert fault_of({"type": kind, "label": "x", "geometry": geometry}) == ("invalid_field", field)


@pytest.mark.parametrize(
    ("keys", "code", "field"),
    [
        ({"type": "category"}, "invalid_field", "label"),
        ({"type": "category", "label": 3}, "invalid_field", "label"),
        ({"type": "mask", "label": 3, "mask_url": URL}, "invalid_field", "label"),
        ({"type": "multicategory"}, "invalid_field", "labels"),
        ({"type": "multicategory", "labels": ["a", 1]}, "invalid_field", "labels"),
        ({"type": "category", "label": "x", "labels": "x"}, "invalid_field", "labels"),
        *(
            ({"type": "category", "label": "x", key: 3}, "invalid_field", key)
            for key in ("annotation_id", "task_id", "track_reference_id", "taxonomy_name")
        ),
        ({"type": "mask"}, "missing_url", "mask_url"),
        ({"type": "mask", "mask_url": 3}, "invalid_field", "mask_url"),
        ({"type": "mask", "mask_url": "nonsense"}, "invalid_url", "mask_url"),
        ({"type": "mask", "mask_url": URL, "annotations": {}}, "invalid_field", "annotations"),
        ({"type": "category", "label": "x", "metadata": 3}, "invalid_metadata", "metadata"),
    ],
)
def test_core_fields_of_the_wrong_shape(keys: dict[str, Any], code: str, field: str) -> None:
    assert fault_of(keys) == (code, field)


@pytest.mark.parametrize(("key", "wrong"), [("confidence", "1"), ("confidence", True), ("class_pdf", [1])])
def test_prediction_fields_are_checked_in_predictions(key: str, wrong: Any) -> None:
    record = {"type": "category", "label": "x", key: wrong}
    assert fault_of(record, prediction=True) == ("invalid_field", key)
    assert accepted({"reference_id": "a", **record}).extra == {key: wrong}


@given(annotation_records)
def test_no_incoming_value_is_lost(record: dict[str, Any]) -> None:
    before = repr(record)
    found = annotation(record, prediction=True)
    assert repr(record) == before
    if isinstance(found, Annotation):
        assert found.type in TYPES
        columns = {name for name in Annotation.__dataclass_fields__ if name not in ("url", "extra", "mask_url")}
        if found.type == "mask":
            columns = (columns - {"metadata"}) | {"mask_url", "annotations"}
        kept = set(found.extra or {}) | columns
        assert {key for key, value in record.items() if value is not None} <= kept
        for key in ("label", "task_id", "track_reference_id", "taxonomy_name"):
            assert getattr(found, key) == record.get(key)
