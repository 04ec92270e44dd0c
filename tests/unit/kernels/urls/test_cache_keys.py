"""The list of cache keys: K1, K2, K5, T5, P3."""

import hashlib
import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support.profiles import draws

from transforms.kernels.publish.rows import USES
from transforms.kernels.urls.cache_keys import (
    CacheKeys,
    changed_uses,
    has_uses_of,
    key_partitions,
    listed,
    no_uses,
    split_uses,
)


def key(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()


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


def owned(uses: list[tuple[str, str, str]], owner: int = 0) -> pl.DataFrame:
    return listed(uses_of(uses)).with_columns(owner=pl.lit(owner, pl.Int32))


@draws(80)
@given(USE_LISTS, USE_LISTS, USE_LISTS, USE_LISTS, st.booleans())
def test_what_differs_makes_the_list_that_all_uses_make(
    kept: list[tuple[str, str, str]],
    removed: list[tuple[str, str, str]],
    added: list[tuple[str, str, str]],
    of_others: list[tuple[str, str, str]],
    is_twice: bool,
) -> None:
    others = owned(of_others, 1)
    published = CacheKeys.of(pl.concat([owned(kept + removed), others]), no_uses(), changed=[], version=1).uses
    for version in (2, 3) if is_twice else (2,):
        asked: list[str] = []

        def same(keys: pl.Series, asked: list[str] = asked) -> pl.DataFrame:
            asked.extend(keys.to_list())
            return uses_of(kept).filter(pl.col("cache_key").is_in(keys.implode()))

        new = changed_uses(uses_of(removed), uses_of(added), same).with_columns(owner=pl.lit(0, pl.Int32))
        assert asked or listed(uses_of(removed)).equals(listed(uses_of(added)))
        found = CacheKeys.of(new, published, changed=[], version=version)
        expected = CacheKeys.of(owned(kept + added), published, changed=[0], version=version)
        assert_frame_equal(found.frame, expected.frame)
        assert_frame_equal(found.uploads, expected.uploads)
        assert_frame_equal(found.uses, expected.uses)
        published, removed, added = found.uses, added, removed


@draws(50)
@given(USE_LISTS, USE_LISTS)
def test_rows_of_keys_whose_users_stay_are_the_same_in_every_version(
    one: list[tuple[str, str, str]], two: list[tuple[str, str, str]]
) -> None:
    """K2: facts that do not change from version to version."""
    first = CacheKeys.of(pl.concat([owned(one), owned(two, 1)]), no_uses(), changed=[], version=1)
    second = CacheKeys.of(owned([]), first.uses, changed=[7], version=2)
    assert_frame_equal(second.frame, first.frame)
    assert_frame_equal(second.uses, first.uses)
    third = CacheKeys.of(owned([]), second.uses, changed=[1], version=3)
    kept = third.frame.filter(~pl.col("cache_key").is_in([key(url).hex() for url, _, _ in two]))
    assert_frame_equal(kept, first.frame.join(kept, on="cache_key", how="semi", maintain_order="left"))
    assert not second.uploads.height
    assert not third.uploads.height


@draws(50)
@given(USE_LISTS, USE_LISTS)
def test_a_key_is_uploaded_once_and_cached_from_then_on_even_when_it_was_gone_meanwhile(
    one: list[tuple[str, str, str]], two: list[tuple[str, str, str]]
) -> None:
    first = CacheKeys.of(owned(one), no_uses(), changed=[], version=1)
    assert_frame_equal(first.uploads, first.frame.drop("first_version"))
    assert (first.upload, first.cached) == (first.frame.height, 0)
    second = CacheKeys.of(owned(two), first.uses, changed=[0], version=2)
    known = {url for url, _, _ in one}
    for row in second.frame.to_dicts():
        assert row["first_version"] == (1 if row["url"] in known else 2)
    new = second.frame.filter(~pl.col("url").is_in(list(known)))
    assert_frame_equal(second.uploads, new.drop("first_version"))
    assert second.upload == len({url for url, _, _ in two} - known)
    assert second.upload + second.cached == second.frame.height == len({url for url, _, _ in two})
    assert second.frame["cache_key"].is_sorted()
    again = CacheKeys.of(owned(one), second.uses, changed=[0], version=3)
    assert (again.upload, again.cached) == (0, first.frame.height)
    assert set(again.frame["first_version"]) <= {1}


@draws(50)
@given(USE_LISTS, USE_LISTS, USE_LISTS)
def test_uses_of_rows_that_did_not_change_need_not_come_again(
    kept: list[tuple[str, str, str]], before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    first = CacheKeys.of(pl.concat([owned(kept, 0), owned(before, 1)]), no_uses(), changed=[], version=1)
    second = CacheKeys.of(owned(after, 1), first.uses, changed=[1], version=2)
    whole = CacheKeys.of(pl.concat([owned(kept, 0), owned(after, 1)]), first.uses, changed=None, version=2)
    assert_frame_equal(second.frame, whole.frame)
    assert_frame_equal(second.uses, whole.uses)


@given(USE_LISTS)
def test_a_part_is_carried_on_where_no_owner_of_its_uses_changed(uses: list[tuple[str, str, str]]) -> None:
    first = CacheKeys.of(owned(uses), no_uses(), changed=[], version=1)
    assert not has_uses_of(first.uses, [7])
    assert not has_uses_of(first.uses, [])
    assert has_uses_of(first.uses, [0]) == bool(uses)
    unused = CacheKeys.of(owned([]), first.uses, changed=[0], version=2)
    assert not has_uses_of(unused.uses, [0])
    assert (unused.upload, unused.cached, unused.uses.height) == (0, 0, first.frame.height)


@draws(60)
@given(st.lists(USE_LISTS, min_size=1, max_size=3), st.sampled_from([1, 3, 70_000]))
def test_uses_are_split_by_the_partition_of_their_key_once_for_each_owner(
    lists: list[list[tuple[str, str, str]]], partitions: int
) -> None:
    frames = [uses_of(uses).with_columns(owner=pl.lit(owner, pl.Int32)) for owner, uses in enumerate(lists)]
    found = dict(split_uses(frames, partitions))
    for number, uses in found.items():
        assert key_partitions(uses["cache_key"], partitions).tolist() == [number] * uses.height
    every = pl.concat([frame.clear() for frame in frames[:1]] + list(found.values()))
    assert every.n_unique(["cache_key", "owner"]) == every.height
    expected = pl.concat([owned(uses, owner) for owner, uses in enumerate(lists)])
    assert_frame_equal(CacheKeys.of(every, no_uses(), changed=[], version=1).uses, _uses_by_owner(expected))


def _uses_by_owner(uses: pl.DataFrame) -> pl.DataFrame:
    return CacheKeys.of(uses, no_uses(), changed=[], version=1).uses


@pytest.mark.parametrize("partitions", [1, 3, 8, 1000])
def test_partitions_cut_the_sorted_keys_in_order(partitions: int) -> None:
    keys = pl.Series(sorted([key(f"/{n}") for n in range(500)] + [b"\0" * 32, b"\xff" * 32]))
    parts = key_partitions(keys, partitions).tolist()
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0, partitions - 1)
    assert len(set(parts)) == min(partitions, len(set(parts)))
    assert parts == [int(each.hex()[:8], 16) * partitions // 2**32 for each in keys]
    assert key_partitions(keys[7:40], partitions).tolist() == parts[7:40]
