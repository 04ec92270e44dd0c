"""Declared choices, checked in whole batches: D2, V2, V5; the kernel against the rule."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, metadata_of, raw, scalars

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import DENSITY
from transforms.kernels.normalize.columns import Origin
from transforms.kernels.normalize.declared_choices import other_choices, reject_other_choices
from transforms.kernels.normalize.normalize import normalize
from transforms.kernels.normalize.normalized import Normalized
from transforms.raw_records import RawRecords
from transforms.rules.declared import DeclaredField, DeclaredType, not_a_choice
from transforms.rules.export_rows import Group
from transforms.rules.policies import Mode
from transforms.rules.rejections import Fault
from transforms.rules.values import canonical_json

VALUES = st.one_of(
    st.sampled_from(["sun", "rain", "true", "false", "", "Sun", True, False, None, 1, [], ["sun"]]), scalars
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["sky", "a:b", "free", "other"]), VALUES, max_size=4), max_size=10)
CHOICES = st.lists(st.sampled_from(["sun", "rain", "true", "false", ""]), min_size=1, max_size=4, unique=True)


def pinned(*choices: str) -> DeclaredField:
    return DeclaredField(DeclaredType.CATEGORY, choices)


def fault_of(metadata: Any, fields: dict[str, DeclaredField]) -> Fault | None:
    """The rule, field by field in the order of the keys."""
    faults = (not_a_choice(fields[key], metadata[key], key) for key in sorted(fields) if key in metadata)
    return next((fault for fault in faults if fault is not None), None)


@draws(150)
@given(OBJECTS, st.dictionaries(st.sampled_from(["sky", "a:b", "nowhere"]), CHOICES), st.sampled_from([0, 3 * DENSITY]))
def test_each_row_has_the_fault_that_the_rule_finds_first(
    objects: list[Any], choices: dict[str, list[str]], more: int
) -> None:
    fields = {key: pinned(*some) for key, some in choices.items()}
    expected = {row: fault for row, each in enumerate(objects) if (fault := fault_of(each, fields)) is not None}
    assert other_choices(batch_of(objects + [{}] * more), fields) == expected


def test_a_column_and_cells_of_one_field_are_both_checked() -> None:
    whole = Batch.concatenated([batch_of([{"sky": "hail"}, {"sky": "sun"}]), batch_of([{}] * 100 + [{"sky": "snow"}])])
    found = other_choices(whole, {"sky": pinned("sun")})
    assert {row: fault.message for row, fault in found.items()} == {
        0: 'expected one of "sun", got "hail" at metadata.sky',
        102: 'expected one of "sun", got "snow" at metadata.sky',
    }


def normalized(values: list[Any], group: Group, mode: Mode = "append") -> tuple[Normalized, Origin]:
    lines = [raw(value) for value in values]
    offsets = np.cumsum([7] + [len(line) + 1 for line in lines])[:-1].astype(np.int64)
    origin = Origin(3, -1, offsets, np.arange(1, len(lines) + 1, dtype=np.int64))
    return normalize(RawRecords.of(lines), group=group, model_run=None, origin=origin, mode=mode), origin


@draws(60)
@given(st.lists(st.dictionaries(st.sampled_from(["sky", "free"]), VALUES, max_size=2), max_size=8), CHOICES)
def test_rows_with_another_choice_are_rejected_and_the_others_stay(objects: list[Any], choices: list[str]) -> None:
    values = [
        {"reference_id": f"r{row}", "image_url": "/a", "metadata": each} | ({"zoom": 1} if row % 2 else {})
        for row, each in enumerate(objects)
    ]
    done, origin = normalized(values, "items")
    before = len(done.rejected)
    reject_other_choices(done, {"items": {"sky": pinned(*choices), "free": DeclaredField(DeclaredType.TEXT)}}, origin)
    faults = {row: fault_of(each, {"sky": pinned(*choices)}) for row, each in enumerate(objects)}
    rejected = {each.position: (each.reference_id, each.fault) for each in done.rejected[before:]}
    assert rejected == {row: (f"r{row}", fault) for row, fault in faults.items() if fault is not None}
    kept = {}
    for batch in done.batches:
        kept |= dict(zip(batch.rows["reference_id"], map(canonical_json, metadata_of(batch)), strict=True))
    expected_rows = {row for row, fault in faults.items() if fault is None}
    refused = {each.position for each in done.rejected[:before]}
    assert kept == {f"r{row}": canonical_json(objects[row]) for row in expected_rows - refused}


def test_a_segment_is_rejected_alone() -> None:
    segments = [{"index": index, "metadata": {"sky": sky}} for index, sky in enumerate(["sun", "hail"])]
    mask = {"reference_id": "x", "type": "mask", "mask_url": "/m", "annotations": segments}
    done, origin = normalized([mask], "annotations")
    reject_other_choices(done, {"annotations": {"sky": pinned("sun")}}, origin)
    ((rejected),) = done.rejected
    assert (rejected.group, rejected.position, rejected.reference_id) == ("annotations", 0, "x")
    assert [batch.rows["segment_index"].to_list() for batch in done.batches] == [[None, 0]]


@pytest.mark.parametrize("group", ["items", "scenes"])
def test_a_frame_is_checked_as_an_item_and_its_scene_as_a_scene(group: Group) -> None:
    frame = {"reference_id": "f", "image_url": "/f", "metadata": {"sky": "hail"}}
    scene = {"reference_id": "s", "frames": [{"cam": frame}], "metadata": {"sky": "snow"}}
    done, origin = normalized([scene], "scenes", "merge")
    reject_other_choices(done, {group: {"sky": pinned("sun")}}, origin)
    assert [(each.group, each.reference_id) for each in done.rejected] == [(group, "f" if group == "items" else "s")]


def test_a_removal_is_no_choice_and_passes() -> None:
    done, origin = normalized([{"reference_id": "x", "metadata": {"sky": None}}], "items", "merge")
    reject_other_choices(done, {"items": {"sky": pinned("sun")}}, origin)
    assert not done.rejected
