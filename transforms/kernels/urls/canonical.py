"""Canonical image URLs and their cache keys, a column at a time (K1, K3, K4).

Most URLs of an export are canonical already. A pattern recognises those that provably are; only the others go through
the scalar rule, once per distinct value, so the column agrees with the rule by construction.
"""

import re
from typing import Final

import numpy as np
import polars as pl

from transforms.kernels.batch.hashing import cache_keys, digits
from transforms.kernels.batch.metadata_columns import spread
from transforms.rules import bucket_urls, image_urls
from transforms.rules.limits import MAX_URL_CHARACTERS

# Why a match is its own canonical URL:
# - the last label of the host is letters only, so the host is no IPv4 address in any of its notations, has no port and
#   no trailing dot; labels are lower-case ASCII, which the standard changes only where they are punycode (below);
# - a path segment that does not start with a dot is no dot segment, and none of these characters is ever escaped;
# - there is no query, no fragment, no percent sign and nothing that is stripped.
_CANONICAL_WEB: Final = (
    r"https?://(?:[a-z0-9_-]+\.)*[a-z]+(?:/(?:[A-Za-z0-9_~!$&'()*+,;=:@-][A-Za-z0-9_~!$&'()*+,;=:@.-]*)?)+"
)
# A name in a bucket URI is literal, whatever it holds.
_CANONICAL_OBJECT: Final = rf"(?:gs|s3)://{bucket_urls.BUCKET}/(?s:.+)"
_CANONICAL: Final = rf"^(?:{_CANONICAL_WEB}|{_CANONICAL_OBJECT})$"
# Hosts that may be written otherwise: those of the stores, and punycode labels.
_SPECIAL: Final = rf"^https?://(?:[^/]*(?:{'|'.join(map(re.escape, bucket_urls.STORE_DOMAINS))})/|(?:[^/]*\.)?xn--)"


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
        return canonical, pl.Series("error", [None], dtype=pl.String).new_from_index(0, len(urls))
    frame = pl.DataFrame({"canonical": canonical, "is_canonical": is_canonical}).select(
        pl.when("is_canonical").then("canonical").alias("canonical"),
        pl.when(~pl.col("is_canonical")).then("canonical").alias("url"),
    )
    by_rule = frame.join(_by_rule(frame["url"].drop_nulls().unique()), on="url", how="left", maintain_order="left")
    return (
        by_rule.select(pl.coalesce("canonical", "by_rule").alias("canonical")).to_series(),
        by_rule["error"],
    )


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
