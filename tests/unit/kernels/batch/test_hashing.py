"""Digests of columns are those of the rules, text by text: K1, and the partition of a reference id."""

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.kernels.batch import hashing
from transforms.rules.identity import partition_of
from transforms.rules.image_urls import cache_key

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=12)


@given(texts, st.integers(1, 9), st.integers(1, 5))
@example(["a" * length for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000)], 7, 4)
def test_digests_of_a_column(some: list[str], partitions: int, slab: int) -> None:
    column = pl.Series(values=some, dtype=pl.String)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "_SLAB_ROWS", slab)
        keys = hashing.cache_keys(column)
    assert keys.dtype == pl.Binary
    assert hashing.digits(keys).to_list() == [cache_key(text) for text in some]
    assert hashing.digits(keys[1:4]).to_list() == [cache_key(text) for text in some[1:4]]
    assert hashing.partitions_of(column, partitions).tolist() == [partition_of(text, partitions) for text in some]
    assert hashing.cache_keys(column[2:5]).to_list() == keys[2:5].to_list()
