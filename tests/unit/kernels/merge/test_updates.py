"""Rows replaced and merged, case by case: U1 to U3, I3, I4, G3, C4."""

from collections import Counter
from typing import Any

import pytest
from support.strategies import metadata_of
from support.update_model import BOX, Job, batches_of, names_of, tally

from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import Merged, merge
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import Mode, Step


def run(*steps: tuple[Step, Job], published: dict[Group, Batch] | None = None) -> list[Merged]:
    """What the steps give, one after the other."""
    found = []
    now = published or {}
    for step, job in steps:
        found.append(merge(batches_of(job, step.mode), now, exports=names_of(1), steps=[step]))
        now = found[-1].batches
    return found


def item(name: str, **metadata: Any) -> dict[str, Any]:
    return {"reference_id": name, "image_url": "/a", "metadata": metadata}


def mask(url: str, *indices: int, **metadata: Any) -> dict[str, Any]:
    segments = [{"index": index, "metadata": metadata} for index in indices]
    return {"reference_id": "x", "type": "mask", "mask_url": url, "annotations": segments}


REPLACE, MERGE = Step("replace"), Step("merge")
ITEM: Job = {"items": [[item("x", a=1)]]}


@pytest.mark.parametrize(
    ("mode", "record", "metadata", "fate"),
    [
        ("append", item("x", a=2), {"a": 1}, "ignored"),
        ("replace", item("x", b=2), {"b": 2}, "updated"),
        ("replace", item("x", a=1), {"a": 1}, "unchanged"),
        ("replace", item("x", a=1.0), {"a": 1.0}, "updated"),
        ("replace", item("x", a=True), {"a": True}, "updated"),
        ("replace", item("x"), {}, "updated"),
        ("replace", item("x", a=1) | {"image_url": "/b"}, {"a": 1}, "updated"),
        ("replace", item("x", a=1) | {"zoom": 1}, {"a": 1}, "updated"),
        ("replace", item("x", a=1, b=None), {"a": 1, "b": None}, "updated"),
        ("merge", {"reference_id": "x", "metadata": {"b": 2}}, {"a": 1, "b": 2}, "updated"),
        ("merge", {"reference_id": "x", "metadata": {"a": None}}, {}, "updated"),
        ("merge", {"reference_id": "x", "metadata": {"b": None}}, {"a": 1}, "unchanged"),
        ("merge", {"reference_id": "x", "metadata": {"a": 1}}, {"a": 1}, "unchanged"),
        ("merge", {"reference_id": "x"}, {"a": 1}, "unchanged"),
        ("merge", {"reference_id": "x", "metadata": {"lat": "1", "lon": "2"}}, {"a": 1, "lat": 1, "lon": 2}, "updated"),
    ],
)
def test_a_mode_decides_what_becomes_of_a_known_item(mode: Mode, record: Any, metadata: Any, fate: str) -> None:
    _, merged = run((Step(), ITEM), (Step(mode), {"items": [[], [record]]}))
    assert metadata_of(merged.batches["items"]) == [metadata]
    assert tally(merged.counts["items"]) == Counter([fate])
    source = "1.jsonl" if fate == "updated" else "0.jsonl"
    assert merged.batches["items"].rows["export_name"].to_list() == [source]
    assert set(merged.changed) == ({"items"} if fate == "updated" else set())


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_to_be_merged_into_nothing_is_rejected(group: Group) -> None:
    record = {"reference_id": "y", "annotation_id": "1", "metadata": {"a": 1}}
    _, merged = run((Step(), ITEM), (MERGE, {group: [[record]]}))
    assert merged.counts[group].rejected == {"unknown_reference": 1}
    (row,) = merged.rejected[0].to_dicts()
    assert row["message"] == ('expected the reference id of a published record to merge into, got "y" at reference_id')
    assert not merged.changed


def test_a_merge_that_spoils_a_coordinate_leaves_the_row_as_it_was() -> None:
    first, merged = run(
        (Step(), {"items": [[item("x", lat=1, lon=2)]]}),
        (MERGE, {"items": [[{"reference_id": "x", "metadata": {"lat": "north", "a": 1}}]]}),
    )
    assert merged.counts["items"].rejected == {"invalid_coordinate": 1}
    assert merged.batches["items"].to_bytes() == first.batches["items"].to_bytes()
    assert not merged.changed


def segments_of(merged: Merged) -> list[tuple[str | None, int | None]]:
    return merged.batches["annotations"].rows.select("mask_url", "segment_index").rows()


def test_a_mask_that_is_replaced_has_the_segments_of_its_new_record_alone() -> None:
    first: Job = {**ITEM, "annotations": [[mask("/m", 1, 2, a=1)]]}
    _, merged = run((Step(), first), (REPLACE, {"annotations": [[mask("/m", 2, 3, a=1)]]}))
    assert segments_of(merged) == [("/m", None), (None, 2), (None, 3)]
    # A segment of the mask was removed, so the mask changed, though its own row is equal.
    assert tally(merged.counts["annotations"]) == Counter(updated=1, unchanged=1, created=1)


def test_segments_of_a_duplicate_mask_do_not_keep_published_ones() -> None:
    first: Job = {**ITEM, "annotations": [[mask("/m", 1, 7)]]}
    twice: Job = {"annotations": [[mask("/m", 1)], [mask("/n", 7)]]}
    _, merged = run((Step(), first), (REPLACE, twice))
    assert segments_of(merged) == [("/m", None), (None, 1)]
    assert tally(merged.counts["annotations"]) == Counter(updated=1, unchanged=1, duplicate_id=2)


def test_segments_are_merged_one_by_one() -> None:
    first: Job = {**ITEM, "annotations": [[mask("/m", 1, 2, a=1)]]}
    update = {"reference_id": "x", "annotations": [{"index": 2, "metadata": {"b": 1}}, {"index": 5, "metadata": {}}]}
    _, merged = run((Step(), first), (MERGE, {"annotations": [[update]]}))
    assert metadata_of(merged.batches["annotations"]) == [{}, {"a": 1}, {"a": 1, "b": 1}]
    assert tally(merged.counts["annotations"]) == Counter(unchanged=1, updated=1, unknown_reference=1)


def test_a_target_has_to_be_there_in_the_step_itself() -> None:
    boxes = [{"reference_id": "x", "type": "box", "label": "a", "geometry": BOX, "annotation_id": "1"}]
    late = {
        "annotations": batches_of({"annotations": [boxes]}, "append")["annotations"],
        "items": batches_of(ITEM, "append", first_export=1)["items"],
    }
    merged = merge(late, {}, exports=names_of(1), steps=[Step(), Step()], export_steps=[0, 1])  # type: ignore[arg-type]
    assert merged.counts["annotations"].rejected == {"unknown_reference": 1}
    merged = merge(late, {}, exports=names_of(1), steps=[Step(), Step()], export_steps=[1, 1])  # type: ignore[arg-type]
    assert merged.counts["annotations"].created == 1
