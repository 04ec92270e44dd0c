"""Summaries of columns agree with the rules value by value: V1, V2, V5 to V8, T1, T5, P3."""

import json
import math
import random
from collections import Counter
from functools import reduce
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import laws
from support.fixtures import SHARED, needs_shared
from support.profiles import draws

from transforms.kernels.summarize import columns as kernel
from transforms.kernels.summarize.histograms import counts
from transforms.rules import strings
from transforms.rules.histograms import edges
from transforms.rules.numbers import NUMBERS_ZERO, NumberSummary, mean, merge_numbers, stddev, summarize_number
from transforms.rules.strings import (
    MAX_CATEGORIES,
    STRINGS_ZERO,
    StringSummary,
    merge_strings,
    summarize_distinct,
    summarize_string,
)

longs = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-100, 100),
    st.sampled_from([-(2**63), 2**63 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 513, 2**63 - 512, 2**31, 2**22]),
)
doubles = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-2.0, 2.0),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.225e-308, 2.2250738585072014e-308, 1.797e308, -1.797e308, 2.0**53]),
)


def one_by_one(values: list[Any]) -> NumberSummary:
    return reduce(merge_numbers, map(summarize_number, values), NUMBERS_ZERO)


def of_longs(values: list[int]) -> NumberSummary:
    return kernel.numbers_of_longs(np.array(values, dtype=np.int64))


def of_doubles(values: list[float]) -> NumberSummary:
    return kernel.numbers_of_doubles(np.array(values, dtype=np.float64))


def of_strings(values: list[str | None]) -> StringSummary:
    return kernel.strings_of(pl.Series(values, dtype=pl.String))


@given(st.lists(longs, max_size=60))
def test_longs_agree_with_the_rule(values: list[int]) -> None:
    assert of_longs(values) == one_by_one(values)


@given(st.lists(doubles, max_size=60))
def test_doubles_agree_with_the_rule(values: list[float]) -> None:
    found, expected = of_doubles(values), one_by_one(values)
    assert found == expected
    assert (repr(found.minimum), repr(found.maximum)) == (repr(expected.minimum), repr(expected.maximum))


@given(st.lists(st.one_of(longs, doubles), max_size=40), st.randoms(use_true_random=False))
def test_columns_of_longs_and_of_doubles_merge_to_the_summary_of_all(values: list[Any], chance: random.Random) -> None:
    def summarize(batch: list[Any]) -> NumberSummary:
        whole = [value for value in batch if isinstance(value, int)]
        return merge_numbers(of_longs(whole), of_doubles([value for value in batch if not isinstance(value, int)]))

    assert laws.check_partitions(summarize, merge_numbers, NUMBERS_ZERO, values, chance=chance) == one_by_one(values)


@pytest.mark.parametrize("name", ["random", "same", "extreme", "bits"])
def test_slices_and_chunks_add_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(7)
    bits = chance.integers(-(2**63), 2**63 - 1, 1500)
    doubles_of = {
        "random": chance.normal(size=1500) * 1e3,
        "same": np.full(1500, 0.1),
        "extreme": np.full(1500, math.nextafter(2.0, 0.0)),
        "bits": np.where(np.isfinite(bits.view(np.float64)), bits.view(np.float64), 1.0),
    }[name]
    longs_of = {"random": bits >> 20, "same": np.full(1500, -7), "extreme": np.full(1500, -(2**63)), "bits": bits}[name]
    whole = kernel.numbers_of_doubles(doubles_of), kernel.numbers_of_longs(longs_of)
    assert whole == (one_by_one(doubles_of.tolist()), one_by_one(longs_of.tolist()))
    monkeypatch.setattr(kernel, "SLICE", 600)
    monkeypatch.setattr(kernel, "CHUNK", 37)
    monkeypatch.setattr(kernel, "LONG_CHUNK", 41)
    assert (kernel.numbers_of_doubles(doubles_of), kernel.numbers_of_longs(longs_of)) == whole


