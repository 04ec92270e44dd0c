"""What the insights page draws, and how its counts go on from version to version: C1, T1, U5, P3, P5."""

from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import batch_of, doubles

from transforms.kernels.batch.batch import Batch
from transforms.kernels.publish.insights import (
    GRID,
    Bounds,
    Counted,
    Grid,
    bounds,
    counted,
    field_counts,
    field_edges,
    grid_counts,
    grid_of,
)
from transforms.kernels.publish.rows import Sparse, sparse_columns
from transforms.kernels.summarize.fields import summarize
from transforms.kernels.summarize.locations import locations
from transforms.rules.schema import resolve_group

LOCATIONS = st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=30)


def field(minimum: Any, maximum: Any, storage: str = "double", of: str = "numerical") -> dict[str, Any]:
    return {"type": of, "storage": storage, "minimum": minimum, "maximum": maximum}


@pytest.mark.parametrize("storage", ["string", "json"])
def test_only_numbers_have_edges(storage: str) -> None:
    assert field_edges(field(None, None, storage, "categorical")) is None
    assert field_edges(field(None, None)) is None


@given(st.lists(doubles, min_size=1, max_size=30))
def test_each_number_is_in_one_bin(values: list[float]) -> None:
    entry = field(min(values), max(values))
    found = field_counts({"a": entry}, {"a": Sparse.of(pl.Series([*values, None], dtype=pl.Float64))})
    edges = field_edges(entry)
    assert edges is not None
    assert len(found["a"]) == len(edges) - 1
    assert sum(found["a"]) == len(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30))
def test_each_integer_is_in_one_bin(values: list[int]) -> None:
    entry = field(min(values), max(values), "long")
    found = field_counts({"a": entry}, {"a": Sparse.of(pl.Series(values, dtype=pl.Int64))})
    assert sum(found["a"]) == len(values)


def test_counts_of_parts_add_up() -> None:
    entry = {"a": field(0, 10, "long"), "s": field(None, None, "string", "text")}
    columns = [
        {"a": Sparse.of(pl.Series(part)), "s": Sparse.of(pl.Series(["x"] * 3))} for part in ([0, 1, 2], [10, 10, 5])
    ]
    one, two = (field_counts(entry, part) for part in columns)
    assert set(one) == {"a"}
    whole = field_counts(entry, {"a": Sparse.of(pl.Series([0, 1, 2, 10, 10, 5]))})
    assert [a + b for a, b in zip(one["a"], two["a"], strict=True)] == whole["a"]


def test_bounds_are_those_of_the_geographic_fields() -> None:
    fields: Any = {
        "lat": field(1, 2, of="geographic"),
        "lon": field(-3.5, 4, of="geographic"),
        "latitude": field(-5, 1.5, of="geographic"),
        "longitude": field(0, 1, of="geographic"),
        "speed": field(-1000, 1000),
    }
    assert bounds(fields) == Bounds(-5.0, -3.5, 2.0, 4.0)
    half: Any = {"lat": field(-1000, 1000), "lon": field(1, 2, "string")}
    assert bounds(half) is None
    assert bounds({}) is None


def test_a_geographic_field_without_values_bounds_nothing() -> None:
    empty: Any = {"lat": field(None, None, of="geographic"), "lon": field(None, None, of="geographic")}
    assert bounds(empty) is None


@given(LOCATIONS)
def test_each_location_is_in_one_cell_of_the_grid(located: list[tuple[float, float]]) -> None:
    frame = pl.DataFrame(
        [*located, (None, None)], schema={"latitude": pl.Float64, "longitude": pl.Float64}, orient="row"
    )
    norths, easts = zip(*located, strict=True)
    box = Bounds(min(norths), min(easts), max(norths), max(easts))
    found = grid_counts(frame, box)
    assert found.shape == (GRID, GRID)
    assert (found >= 0).all()
    assert found.sum() == len(located)


def test_cells_count_from_the_south_west() -> None:
    corners = [(0.0, 0.0), (64.0, 128.0), (64.0, 0.0), (1.0, 2.0), (0.99, 1.99)]
    frame = pl.DataFrame(corners, schema={"latitude": pl.Float64, "longitude": pl.Float64}, orient="row")
    box = Bounds(0.0, 0.0, 64.0, 128.0)
    assert cells(grid_counts(frame, box)) == {(0, 0): 2, (63, 63): 1, (63, 0): 1, (1, 1): 1}
    assert cells(grid_counts(frame.clear(), box)) == {}
    assert cells(grid_counts(frame.head(1), Bounds(0.0, 0.0, 0.0, 0.0))) == {(0, 0): 1}
    whole = Counted({}, {}, grid_counts(frame, box))
    listed = [[0, 0, 2], [1, 1, 1], [63, 0, 1], [63, 63, 1]]
    grid = grid_of(whole.document()["grid"])
    assert [[row, column, int(grid[row, column])] for row, column in np.argwhere(grid).tolist()] == listed
    assert (grid_of(listed) == grid).all(), "as it was stored at first"
    assert not grid_of(None).any()
    assert Counted.of(whole.document(), {}).document() == whole.document()


