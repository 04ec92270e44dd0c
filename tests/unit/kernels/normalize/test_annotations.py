"""Annotations of each type: the columns are what the rule gives, and the rule sees damaged records only: I2, G3, G6."""

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.by_the_rules import check_by_the_rules, rows_of
from support.profiles import draws
from support.strategies import (
    big_integers,
    doubles,
    json_values,
    longs,
    metadata_objects,
    normalized,
    raw,
    scalars,
    texts,
)

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.normalize import normalize
from transforms.kernels.normalize.annotations import selected_annotations
from transforms.kernels.normalize.derived_ids import with_equal_numbers
from transforms.kernels.normalize.selection import NOTHING
from transforms.kernels.normalize.updates import selected_annotation_updates
from transforms.rules import annotations as rule
from transforms.rules import updates as update_rule
from transforms.rules.export_rows import Group
from transforms.rules.identity import derived_annotation_id
from transforms.rules.rejections import Fault
from transforms.rules.values import canonical_json, value_text

numbers = st.one_of(longs, doubles, st.integers(-100, 100).map(float), st.sampled_from([2**53 + 1, 1e16, -1e22, -0.0]))
wrong = st.sampled_from([None, True, "1", [], {}, [1], 10**400])
others = st.dictionaries(st.sampled_from(["z", "visible", "a.b", "é"]), json_values, max_size=1)


def point(*keys: str) -> st.SearchStrategy[Any]:
    return st.builds(lambda a, b: b | a, st.fixed_dictionaries(dict.fromkeys(keys, numbers)), others)


vertices = st.builds(lambda a, b: {"vertices": a} | b, st.lists(point("x", "y"), max_size=4), others)
names = st.lists(st.sampled_from(["eye", "1.0,", "2.0}", 'a"b', "e+", "é\\"]), max_size=2)
geometries = {
    "box": point("x", "y", "width", "height"),
    "polygon": vertices,
    "line": vertices,
    "keypoints": st.builds(lambda a, b: {"keypoints": a, "names": b}, st.lists(others, max_size=3), names),
    "cuboid": st.fixed_dictionaries(
        {"position": point("x", "y", "z"), "dimensions": point("x", "y", "z")},
        optional={"yaw": st.one_of(numbers, st.none())},
    ),
    "category": st.just({}),
    "multicategory": st.sampled_from([{}, {"kept": 1.0}]),
    "mask": st.just({}),
}  # fmt: skip
segment = st.fixed_dictionaries(
    {},
    optional={
        "label": st.one_of(texts, st.none()),
        "index": st.sampled_from([0, 3, 2**63 - 1, None, "7", "007"]),
        "metadata": metadata_objects(scalars),
        "note": st.sampled_from([None, [1.0], "kept"]),
    },
)
urls = st.sampled_from(["https://example.org/m.png", "HTTPS://Example.org/../m.png", "s3://bucket/a b.png"])
needed = {
    "multicategory": {"labels": st.lists(texts, max_size=2)},
    "mask": {"mask_url": urls, "annotations": st.lists(segment, max_size=3)},
}
optional: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("annotation_id", "task_id", "track_reference_id"), st.one_of(texts, st.none())),
    "labels": st.sampled_from([None, []]),
    "confidence": st.one_of(numbers, st.none()),
    "class_pdf": st.one_of(st.none(), st.dictionaries(texts, json_values, max_size=2)),
    "metadata": metadata_objects(scalars),
    "embedding_vector": st.lists(numbers, max_size=3),
    "extra key": json_values,
    "item_id": st.sampled_from(["di_1", None]),
}


def sound(kind: str) -> st.SearchStrategy[Any]:
    """Records that the rule accepts, unless their metadata is wrong."""
    keys = {"reference_id": st.sampled_from(["a", "b"]), "type": st.just(kind), "geometry": geometries[kind]}
    keys |= needed.get(kind, {"label": texts})
    return st.fixed_dictionaries(keys, optional={key: values for key, values in optional.items() if key not in keys})


@st.composite
def damaged(draw: st.DrawFn, kind: str) -> Any:
    """A sound record with a value, at any depth, or two, that are missing or of another type."""
    record = deepcopy(draw(sound(kind)))  # values that are sampled are shared by all draws
    for _ in range(draw(st.integers(1, 2))):
        damage(draw, record)
    return record


def damage(draw: st.DrawFn, record: Any) -> None:
    container: Any = record
    while container:
        key = draw(st.sampled_from(sorted(container))) if isinstance(container, dict) else len(container) - 1
        if isinstance(container[key], dict | list) and container[key] and draw(st.booleans()):
            container = container[key]
            continue
        if isinstance(container, dict) and draw(st.booleans()):
            del container[key]
        else:
            container[key] = deepcopy(draw(st.one_of(wrong, big_integers, texts)))
        return


