"""Messages of late rejections: what is equal, the place of the other record, truncated values (R1, I3)."""

from typing import Any

import pytest
from support.strategies import normalized

from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import Merged, merge
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import OnDuplicate, Step
from transforms.rules.rejections import shown

CORNERS = {"x": 1, "y": 2, "width": 3, "height": 4}
ITEM = {"reference_id": "a", "image_url": "/a"}


def batches(group: Group, *records: dict[str, Any]) -> dict[Group, list[Batch]]:
    found: dict[Group, list[Batch]] = {each: [] for each in GROUPS}
    for batch in normalized(list(records), group).batches:
        found[batch.group].append(batch)
    return found


def merged(*records: dict[str, Any], on_duplicate: OnDuplicate = "reject", item: dict[str, Any] = ITEM) -> Merged:
    """Annotations of one export, the item of another one."""
    annotations = batches("annotations", *records)["annotations"]
    items = [
        Batch(each.group, each.rows.with_columns(export=each.rows["export"] + 1), each.cells)
        for each in batches("items", item)["items"]
    ]
    return merge(
        {"annotations": annotations, "items": items}, {}, exports=["m", "i"], steps=[Step(on_duplicate=on_duplicate)]
    )


def one(found: Merged) -> dict[str, Any]:
    (frame,) = found.rejected
    (row,) = frame.to_dicts()
    return dict(row)


def box(**keys: Any) -> dict[str, Any]:
    return {"reference_id": "a", "type": "box", "label": "car", "geometry": CORNERS, **keys}


def category(**keys: Any) -> dict[str, Any]:
    return {"reference_id": "a", "type": "category", "label": "x", **keys}


SEGMENTED = {"reference_id": "a", "type": "mask", "mask_url": "/m", "annotations": [{"index": 3}, {"index": 3}]}
EQUAL: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "content": (box(), box(metadata={"n": 1}), "the same label, type and geometry again at geometry", "geometry"),
    "an id": (box(annotation_id="7"), box(annotation_id="7", label="bus"), 'got "7" again', "annotation_id"),
    "an id of a task": (
        box(annotation_id="7", task_id="t"),
        box(annotation_id="7", task_id="t"),
        'got "7" of the task "t" again',
        "annotation_id",
    ),
    "a taxonomy": (
        category(taxonomy_name="t"),
        category(taxonomy_name="t", label="y"),
        'the taxonomy "t" again',
        "taxonomy_name",
    ),
    "no taxonomy": (category(), category(label="y"), "one without a taxonomy again", "taxonomy_name"),
    "a mask": (
        {"reference_id": "a", "type": "mask", "mask_url": "/1"},
        {"reference_id": "a", "type": "mask", "mask_url": "/2"},
        'another mask for "a"',
        "reference_id",
    ),
}


@pytest.mark.parametrize("on_duplicate", ["reject", "last"])
@pytest.mark.parametrize("case", EQUAL)
def test_a_duplicate_names_what_is_equal_and_the_place_of_the_other(case: str, on_duplicate: OnDuplicate) -> None:
    first, second, said, field = EQUAL[case]
    rejection = one(merged(first, second, on_duplicate=on_duplicate))
    assert (rejection["code"], rejection["field"]) == ("duplicate_id", field)
    assert said in rejection["message"]
    # `reject` keeps the first record, at line 1, `last` the second.
    kept, lost = (1, 2) if on_duplicate == "reject" else (2, 1)
    assert (rejection["line"], rejection["other_line"], rejection["other_export"]) == (lost, kept, 0)
    assert ("annotation_id" in rejection["relation"]) == (case == "content")


def test_segments_of_a_duplicate_mask_say_so_and_those_of_one_index_name_it() -> None:
    again = {**SEGMENTED, "annotations": [{"index": 9}]}
    rejections = [row for frame in merged(SEGMENTED, again).rejected for row in frame.to_dicts()]
    assert sorted((row["field"], row["line"], row["other_line"]) for row in rejections) == [
        ("annotations.index", 1, 1),
        ("reference_id", 2, 1),
        ("reference_id", 2, 1),
    ]
    messages = " ".join(row["message"] for row in rejections)
    assert "got 3 again at annotations.index" in messages
    assert 'got a segment of another mask for "a"' in messages


@pytest.mark.parametrize(
    "name",
    ["x" * 500, 'quote " and \\ backslash', "line\nend \x1b[31m", "\u2028 é 例"],
    ids=["long", "quotes", "controls", "unicode"],
)
def test_values_are_quoted_and_cut_as_in_early_rejections(name: str) -> None:
    unknown = one(merged(box(reference_id=name)))
    assert f"got {shown(name)} at reference_id" in unknown["message"]
    twice = batches("items", *[{**ITEM, "reference_id": name}] * 2)
    duplicate = one(merge({"items": twice["items"]}, {}, exports=["i"]))
    assert f"got {shown(name)} again at reference_id" in duplicate["message"]
