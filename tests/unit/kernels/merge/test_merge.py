"""The merge of a partition: U1, U4, I1 to I4, T5, against a model of dicts."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.profiles import draws
from support.strategies import metadata_of, normalized

from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import Merged, merge
from transforms.kernels.merge.rejections import REJECTED
from transforms.rules.annotations import GEOMETRIC
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import OnDuplicate, Step

EXPORTS = ["a.jsonl", "b.jsonl", "c.jsonl"]
NAMES = st.sampled_from(["x", "y", "z"])
VALUES = st.fixed_dictionaries({}, optional={"n": st.integers(0, 9), "s": st.sampled_from(["p", True])})
CORNERS = {"x": 1, "y": 2, "width": 3, "height": 4}
ITEMS = st.builds(lambda name, metadata: {"reference_id": name, "image_url": "/a", "metadata": metadata}, NAMES, VALUES)
SCENES = st.builds(lambda name, metadata: {"reference_id": name, "frames": [{}], "metadata": metadata}, NAMES, VALUES)
ANNOTATIONS = st.one_of(
    st.builds(
        lambda name, kind, own, task: {
            "reference_id": name,
            "type": kind,
            "label": "car",
            "geometry": CORNERS if kind == "box" else {"vertices": []},
            "annotation_id": own,
            "task_id": task,
        },
        NAMES,
        st.sampled_from(["box", "line"]),
        st.sampled_from(["1", "2", None]),
        st.sampled_from([None, "t"]),
    ),
    st.builds(
        lambda name, kind, taxonomy: {
            "reference_id": name,
            "type": kind,
            "label": "x",
            "labels": [],
            "taxonomy_name": taxonomy,
        },
        NAMES,
        st.sampled_from(["category", "multicategory"]),
        st.sampled_from([None, "t"]),
    ),
    st.builds(
        lambda name, indices: {
            "reference_id": name,
            "type": "mask",
            "mask_url": "/m",
            "annotations": [{"index": index, "metadata": {"i": index}} for index in indices],
        },
        NAMES,
        st.lists(st.integers(0, 12), max_size=3),
    ),
)
RECORDS: dict[Group, st.SearchStrategy[Any]] = {
    "items": ITEMS,
    "scenes": SCENES,
    "annotations": ANNOTATIONS,
    "predictions": ANNOTATIONS,
}
JOBS = st.fixed_dictionaries(
    {group: st.lists(st.lists(RECORDS[group], max_size=4), max_size=len(EXPORTS)) for group in GROUPS}
)


def batches_of(job: dict[Group, list[list[Any]]]) -> dict[Group, list[Batch]]:
    found: dict[Group, list[Batch]] = {}
    for group, exports in job.items():
        for export, values in enumerate(exports):
            found.setdefault(group, []).extend(normalized(values, group, model_run="run", export=export).batches)
    return found


def identity_of(group: Group, row: dict[str, Any]) -> tuple[Any, ...]:
    if group in ("items", "scenes"):
        return (row["reference_id"],)
    kind, start = row["type"], (row["reference_id"], row["model_run"])
    if kind in GEOMETRIC:
        return (*start, "object", row["annotation_id"], row["task_id"])
    return (*start, kind, row["segment_index"] if kind == "segment" else row["taxonomy_name"], None)


class Model:
    """Rows by identity in dicts; a job is merged row by row in the order of its exports."""

    def __init__(self) -> None:
        self.rows: dict[Group, dict[tuple[Any, ...], Any]] = {group: {} for group in GROUPS}
        self.counts: dict[Group, Counter[str]] = {group: Counter() for group in GROUPS}

    def take(self, incoming: dict[Group, list[Batch]], on_duplicate: OnDuplicate) -> None:
        self.counts = {group: Counter() for group in GROUPS}
        for group in GROUPS:
            rows = [
                row | {"metadata": metadata}
                for batch in incoming.get(group, ())
                for row, metadata in zip(batch.rows.to_dicts(), metadata_of(batch), strict=True)
            ]
            rows.sort(
                key=lambda row: (row["export"], row["offset"], row["part"]), reverse=on_duplicate == "last"
            )  # fmt: skip
            self._take_group(group, rows)

    def _take_group(self, group: Group, rows: list[Any]) -> None:
        published, counts = dict(self.rows[group]), self.counts[group]
        referenced = self.rows["items"].keys() | self.rows["scenes"].keys()
        fate: dict[tuple[Any, ...], str] = {}
        seen: set[tuple[Any, ...]] = set()
        for is_segment in (False, True):
            for row in rows:
                if (row.get("type") == "segment") is not is_segment:
                    continue
                place = (row["export"], row["offset"], row["part"])
                mask = fate.get((*place[:2], row["part"] >> 32)) if is_segment else None
                key = identity_of(group, row)
                if key in seen or mask == "duplicate_id":
                    fate[place] = "duplicate_id"
                    continue
                seen.add(key)
                if key in published or mask == "ignored":
                    fate[place] = "ignored"
                elif group in ("annotations", "predictions") and (row["reference_id"],) not in referenced:
                    fate[place] = "unknown_reference"
                else:
                    fate[place] = "created"
                    self.rows[group][key] = row
        counts.update(fate.values())


def check(merged: Merged, model: Model) -> None:
    for group in GROUPS:
        batch, counts = merged.batches.get(group), merged.counts[group]
        found = [] if batch is None else batch.rows.to_dicts()
        metadata = [] if batch is None else metadata_of(batch)
        assert {
            identity_of(group, row): repr(sorted(each.items())) for row, each in zip(found, metadata, strict=True)
        } == {key: repr(sorted(row["metadata"].items())) for key, row in model.rows[group].items()}
        assert len(found) == len(model.rows[group])
        assert {identity_of(group, row): row["offset"] for row in found} == {
            key: row["offset"] for key, row in model.rows[group].items()
        }
        assert (counts.updated, counts.unchanged) == (0, 0)
        tally = Counter({"created": counts.created, "ignored": counts.ignored}) + counts.rejected
        assert tally == model.counts[group]


@draws(80, gate=7)
@given(JOBS, JOBS, st.sampled_from(["reject", "last"]), st.randoms(use_true_random=False))
def test_two_jobs_agree_with_a_model_of_dicts(
    one: Any, two: Any, on_duplicate: OnDuplicate, chance: random.Random
) -> None:
    model, published = Model(), {}
    for job in (one, two):
        incoming = batches_of(job)
        merged = merge(incoming, published, exports=EXPORTS, steps=[Step(on_duplicate=on_duplicate)])
        model.take(incoming, on_duplicate)
        check(merged, model)
        shuffled = {group: chance.sample(batches, len(batches)) for group, batches in incoming.items()}
        assert_same(merge(shuffled, published, exports=EXPORTS, steps=[Step(on_duplicate=on_duplicate)]), merged)
        published = merged.batches


def assert_same(one: Merged, other: Merged) -> None:
    assert one.counts == other.counts
    assert one.batches.keys() == other.batches.keys()
    for group, batch in one.batches.items():
        core = [name for name in batch.rows.columns if ":" not in name]
        assert_frame_equal(batch.rows.select(core), other.batches[group].rows.select(core))
        assert metadata_of(batch) == metadata_of(other.batches[group])
    assert sorted(map(repr, rejections(one))) == sorted(map(repr, rejections(other)))


def rejections(merged: Merged) -> list[dict[str, Any]]:
    return [row for frame in merged.rejected for row in frame.to_dicts()]


def job(group: Group, *exports: Sequence[Any]) -> dict[Group, list[Batch]]:
    items = [{"reference_id": "x", "image_url": "/a"}] if group not in ("items", "scenes") else []
    return batches_of({"items": [items], group: [list(values) for values in exports]})  # type: ignore[dict-item]


@pytest.mark.parametrize(("on_duplicate", "kept", "lost"), [("reject", "/first", 1), ("last", "/second", 0)])
def test_of_two_with_one_identity_one_is_rejected(on_duplicate: OnDuplicate, kept: str, lost: int) -> None:
    incoming = job(
        "items", [{"reference_id": 'a"b', "image_url": "/first"}], [{"reference_id": 'a"b', "url": "/second"}]
    )
    merged = merge(incoming, {}, exports=EXPORTS, steps=[Step(on_duplicate=on_duplicate)])
    assert merged.batches["items"].rows["image_url"].to_list() == [kept]
    assert merged.batches["items"].rows["export_name"].to_list() == [EXPORTS[1 - lost]]
    (frame,) = merged.rejected
    assert frame.schema == pl.Schema(REJECTED)
    (rejected,) = frame.to_dicts()
    assert rejected == {
        "group": "items",
        "code": "duplicate_id",
        "message": 'expected a reference_id that this job has only once, got "a\\"b" again at reference_id',
        "field": "reference_id",
        "export": lost,
        "chunk": -1,
        "line": 1,
        "offset": 0,
        "part": 0,
        "reference_id": 'a"b',
        "relation": "; the one that counts is at {}",
        "other_export": 1 - lost,
        "other_chunk": -1,
        "other_line": 1,
    }


def test_append_leaves_published_rows_unchanged() -> None:
    first = merge(job("items", [{"reference_id": "a", "image_url": "/1"}]), {}, exports=["1"])
    second = merge(
        job("items", [{"reference_id": "b", "image_url": "/2"}, {"reference_id": "a", "image_url": "/3"}]),
        first.batches,
        exports=["2"],
    )
    rows = second.batches["items"].rows
    assert rows.select("reference_id", "image_url", "export_name").rows() == [("a", "/1", "1"), ("b", "/2", "2")]
    assert (second.counts["items"].created, second.counts["items"].ignored) == (1, 1)


def mask(url: str, *indices: int, name: str = "x") -> dict[str, Any]:
    segments = [{"index": index} for index in indices]
    return {"reference_id": name, "type": "mask", "mask_url": url, "annotations": segments}


def test_a_duplicate_mask_takes_its_segments_along() -> None:
    incoming = job("annotations", [mask("/1", 2, 10)], [mask("/2", 3)])
    merged = merge(incoming, {}, exports=EXPORTS)
    rows = merged.batches["annotations"].rows
    assert rows.select("mask_url", "segment_index").rows() == [("/1", None), (None, 2), (None, 10)]
    assert merged.counts["annotations"].rejected == {"duplicate_id": 2}
    last = merge(incoming, {}, exports=EXPORTS, steps=[Step(on_duplicate="last")]).batches["annotations"].rows
    assert last.select("mask_url", "segment_index").rows() == [("/2", None), (None, 3)]


def test_a_published_mask_gets_no_segments_from_another() -> None:
    published = merge(job("annotations", [mask("/1", 1)]), {}, exports=EXPORTS).batches
    merged = merge(job("annotations", [mask("/2", 1, 2)]), published, exports=EXPORTS)
    assert merged.batches["annotations"].rows.height == 2
    assert (merged.counts["annotations"].created, merged.counts["annotations"].ignored) == (0, 3)


def test_an_annotation_needs_its_item_or_scene() -> None:
    records = [mask("/1", 1, name="y"), mask("/2", name="x")]
    merged = merge(job("annotations", records), {}, exports=EXPORTS)
    assert merged.counts["annotations"].created == 1
    assert merged.counts["annotations"].rejected == {"unknown_reference": 2}
    assert {rejected["message"] for rejected in rejections(merged)} == {
        'expected the reference id of an item or a scene of the job or the dataset, got "y" at reference_id'
    }
    alone = merge({"annotations": job("annotations", records)["annotations"]}, merged.batches, exports=EXPORTS)
    assert (alone.counts["annotations"].ignored, alone.counts["annotations"].rejected) == (1, {"unknown_reference": 2})


def test_predictions_of_two_runs_do_not_meet() -> None:
    record = {"reference_id": "x", "type": "category", "label": "day"}
    items = job("annotations")["items"]
    one, two = (normalized([record], "predictions", model_run=run).batches for run in ("one", "two"))
    merged = merge({"items": items, "predictions": [*one, *two]}, {}, exports=EXPORTS)
    assert merged.batches["predictions"].rows["model_run"].to_list() == ["one", "two"]


def test_nothing_in_nothing_out() -> None:
    merged = merge({}, {}, exports=[])
    assert (merged.batches, merged.rejected) == ({}, [])