def test_full_chunks_of_the_greatest_limbs_do_not_overflow() -> None:
    size = 2 * kernel.CHUNK + 1
    largest = math.nextafter(math.inf, 0.0)
    found = kernel.numbers_of_doubles(np.full(size, -largest), finite=True)
    one = summarize_number(-largest)
    assert (found.total, found.squares) == (size * one.total, size * one.squares)
    size = kernel.LONG_CHUNK + 1
    for value in (2**63 - 1, -(2**63)):
        found = kernel.numbers_of_longs(np.full(size, value, dtype=np.int64))
        assert (found.total, found.squares) == (size * value << 1074, size * value**2 << 2148)


def test_views_with_strides_are_read_right() -> None:
    values = np.arange(20, dtype=np.float64)[::-3]
    assert kernel.numbers_of_doubles(values) == one_by_one(values.tolist())
    assert kernel.numbers_of_longs(values.astype(np.int64)[::2]) == of_longs([19, 13, 7, 1])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        of_doubles([1.0, value])


@given(st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=60))
def test_strings_agree_with_the_rule_and_nulls_are_none(values: list[str | None]) -> None:
    present = [value for value in values if value is not None]
    assert of_strings(values) == reduce(merge_strings, map(summarize_string, present), STRINGS_ZERO)


@pytest.mark.parametrize("long", [1, 65_536])
@given(values=st.lists(st.text("ab", max_size=4), max_size=12))
def test_long_strings_agree_with_the_rule(long: int, values: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strings, "MAX_CATEGORY_CHARACTERS", 8)
        patch.setattr(kernel, "_LONG", long)
        assert of_strings(values) == reduce(merge_strings, map(summarize_string, values), STRINGS_ZERO)


@draws(10)
@given(st.integers(240, 1200), st.randoms(use_true_random=False))
def test_many_strings_agree_with_the_rule_in_any_partition(size: int, chance: random.Random) -> None:
    values = [f"{position % size}" for position in range(size + 100)]
    merged = laws.check_partitions(of_strings, merge_strings, STRINGS_ZERO, values, chance=chance)
    if size > 250:
        assert merged == summarize_distinct(size + 100, values)
    assert (merged.categories is None) == (size > 250)


@given(st.lists(st.sampled_from([True, False, None]), max_size=20))
def test_booleans_agree_with_the_rule(values: list[bool | None]) -> None:
    texts = ["true" if value else "false" for value in values if value is not None]
    expected = reduce(merge_strings, map(summarize_string, texts), STRINGS_ZERO)
    assert kernel.booleans_of(pl.Series(values, dtype=pl.Boolean)) == expected


@needs_shared
def test_statistics_agree_with_those_of_other_tools() -> None:
    columns = json.loads((SHARED / "stats/hf_cases.json").read_text(encoding="utf-8"))["columns"]
    compared = 0
    for column in columns:
        expected, present = column["hf_expected"], [value for value in column["values"] if value is not None]
        assert len(present) == len(column["values"]) - expected["nan_count"]
        if column["kind"] in ("int", "float"):
            summary = (of_longs if column["kind"] == "int" else of_doubles)(present)
            assert (summary.minimum, summary.maximum) == (expected["min"], expected["max"])
            assert mean(summary) == pytest.approx(expected["mean"], abs=1e-5)
            assert stddev(summary) == pytest.approx(expected["std"], abs=1e-5)
            found = edges(expected["min"], expected["max"], integers=False, bins=10)
            assert sum(counts(np.array(present, dtype=np.float64), found)) == len(present)
        elif column["kind"] == "string_label":
            assert of_strings(column["values"]).categories == expected["frequencies"]
        else:
            assert sum((kernel.booleans_of(pl.Series(column["values"])).categories or {}).values()) == len(present)
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("distinct", [1, 250, 251, 700, 760, 770, 800, 3_000, 60_000, 200_000])
def test_strings_of_a_long_column_have_the_sketch_of_all_of_them(distinct: int) -> None:
    chance = random.Random(distinct)
    names = ["", *(f"{chance.getrandbits(40)} é{'x' * (number % 40)}" for number in range(distinct - 1))]
    values = [*names, *chance.choices(names, k=9_000)]
    chance.shuffle(values)
    found = kernel.strings_of(pl.Series(values=values, dtype=pl.String))
    if distinct <= MAX_CATEGORIES:
        assert found == StringSummary(len(values), dict(Counter(values)), None)
    else:
        assert found == summarize_distinct(len(values), set(values))
