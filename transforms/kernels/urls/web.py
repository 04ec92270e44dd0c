"""Canonical URLs of web addresses with a query, with escapes, or of buckets, a column at a time (K3).

The expensive parts, the parameters of a query and the names of a bucket's hosts, repeat in the URLs of an export. They
are decided by the rules, once for each set of names and for each host.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

import numpy as np
import polars as pl

from transforms.kernels.urls.queries import without_signatures
from transforms.rules import bucket_urls
from transforms.rules.limits import MAX_URL_CHARACTERS

# Why the standard does not change a match:
# - the last label of the host is letters only, so the host is no IPv4 address in any of its notations, has no port and
#   no trailing dot; labels are lower-case ASCII, which the standard changes only where they are punycode (below);
# - a path segment that does not start with a dot is no dot segment, nor is one without an escaped dot (below);
# - none of these characters is ever escaped, and a percent sign stays as it is, whatever follows it.
HOST: Final = r"(?:[a-z0-9_-]+\.)*[a-z]+"
UNCHANGED: Final = "A-Za-z0-9_~!$&'()*+,;=:@"
SEGMENTS: Final = "(?:/(?:[%s-][%s.-]*)?)+"
_QUERY: Final = r"[A-Za-z0-9._~!$&()*+,;=:@%/?|{}\[\]^`\\-]+"
_SAME_IN_THE_STANDARD: Final = rf"^https?://{HOST}{SEGMENTS % (f'{UNCHANGED}%', f'{UNCHANGED}%')}(?:\?{_QUERY})?$"
_ESCAPED_DOTS: Final = ("%2e", "%2E")
_PUNYCODE: Final = r"^https?://(?:[^/]*\.)?xn--"
_LONGER: Final = 16
"""By so many characters a canonical URL of a bucket may be longer than what was given."""
_UNESCAPED_NAME: Final = r"^[A-Za-z0-9_.~/-]+$"
"""A name of an object that is not escaped in a path."""
_BUCKET: Final = f"^{bucket_urls.BUCKET}$"


def web_column(urls: pl.Series) -> pl.Series:
    """The canonical URLs of a column, as far as they need no rule for each of them.

    Args:
        urls: String array of shape (N,), nulls allowed.

    Returns:
        String array of shape (N,): null where the rule has to decide.
    """
    is_unchanged = (
        (urls.str.len_bytes() <= MAX_URL_CHARACTERS - _LONGER)
        & urls.str.contains(_SAME_IN_THE_STANDARD)
        & ~urls.str.contains(_PUNYCODE)
    )
    for dot in _ESCAPED_DOTS:  # a search for a text alone is faster than one for a choice
        is_unchanged &= ~urls.str.contains(dot, literal=True)
    parts = pl.DataFrame({"url": urls.set(~is_unchanged, None)}).select(_halves(pl.col("url"), "?", "base", "query"))
    kept = without_signatures(parts["query"])
    table = parts.with_columns(
        _halves(pl.col("base").str.splitn("://", 2).struct[1], "/", "authority", "path"),
        kept=kept,
        is_known=pl.col("base").is_not_null() & (pl.col("query").is_null() | kept.is_not_null()),
    ).with_columns(kept=pl.col("kept").fill_null(""))
    found = table.select(
        pl.when("is_known").then(
            pl.col("base") + pl.when(pl.col("kept") != "").then("?" + pl.col("kept")).otherwise(pl.lit(""))
        )
    ).to_series()
    is_store = pl.any_horizontal(pl.col("authority").str.ends_with(domain) for domain in bucket_urls.STORE_DOMAINS)
    of_stores = np.flatnonzero(
        table.select(pl.col("is_known") & is_store).to_series().fill_null(value=False).to_numpy()
    )
    if not len(of_stores):
        return found
    return found.scatter(of_stores, _of_stores(table[of_stores], found.gather(of_stores)))


def _halves(texts: pl.Expr, separator: str, before: str, behind: str) -> pl.Expr:
    """Columns of what stands before and behind the first separator; what stands behind is null where there is none."""
    return texts.str.splitn(separator, 2).struct.rename_fields([before, behind]).struct.unnest()


def _of_stores(table: pl.DataFrame, web: pl.Series) -> pl.Series:
    """The canonical URLs of URLs with a host of a store's domains; null where the rule has to decide.

    Args:
        table: Columns ``authority``, ``path`` and ``kept`` (the query without signature), of shape (N,).
        web: String array of shape (N,), the canonical URLs if the hosts are no bucket hosts.
    """
    hosts = table["authority"].unique()
    stores = [bucket_urls.store_of(host) for host in hosts]
    known = pl.DataFrame(
        {
            "authority": hosts,
            "scheme": [store and store[0] for store in stores],
            "in_host": [store and store[1] for store in stores],
        },
        schema={"authority": pl.String, "scheme": pl.String, "in_host": pl.String},
    )
    frame = (
        table.with_columns(_halves(pl.col("path"), "/", "first", "others"), web=web)
        .join(known, on="authority", how="left", maintain_order="left")
        .with_columns(
            bucket=pl.coalesce("in_host", "first"),
            name=pl.when(pl.col("in_host").is_null()).then("others").otherwise("path"),
            is_api=pl.any_horizontal(
                pl.col("path").str.starts_with(root.removeprefix("/")) for root in bucket_urls.GS_API_ROOTS
            ),
        )
    )
    literal = _literal(frame["name"], (frame["scheme"] == "s3").fill_null(value=False))
    is_bucket = pl.col("bucket").str.contains(_BUCKET) & ~pl.col("bucket").is_in(bucket_urls.GS_API_BUCKETS)
    is_version = pl.lit(value=False)
    for scheme, pattern in bucket_urls.VERSIONS.items():
        is_version |= (pl.col("scheme") == scheme) & pl.col("kept").str.contains(f"^(?:{pattern.pattern})$")
    uri = pl.col("scheme") + "://" + pl.col("bucket") + "/" + pl.col("literal")
    endpoint = pl.col("scheme").replace_strict(bucket_urls.ENDPOINTS, default=None, return_dtype=pl.String)
    in_path = "https://" + endpoint + "/" + pl.col("bucket") + "/" + pl.col("literal") + "?" + pl.col("kept")
    return (
        frame.with_columns(literal=literal)
        .select(
            pl.when(pl.col("scheme").is_null())
            .then("web")
            .when(~is_bucket | pl.col("is_api") | (pl.col("literal") == ""))
            .then(None)
            .when(pl.col("kept") == "")
            .then(uri)
            .when(is_version)
            .then(uri + "?" + pl.col("kept"))
            .when(
                pl.col("literal").str.contains(_UNESCAPED_NAME)
                & ~pl.col("literal").str.contains(r"(?:^|/)\.\.?(?:/|$)")
            )
            .then(in_path)
        )
        .to_series()
    )


def _literal(names: pl.Series, is_s3: pl.Series) -> pl.Series:
    """The names of objects without escapes, null where a name is no text or has a question mark.

    A raw plus is a blank in a path of S3.
    """
    spaced = names.zip_with(~is_s3, names.str.replace_all("+", "%20", literal=True))
    where = np.flatnonzero(spaced.str.contains("%", literal=True).fill_null(value=False).to_numpy())
    if not len(where):
        return spaced
    return spaced.scatter(where, pl.Series(list(map(_decoded, spaced.gather(where).to_list())), dtype=pl.String))


def _decoded(name: str) -> str | None:
    try:
        text = unquote_to_bytes(name).decode()
    except UnicodeDecodeError:
        return None
    return None if "?" in text else text
