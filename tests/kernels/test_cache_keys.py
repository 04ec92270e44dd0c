"""The list of cache keys: K1, K2, K5, T5, P3."""

import hashlib
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from transforms.formats.avro_parts import avro_container
from transforms.kernels.cache_keys import CacheKeys, key_partitions, listed
from transforms.kernels.publication import USES
from transforms.rules.avro_schema import cache_key_schema


def key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def uses_of(uses: list[tuple[str, str, str]]) -> pl.DataFrame:
    """Uses given as (url, kind, reference id)."""
    return pl.DataFrame([(key(url), url, kind, name) for url, kind, name in uses], schema=USES, orient="row")


USE_LISTS = st.lists(
    st.tuples(
        st.sampled_from(["/a", "/b", "/c", "/d"]), st.sampled_from(["image", "attachment"]), st.sampled_from("xyz")
    ),
    max_size=12,
)


@given(USE_LISTS, st.randoms(use_true_random=False))
def test_each_key_is_listed_once_with_its_smallest_user_in_whatever_order(
    uses: list[tuple[str, str, str]], chance: random.Random
) -> None:
    found = listed(uses_of(uses))
    expected = {}
    for url, kind, name in uses:
        expected[url] = min(expected.get(url, (name, kind)), (name, kind))
    assert {row["url"]: (row["reference_id"], row["kind"]) for row in found.to_dicts()} == expected
    assert found["cache_key"].to_list() == sorted(key(url) for url in expected)
    assert_frame_equal(listed(uses_of(chance.sample(uses, len(uses)))), found)
    cut = len(uses) // 2
    parts = pl.concat([listed(uses_of(uses[:cut])), listed(uses_of(uses[cut:]))])
    assert_frame_equal(listed(parts), found)


@settings(max_examples=50, deadline=None)
@given(USE_LISTS, USE_LISTS)
def test_a_key_is_uploaded_once_and_cached_from_then_on(
    one: list[tuple[str, str, str]], two: list[tuple[str, str, str]]
) -> None:
    first = CacheKeys.of(listed(uses_of(one)), None, version=1)
    assert set(first.frame["action"]) <= {"upload"}
    assert (first.upload, first.cached) == (first.frame.height, 0)
    before = avro_container(first.frame, cache_key_schema())
    second = CacheKeys.of(listed(uses_of(two)), before, version=2)
    known = {url for url, _, _ in one}
    for row in second.frame.to_dicts():
        assert (row["action"], row["first_version"]) == (("cached", 1) if row["url"] in known else ("upload", 2))
    assert second.upload == len({url for url, _, _ in two} - known)
    assert second.upload + second.cached == second.frame.height == len({url for url, _, _ in two})
    assert second.frame["cache_key"].is_sorted()
    again = CacheKeys.of(listed(uses_of(two)), avro_container(second.frame, cache_key_schema()), version=3)
    assert (again.upload, again.cached) == (0, second.frame.height)
    assert again.frame["first_version"].to_list() == second.frame["first_version"].to_list()


@pytest.mark.parametrize("partitions", [1, 3, 8, 1000])
def test_partitions_cut_the_sorted_keys_in_order(partitions: int) -> None:
    keys = pl.Series(sorted([key(f"/{n}") for n in range(500)] + ["0" * 64, "f" * 64]))
    parts = key_partitions(keys, partitions).to_list()
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0, partitions - 1)
    assert len(set(parts)) == min(partitions, len(set(parts)))
    assert parts == [int(each[:8], 16) * partitions // 2**32 for each in keys]


def test_a_part_that_listed_no_key_is_continued() -> None:
    empty = CacheKeys.of(listed(uses_of([])), None, version=1)
    before = avro_container(empty.frame, cache_key_schema())
    found = CacheKeys.of(listed(uses_of([("/a", "image", "x")])), before, version=2)
    assert found.frame.select("first_version", "action").rows() == [(2, "upload")]
