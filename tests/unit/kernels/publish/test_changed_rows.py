"""Jobs that look at the rows they touch alone do what they do with all rows at hand: U1 to U5, I4, T1, P3."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.update_model import FIELDS, JOBS, STEPS, Job, batches_of, names_of, padding

from transforms.avro.blocks import RowType
from transforms.avro.parts import avro_container
from transforms.avro.rows import encoded
from transforms.avro.splices import AvroPart
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.hashing import partitions_of
from transforms.kernels.batch.row_equality import canonical, consolidated_from
from transforms.kernels.batch.state_files import StateFile
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.merge.merge import GroupCounts, Merged, merge
from transforms.kernels.publish.changed_rows import Changes, Touched
from transforms.kernels.publish.rows import METADATA, publish
from transforms.kernels.summarize.fields import summarize
from transforms.rules.avro_schema import row_schema
from transforms.rules.column_names import columns
from transforms.rules.export_rows import Group
from transforms.rules.fields import GroupSummary
from transforms.rules.policies import Step

LIMITS = {"s": 2}


def stored(batch: Batch) -> StateFile:
    return StateFile.of(batch.to_bytes(numbered=True), batch.rows.height)


def rejections(merged: Merged) -> list[str]:
    return sorted(repr(row) for frame in merged.rejected for row in frame.to_dicts())


def changed_ids(merged: Merged) -> dict[str, set[str]]:
    return {group: set(ids) for group, ids in merged.changed.items()}


def fields_of(batch: Batch) -> dict[str, Any]:
    """A schema of the keys of a batch, with storages that take any value of theirs."""
    kinds: dict[str, str] = {}
    storages = {"int": "double", "float": "double", "big": "double", "string": "string", "bool": "string"}
    names = [value for name in batch.rows.columns if (value := ValueColumn.of(name))]
    for form, key in [*names, *batch.cells.select("form", "key").unique().sort("key", "form").rows()]:
        kinds.setdefault(str(key), storages.get(str(form), "json"))
    return {key: {"column": column, "storage": kinds[key]} for key, column in columns(sorted(kinds)).items()}


def part_of(batch: Batch, group: Group, fields: dict[str, Any]) -> bytes:
    published = publish(batch, fields, cache_keys="canonical")
    members = {METADATA: list(published.metadata.values())} if fields else {}
    return b"".join(avro_container(published.core, row_schema(group, fields), records=members))


def check_part(before: Batch, after: Batch, changes: Changes, group: Group) -> None:
    """A spliced Avro part has the bytes of a new one."""
    fields = fields_of(consolidated_from([before, after]))
    published = publish(changes.after, fields, cache_keys="canonical")
    members = {METADATA: list(published.metadata.values())} if fields else {}
    schema = row_schema(group, fields)
    rows = encoded(published.core, RowType(schema), records=members)
    part = AvroPart.of(part_of(before, group, fields), schema)
    assert part is not None
    assert b"".join(part.spliced(changes.removed, rows, changes.places)) == part_of(after, group, fields)


def padded(count: int) -> Job:
    """Rows as `padding` has them, with values: more distinct strings than are counted, extremes several times."""
    job = padding(count)
    for number, item in enumerate(job["items"][0]):
        item["metadata"] = {"n": number % 3, "s": f"s{number % 4}", "lat": number / 8, "lon": 1}
    return job


PADDED = st.lists(st.tuples(st.integers(0, 41), FIELDS), max_size=4)
"""Numbers of padding items, two of which are new, and their metadata."""


@draws(60, gate=5)
@given(JOBS, st.lists(st.tuples(STEPS, JOBS, PADDED), min_size=1, max_size=4), st.sampled_from([0, 40, 40]))
def test_touched_rows_alone_give_what_all_rows_give(
    first: Job, jobs: list[tuple[Step, Job, list[tuple[int, dict[str, Any]]]]], extra: int
) -> None:
    names = names_of(2)
    published: dict[Group, Batch] = merge(batches_of(padded(extra), "append"), {}, exports=names).batches
    published = merge(batches_of(first, "append"), published, exports=names).batches
    files = {group: stored(batch) for group, batch in published.items()}
    summaries: dict[Group, GroupSummary] = {group: summarize(batch, LIMITS) for group, batch in published.items()}
    for step, job, padded_items in jobs:
        more = [
            {"reference_id": f"p{number}", "image_url": "/r", "metadata": metadata} for number, metadata in padded_items
        ]
        incoming = batches_of({**job, "items": [*job["items"], more]}, step.mode)
        every = [batch for batches in incoming.values() for batch in batches]
        if not every:
            continue
        whole = merge(incoming, published, exports=names, steps=[step])
        touched = {group: Touched.of(file, every, summaries[group], LIMITS) for group, file in files.items()}
        few = merge(incoming, {group: each.rows for group, each in touched.items()}, exports=names, steps=[step])
        assert (few.counts, changed_ids(few)) == (whole.counts, changed_ids(whole))
        assert rejections(few) == rejections(whole)
        for group in sorted(whole.changed):
            if group not in published:
                files[group] = stored(few.batches[group])
                summaries[group] = summarize(few.batches[group], LIMITS)
                continue
            files[group], changes, summaries[group] = touched[group].replaced(few.batches[group], LIMITS)
            again = Changes.from_bytes(changes.to_bytes())
            assert again.before.to_bytes() == changes.before.to_bytes()
            assert again.removed.tolist() == changes.removed.tolist()
            check_part(published[group], whole.batches[group], again, group)
        published = whole.batches
        for group, batch in published.items():
            file = StateFile.of(files[group].to_bytes(), files[group].records, files[group].base.data)
            assert file.records == batch.rows.height
            assert canonical(consolidated_from([file.batch()])).to_bytes() == batch.to_bytes(), group
            assert summaries[group] == summarize(batch, LIMITS)


def test_few_changed_rows_are_a_delta_and_many_a_new_base() -> None:
    names = names_of(1)
    batch = merge(batches_of(padding(80), "append"), {}, exports=names).batches["items"]
    file, known = stored(batch), summarize(batch)
    for count, is_layered in ((4, True), (8, True), (30, False)):
        update: Job = {
            "items": [[{"reference_id": f"p{n}", "image_url": "/q", "metadata": {"n": n}} for n in range(count)]]
        }
        incoming = batches_of(update, "replace")
        touched = Touched.of(file, incoming["items"], known)
        assert touched.rows.rows["reference_id"].to_list() == sorted(f"p{n}" for n in range(count))
        rows = merge(incoming, {"items": touched.rows}, exports=names, steps=[Step("replace")]).batches["items"]
        file, _, known = touched.replaced(rows)
        assert (file.delta is not None, file.records) == (is_layered, 80)
        if is_layered:
            assert file.base.data == batch.to_bytes(numbered=True)
            assert len(file.places) == count
        few = file.rows(np.array([0, 3, 79], np.int64))
        assert few.rows["reference_id"].to_list() == file.batch().rows["reference_id"][[0, 3, 79]].to_list()


@draws(60, gate=6)
@given(JOBS, STEPS, JOBS)
def test_partitions_merged_at_once_equal_each_alone(first: Job, step: Step, job: Job) -> None:
    names, count = names_of(1), 3
    published = merge(batches_of(first, "append"), {}, exports=names).batches
    every = batches_of(job, step.mode)
    merged_at_once = merge(every, published, exports=names, steps=[step])
    parts = merged_at_once.split([2, 0, 1], count)
    counts: Counter[tuple[str, str]] = Counter()
    rejected: list[str] = []
    for number, part in zip([2, 0, 1], parts, strict=True):
        alone = merge(
            {group: [one for each in batches if (one := own(each, number, count))] for group, batches in every.items()},
            {group: one for group, batch in published.items() if (one := own(batch, number, count))},
            exports=names,
            steps=[step],
        )
        assert changed_ids(part) == changed_ids(alone)
        for group in {*part.batches, *alone.batches}:
            rows = [each.batches.get(group) for each in (part, alone)]
            data = [b"" if each is None or not each.rows.height else written(each) for each in rows]
            assert data[0] == data[1], group
        counts.update({(group, name): value for group, of in alone.counts.items() for name, value in numbers_of(of)})
        rejected += rejections(alone)
    assert {**counts} == {(group, name): n for group, of in merged_at_once.counts.items() for name, n in numbers_of(of)}
    assert sorted(rejected) == rejections(merged_at_once)


def own(batch: Batch, number: int, count: int) -> Batch | None:
    """The rows of one of `count` partitions; None where there are none."""
    return batch.split(partitions_of(batch.rows["reference_id"], count), count)[number]


def written(batch: Batch) -> bytes:
    return canonical(consolidated_from([batch])).to_bytes()


def numbers_of(counts: GroupCounts) -> list[tuple[str, int]]:
    named = [(name, getattr(counts, name)) for name in ("created", "updated", "ignored", "unchanged", "cleared")]
    return [*named, *counts.rejected.items()]
