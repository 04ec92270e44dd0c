"""Counts per bin agree with a search value by value: T5, P3 (`insights.json`)."""

from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.kernels.summarize import histograms as kernel
from transforms.rules.histograms import edges

longs = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3), st.integers(2**53 - 2, 2**53 + 2), st.just(2**63 - 1)
)
doubles = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1.0, 1.0), st.just(-0.0))


def one_by_one(values: list[float], found: list[float]) -> list[int]:
    counted = [0] * (len(found) - 1)
    for value in values:
        counted[min(bisect_right(found, value), len(counted)) - 1] += 1
    return counted


@given(st.lists(longs, min_size=1, max_size=50), st.integers(1, 25), st.sampled_from((0, kernel.FEW)))
def test_integers_are_counted_exactly(values: list[int], bins: int, few: int) -> None:
    found = edges(min(values), max(values), integers=True, bins=bins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "FEW", few)
        counted = kernel.counts(np.array(values, dtype=np.int64), found)
    assert counted == one_by_one(values, found)
    assert sum(counted) == len(values)


@given(st.lists(doubles, min_size=1, max_size=50), st.integers(1, 25), st.sampled_from((0, kernel.FEW)))
def test_doubles_are_counted_exactly(values: list[float], bins: int, few: int) -> None:
    found = edges(min(values), max(values), integers=False, bins=bins)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "FEW", few)
        counted = kernel.counts(np.array(values, dtype=np.float64), found)
    assert counted == one_by_one(values, found)
    assert sum(counted) == len(values)


def test_integers_do_not_go_through_double() -> None:
    values = np.array([2**62, 2**62 + 1, 2**62 + 2], dtype=np.int64)
    assert kernel.counts(values, edges(2**62, 2**62 + 2, integers=True)) == [1, 1, 1]


def test_the_last_bin_is_closed_and_the_others_are_not() -> None:
    assert kernel.counts(np.array([0.0, 1.0, 2.0]), [0.0, 1.0, 2.0]) == [1, 2]


def test_chunks_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(1000, dtype=np.int64)
    monkeypatch.setattr(kernel, "FEW", 0)
    expected = kernel.counts(values, edges(0, 999, integers=True))
    monkeypatch.setattr(kernel, "CHUNK", 7)
    assert kernel.counts(values, edges(0, 999, integers=True)) == expected == [50] * 20


def test_a_batch_without_values_has_empty_bins() -> None:
    assert kernel.counts(np.array([], dtype=np.float64), [0.0, 1.0, 2.0]) == [0, 0]


@pytest.mark.parametrize(("values", "found"), [([3.0], [0.0, 1.0]), ([-1.0], [0.0, 1.0]), ([np.nan], [0.0, 1.0])])
def test_values_outside_the_edges_are_refused(values: list[float], found: list[float]) -> None:
    with pytest.raises(ValueError, match="expected values from"):
        kernel.counts(np.array(values), found)


def test_one_edge_makes_no_bin() -> None:
    with pytest.raises(ValueError, match="two edges"):
        kernel.counts(np.array([1.0]), [1.0])


@pytest.mark.parametrize(
    ("values", "found"), [(np.array([1]), [0.0, 1.0]), (np.array([1.0]), [0, 1]), (np.array([1], np.int32), [0, 1])]
)
def test_values_and_edges_have_one_type(values: np.ndarray, found: list[float]) -> None:
    with pytest.raises(TypeError, match="int64 values with int edges"):
        kernel.counts(values, found)
