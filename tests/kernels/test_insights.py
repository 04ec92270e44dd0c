"""What the insights page draws: C1, T1, P3."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import doubles

from transforms.kernels.insights import GRID, Bounds, bounds, field_counts, field_edges, grid_counts

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
    found = field_counts({"a": entry}, {"a": pl.Series([*values, None], dtype=pl.Float64)})
    edges = field_edges(entry)
    assert edges is not None
    assert len(found["a"]) == len(edges) - 1
    assert sum(found["a"]) == len(values)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30))
def test_each_integer_is_in_one_bin(values: list[int]) -> None:
    entry = field(min(values), max(values), "long")
    found = field_counts({"a": entry}, {"a": pl.Series(values, dtype=pl.Int64)})
    assert sum(found["a"]) == len(values)


def test_counts_of_parts_add_up() -> None:
    entry = {"a": field(0, 10, "long"), "s": field(None, None, "string", "text")}
    columns = [{"a": pl.Series(part), "s": pl.Series(["x"] * 3)} for part in ([0, 1, 2], [10, 10, 5])]
    one, two = (field_counts(entry, part) for part in columns)
    assert set(one) == {"a"}
    whole = field_counts(entry, {"a": pl.Series([0, 1, 2, 10, 10, 5])})
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
    assert sum(found.values()) == len(located)
    assert all(0 <= row < GRID and 0 <= column < GRID for row, column in found)


def test_cells_count_from_the_south_west() -> None:
    corners = [(0.0, 0.0), (64.0, 128.0), (64.0, 0.0), (1.0, 2.0), (0.99, 1.99)]
    frame = pl.DataFrame(corners, schema={"latitude": pl.Float64, "longitude": pl.Float64}, orient="row")
    assert grid_counts(frame, Bounds(0.0, 0.0, 64.0, 128.0)) == {(0, 0): 2, (63, 63): 1, (63, 0): 1, (1, 1): 1}
    assert grid_counts(frame.clear(), Bounds(0.0, 0.0, 64.0, 128.0)) == {}
    assert grid_counts(frame.head(1), Bounds(0.0, 0.0, 0.0, 0.0)) == {(0, 0): 1}
