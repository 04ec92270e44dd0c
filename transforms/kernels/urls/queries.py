"""Removes the parameters that only sign URLs from a column of queries, by the names of their parameters (K3)."""

from typing import Final

import numpy as np
import polars as pl

from transforms.rules.signed_urls import (
    MAX_KNOWN_CHARACTERS,
    MIN_SIGNING_PARAMETERS,
    SAS_VERSION,
    signing_parameters,
)

_FEW: Final = 32
"""Names that fewer queries have are left to the rule: each set of names has a fixed cost."""
_HAS_SAS_VERSION: Final = f"(?:^|&){SAS_VERSION}(?:&|$)"
_BY_RULE, _WHOLE, _NOTHING = -1, 0, 1
"""What is kept of a query; larger numbers are those of lists of parameters."""


def without_signatures(queries: pl.Series) -> pl.Series:
    """The queries without the parameters that only sign them (`transforms.rules.signed_urls.without_signature`).

    The queries of an export have few sets of names between them; each set is looked at once.

    Args:
        queries: String array of shape (N,), nulls allowed.

    Returns:
        String array of shape (N,): null where the query is null, or is left to the rule.
    """
    names = _names(queries)
    if names.null_count() == len(names):
        return queries
    parts: list[list[int]] = []
    ways: dict[str, int] = {}
    versioned: list[str] = []
    for text, count in names.drop_nulls().value_counts().iter_rows():
        if count < _FEW or len(text) > MAX_KNOWN_CHARACTERS:
            continue
        given = text.split("&")
        dropped, version = signing_parameters(tuple(given))
        kept = [place for place, name in enumerate(given) if name not in dropped]
        ways[text] = _WHOLE if not dropped else _NOTHING
        if version is not None:
            versioned.append(text)
        if dropped and kept:
            parts.append(kept)
            ways[text] = _NOTHING + len(parts)
    texts, numbers = pl.Series(list(ways), dtype=pl.String), pl.Series(list(ways.values()), dtype=pl.Int32)
    chosen = names.replace_strict(texts, numbers, default=_BY_RULE, return_dtype=pl.Int32)
    chosen = chosen.set(names.is_null(), _WHOLE)
    if versioned:
        chosen = chosen.set(names.is_in(versioned) & ~queries.str.contains(_HAS_SAS_VERSION), _BY_RULE)
    kept_whole = queries.set(chosen != _WHOLE, None).set(chosen == _NOTHING, "")
    for number, places in enumerate(parts, _NOTHING + 1):
        where = np.flatnonzero((chosen == number).to_numpy())
        some = queries.gather(where).str.split("&").list.gather(places).list.join("&")
        kept_whole = kept_whole.scatter(where, some)
    return kept_whole


def _names(queries: pl.Series) -> pl.Series:
    """The names of the parameters of each query, null for queries of too few parameters to be signed."""
    may_be_signed = queries.str.count_matches("&", literal=True) >= MIN_SIGNING_PARAMETERS - 1
    parameters = queries.set(~may_be_signed, None).str.split("&")
    return parameters.list.eval(pl.element().str.splitn("=", 2).struct[0]).list.join("&")
