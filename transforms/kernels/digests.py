"""Digests of whole columns of texts, by a C extension if it was built: cache keys (K1), partitions, sketches (T1)."""

import numpy as np
import polars as pl
import pyarrow as pa

from transforms.kernels.batch import Positions
from transforms.kernels.texts import buffers
from transforms.rules.identity import partition_of
from transforms.rules.image_urls import cache_key

try:
    from transforms.kernels import _digests
except ImportError:  # no compiler where the package was installed
    _digests = None  # type: ignore[assignment]

_DIGITS = 64


def cache_keys(urls: pl.Series) -> pl.Series:
    """The cache key of each URL, as `transforms.rules.image_urls.cache_key` gives it.

    Args:
        urls: String array of shape (N,) without nulls.

    Returns:
        String array of shape (N,), 64 hex digits each.
    """
    if _digests is None:
        return pl.Series(values=[cache_key(url) for url in urls.to_list()], dtype=pl.String)
    digits = _digests.sha256_hex(*buffers(urls))
    offsets = np.arange(0, len(digits) + 1, _DIGITS, dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(len(urls), pa.py_buffer(offsets), pa.py_buffer(digits))
    return pl.Series(values=array, dtype=pl.String)


def partitions_of(reference_ids: pl.Series, partitions: int) -> Positions:
    """The partition of each reference id, as `transforms.rules.identity.partition_of` gives it: int64[N]."""
    if _digests is None:
        ids = reference_ids.to_list()
        return np.fromiter((partition_of(each, partitions) for each in ids), np.int64, len(ids))
    return np.frombuffer(_digests.crc32(*buffers(reference_ids)), np.uint32).astype(np.int64) % partitions


def sketched(texts: pl.Series, lg_k: int) -> pl.Series | None:
    """Those of many texts that fill the registers of a HyperLogLog sketch as all do; None without the extension.

    Args:
        texts: String array of shape (N,) without nulls.
        lg_k: Logarithm of the number of registers.
    """
    if _digests is None:
        return None
    return texts.gather(np.frombuffer(_digests.registers(*buffers(texts), lg_k), np.int64))
