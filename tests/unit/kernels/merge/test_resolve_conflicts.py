"""Resolved type conflicts: dropped values, rejected records, cleared values: T3, T6, V2, V5, I3, I4, U2, U3."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, json_values, metadata_of, raw

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import DENSITY
from transforms.kernels.batch.row_equality import canonical, consolidated
from transforms.kernels.merge.merge import Merged, merge
from transforms.kernels.merge.resolve_conflicts import Resolution, cleared, dropped_values
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.normalize import normalize
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group
from transforms.rules.policies import Mode, Step
from transforms.rules.rejections import Code, expected
from transforms.rules.values import JsonValue, canonical_json, kind, observed

WANTED = {"number": "a number", "string": "a string", "other": "a list or an object"}
KINDS = st.sampled_from(sorted(WANTED))
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c:d", ""]), json_values, max_size=3), max_size=10)
KEPT_KINDS = st.dictionaries(st.sampled_from(["a", "c:d", "", "nowhere"]), KINDS)
EXPORTS = ["a.jsonl"]


def loses(value: JsonValue, kept_kind: str) -> bool:
    seen = observed(value)
    return seen is not None and kind(seen) != kept_kind


def lost_of(metadata: Any, kept_kinds: dict[str, str]) -> set[str]:
    return {key for key, value in metadata.items() if key in kept_kinds and loses(value, kept_kinds[key])}


@draws(100)
@given(OBJECTS, KEPT_KINDS, st.sampled_from([0, 3 * DENSITY]))
def test_every_value_of_another_kind_loses_and_no_other(
    objects: list[Any], kept_kinds: dict[str, str], more: int
) -> None:
    batch = batch_of(objects + [{}] * more)
    found = [(row, fault.code, fault.message, fault.field) for row, fault in dropped_values(batch, kept_kinds)]
    wanted = []
    for row, metadata in enumerate(objects):
        for key in lost_of(metadata, kept_kinds):
            shown = json.loads(canonical_json(metadata[key]))
            fault = expected(Code.TYPE_CONFLICT, WANTED[kept_kinds[key]], shown, at=f"metadata.{key}")
            wanted.append((row, fault.code, fault.message, fault.field))
    assert Counter(found) == Counter(wanted)


@draws(100)
@given(OBJECTS, KEPT_KINDS, st.sampled_from([0, 3 * DENSITY]))
def test_cleared_values_are_as_if_they_had_never_been_there(
    objects: list[Any], kept_kinds: dict[str, str], more: int
) -> None:
    batch = batch_of(objects + [{}] * more)
    before = batch.to_bytes()
    found = cleared(batch, kept_kinds)
    wanted: list[Any] = []
    for each in objects:
        lost = lost_of(each, kept_kinds)
        wanted.append({key: value for key, value in each.items() if key not in lost})
    assert list(map(canonical_json, metadata_of(found))) == list(map(canonical_json, wanted + [{}] * more))
    assert batch.to_bytes() == before, "the batch was changed"
    everything = np.arange(len(objects) + more)
    one, other = (canonical(consolidated(each.take(everything))) for each in (found, batch_of(wanted + [{}] * more)))
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize(
    ("value", "kept_kind", "message"),
    [
        ("fast", "number", 'expected a number, got "fast" at metadata.a'),
        (True, "number", "expected a number, got true at metadata.a"),
        ([1, {"b": None}], "number", 'expected a number, got [1, {"b": null}] at metadata.a'),
        ([10**400], "string", "expected a string, got [1" + "0" * 118 + "... at metadata.a"),
        (1, "string", "expected a string, got 1 at metadata.a"),
        (1.5, "other", "expected a list or an object, got 1.5 at metadata.a"),
        (2**64, "string", "expected a string, got 18446744073709551616 at metadata.a"),
    ],
)
@pytest.mark.parametrize("more", [0, 100])
def test_the_fault_shows_the_incoming_value(value: Any, kept_kind: str, message: str, more: int) -> None:
    ((row, fault),) = dropped_values(batch_of([{}, {"a": value}, *[{}] * more]), {"a": kept_kind})
    assert (row, fault.message, fault.field) == (1, message, "metadata.a")


NAMES = st.sampled_from(["x", "y", "z"])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "speed": st.sampled_from([1, 2.5, None, "fast", True, [1]]),
        "sky": st.sampled_from(["sun", True, None, 3, {}]),
    },
)
ITEMS = st.builds(lambda name, fields: {"reference_id": name, "image_url": "/a", "metadata": fields}, NAMES, VALUES)
BOXES = st.builds(
    lambda name, own, fields: {
        "reference_id": name,
        "type": "box",
        "label": "car",
        "geometry": {"x": 1, "y": 2, "width": 3, "height": 4},
        "annotation_id": own,
        "metadata": fields,
    },
    NAMES,
    st.sampled_from(["1", "2"]),
    VALUES,
)
JOBS = st.fixed_dictionaries({"items": st.lists(ITEMS, max_size=4), "annotations": st.lists(BOXES, max_size=4)})
WINNING = {"speed": "number", "sky": "string"}
RULED: dict[Group, dict[str, str]] = {"items": WINNING, "annotations": WINNING}
STEPS = st.builds(Step, st.sampled_from(["append", "replace", "merge"]), st.sampled_from(["reject", "last"]))


def batches_of(job: dict[Group, list[Any]], mode: Mode = "append") -> dict[Group, list[Batch]]:
    found: dict[Group, list[Batch]] = {}
    for group, values in job.items():
        lines = [raw(value) for value in values]
        offsets = np.arange(len(lines), dtype=np.int64)
        origin = Origin(0, -1, offsets, offsets + 1)
        done = normalize(RawRecords.of(lines), group=group, model_run=None, origin=origin, mode=mode)
        assert not done.rejected
        found[group] = done.batches
    return found


def without_lost(job: Any, mode: Mode) -> dict[Group, list[Batch]]:
    """The rows of the job without a dropped value; the places of the others are empty."""
    found = {}
    for group, batches in batches_of(job, mode).items():
        found[group] = [
            batch.take(
                np.array([n for n, each in enumerate(metadata_of(batch)) if not lost_of(each, WINNING)], np.int64)
            )
            for batch in batches
        ]
    return found


def distinct(job: Any, on_duplicate: str) -> Any:
    """The job with one record of each identity, the one that counts (I3)."""
    found: dict[str, Any] = {}
    for group, values in job.items():
        ordered = values if on_duplicate == "last" else values[::-1]
        by_identity = {(value["reference_id"], value.get("annotation_id")): value for value in ordered}
        found[group] = [value for value in values if any(value is kept for kept in by_identity.values())]
    return found


def published_of(job: Any) -> dict[Group, Batch]:
    """A dataset without conflicts."""
    return merge(batches_of(job), {}, exports=EXPORTS, resolution=Resolution("null", RULED)).batches


def rejections(merged: Merged) -> list[dict[str, Any]]:
    return [row for frame in merged.rejected for row in frame.to_dicts()]


def values_of(merged: Merged) -> dict[Group, list[Any]]:
    return {
        group: [
            (row["reference_id"], row.get("annotation_id"), canonical_json(metadata))
            for row, metadata in zip(batch.rows.to_dicts(), metadata_of(batch), strict=True)
        ]
        for group, batch in merged.batches.items()
        if batch.rows.height
    }


@draws(60)
@given(JOBS, JOBS, STEPS)
def test_quarantine_gives_the_rows_that_the_job_gives_without_the_records_that_lose(
    before: Any, job: Any, step: Step
) -> None:
    published = published_of(before)
    ruled = merge(
        batches_of(job, step.mode), published, exports=EXPORTS, steps=[step], resolution=Resolution("quarantine", RULED)
    )
    clean = merge(without_lost(distinct(job, step.on_duplicate), step.mode), published, exports=EXPORTS, steps=[step])
    assert values_of(ruled) == values_of(clean)
    assert set(ruled.changed) == set(clean.changed)
    for group in RULED:
        counts, other = ruled.counts[group], clean.counts[group]
        assert (counts.created, counts.updated) == (other.created, other.updated)
        done = counts.created + counts.updated + counts.ignored + counts.unchanged + counts.rejected.total()
        assert done == len(job[group])
        assert counts.cleared == 0
        assert Counter(row["code"] for row in rejections(ruled) if row["group"] == group) == counts.rejected


@draws(60)
@given(JOBS, JOBS, STEPS)
def test_null_gives_what_the_job_gives_with_these_values_cleared_and_lists_each(
    before: Any, job: Any, step: Step
) -> None:
    published = published_of(before)
    incoming = batches_of(job, step.mode)
    ruled = merge(incoming, published, exports=EXPORTS, steps=[step], resolution=Resolution("null", RULED))
    given_cleared = {group: [cleared(batch, WINNING) for batch in batches] for group, batches in incoming.items()}
    clean = merge(given_cleared, published, exports=EXPORTS, steps=[step])
    assert {group: batch.to_bytes() for group, batch in ruled.batches.items()} == {
        group: batch.to_bytes() for group, batch in clean.batches.items()
    }
    for group in RULED:
        counts, other = ruled.counts[group], clean.counts[group]
        assert (counts.created, counts.updated, counts.unchanged) == (other.created, other.updated, other.unchanged)
        assert (counts.ignored, counts.rejected) == (other.ignored, other.rejected)
        lines = [row for row in rejections(ruled) if row["group"] == group and row["code"] == "type_conflict"]
        assert counts.cleared == len(lines)
        if not (counts.rejected or counts.ignored):
            assert counts.cleared == sum(len(lost_of(value["metadata"], WINNING)) for value in job[group])


def job_of(*items: dict[str, Any], boxes: tuple[dict[str, Any], ...] = ()) -> Any:
    geometry = {"x": 1, "y": 2, "width": 3, "height": 4}
    return {
        "items": [
            {"reference_id": name, "image_url": "/a", "metadata": each}
            for name, each in zip("xyz", items, strict=False)
        ],
        "annotations": [
            {"reference_id": name, "type": "box", "label": "car", "geometry": geometry, "metadata": each}
            for name, each in zip("xyz", boxes, strict=False)
        ],
    }


def test_what_refers_to_a_quarantined_record_is_told_that_it_is_not_there() -> None:
    job = job_of({"speed": "fast"}, {"speed": 1}, boxes=({"n": 1}, {"n": 2}))
    merged = merge(batches_of(job), {}, exports=EXPORTS, resolution=Resolution("quarantine", RULED))
    assert merged.batches["items"].rows["reference_id"].to_list() == ["y"]
    assert merged.batches["annotations"].rows["reference_id"].to_list() == ["y"]
    assert [(row["group"], row["code"], row["reference_id"]) for row in rejections(merged)] == [
        ("items", "type_conflict", "x"),
        ("annotations", "unknown_reference", "x"),
    ]


def test_what_loses_itself_is_told_so_wherever_its_target_is() -> None:
    job = job_of({"speed": "fast"}, boxes=({"sky": 1},))
    merged = merge(batches_of(job), {}, exports=EXPORTS, resolution=Resolution("quarantine", RULED))
    assert merged.batches.keys() == set()
    assert {row["code"] for row in rejections(merged)} == {"type_conflict"}


def test_a_later_duplicate_does_not_replace_a_quarantined_record() -> None:
    job = job_of({"speed": "fast"})
    job["items"] += job_of({"speed": 1})["items"]
    merged = merge(batches_of(job), {}, exports=EXPORTS, resolution=Resolution("quarantine", RULED))
    assert merged.batches.keys() == set()
    assert merged.counts["items"].rejected == {"type_conflict": 1, "duplicate_id": 1}


@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_a_quarantined_update_leaves_the_published_row(mode: Mode) -> None:
    published = published_of(job_of({"speed": 1, "sky": "sun"}))
    update = job_of({"speed": "fast", "sky": "rain"})
    one = merge(
        batches_of(update, mode),
        published,
        exports=EXPORTS,
        steps=[Step(mode)],
        resolution=Resolution("quarantine", RULED),
    )
    assert metadata_of(one.batches["items"]) == [{"speed": 1, "sky": "sun"}]
    assert not one.changed
    other = merge(
        batches_of(update, mode), published, exports=EXPORTS, steps=[Step(mode)], resolution=Resolution("null", RULED)
    )
    assert metadata_of(other.batches["items"]) == [{"sky": "rain"} | ({"speed": 1} if mode == "merge" else {})]
    assert (other.counts["items"].updated, other.counts["items"].cleared) == (1, 1)
    ((line),) = rejections(other)
    assert (line["field"], line["message"]) == ("metadata.speed", 'expected a number, got "fast" at metadata.speed')


def test_a_quarantined_segment_leaves_the_published_one_and_its_neighbours_alone() -> None:
    def mask(*speeds: Any) -> dict[str, Any]:
        segments = [{"index": index, "metadata": {"speed": speed}} for index, speed in enumerate(speeds)]
        return {"reference_id": "x", "type": "mask", "mask_url": "/m", "annotations": segments}

    published = merge(batches_of(job_of({}) | {"annotations": [mask(1, 2, 3)]}), {}, exports=EXPORTS).batches
    again = batches_of({"annotations": [mask("fast", 5)]}, "replace")
    merged = merge(
        again, published, exports=EXPORTS, steps=[Step("replace")], resolution=Resolution("quarantine", RULED)
    )
    assert metadata_of(merged.batches["annotations"]) == [{}, {"speed": 1}, {"speed": 5}]
    assert merged.counts["annotations"].rejected == {"type_conflict": 1}
    assert (merged.counts["annotations"].updated, merged.counts["annotations"].unchanged) == (2, 0)


def test_what_would_not_be_published_loses_nothing() -> None:
    published = published_of(job_of({"speed": 1}))
    merged = merge(
        batches_of(job_of({"speed": "fast"})), published, exports=EXPORTS, resolution=Resolution("quarantine", RULED)
    )
    assert (merged.counts["items"].ignored, merged.counts["items"].rejected) == (1, {})
