"""The uses of cache keys that a version stores (K2), in the form of today and in that of before."""

from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from transforms.image_cache import read_uses, written_keys
from transforms.kernels.arrow_files import to_arrow
from transforms.kernels.cache_keys import KEY_USES, CacheKeys, no_uses
from transforms.rules.image_urls import cache_key
from transforms.stored_files import store


def test_uses_are_read_as_they_were_written_and_so_are_those_with_keys_as_digits(tmp_path: Path) -> None:
    digits = [cache_key(f"gs://b/{name}") for name in "abc"]
    uses = pl.DataFrame(
        {
            "cache_key": sorted(map(bytes.fromhex, digits)),
            "url": ["gs://b/x"] * 3,
            "kind": ["image"] * 3,
            "reference_id": ["a", "b", "c"],
            "owner": [0] * 3,
            "first_version": [1] * 3,
        },
        schema=KEY_USES,
    )
    keys = CacheKeys.of(uses.drop("first_version"), no_uses(), changed=None, version=1)
    written = written_keys(keys, str(tmp_path), 0, 1)
    assert_frame_equal(read_uses(written.uses), uses)
    assert keys.frame["cache_key"].to_list() == sorted(digits)
    before = uses.with_columns(pl.Series("cache_key", sorted(digits)))
    file = store(str(tmp_path), "state/old.arrow", to_arrow(before), records=3)
    assert_frame_equal(read_uses(file), uses)
