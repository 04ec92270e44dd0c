"""Irregular rows in whole batches: R7; the kernel against the rule."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import normalized, records

from transforms.kernels.normalize.irregularities import irregular_rows
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.irregularities import irregularities
from transforms.rules.rejections import shown
from transforms.rules.scenes import frame_items

SIZES = st.sampled_from([-1, -0.5, 0, -0.0, 1, 3.5])
POINTS = st.lists(st.fixed_dictionaries({"x": SIZES, "y": SIZES}), max_size=1)
ODD: dict[str, st.SearchStrategy[Any]] = {
    "width": SIZES,
    "height": SIZES,
    "frame_rate": SIZES,
    "label": st.sampled_from(["", "car", '"', "\\"]),
    "labels": st.sampled_from([["a"], [""], ["", "b"], ['"'], ["\\", ""]]),
    "geometry": st.fixed_dictionaries(
        {"x": SIZES, "y": SIZES, "width": SIZES, "height": SIZES},
        optional={"vertices": POINTS, "keypoints": POINTS},
    ),
    "pointcloud_url": st.sampled_from(["s3://b/a.json", "", None]),
    "confidence": st.sampled_from([0, 1, 0.5, 1.5, -1e-9, 2]),
    "class_pdf": st.dictionaries(st.sampled_from(["a", ":-", ":1"]), st.sampled_from([0.5, 1, 1e-7, -0.1, 1.0001, 9])),
    "weather": st.sampled_from(["rain", 1, [], None]),
    "embedding_vector": st.sampled_from([[1.5, 2], [], "x"]),
    "item_id": st.sampled_from(["di_1", "a:b", '"']),
    "upload_to_scale": st.booleans(),
    "embedding_info": st.just({"index_id": "i", "embedding_vector": [0.1]}),
    "mask_url": st.just("https://example.org/m.png"),
    "annotations": st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "label": st.sampled_from(["", "a"]),
                "index": st.integers(0, 9),
                "type": st.just("box"),
                "colour": st.sampled_from([None, 1]),
            },
        ),
        max_size=2,
    ),
}


def varied(group: Group) -> st.SearchStrategy[Any]:
    odd = st.fixed_dictionaries({}, optional=ODD)
    return st.builds(lambda record, more: {**record, **more}, records[group], odd)


HUGE = 10**400
"""An integer beyond the range of double, which values without a type of their own may have."""


def test_rows_with_integers_beyond_the_range_of_double_are_named_with_all_their_digits() -> None:
    item = {"reference_id": "a", "url": "s3://b/a.jpg", "width": -1, "gain": [HUGE], "metadata": {"lat": {"at": HUGE}}}
    box = {"reference_id": "a", "type": "box", "label": "", "geometry": {"x": 1, "y": 1, "width": -1, "height": 2}}
    box |= {"gain": HUGE, "class_pdf": {"a": HUGE}, "confidence": 2}
    box["geometry"] |= {"z": HUGE}
    for group, value in (("items", item), ("annotations", box), ("predictions", box)):
        done = normalized([value], group, model_run="m" if group == "predictions" else None)
        assert not done.rejected
        found = {each.code: each.example.value for each in irregular_rows(done) if each.code != "implausible_value"}
        assert found.pop("unknown_key") == shown(value["gain"]), group
        assert found == ({"half_coordinate": shown({"at": HUGE})} if group == "items" else {})


@draws(300)
@given(st.sampled_from(GROUPS).flatmap(lambda group: st.tuples(st.just(group), st.lists(varied(group), max_size=6))))
def test_rows_are_irregular_as_the_rule_says(drawn: tuple[Group, list[Any]]) -> None:
    group, values = drawn
    done = normalized(values, group, model_run="m" if group == "predictions" else None)
    counted: dict[tuple[str, str, str, str], int] = {}
    for each in irregular_rows(done):
        if each.code != "half_coordinate":
            counted[each.group, each.form, each.code, each.key] = each.count
    by_rule: dict[tuple[str, str, str, str], int] = {}
    rejected = [(each.group, each.position) for each in done.rejected]
    for position, value in enumerate(values):
        for part_group, form, part in parts_of(value, group, position, done):
            for each in irregularities(part, form, prediction=group == "predictions"):
                key = (part_group, form, each.code.value, each.key)
                by_rule[key] = by_rule.get(key, 0) + 1
    assert counted == by_rule, rejected


def parts_of(value: Any, group: Group, position: int, done: Any) -> list[tuple[str, str, Any]]:
    """(group, form, record or part of it) of each accepted row that comes from the record at a position."""
    rows = [
        (batch.group, row.get("type", batch.group), row)
        for batch in done.batches
        for row in batch.rows.filter(batch.rows["line"] == position + 1).iter_rows(named=True)
    ]
    found = []
    for row_group, kind, row in rows:
        form = row_group if row_group in {"items", "scenes"} else kind
        if form == "segment":
            found.append((row_group, form, value["annotations"][(row["part"] & (2**32 - 1)) - 1]))
        elif row_group == "items" and group == "scenes":
            found.append((row_group, form, frame_items(value)[row["part"] - 1].record))  # type: ignore[index, union-attr]
        else:
            found.append((row_group, form, value))
    return found
