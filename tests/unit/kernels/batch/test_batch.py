"""Batches keep rows with their cells: as bytes, taken, split, concatenated (F, P3)."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.profiles import draws
from support.strategies import batch_of, json_values, keys, metadata_of

from transforms.kernels.batch.batch import Batch, no_cells

objects = st.lists(st.dictionaries(keys, json_values, max_size=3), min_size=1, max_size=20)


def content(batch: Batch) -> list[tuple[str, str]]:
    """Reference id and metadata of each row, in columns or cells."""
    metadata = [sorted(each.items()) for each in metadata_of(batch)]
    return [(name, repr(each)) for name, each in zip(batch.rows["reference_id"], metadata, strict=True)]


def sparse(data: st.DataObject, some: list[Any]) -> Batch:
    """A batch of these objects among many empty ones, so that most values are cells."""
    count = data.draw(st.integers(0, 150))
    positions = data.draw(st.permutations(range(count + len(some)))) if count < 10 else range(count + len(some))
    padded = some + [{}] * count
    return batch_of([padded[place] for place in positions])


@draws(60)
@given(st.data(), objects, st.booleans())
def test_bytes_hold_everything(data: st.DataObject, some: list[Any], numbered: bool) -> None:
    batch = sparse(data, some)
    read = Batch.from_bytes(batch.to_bytes(numbered=numbered))
    assert read.group == batch.group
    assert_frame_equal(read.rows, batch.rows)
    assert_frame_equal(read.cells, batch.cells)
    assert read.to_bytes(numbered=numbered) == batch.to_bytes(numbered=numbered)


def test_other_bytes_are_no_batch() -> None:
    with pytest.raises(ValueError, match="expected the bytes of a batch, got b'Obj"):
        Batch.from_bytes(b"Obj\x01 and so on")


@draws(60)
@given(st.data(), objects)
def test_taken_rows_bring_their_cells(data: st.DataObject, some: list[Any]) -> None:
    batch = sparse(data, some)
    everything = content(batch)
    places = st.integers(0, len(everything) - 1) if everything else st.nothing()
    positions = np.array(data.draw(st.lists(places, max_size=30)), np.int64)  # in any order, and more than once
    taken = batch.take(positions)
    assert content(taken) == [everything[place] for place in positions]
    assert taken.cells["row"].to_list() == sorted(taken.cells["row"].to_list())


@draws(60)
@given(st.data(), objects, st.integers(1, 4))
def test_split_puts_each_row_into_its_part_in_order(data: st.DataObject, some: list[Any], count: int) -> None:
    batch = sparse(data, some)
    everything = content(batch)
    parts = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=len(some), max_size=len(some))), np.int64)
    parts = np.resize(parts, len(everything))
    found = batch.split(parts, count)
    assert len(found) == count
    for part, each in enumerate(found):
        mine = [row for row, of in zip(everything, parts, strict=True) if of == part]
        assert (content(each) if each else []) == mine


@draws(60)
@given(st.data(), st.lists(objects, min_size=1, max_size=4))
def test_concatenated_batches_hold_all_rows_in_order(data: st.DataObject, several: list[Any]) -> None:
    batches = [sparse(data, some) for some in several]
    whole = Batch.concatenated(batches)
    assert content(whole) == [row for batch in batches for row in content(batch)]
    assert content(Batch.from_bytes(whole.to_bytes(numbered=True))) == content(whole)


def test_a_key_may_be_a_column_here_and_a_cell_there() -> None:
    dense, rare = batch_of([{"a": 1}]), batch_of([{}] * 100 + [{"a": 2}])
    assert rare.cells.height == 1
    whole = Batch.concatenated([dense, rare])
    assert metadata_of(whole) == [{"a": 1}] + [{}] * 100 + [{"a": 2}]
    swapped = whole.take(np.array([101, 0], np.int64))
    assert metadata_of(swapped) == [{"a": 2}, {"a": 1}]


def test_no_cells_is_an_empty_table() -> None:
    assert no_cells().height == 0
    assert no_cells().columns == ["row", "key", "form", "int", "float", "text"]
