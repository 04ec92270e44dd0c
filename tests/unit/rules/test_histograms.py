"""Edges of histograms: T5, P3 (`insights.json`)."""

import json
import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.rules.histograms import BINS, edges

longs = st.integers(-(2**63), 2**63 - 1)
doubles = st.floats(allow_nan=False, allow_infinity=False)
LARGEST = sys.float_info.max


@pytest.mark.parametrize(
    ("minimum", "maximum", "bins", "expected"),
    [
        (0, 0, 20, [0, 0]),
        (0, 1, 20, [0, 1, 2]),
        (0, 9, 10, list(range(11))),
        (0, 10, 10, [0, 2, 4, 6, 8, 10, 12]),
        (-10, 15, 10, [-10, -7, -4, -1, 2, 5, 8, 11, 14, 17]),
        (-(2**63), 2**63 - 1, 2, [-(2**63), 0, 2**63]),
        (2**53, 2**53 + 1, 20, [2**53, 2**53 + 1, 2**53 + 2]),
    ],
)
def test_integer_bins_hold_whole_numbers(minimum: int, maximum: int, bins: int, expected: list[int]) -> None:
    assert edges(minimum, maximum, integers=True, bins=bins) == expected


@given(longs, longs, st.integers(1, 40))
def test_integer_bins_are_equally_wide_and_hold_all(a: int, b: int, bins: int) -> None:
    minimum, maximum = sorted((a, b))
    found = edges(minimum, maximum, integers=True, bins=bins)
    assert all(type(edge) is int for edge in found)
    assert len(found) - 1 <= bins
    assert found[0] == minimum
    if minimum < maximum:
        assert len({high - low for low, high in pairwise(found)}) == 1
        assert found[-2] <= maximum < found[-1]


@given(doubles, doubles, st.integers(1, 40))
def test_float_bins_start_and_end_at_the_extremes_and_ascend(a: float, b: float, bins: int) -> None:
    minimum, maximum = sorted((a, b))
    found = edges(minimum, maximum, integers=False, bins=bins)
    assert all(type(edge) is float for edge in found)
    assert 2 <= len(found) <= bins + 1
    assert (found[0], found[-1]) == (minimum, maximum)
    assert minimum == maximum or all(low < high for low, high in pairwise(found))


@given(doubles, doubles, st.integers(1, 40))
def test_float_edges_are_rounded_once_from_the_exact_ones(a: float, b: float, bins: int) -> None:
    minimum, maximum = sorted((a, b))
    width = (Fraction(maximum) - Fraction(minimum)) / bins
    exact = {float(Fraction(minimum) + width * position) + 0.0 for position in range(bins)}
    assert set(edges(minimum, maximum, integers=False, bins=bins)) == exact | {maximum}


@pytest.mark.parametrize(
    ("minimum", "maximum", "bins", "expected"),
    [
        (-LARGEST, LARGEST, 2, [-LARGEST, 0.0, LARGEST]),
        (-1.0, 1.0, 4, [-1.0, -0.5, 0.0, 0.5, 1.0]),
        (0.0, 0.5, 5, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (0.0, 5e-324, 20, [0.0, 5e-324]),
        (2.5, 2.5, 20, [2.5, 2.5]),
        (0, 1, 2, [0.0, 0.5, 1.0]),
    ],
)
def test_float_bins(minimum: float, maximum: float, bins: int, expected: list[float]) -> None:
    assert edges(minimum, maximum, integers=False, bins=bins) == expected


@pytest.mark.parametrize(
    ("minimum", "maximum", "integers", "bins"),
    [(1, 0, True, 20), (1.0, 0.0, False, 20), (0, 1, True, 0), (0.0, 1.0, True, 20), (float("nan"), 1.0, False, 20)],
)
def test_what_has_no_bins_is_refused(minimum: float, maximum: float, *, integers: bool, bins: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        edges(minimum, maximum, integers=integers, bins=bins)


@needs_shared
def test_edges_agree_with_those_of_other_tools() -> None:
    cases = json.loads((SHARED / "stats/hf_cases.json").read_text(encoding="utf-8"))["generate_bins"]
    compared = 0
    for case in cases:
        expected = case["expected_edges"]
        if case["type"] == "float":
            found = edges(case["min"], case["max"], integers=False, bins=len(expected) - 1)
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
        else:  # their last integer edge is the maximum, where ours keeps all bins equally wide
            found = edges(int(case["min"]), int(case["max"]), integers=True, bins=10)
            inner = [edge for edge in expected[1:-1] if edge < case["max"]]
            assert [found[0], *found[1 : 1 + len(inner)]] == [expected[0], *inner]
        compared += 1
    assert compared == len(cases) > 0


def test_twenty_bins_unless_told() -> None:
    assert len(edges(0.0, 1.0, integers=False)) == BINS + 1 == 21
