"""Records that merge metadata: who they mean, and what they lay over: U3, I1, I2, G3, G4, A1, A2, C4, R3."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import annotation_records, item_records, json_values, metadata_objects

from transforms.rules.annotations import GEOMETRIC, TYPES, Annotation, annotation
from transforms.rules.identity import derived_annotation_id
from transforms.rules.items import Item, item
from transforms.rules.metadata import Metadata, normalize
from transforms.rules.rejections import Code, Fault
from transforms.rules.updates import MetadataUpdate, annotation_update, metadata_update

CORNERS = {"x": 1, "y": 2, "width": 3, "height": 4}


@pytest.mark.parametrize("given_metadata", [None, {}])
def test_an_update_without_metadata_lays_nothing_over(given_metadata: Any) -> None:
    for record in ({"reference_id": "a"}, {"reference_id": "a", "metadata": given_metadata}):
        assert metadata_update(record) == MetadataUpdate("a", Metadata({}))


@pytest.mark.parametrize("metadata", [[], "x", 3, True])
def test_metadata_that_is_no_object_is_invalid(metadata: Any) -> None:
    for update in (metadata_update, annotation_update):
        fault = update({"reference_id": "a", "metadata": metadata, "camera_params": {"fx": 1}})
        assert isinstance(fault, Fault)
        assert (fault.code, fault.field) == (Code.INVALID_METADATA, "metadata")


@pytest.mark.parametrize("identity", [None, "", 3, True, ["a"]])
def test_an_update_needs_a_reference_id(identity: Any) -> None:
    for update in (metadata_update, annotation_update):
        fault = update({"reference_id": identity, "metadata": {"a": 1}})
        assert isinstance(fault, Fault)
        assert fault.code is Code.INVALID_REFERENCE_ID


@pytest.mark.parametrize(
    ("metadata", "code", "field"),
    [
        ({"a": float("nan")}, Code.NON_FINITE_NUMBER, "metadata.a"),
        ({"a": 10**400}, Code.NUMBER_OUT_OF_RANGE, "metadata.a"),
        ({"context_attachments": "x"}, Code.INVALID_CONTEXT_ATTACHMENT, "metadata.context_attachments"),
        ({"camera_params": 3}, Code.INVALID_FIELD, "metadata.camera_params"),
    ],
)
def test_numbers_and_reserved_keys_are_checked_as_ever(metadata: Any, code: Code, field: str) -> None:
    fault = metadata_update({"reference_id": "a", "metadata": metadata})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


@pytest.mark.parametrize("value", ["north", True, 91, [1], "52.5", None])
def test_coordinates_are_validated_in_the_merged_metadata(value: Any) -> None:
    fields = {"lat": value, "lon": 1}
    assert metadata_update({"reference_id": "a", "metadata": fields}) == MetadataUpdate("a", Metadata(fields))


def test_an_empty_list_of_attachments_removes_them_as_null_does() -> None:
    empty, null = (
        metadata_update({"reference_id": "a", "metadata": {"context_attachments": each}}) for each in ([], None)
    )
    assert empty == null == MetadataUpdate("a", Metadata({"context_attachments": None}))


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ({"camera_params": {"fx": 1}}, {"camera_params": {"fx": 1}}),
        ({"camera_params": {"fx": 1}, "metadata": None}, {"camera_params": {"fx": 1}}),
        ({"camera_params": {"fx": 1}, "metadata": {"a": 1}}, {"a": 1, "camera_params": {"fx": 1}}),
        ({"camera_params": {"fx": 1}, "metadata": {"camera_params": {"fx": 2}}}, {"camera_params": {"fx": 2}}),
        ({"camera_params": {"fx": 1}, "metadata": {"camera_params": None}}, {"camera_params": None}),
        ({"camera_params": None, "metadata": {"a": 1}}, {"a": 1}),
    ],
)
def test_camera_parameters_beside_the_metadata_count_as_in_it(record: Any, fields: Any) -> None:
    before = repr(record)
    assert metadata_update({"reference_id": "a", **record}) == MetadataUpdate("a", Metadata(fields))
    assert repr(record) == before, "the record was changed"


@given(item_records)
def test_whatever_else_an_item_has_does_not_matter(record: Any) -> None:
    record = {key: value for key, value in record.items() if key not in ("camera_params", "ref_id")}
    only = {key: record[key] for key in ("reference_id", "metadata") if key in record}
    assert metadata_update(record) == metadata_update(only)
    accepted = item(record)
    if isinstance(accepted, Item):
        update = metadata_update(record)
        assert isinstance(update, MetadataUpdate)
        assert update.reference_id == accepted.reference_id


@given(metadata_objects())
def test_the_metadata_of_an_update_is_that_of_the_record(metadata: Any) -> None:
    update = metadata_update({"reference_id": "a", "metadata": metadata})
    checked = normalize(metadata, locate=False)
    assert update == (checked if isinstance(checked, Fault) else MetadataUpdate("a", checked))
    if isinstance(update, MetadataUpdate):
        assert update.metadata.warnings == ()


@pytest.mark.parametrize(
    ("record", "identity"),
    [
        ({"annotation_id": "1"}, ("object", "1", None)),
        ({"annotation_id": "1", "task_id": "t"}, ("object", "1", "t")),
        ({"annotation_id": "1", "type": "cuboid"}, ("object", "1", None)),
        ({"annotation_id": "1", "labels": ["a"], "annotations": []}, ("object", "1", None)),
        ({"annotations": [], "labels": ["a"]}, ("mask",)),
        ({"type": "mask", "annotation_id": "1"}, ("mask",)),
        ({"type": "mask"}, ("mask",)),
        ({"labels": []}, ("multicategory", None)),
        ({"labels": ["a"], "taxonomy_name": "t"}, ("multicategory", "t")),
        ({"type": "category", "labels": ["a"]}, ("category", None)),
        ({}, ("category", None)),
        ({"taxonomy_name": "t"}, ("category", "t")),
        ({"type": None, "taxonomy_name": "t"}, ("category", "t")),
        ({"type": "category", "taxonomy_name": "t", "annotation_id": 3, "task_id": []}, ("category", "t")),
        ({"type": "box", "annotation_id": "1", "taxonomy_name": 3}, ("object", "1", None)),
        ({"type": "mask", "annotation_id": 3, "mask_url": 7, "metadata": []}, ("mask",)),
        ({"annotation_id": "1", "label": 3, "geometry": "x", "confidence": "high"}, ("object", "1", None)),
    ],
)
def test_the_identity_follows_from_the_type_or_else_from_the_keys(record: Any, identity: tuple[Any, ...]) -> None:
    update = annotation_update({"reference_id": "a", **record})
    assert isinstance(update, Annotation)
    assert identity_of(update) == identity


def identity_of(row: Annotation) -> tuple[Any, ...]:
    if row.type in GEOMETRIC:
        return "object", row.annotation_id, row.task_id
    return (row.type,) if row.type == "mask" else (row.type, row.taxonomy_name)


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        ({"type": "circle"}, Code.UNKNOWN_TYPE, "type"),
        ({"type": 3}, Code.UNKNOWN_TYPE, "type"),
        ({"type": "segment"}, Code.UNKNOWN_TYPE, "type"),
        ({"annotation_id": 3}, Code.INVALID_FIELD, "annotation_id"),
        ({"type": "box"}, Code.INVALID_FIELD, "annotation_id"),
        ({"type": "box", "label": "car"}, Code.INVALID_FIELD, "annotation_id"),
        ({"type": "box", "label": 3, "geometry": {}}, Code.INVALID_FIELD, "annotation_id"),
        ({"annotation_id": "1", "task_id": 3}, Code.INVALID_FIELD, "task_id"),
        ({"taxonomy_name": ["t"]}, Code.INVALID_FIELD, "taxonomy_name"),
        ({"type": "mask", "annotations": {}}, Code.INVALID_FIELD, "annotations"),
    ],
)
def test_an_update_that_does_not_say_what_it_means_is_rejected(record: Any, code: Code, field: str) -> None:
    fault = annotation_update({"reference_id": "a", **record})
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == (code, field)


def test_an_id_is_derived_from_the_content_as_at_the_first_time() -> None:
    record: Any = {"reference_id": "a", "type": "box", "label": "car", "geometry": CORNERS, "metadata": {"a": 1}}
    first, update = annotation(record, prediction=False), annotation_update(record)
    assert isinstance(first, Annotation)
    assert isinstance(update, Annotation)
    assert update.annotation_id == first.annotation_id == derived_annotation_id("car", "box", CORNERS)


@given(annotation_records)
def test_a_record_that_was_accepted_is_found_again_by_its_update(record: Any) -> None:
    first = annotation(record, prediction=True)
    if isinstance(first, Annotation):
        update = annotation_update(record)
        assert isinstance(update, Annotation)
        assert (update.reference_id, identity_of(update)) == (first.reference_id, identity_of(first))


@given(annotation_records, st.dictionaries(st.sampled_from(["label", "confidence", "mask_url", "other"]), json_values))
def test_keys_beside_identity_and_metadata_do_not_matter(record: Any, others: Any) -> None:
    if record.get("annotation_id") is not None or record.get("type") not in GEOMETRIC:
        assert annotation_update(record) == annotation_update(record | others)


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_an_update_has_only_identity_and_metadata(kind: str) -> None:
    record: Any = {"reference_id": "a", "type": kind, "annotation_id": "1", "label": "car", "mask_url": "/m", "zoom": 1}
    update = annotation_update(record | {"metadata": {"a": 1}})
    assert isinstance(update, Annotation)
    assert (update.label, update.geometry, update.mask_url, update.extra) == (None, None, None, None)
    assert update.metadata.fields == ({} if kind == "mask" else {"a": 1})
