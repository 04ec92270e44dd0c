"""Hashes whole columns of texts, for cache keys (K1) and partitions."""

import zlib
from binascii import hexlify
from hashlib import sha256

import numpy as np
import polars as pl
import pyarrow as pa

from transforms.kernels.batch.arrow_arrays import series_of
from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.string_buffers import buffers

KEY_BYTES = 32
"""Bytes of a cache key."""
_SLAB_ROWS = 8_192
"""So many texts are objects at once."""


def cache_keys(urls: pl.Series) -> pl.Series:
    """The SHA-256 of each URL: the bytes whose digits `transforms.rules.image_urls.cache_key` gives.

    Args:
        urls: String array of shape (N,) without nulls.

    Returns:
        Binary array of shape (N,), 32 bytes each.
    """
    given = urls.cast(pl.Binary)
    slabs = (given[start : start + _SLAB_ROWS].to_list() for start in range(0, len(given), _SLAB_ROWS))
    keys = b"".join([b"".join([sha256(url).digest() for url in slab]) for slab in slabs])
    offsets = np.arange(0, len(keys) + 1, KEY_BYTES, dtype=np.int64)
    array = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(urls), [None, pa.py_buffer(offsets), pa.py_buffer(keys)]
    )
    return series_of(array)


def digits(keys: pl.Series) -> pl.Series:
    """Cache keys as they are published: 64 hex digits.

    Args:
        keys: Binary array of shape (N,) without nulls, 32 bytes each.

    Returns:
        String array of shape (N,).
    """
    places, data = buffers(keys)
    first = int(np.frombuffer(places, np.int64)[0])
    hexed = hexlify(data[first : first + len(keys) * KEY_BYTES])
    offsets = np.arange(len(keys) + 1, dtype=np.int64) * 2 * KEY_BYTES
    array = pa.LargeStringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(hexed))
    return series_of(array)


def partitions_of(reference_ids: pl.Series, partitions: int) -> Positions:
    """The partition of each reference id, as `transforms.rules.identity.partition_of` gives it: int64[N]."""
    ids = reference_ids.cast(pl.Binary).to_list()
    return np.fromiter(map(zlib.crc32, ids), np.int64, len(ids)) % partitions
