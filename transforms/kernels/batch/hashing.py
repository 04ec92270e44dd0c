"""Hashes whole columns of texts for cache keys (K1), partitions and sketches (T1), with a C extension if present."""

from binascii import hexlify

import numpy as np
import polars as pl
import pyarrow as pa

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.string_buffers import SomeTexts, buffers
from transforms.rules.identity import partition_of
from transforms.rules.image_urls import cache_key

try:
    from transforms.kernels.batch import _digests
except ImportError:  # no compiler where the package was installed
    _digests = None  # type: ignore[assignment]

KEY_BYTES = 32
"""Bytes of a cache key."""


def cache_keys(urls: pl.Series) -> pl.Series:
    """The SHA-256 of each URL: the bytes whose digits `transforms.rules.image_urls.cache_key` gives.

    Args:
        urls: String array of shape (N,) without nulls.

    Returns:
        Binary array of shape (N,), 32 bytes each.
    """
    if _digests is None:
        return pl.Series(values=[bytes.fromhex(cache_key(url)) for url in urls.to_list()], dtype=pl.Binary)
    digests = _digests.sha256(*buffers(urls))
    offsets = np.arange(0, len(digests) + 1, KEY_BYTES, dtype=np.int64)
    array = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(urls), [None, pa.py_buffer(offsets), pa.py_buffer(digests)]
    )
    return pl.Series(values=array, dtype=pl.Binary)


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
    return pl.Series(values=array, dtype=pl.String)


def partitions_of(reference_ids: pl.Series, partitions: int) -> Positions:
    """The partition of each reference id, as `transforms.rules.identity.partition_of` gives it: int64[N]."""
    if _digests is None:
        ids = reference_ids.to_list()
        return np.fromiter((partition_of(each, partitions) for each in ids), np.int64, len(ids))
    return np.frombuffer(_digests.crc32(*buffers(reference_ids)), np.uint32).astype(np.int64) % partitions


def registers(texts: pl.Series | SomeTexts, lg_k: int) -> bytes | None:
    """The registers of a HyperLogLog sketch of many texts, a byte each; None without the extension.

    Args:
        texts: String array of shape (N,) without nulls, or some texts.
        lg_k: Logarithm of the number of registers.
    """
    if _digests is None:
        return None
    if isinstance(texts, SomeTexts):
        return _digests.registers(*texts.buffers, lg_k, texts.selected.view(np.uint8))
    return _digests.registers(*buffers(texts), lg_k)