def some(kind: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(sound(kind), sound(kind), damaged(kind)), min_size=1, max_size=6)


@pytest.mark.parametrize("kind", sorted(rule.TYPES))
@draws(100)
@given(st.data(), st.sampled_from(["annotations", "predictions"]))
def test_the_columns_of_a_type_agree_with_its_rule(kind: str, data: st.DataObject, group: Group) -> None:
    check_by_the_rules(data.draw(some(kind)), group)


@draws(100)
@given(st.data(), st.sampled_from(["annotations", "predictions"]))
def test_types_beside_each_other_agree_with_their_rules(data: st.DataObject, group: Group) -> None:
    kinds = st.one_of([st.one_of(sound(kind), damaged(kind)) for kind in sorted(rule.TYPES)])
    check_by_the_rules(data.draw(st.lists(kinds, max_size=10)), group)


def is_accepted(record: Any, *, prediction: bool) -> bool:
    """Whether the rule accepts a record, of a mask whatever its segments are."""
    return not isinstance(rule.annotation(record, prediction=prediction), Fault)


@pytest.mark.parametrize("kind", sorted(rule.TYPES))
@draws(60)
@given(st.data(), st.booleans())
def test_all_that_the_rule_accepts_is_selected(kind: str, data: st.DataObject, prediction: bool) -> None:
    parsed = parse([raw(record) for record in data.draw(some(kind))])
    records: list[Any] = [value for place, value in enumerate(parsed.values) if place not in parsed.exact]
    records = [record for record in records if isinstance(record, dict)]
    places = set(selected_annotations(records, prediction=prediction).places)
    expected = {place for place, record in enumerate(records) if is_accepted(record, prediction=prediction)}
    assert places == expected


FAULTY: tuple[Any, ...] = (
    {"reference_id": "", "type": "box", "label": "x"},
    {"reference_id": 1, "ref_id": "a", "type": "line", "label": 2},
    {"reference_id": "a", "type": "box", "geometry": {"x": 1}},
    {"reference_id": "a", "type": "box", "label": "x", "geometry": {"x": 1, "y": "2"}, "confidence": "high"},
    {"reference_id": "a", "type": "polygon", "label": "x", "geometry": {"vertices": [{"x": 1, "y": 2}, {"x": 1}]}},
    {"reference_id": "a", "type": "cuboid", "label": "x", "geometry": []},
    {"reference_id": "a", "type": "category", "label": "x", "task_id": 1, "confidence": "high"},
    {"reference_id": "a", "type": "category", "label": "x", "confidence": "high", "metadata": []},
    {"reference_id": "a", "type": "multicategory", "labels": ["x", 1], "label": 2},
    {"reference_id": "a", "type": "mask", "mask_url": "ftp://a/b", "annotations": []},
    {"reference_id": "a", "type": "mask", "mask_url": 1, "annotations": [], "class_pdf": 1},
    {
        "reference_id": "a",
        "type": "line",
        "label": "x",
        "geometry": {"vertices": []},
        "metadata": {"lat": 95, "lon": 1},
    },
)


def test_a_check_of_a_column_knows_the_first_fault_that_the_rule_finds() -> None:
    known = selected_annotations([*FAULTY], prediction=True).faults
    assert known == {place: rule.annotation(record, prediction=True) for place, record in enumerate(FAULTY)}


def test_a_check_of_a_column_knows_the_first_fault_of_an_update() -> None:
    updates: list[Any] = [
        {"annotation_id": "x", "metadata": []},
        {"reference_id": "a", "type": "box", "annotation_id": 1, "task_id": 2},
        {"reference_id": "a", "type": "mask", "annotations": {}},
        {"reference_id": "a", "type": "category", "taxonomy_name": [], "metadata": 1},
        {"reference_id": "a", "type": "category", "metadata": 1},
    ]
    known = selected_annotation_updates(updates).faults
    assert known == {place: update_rule.annotation_update(update) for place, update in enumerate(updates)}


def test_records_that_are_excluded_are_not_selected() -> None:
    record = {"reference_id": "a", "type": "category", "label": "x"}
    assert selected_annotations([record] * 3, prediction=False, exclude={1}).places == [0, 2]  # type: ignore[list-item]


