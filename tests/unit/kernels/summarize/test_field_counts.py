"""More metadata keys than a group may have are counted and not made into columns: R5, R8."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, keys, normalized

from transforms import native
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.row_equality import consolidated, consolidated_from
from transforms.kernels.normalize import native_json
from transforms.kernels.summarize.fields import summarize
from transforms.rules import key_limits
from transforms.rules.fields import GROUP_ZERO, GroupSummary, key_count, limited, merge_groups, summarize_record
from transforms.rules.key_limits import MAX_RECORD_KEYS, MOST_COUNTED, key_hashes, most_fields, smallest

LIMIT = 2


def item(number: int, metadata: dict[str, Any]) -> dict[str, Any]:
    return {"reference_id": f"r{number}", "image_url": "s3://b/a", "metadata": metadata}


def many_keys(count: int) -> dict[str, Any]:
    return {f"key {number}": number for number in range(count)}


def width(batch: Batch) -> int:
    return len([name for name in batch.rows.columns if ":" in name]) + batch.cells["key"].n_unique()


@pytest.mark.parametrize("has_extension", [True, False])
def test_rows_with_many_keys_hold_the_number_of_their_keys_alone(
    has_extension: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_extension:
        monkeypatch.setattr(native, "kernels", None)
    done = normalized([item(n, {f"{n}/{key}": 1 for key in range(50)}) for n in range(20)], "items", max_fields=LIMIT)
    assert done.read["items"] == sum(batch.rows.height for batch in done.batches) == 20
    assert all(width(batch) <= most_fields(LIMIT) + 1 for batch in done.batches)
    whole = consolidated(Batch.from_bytes(consolidated_from(done.batches).to_bytes()))
    found = summarize(whole, max_fields=LIMIT)
    assert (found.records, found.fields, key_count(found)) == (20, {}, 1000)


def test_a_row_that_is_left_out_does_not_count() -> None:
    rows = [item(0, {"a": 1}), item(1, many_keys(100))]
    whole = consolidated_from(normalized(rows, "items", max_fields=LIMIT).batches)
    places = {name: place for place, name in enumerate(whole.rows["reference_id"])}
    assert key_count(summarize(whole.take(np.array([places["r1"]])), max_fields=LIMIT)) == 100
    assert key_count(summarize(whole.take(np.array([places["r0"]])), max_fields=LIMIT)) <= 1


def test_as_many_fields_as_the_schema_of_a_failed_run_lists_are_kept() -> None:
    done = normalized([item(0, many_keys(most_fields(LIMIT)))], "items", max_fields=LIMIT)
    assert (
        summarize(consolidated_from(done.batches), max_fields=LIMIT).fields.keys()
        == many_keys(most_fields(LIMIT)).keys()
    )


@draws(60)
@given(st.data(), st.lists(st.dictionaries(keys, st.integers(0, 3), max_size=4), min_size=1, max_size=8))
def test_counts_of_many_keys_depend_on_the_keys_alone(data: st.DataObject, objects: list[dict[str, int]]) -> None:
    summaries: list[GroupSummary] = [summarize_record(dict(each)) for each in objects]
    distinct = {key for each in objects for key in each}
    merged = GROUP_ZERO
    for summary in data.draw(st.permutations(summaries)):
        merged = limited(merge_groups(merged, summary), LIMIT)
    assert merged.records == len(objects)
    assert key_count(merged) == len(distinct)
    assert bool(merged.key_sketch) == (len(distinct) > LIMIT)
    assert summarize(batch_of([dict(each) for each in objects])).fields.keys() == distinct


def test_no_more_keys_are_counted_than_memory_should_hold() -> None:
    many = key_hashes(str(number) for number in range(MOST_COUNTED + 100))
    assert len(many) == MOST_COUNTED
    assert smallest(many | key_hashes(["x"])) == smallest(many | key_hashes(["x"]) | many)


@pytest.mark.parametrize("has_extension", [True, False])
def test_a_record_of_too_many_keys_is_rejected_by_name(has_extension: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_extension:
        monkeypatch.setattr(native, "kernels", None)
    rows = [item(0, many_keys(MAX_RECORD_KEYS + 1)), item(1, {"a": 1}), item(2, many_keys(MAX_RECORD_KEYS))]
    done = normalized(rows, "items", max_fields=LIMIT)
    (rejected,) = done.rejected
    assert (rejected.fault.code, rejected.reference_id) == ("too_many_fields", "r0")
    assert rejected.fault.message == "expected at most 100,000 keys, got 100,001 at metadata"
    assert sum(batch.rows.height for batch in done.batches) == 2


@pytest.mark.parametrize("has_extension", [True, False])
def test_a_record_whose_keys_are_too_long_is_rejected_by_name(
    has_extension: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_extension:
        monkeypatch.setattr(native, "kernels", None)
    monkeypatch.setattr(key_limits, "MAX_RECORD_KEY_CHARACTERS", 100)
    monkeypatch.setattr(native_json, "_LONG_BYTES", 100)
    rows = [item(0, {"k" * 101: 1}), item(1, {"k" * 100: 1}), item(2, {"k" * 60: 1, "l" * 41: 1})]
    done = normalized(rows, "items", max_fields=LIMIT)
    assert [(each.fault.code, each.reference_id) for each in done.rejected] == [
        ("too_many_fields", f"r{n}") for n in (0, 2)
    ]
    assert "expected keys of at most 100 characters, got 101 at metadata" in done.rejected[0].fault.message
