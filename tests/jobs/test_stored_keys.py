"""The uses of cache keys that a version stores (K2, P7)."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from transforms.errors import DamagedFileError
from transforms.kernels.batch.arrow_ipc import to_arrow
from transforms.kernels.urls.cache_keys import KEY_USES, CacheKeys, no_uses
from transforms.rules.image_urls import cache_key
from transforms.stages.list_cache_keys import read_uses, written_keys
from transforms.storage.stored_files import store


def test_uses_are_read_as_they_were_written_and_keys_of_another_length_are_damage(tmp_path: Path) -> None:
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
    short = uses.with_columns(cache_key=pl.col("cache_key").bin.slice(0, 31))
    file = store(str(tmp_path), "state/cache_keys/part-00000-of-00001.arrow", to_arrow(short), records=3)
    with pytest.raises(DamagedFileError, match="expected cache keys of 32 bytes"):
        read_uses(file)