def test_a_segment_that_the_rule_rejects_leaves_its_mask_and_its_neighbours_as_they_are() -> None:
    masks: list[Any] = [
        {"reference_id": name, "type": "mask", "mask_url": "/m.png", "annotations": [{"index": index}, {}]}
        for name, index in (("a", 1), ("b", -1), ("c", "2"))
    ]
    found = selected_annotations(masks, prediction=False)
    assert found.places == [0, 1, 2, 0, 0, 1, 2, 2]
    assert found.parts == [0, 0, 0, 1, 2, 2, 1, 2]
    assert found.columns["segment_index"] == [None, None, None, 1, 1, 1, 2, 1]
    assert [(place, fault.field) for place, fault in found.rejected] == [(1, "annotations[0].index")]
    done = normalized(masks, "annotations")
    assert [each.fault.field for each in done.rejected] == ["annotations[0].index"]
    assert done.read["annotations"] == 9


@draws(200)
@given(
    st.recursive(
        st.one_of(numbers, texts, st.none(), st.booleans()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.one_of(texts, names.map("".join)), inner, max_size=3)
        ),
    )
)
def test_whole_doubles_are_integers_in_the_text_of_which_an_id_is_derived(value: Any) -> None:
    text = with_equal_numbers(canonical_json([value]))
    assert text is None or text == canonical_json([value], numbers=value_text)


@pytest.mark.parametrize("kind", sorted(rule.GEOMETRIC))
@draws(60)
@given(st.data())
def test_ids_are_derived_as_the_rule_derives_them(kind: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(st.tuples(texts, geometries[kind]), min_size=1, max_size=4))
    records: list[Any] = [{"reference_id": "a", "type": kind, "label": name, "geometry": each} for name, each in drawn]
    found = selected_annotations(records, prediction=False)
    assert found.columns["annotation_id"] == [derived_annotation_id(name, kind, each) for name, each in drawn]


@pytest.mark.parametrize("token", ["1", "1.0", "1e0", "10e-1", "1.0000"])
def test_equal_numbers_give_one_derived_id_however_they_are_written(token: str) -> None:
    line = '{"reference_id": "a", "type": "line", "label": "l", "geometry": {"vertices": [{"x": %s, "y": 0.5}]}}'
    (batch,) = normalized([(line % token).encode(), (line % "1").encode()], "annotations").batches
    assert batch.rows["annotation_id"].n_unique() == 1


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    line = b'{"reference_id": "a", "type": "line", "label": "l", "geometry": 3, "geometry": {"vertices": []}}'
    (batch,) = normalized([line, line], "annotations").batches
    assert batch.rows["geometry"].to_list() == ['{"vertices":[]}'] * 2


def as_updates(kind: str) -> st.SearchStrategy[Any]:
    """Sound and damaged records of a type as updates, which may imply their type and lack their content."""
    more = {"camera_params": st.sampled_from([{"fx": 1}, None, 3]), "type": st.sampled_from([None, kind])}

    def update(record: Any, more: Any, without: set[str]) -> Any:
        return {key: value for key, value in (record | more).items() if key not in without} | {"odd": 1}

    keys = st.sets(st.sampled_from(["type", "label", "geometry", "annotation_id", "odd", "annotations"]), max_size=3)
    return st.builds(update, st.one_of(sound(kind), damaged(kind)), st.fixed_dictionaries({}, optional=more), keys)


@draws(150)
@given(st.lists(st.one_of([as_updates(kind) for kind in sorted(rule.TYPES)]), max_size=8))
def test_updates_of_types_beside_each_other_agree_with_their_rules(values: list[Any]) -> None:
    done = normalized(values, "annotations", mode="merge")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(normalize, "selected_annotation_updates", lambda *_, **__: NOTHING)
        ruled = normalized(values, "annotations", mode="merge")
    assert sorted(rows_of(done)) == sorted(rows_of(ruled))
    assert Counter(done.rejected) == Counter(ruled.rejected)
    assert (done.read, done.warnings) == (ruled.read, ruled.warnings)


def test_ordinary_updates_of_annotations_go_column_by_column() -> None:
    updates: list[Any] = [
        {"reference_id": "a", "annotation_id": "1", "metadata": {"lat": "north", "n": None}},
        {"reference_id": "a", "type": "cuboid", "metadata": {}, "camera_params": {"fx": 1}},
        {"reference_id": "a", "taxonomy_name": "t", "metadata": {"n": 1}},
        {"reference_id": "a", "annotations": [{"index": 4, "metadata": {"n": 2}}, {"index": -1}]},
        {"reference_id": "a", "type": "line", "label": "l", "geometry": {"vertices": 3}},
        {"reference_id": "a", "type": "circle"},
    ]
    found = selected_annotation_updates(updates)
    assert found.places == [0, 2, 4, 3, 3]
    assert list(found.columns["type"]) == ["box", "category", "line", "mask", "segment"]
    assert [(place, fault.field) for place, fault in found.rejected] == [(3, "annotations[1].index")]
