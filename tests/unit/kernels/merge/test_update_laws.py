"""Jobs in every mode, alone and several at once: U1 to U4, I3, I4, G3, C4, P3, P5, against a model of dicts."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.update_model import (
    EXPORTS_OF_STEP,
    JOBS,
    STEPS,
    Job,
    Model,
    batches_of,
    identity_of,
    names_of,
    padding,
    rows_of,
    said,
    tally,
)

from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.merge import Merged, merge
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import Step


def check(merged: Merged, model: Model) -> None:
    for group in GROUPS:
        batch, want = merged.batches.get(group), model.rows[group]
        rows = [] if batch is None else rows_of(batch)
        assert {identity_of(group, row): said(row) for row in rows} == {key: said(row) for key, row in want.items()}
        assert len(rows) == len(want)
        assert {identity_of(group, row): (row["export_name"], row["offset"]) for row in rows} == {
            key: (row["export_name"], row["offset"]) for key, row in want.items()
        }
        assert tally(merged.counts[group]) == +model.counts[group]
        assert merged.counts[group].cleared == 0
        codes = Counter(row["code"] for frame in merged.rejected for row in frame.filter(group=group).to_dicts())
        assert codes == merged.counts[group].rejected
    assert set(merged.changed) == model.changed


def incoming_rows(incoming: dict[Group, list[Batch]], group: Group) -> int:
    return sum(batch.rows.height for batch in incoming.get(group, ()))


@draws(70, gate=6)
@given(JOBS, JOBS, STEPS, st.sampled_from([0, 0, 40]))
def test_a_step_does_to_published_rows_what_it_does_to_dicts(one: Job, two: Job, step: Step, extra: int) -> None:
    model, names = Model(), names_of(1)
    published: dict[Group, Batch] = {}
    for job, how in ((padding(extra), Step()), (one, Step()), (two, step)):
        incoming = batches_of(job, how.mode)
        model.counts, model.changed = Model().counts, set()
        model.take(incoming, how, names)
        merged = merge(incoming, published, exports=names, steps=[how])
        check(merged, model)
        for group in GROUPS:
            assert sum(tally(merged.counts[group]).values()) == incoming_rows(incoming, group)
        published = merged.batches


@draws(60, gate=6)
@given(
    st.lists(st.tuples(STEPS, JOBS), min_size=2, max_size=4),
    st.sampled_from([0, 0, 40]),
    st.sampled_from([0, 1]),
    st.randoms(use_true_random=False),
)
def test_several_steps_at_once_give_what_they_give_one_after_the_other_to_the_byte(
    jobs: list[tuple[Step, Job]], extra: int, skipped: int, chance: random.Random
) -> None:
    jobs = [(Step(), padding(extra)), *jobs]
    names = names_of(len(jobs))
    incoming = [
        batches_of(job, step.mode, first_export=number * EXPORTS_OF_STEP) for number, (step, job) in enumerate(jobs)
    ]
    model, published, changed = Model(), dict[Group, Batch](), set[Group]()
    counts, rejected = {group: Counter[str]() for group in GROUPS}, list[str]()
    at_start = published
    for number, (step, _) in enumerate(jobs):
        merged = merge(incoming[number], published, exports=names, steps=[step])
        published = {group: Batch.from_bytes(batch.to_bytes()) for group, batch in merged.batches.items()}
        if number < skipped:
            at_start = published
            model.take(incoming[number], step, names)
            model.counts, model.changed = Model().counts, set()
            continue
        model.take(incoming[number], step, names)
        changed |= merged.changed.keys()
        rejected += rejections(merged)
        for group in GROUPS:
            counts[group] += tally(merged.counts[group])
    everything: dict[Group, list[Batch]] = {}
    for each in incoming[skipped:]:
        for group, batches in each.items():
            everything.setdefault(group, []).extend(batches)
    for batches in everything.values():
        chance.shuffle(batches)
    whole = merge(
        everything,
        at_start,
        exports=names,
        steps=[step for step, _ in jobs],
        export_steps=[number // EXPORTS_OF_STEP for number in range(len(names))],
    )
    check(whole, model)
    assert {group: tally(whole.counts[group]) for group in GROUPS} == counts
    assert sorted(rejections(whole)) == sorted(rejected)
    assert set(whole.changed) == changed
    assert whole.batches.keys() == published.keys()
    for group, batch in whole.batches.items():
        assert batch.to_bytes() == published[group].to_bytes(), group


def rejections(merged: Merged) -> list[str]:
    return [repr(row) for frame in merged.rejected for row in frame.to_dicts()]
