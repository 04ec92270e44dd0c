"""A chunk column by column is what the rules make of it record by record: G1 to G6, V, C, A, I1, K4, R1, R2, U4."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.by_the_rules import check_by_the_rules, rows_of
from support.fixtures import SHARED, needs_shared
from support.profiles import draws
from support.strategies import BROKEN, normalized, records

from transforms import native
from transforms.kernels.normalize import normalize
from transforms.kernels.normalize.annotations import selected_annotations
from transforms.kernels.normalize.items import selected_items
from transforms.kernels.normalize.scenes import selected_scenes
from transforms.kernels.normalize.selection import NOTHING
from transforms.kernels.normalize.updates import selected_updates
from transforms.rules import items as item_rules
from transforms.rules.export_rows import GROUPS, Group


@pytest.mark.parametrize("group", GROUPS)
@draws(80)
@given(st.data())
def test_the_columns_agree_with_the_rules(group: Group, data: st.DataObject) -> None:
    values = st.one_of(records[group], records[group], records[group], st.sampled_from(BROKEN))
    check_by_the_rules(data.draw(st.lists(values, max_size=8)), group)


@pytest.mark.parametrize("group", ["items", "annotations", "predictions"])
@draws(40)
@given(st.data())
def test_the_columns_agree_with_the_rules_without_the_extension(group: Group, data: st.DataObject) -> None:
    values = st.one_of(records[group], records[group], records[group], st.sampled_from(BROKEN))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "kernels", None)
        check_by_the_rules(data.draw(st.lists(values, max_size=8)), group)


@pytest.mark.parametrize("group", GROUPS)
@draws(40)
@given(st.data())
def test_both_ways_give_the_same_rows(group: Group, data: st.DataObject) -> None:
    values = data.draw(st.lists(records[group], max_size=8))
    done = normalized(values, group, model_run="run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "kernels", None)
        patch.setattr(normalize, "selected_items", lambda *_, **__: ())
        patch.setattr(normalize, "selected_scenes", lambda *_, **__: NOTHING)
        patch.setattr(normalize, "selected_annotations", lambda *_, **__: NOTHING)
        ruled = normalized(values, group, model_run="run")
    assert sorted(rows_of(done)) == sorted(rows_of(ruled))
    assert Counter(done.rejected) == Counter(ruled.rejected)
    assert (done.read, done.warnings) == (ruled.read, ruled.warnings)


def test_ordinary_records_go_column_by_column() -> None:
    item = {"reference_id": "a", "image_url": "https://example.org/a.jpg", "metadata": {"lat": 1, "lon": 2.5}}
    others: list[Any] = [
        {**item, "license": "x"},
        {**item, "image_url": "nonsense"},
        {**item, "metadata": {"context_attachments": [{"attachment": "/a.jpg"}], "camera_params": {}}},
        {**item, "metadata": {"camera_params": 3}},
        {"reference_id": "b", "url": "/b.json", "image_url": None, "type": "image"},
        {"reference_id": "b"},
        {"ref_id": "c", "image_url": "/c.jpg"},
        {"ref_id": "c", "image_url": "/c.jpg", "reference_id": None},
        {"ref_id": 3, "image_url": "/c.jpg"},
    ]
    found = list(selected_items([item, *others]))
    assert sorted(place for each in found for place in each.places) == [0, 1, 3, 5, 7]
    assert "c" in [name for each in found for name in each.columns["reference_id"]]
    assert [each.places for each in selected_items([item, item], exclude={0})] == [[1]]  # type: ignore[list-item]
    scene: Any = {"reference_id": "a", "frames": [{"cam": item}], "metadata": {"lat": 1, "lon": 2}}
    empty: Any = {"reference_id": "a", "frames": []}
    assert selected_scenes([scene, empty, {**empty, "type": "video"}, {**scene, "frames": [3]}]).places == [0, 2]
    corners = {"x": 1, "y": 2, "width": 3, "height": 4.5}
    box = {"reference_id": "a", "type": "box", "label": "", "annotation_id": "1", "geometry": corners}
    odd = [{**box, "annotation_id": 1}, {**box, "geometry": {**corners, "x": "1"}}, {**box, "confidence": "high"}]
    assert selected_annotations([box, *odd], prediction=False).places == [0, 3]  # type: ignore[list-item]
    assert selected_annotations([box, *odd], prediction=True).places == [0]  # type: ignore[list-item]


def test_a_check_of_a_column_knows_the_first_fault_of_an_item() -> None:
    items: list[Any] = [
        {"url": "https://a/b.jpg", "width": "wide"},
        {"ref_id": "", "url": "https://a/b.jpg", "metadata": []},
        {"reference_id": "a", "url": "https://a/b.jpg", "height": "high", "width": True},
        {"reference_id": "a", "url": "ftp://a/b.jpg", "camera_params": [], "metadata": 1},
        {"reference_id": "a", "url": "ftp://a/b.jpg", "metadata": 1},
        {"reference_id": "a", "url": "https://a/b.jpg", "metadata": {"context_attachments": [{"frame": "x"}]}},
        {"reference_id": "a", "url": "https://a/b.jpg", "metadata": {"lat": 95.5, "lon": 13}},
    ]
    [selection] = selected_items(items)
    assert selection.faults == {place: item_rules.item(record) for place, record in enumerate(items)}


def test_rows_of_exports_with_several_masks_keep_their_segments_apart() -> None:
    masks = [{"mask_url": f"https://example.org/{n}.png", "annotations": [{"index": n}, 3]} for n in range(3)]
    check_by_the_rules(
        [{"item": {"ref_id": "a"}, "segmentation": masks, "category": [{"label": "x"}, 7]}] * 2, "annotations"
    )


@pytest.mark.parametrize("group", GROUPS)
@draws(60)
@given(st.data())
def test_updates_agree_with_the_rule_record_by_record(group: Group, data: st.DataObject) -> None:
    values = data.draw(st.lists(records[group], max_size=8))
    done = normalized(values, group, mode="merge")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalize, "selected_updates", lambda *_, **__: NOTHING)
        patch.setattr(normalize, "selected_annotation_updates", lambda *_, **__: NOTHING)
        ruled = normalized(values, group, mode="merge")
    assert sorted(rows_of(done)) == sorted(rows_of(ruled))
    assert Counter(done.rejected) == Counter(ruled.rejected)
    assert (done.read, done.warnings) == (ruled.read, ruled.warnings)


def test_ordinary_updates_go_column_by_column() -> None:
    update: Any = {"reference_id": "a", "metadata": {"lat": "north", "n": None}, "camera_params": {"fx": 1}}
    updates = [update, {**update, "camera_params": 3}, {"reference_id": "a"}, {"reference_id": ""}]
    found = selected_updates(updates, "items")
    assert found.places == [0, 2]
    assert found.metadata == [{"lat": "north", "n": None, "camera_params": {"fx": 1}}, {}]


def test_large_integers_keep_their_value_in_every_group() -> None:
    corners = {"x": 1, "y": 2, "width": 3, "height": 4}
    metadata = {"id": 10**40, "list": [2**64], "lat": 1, "lon": 2}
    check_by_the_rules([{"reference_id": "a", "image_url": "/a.jpg", "metadata": metadata, "width": 2**64}], "items")
    check_by_the_rules([{"reference_id": "a", "image_url": "/a.jpg", "metadata": {"lat": 10**400, "lon": 1}}], "items")
    check_by_the_rules(
        [{"reference_id": "s", "frames": [{"cam": {"reference_id": "a", "url": "/a", "x": 10**40}}]}], "scenes"
    )
    box = {"type": "box", "label": "x", "annotation_id": "1", "geometry": {**corners, "x": 2**70}}
    check_by_the_rules([{"reference_id": "a", "metadata": metadata, **box}], "annotations")


DAMAGED: list[Any] = [
    3,
    None,
    {},
    {"reference_id": "b"},
    {"reference_id": "b", "url": "ftp://x"},
    {"reference_id": "b", "url": "/b", "image_url": ""},
    {"reference_id": "b", "image_url": "/b", "metadata": {"context_attachments": [{"attachment": "/c", "frame": -1}]}},
    {"reference_id": "b", "image_url": "/b", "metadata": {"camera_params": []}},
    {"reference_id": "b", "image_url": "/b", "metadata": {"lat": 95, "lon": 1}},
    {"reference_id": "b", "image_url": "/b", "metadata": {"n": 10**30}},
    {"reference_id": "b", "image_url": "/b", "metadata": {"deep": json.loads("[" * 300 + "]" * 300)}},
    {"reference_id": "b", "image_url": "/b", "camera_params": {"fx": 1}, "width": "wide"},
]


@pytest.mark.parametrize("damaged", DAMAGED, ids=range(len(DAMAGED)))
@pytest.mark.parametrize("kind", ["lidar", "video"])
def test_an_item_in_a_frame_costs_its_neighbours_nothing(damaged: Any, kind: str) -> None:
    """G2, R2: items of frames are what the rule makes of each, whatever is beside them."""
    attached = {"context_attachments": [{"attachment": "/c.jpg", "dims": {"height": 2, "width": 1.50}}], "k": 1}
    sound: list[Any] = [
        {"reference_id": "a", "image_url": "https://x.org/a.jpg", "metadata": {"b": [1.0, {"z": 1, "a": "\u00e9"}]}},
        {"reference_id": "c", "url": "s3://b/c.json", "camera_params": {"fx": 1}, "width": 3},
        {"reference_id": "d", "pointcloud_url": "gs://b/d", "type": "pointcloud", "metadata": attached},
    ]
    items = [*sound, damaged, *sound]
    frames = items if kind == "video" else [{f"sensor {n}": item for n, item in enumerate(items)}, {"x": sound[0]}]
    scene = {"reference_id": "s", "type": kind, "frames": frames}
    check_by_the_rules([scene, {**scene, "reference_id": "t", "frames": []}, {**scene, "reference_id": "u"}], "scenes")


def test_a_chunk_without_records() -> None:
    for group in GROUPS:
        check_by_the_rules([], group)


def test_a_rejection_knows_the_reference_id_of_a_faulty_segment_of_a_response() -> None:
    mask = {"ref_id": "a", "type": "mask", "mask_url": "/m.png", "annotations": [3]}
    (rejected,) = normalized([mask], "annotations").rejected
    assert (rejected.reference_id, rejected.fault.field) == ("a", "annotations[0]")


@needs_shared
@pytest.mark.parametrize(
    "path", sorted((SHARED / "nucleus").glob("*.jsonl")), ids=lambda path: path.stem
)  # fmt: skip
def test_samples_of_the_client_agree_with_the_rules(path: Any) -> None:
    name = path.stem.split("_")[0]
    group = {"segmentations": "annotations", "edge": "items"}.get(name, name)
    lines = path.read_bytes().split(b"\n")
    assert any(json.loads(line) for line in lines[:1])
    check_by_the_rules([line for line in lines if line.strip()], group)