def cells(grid: Grid) -> dict[tuple[int, int], int]:
    """The cells that are not empty."""
    return {(int(row), int(column)): int(grid[row, column]) for row, column in zip(*np.nonzero(grid), strict=True)}


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "n": st.one_of(st.integers(-5, 40), st.sampled_from([2**58 - 1, 2**62, 2**64])),
        "d": st.one_of(st.integers(0, 3), st.floats(-2, 2)),
        "s": st.sampled_from(["x", "y", 1]),
        "lat": st.integers(0, 3),
        "lon": st.sampled_from([0, 1.5, 3]),
    },
)
OBJECTS = st.lists(VALUES, max_size=6)


def schema_of(batch: Batch) -> dict[str, Any]:
    fields: Any = resolve_group(summarize(batch))["fields"]
    return fields  # type: ignore[no-any-return]


def counted_of(batch: Batch, fields: dict[str, Any]) -> Counted:
    storages = {key: field["storage"] for key, field in fields.items() if field["storage"] is not None}
    return counted(fields, sparse_columns(batch, storages), locations(batch.rows))


@draws(80)
@given(OBJECTS, OBJECTS, OBJECTS, st.sampled_from([0, 60]))
def test_continued_counts_equal_new_counts(mine: list[Any], before: list[Any], after: list[Any], more: int) -> None:
    batch = batch_of(mine + [{}] * more)
    one, two = (schema_of(Batch.concatenated([batch, batch_of(others)])) for others in (before, after))
    first = counted_of(batch, one)
    stored = Counted.of(orjson.loads(orjson.dumps(first.document())), one)
    assert (stored.document(), stored.fields) == (first.document(), first.fields)
    found = stored.continued(two, lambda _: batch)
    assert found.document() == counted_of(batch, two).document()
    assert found.fields == two


@draws(80)
@given(OBJECTS, OBJECTS, OBJECTS, OBJECTS, st.sampled_from([0, 60]))
def test_continued_counts_with_changes_equal_new_counts(
    stay: list[Any], removed: list[Any], added: list[Any], others: list[Any], more: int
) -> None:
    before, after = (batch_of([*stay, *moving, *[{}] * more]) for moving in (removed, added))
    one, two = (schema_of(Batch.concatenated([batch, batch_of(others)])) for batch in (before, after))
    added_rows = batch_of(added)
    columns = sparse_columns(added_rows, {key: str(field["storage"]) for key, field in two.items() if field["storage"]})
    new = (columns, locations(added_rows.rows), None)
    found = counted_of(before, one).continued(two, lambda _: after, batch_of(removed), new)
    assert found.document() == counted_of(after, two).document()


def test_rows_are_not_looked_at_where_bins_and_bounds_stay() -> None:
    batch = batch_of([{"n": 1, "lat": 1, "lon": 2}, {"n": 4, "lat": 3, "lon": 4}])
    fields = schema_of(batch)
    more = schema_of(Batch.concatenated([batch, batch_of([{"n": 2, "lat": 2, "lon": 3, "s": "x"}])]))
    first = counted_of(batch, fields)

    def never(keys: AbstractSet[str]) -> Batch:
        raise AssertionError(f"the rows were looked at for {keys}")

    assert first.continued(more, never).document() == first.document()


def test_equal_edges_of_longs_and_of_doubles_are_other_bins() -> None:
    width = 2**58
    batch = batch_of([{"n": 0}, {"n": width - 1}, {"n": 20 * width - 1}])
    longs = schema_of(batch)
    doubles_too = schema_of(Batch.concatenated([batch, batch_of([{"n": float(20 * width)}])]))
    assert field_edges(longs["n"]) == field_edges(doubles_too["n"])
    found = counted_of(batch, longs).continued(doubles_too, lambda _: batch)
    assert found.document() == counted_of(batch, doubles_too).document()
    assert found.histograms != counted_of(batch, longs).histograms
