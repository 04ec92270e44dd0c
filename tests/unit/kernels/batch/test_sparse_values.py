"""Rare values are put in order as polars puts them, by numbers of their texts: P3."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.profiles import draws
from support.strategies import texts

from transforms.kernels.batch.sparse_values import ordered, row_ranges

names = st.one_of(st.sampled_from(["a", "b", "B", "", "é"]), texts)


@draws(100)
@given(st.lists(st.tuples(names, names), max_size=60))
def test_cells_alike_stay_in_their_order(rows: list[tuple[str, str]]) -> None:
    cells = pl.DataFrame(rows, schema={"key": pl.String, "form": pl.String}, orient="row").with_row_index("row")
    for columns in (("key",), ("key", "form"), ("form", "key")):
        expected = sorted(cells.rows(named=True), key=lambda row: tuple(row[name].encode() for name in columns))
        assert ordered(cells, *columns).rows(named=True) == expected


def test_many_distinct_texts_are_put_in_order_too() -> None:
    count = 70_000  # more than numbers of two bytes tell apart
    cells = pl.DataFrame({"key": [f"k{n * 7919 % count}" for n in range(count)], "row": range(count)})
    assert_frame_equal(ordered(cells, "key"), cells.sort("key"))


def test_row_ranges() -> None:
    rows = pl.DataFrame({"key": ["a", "a", "b", "c", "c"], "form": ["x", "x", "x", "x", "y"]})
    assert row_ranges(rows, "key").rows() == [("a", 0, 2), ("b", 2, 1), ("c", 3, 2)]
    assert row_ranges(rows, "key", "form").rows() == [
        ("a", "x", 0, 2),
        ("b", "x", 2, 1),
        ("c", "x", 3, 1),
        ("c", "y", 4, 1),
    ]
