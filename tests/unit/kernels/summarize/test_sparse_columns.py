"""Summaries of many short columns at once are those of each column alone: V7, T1, T5."""

from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import doubles, longs, texts

from transforms.kernels.summarize import sparse_columns
from transforms.kernels.summarize.columns import numbers_of_doubles, numbers_of_longs, strings_of
from transforms.kernels.summarize.sparse_columns import numbers_of_ranges, strings_of_keys


def starts_of(columns: list[list[Any]]) -> Any:
    return np.cumsum([0] + [len(column) for column in columns[:-1]])


@draws(200)
@given(st.lists(st.lists(doubles, min_size=1, max_size=12), min_size=1, max_size=6), st.integers(1, 4_000))
def test_doubles(columns: list[list[float]], most_bins: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse_columns, "_MOST_BINS", most_bins)
        patch.setattr(sparse_columns, "CHUNK", 5)
        found = list(numbers_of_ranges(np.array(list(chain.from_iterable(columns)), np.float64), starts_of(columns)))
    expected = [numbers_of_doubles(np.array(column, np.float64)) for column in columns]
    assert found == expected
    assert [(repr(a.minimum), repr(a.maximum)) for a in found] == [(repr(a.minimum), repr(a.maximum)) for a in expected]


@draws(200)
@given(st.lists(st.lists(st.one_of(longs, st.integers(-9, 9)), min_size=1, max_size=12), min_size=1, max_size=6))
@example([[1, 2, 3], [-4], [2**31, -(2**31)]])
def test_longs(columns: list[list[int]]) -> None:
    found = list(numbers_of_ranges(np.array(list(chain.from_iterable(columns)), np.int64), starts_of(columns)))
    assert found == [numbers_of_longs(np.array(column, np.int64)) for column in columns]


@given(st.dictionaries(texts, st.lists(texts, min_size=1, max_size=20), min_size=1, max_size=5), st.integers(1, 4))
def test_strings(columns: dict[str, list[str]], limit: int) -> None:
    rows = [(key, text) for key, values in columns.items() for text in values]
    cells = pl.DataFrame(rows, schema={"key": pl.String, "text": pl.String}, orient="row")
    found = dict(strings_of_keys(cells, dict.fromkeys(columns, limit)))
    assert found == {key: strings_of(pl.Series(values), limit) for key, values in columns.items()}
