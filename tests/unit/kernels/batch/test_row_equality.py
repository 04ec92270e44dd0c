"""Rows have one form, however they were concatenated (P3), and are compared by all values (U2, V1 to V5, V7)."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, json_values, keys, metadata_of

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import ALWAYS_COLUMNS, DENSITY
from transforms.kernels.batch.row_equality import canonical, consolidated, consolidated_from, differing
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.rules.values import canonical_json

KEYS = st.one_of(st.sampled_from(["a", "b", "a:b", "lat"]), keys)
OBJECTS = st.lists(st.dictionaries(KEYS, json_values, max_size=3), max_size=10)
ALIKE: list[Any] = [1, 1.0, True, "1", None, 0, 0.0, -0.0, False, [1], [1.0], [True], {}, [], 2**63, 2**63 - 1, 2.0**63]
ALIKE_OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(ALIKE), max_size=2), min_size=2, max_size=8
)


@st.composite
def many(draw: st.DrawFn, some: st.SearchStrategy[list[Any]] = OBJECTS) -> list[Any]:
    """Some objects among empty ones: few enough for a column, or so many that values are cells."""
    objects = draw(some) + [{}] * draw(st.sampled_from([0, 1, DENSITY, 3 * DENSITY]))
    return objects[::-1] if draw(st.booleans()) else objects


@st.composite
def concatenations(draw: st.DrawFn, objects: list[Any]) -> Batch:
    """A batch of these objects from pieces, with other rows that went away, from an order that was another.

    The last step is as in a partition: the rows that stay are taken from what there was.
    """
    others = draw(st.one_of(st.just([]), OBJECTS))
    whole = [*others, *objects]
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=3)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    batch = Batch.concatenated([batch_of(piece) for piece in pieces])
    count = len(whole)
    batch = Batch(
        "items",
        batch.rows.with_columns(
            reference_id=pl.format("r{}", pl.int_range(count) - len(others)),
            offset=pl.int_range(count) - len(others),
            line=pl.int_range(count),
        ).drop("line"),
        batch.cells,
    )
    if draw(st.booleans()):
        batch = batch.take(np.arange(count)[::-1].copy()).take(np.arange(count)[::-1].copy())
    if draw(st.booleans()):
        batch = Batch.from_bytes(batch.to_bytes())
    return batch.take(np.arange(len(others), count))


def written(batch: Batch) -> list[Any]:
    """The values of the rows in a form in which 1, 1.0 and True, 0.0 and -0.0 differ."""
    return [canonical_json(each) for each in metadata_of(batch)]


@draws(60)
@given(st.data(), many())
def test_every_value_is_kept(data: st.DataObject, objects: list[Any]) -> None:
    batch = data.draw(concatenations(objects))
    found = consolidated(batch)
    assert written(found) == written(batch_of(objects)) == [canonical_json(each) for each in objects]
    core = [name for name in batch.rows.columns if ":" not in name]
    assert found.rows.select(core).equals(batch.rows.select(core))


@draws(50)
@given(st.data(), many())
def test_the_bytes_depend_on_the_rows_alone(data: st.DataObject, objects: list[Any]) -> None:
    one, other = (consolidated(data.draw(concatenations(objects))) for _ in range(2))
    assert canonical(one).to_bytes() == canonical(other).to_bytes()


@draws(50)
@given(st.data(), many())
def test_a_consolidated_batch_is_unchanged(data: st.DataObject, objects: list[Any]) -> None:
    found = consolidated(data.draw(concatenations(objects)))
    assert canonical(consolidated(found)).to_bytes() == canonical(found).to_bytes()


@draws(50)
@given(st.data(), many())
def test_a_form_of_a_key_is_a_column_where_it_is_frequent_and_else_cells(
    data: st.DataObject, objects: list[Any]
) -> None:
    found = consolidated(data.draw(concatenations(objects)))
    columns = {value for name in found.rows.columns if (value := ValueColumn.of(name))}
    in_cells = {(form, key) for key, form in found.cells.select("key", "form").iter_rows()}
    assert not columns & in_cells
    for form, key in columns:
        filled = found.rows.height - found.rows[ValueColumn(form, key).name].null_count()
        assert filled * DENSITY >= found.rows.height or key in ALWAYS_COLUMNS
        assert filled
    for form, key in in_cells:
        assert found.cells.filter(key=key, form=form).height * DENSITY < found.rows.height
        assert key not in ALWAYS_COLUMNS
    places = found.cells.select("row", "key", "form").rows()
    assert places == sorted(places)
    assert found.cells.schema == batch_of([{}]).cells.schema


@draws(60)
@given(st.data(), st.one_of(many(ALIKE_OBJECTS), many()))
def test_rows_differ_where_what_they_say_does(data: st.DataObject, objects: list[Any]) -> None:
    batch = consolidated(data.draw(concatenations(objects)))
    batch = Batch("items", batch.rows.with_columns(reference_id=pl.lit("same"), export_name=pl.lit("x")), batch.cells)
    interesting = [place for place, each in enumerate(objects) if each][:8] + list(range(len(objects)))[:2]
    pairs = [(one, other) for one in interesting for other in interesting]
    before, after = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    texts = [canonical_json(each) for each in objects]
    # The places where the rows come from are columns of their own, which a batch in a partition has no more.
    rows = batch.rows.drop("export", "chunk", "part")
    found = differing(Batch("items", rows, batch.cells), before, after)
    assert found.tolist() == [texts[one] != texts[other] for one, other in pairs]


@pytest.mark.parametrize("padding", [0, 100])
@pytest.mark.parametrize("one", ALIKE)
def test_values_that_look_alike_are_not_the_same(one: Any, padding: int) -> None:
    objects: list[Any] = [{"a": one}, {}, *({"a": other} for other in ALIKE), *[{}] * padding]
    rows = batch_of(objects)
    pool = consolidated(
        Batch("items", rows.rows.drop("export", "chunk", "line", "part", "offset", "reference_id"), rows.cells)
    )
    count = len(ALIKE) + 1
    found = differing(pool, np.zeros(count, np.int64), np.arange(1, count + 1))
    assert found.tolist() == [True] + [repr(one) != repr(other) for other in ALIKE]


@pytest.mark.parametrize(
    ("column", "values"),
    [("image_url", ["/a", "/b", None, ""]), ("width", [1.5, 2.0, None, 0.0, -0.0]), ("frame_index", [0, 1, None])],
)
def test_core_columns_are_compared_too(column: str, values: list[Any]) -> None:
    batch = batch_of([{}] * len(values))
    rows = batch.rows.with_columns(pl.Series(column, values, batch.rows.schema[column]), reference_id=pl.lit("x"))
    pool = consolidated(Batch("items", rows.drop("export", "chunk", "line", "part"), batch.cells))
    pairs = [(one, other) for one in range(len(values)) for other in range(len(values))]
    before, after = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    expected = [repr(values[one]) != repr(values[other]) for one, other in pairs]
    assert differing(pool, before, after).tolist() == expected


def test_the_source_of_a_row_is_not_compared() -> None:
    batch = batch_of([{"a": 1}, {"a": 1}])
    rows = batch.rows.with_columns(reference_id=pl.lit("x"), export_name=pl.Series(["a.jsonl", "b.jsonl"]))
    pool = consolidated(Batch("items", rows.drop("export", "chunk", "line", "part"), batch.cells))
    assert differing(pool, np.array([0]), np.array([1])).tolist() == [False]


def test_batches_are_consolidated_at_once() -> None:
    dense, sparse = batch_of([{"a": 1}]), batch_of([{}] * 100 + [{"a": 2}])
    whole = consolidated_from([sparse, dense])
    assert [name for name in whole.rows.columns if ":" in name] == []
    assert whole.cells.select("row", "key", "int").rows() == [(100, "a", 2), (101, "a", 1)]
    assert metadata_of(whole) == [*[{}] * 100, {"a": 2}, {"a": 1}]
