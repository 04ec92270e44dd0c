"""Canonical image URLs and their cache keys, a column at a time (K1, K3, K4).

Most URLs of an export are canonical already. A pattern recognises those that provably are; of the others, `web` takes
the frequent forms by columns, if there are enough. What is left goes through the scalar rule, once per distinct value.
"""

import re
from typing import Final

import numpy as np
import polars as pl

from transforms.kernels.batch.hashing import cache_keys, digits
from transforms.kernels.batch.metadata_columns import spread
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.urls.web import HOST, SEGMENTS, UNCHANGED, web_column
from transforms.rules import bucket_urls, image_urls
from transforms.rules.limits import MAX_URL_CHARACTERS

# A match is its own canonical URL: the standard does not change it (`web`), and there is no query that could be a
# signature, nor an escape that could be a dot.
_CANONICAL_WEB: Final = rf"https?://{HOST}{SEGMENTS % (UNCHANGED, UNCHANGED)}"
# A name in a bucket URI is literal, whatever it holds.
_CANONICAL_OBJECT: Final = rf"(?:gs|s3)://{bucket_urls.BUCKET}/(?s:.+)"
_CANONICAL: Final = rf"^(?:{_CANONICAL_WEB}|{_CANONICAL_OBJECT})$"
# Hosts that may be written otherwise: those of the stores, and punycode labels.
_SPECIAL: Final = rf"^https?://(?:[^/]*(?:{'|'.join(map(re.escape, bucket_urls.STORE_DOMAINS))})/|(?:[^/]*\.)?xn--)"

FEW: Final = 64
"""Up to so many URLs that are not canonical go to the rule at once: work on columns, of a millisecond or three, costs
more."""


def canonical_column(urls: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The canonical URLs of a column (K3), and why those that have none were refused (K4).

    Args:
        urls: String array of shape (N,), nulls allowed.

    Returns:
        ``canonical``, String array of shape (N,): null where the URL is null or refused.
        ``error``, String array of shape (N,): the text of `InvalidUrl`, null elsewhere.
    """
    is_short = urls.str.len_bytes() <= MAX_URL_CHARACTERS  # R8; a character has one byte at least
    if not is_short.all():  # one character too many is enough for the rule to refuse it
        urls = urls.str.head(MAX_URL_CHARACTERS + 1)
    is_canonical = (is_short & urls.str.contains(_CANONICAL) & ~urls.str.contains(_SPECIAL)).fill_null(value=True)
    canonical = urls.rename("canonical")
    if is_canonical.all():
        return canonical, null_column("error", pl.String(), len(urls))
    others = np.flatnonzero(~is_canonical.to_numpy())
    if len(others) > FEW:
        by_columns = web_column(urls.gather(others))
        canonical = canonical.scatter(others, by_columns)
        others = others[by_columns.is_null().to_numpy()]
    if not len(others):
        return canonical, null_column("error", pl.String(), len(urls))
    left = urls.gather(others).alias("url").to_frame()
    by_rule = left.join(_by_rule(left["url"].unique()), on="url", how="left", maintain_order="left")
    return canonical.scatter(others, by_rule["by_rule"]), spread(by_rule["error"], others, len(urls)).alias("error")


def cache_key_column(canonical: pl.Series) -> pl.Series:
    """The cache keys of canonical URLs (K1).

    Args:
        canonical: String array of shape (N,), nulls allowed.

    Returns:
        ``cache_key``, Binary array of shape (N,): 32 bytes each, null where the URL is null.
    """
    there = np.flatnonzero(canonical.is_not_null().to_numpy())
    return spread(cache_keys(canonical.drop_nulls()), there, len(canonical)).rename("cache_key")


def published_keys(keys: pl.Series) -> pl.Series:
    """Cache keys as they are published.

    Args:
        keys: Binary array of shape (N,), nulls allowed.

    Returns:
        ``cache_key``, String array of shape (N,): 64 hex digits each, null where the key is null.
    """
    there = np.flatnonzero(keys.is_not_null().to_numpy())
    return spread(digits(keys.drop_nulls()), there, len(keys)).rename("cache_key")


def _by_rule(urls: pl.Series) -> pl.DataFrame:
    """The results of the scalar rule for distinct URLs: columns ``url``, ``by_rule`` and ``error``, all String."""
    by_rule: list[str | None] = []
    errors: list[str | None] = []
    for url in urls:
        try:
            by_rule.append(image_urls.canonical(url))
            errors.append(None)
        except image_urls.InvalidUrl as invalid:
            by_rule.append(None)
            errors.append(str(invalid))
    return pl.DataFrame(
        {"url": urls, "by_rule": by_rule, "error": errors},
        schema={"url": pl.String, "by_rule": pl.String, "error": pl.String},
    )
