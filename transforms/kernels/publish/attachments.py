"""Turns the context attachments of rows into a published column and uses of URLs, as one long table (A1, K1)."""

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter

import numpy as np
import polars as pl
import pyarrow as pa
from msgspec import Raw, Struct

from transforms.kernels.batch.arrow_arrays import series_of
from transforms.kernels.batch.attachments import stored
from transforms.kernels.batch.hashing import cache_keys, digits
from transforms.kernels.batch.list_columns import list_column
from transforms.kernels.batch.metadata_columns import spread
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.attachments import FIELD, NUMBERS
from transforms.rules.policies import CacheKeyMode

KIND = "attachment"
"""The kind of these uses of URLs."""
_NUMBERS = {member: pl.Struct(dict.fromkeys(keys, pl.Float64)) for member, keys, _ in NUMBERS}
_ATTACHMENT = pl.Struct(
    {"attachment": pl.String, "cache_key": pl.String, "frame": pl.Int64, **_NUMBERS, "metadata": pl.String}
)
_COLUMN = pl.List(_ATTACHMENT)
_SLAB_ROWS = 8_192
"""So many rows are parsed at once: as objects, attachments take ten times their bytes."""


def published_attachments(
    texts: pl.Series | None, names: pl.Series, mode: CacheKeyMode
) -> tuple[pl.Series, pl.DataFrame]:
    """The column of attachments of N rows, and the URLs that they use.

    Args:
        texts: The JSON of the attachments of each row, checked when the record was read, null where a row has none:
            String array of shape (N,); None if no row has any.
        names: The reference id of each row: String array of shape (N,).
        mode: What is hashed for cache keys.

    Returns:
        A list for each row, null where it has none; and columns cache_key, url, kind and reference_id, a row for each
        attachment, in the order of the rows.
    """
    if texts is None or texts.null_count() == len(texts):
        nothing = {"cache_key": pl.Binary(), "url": pl.String(), "kind": pl.String(), "reference_id": pl.String()}
        return null_column(FIELD, _COLUMN, len(names)), pl.DataFrame(schema=nothing)
    rows = np.flatnonzero(texts.is_not_null().to_numpy())
    given, owners = texts.drop_nulls(), names.gather(rows)
    slabs = [
        _published(given[start : start + _SLAB_ROWS].to_list(), owners[start : start + _SLAB_ROWS], mode)
        for start in range(0, len(given), _SLAB_ROWS)
    ]
    column = pl.concat([column for column, _ in slabs], rechunk=True)
    return spread(column, rows, len(names)).alias(FIELD), pl.concat([uses for _, uses in slabs], rechunk=True)


def _published(texts: Sequence[str], names: pl.Series, mode: CacheKeyMode) -> tuple[pl.Series, pl.DataFrame]:
    """As `published_attachments`, of rows that all have attachments."""
    lists = stored(texts)
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    found = list(chain.from_iterable(lists))
    given = pl.Series("attachment", [each.attachment for each in found], pl.String)
    url, errors = canonical_column(given)
    if errors.null_count() < len(errors):  # they were checked when the records were read
        raise TypeError(f"expected checked attachments, got {errors.drop_nulls().to_list()}")
    keys = cache_keys(given if mode == "raw" else url)
    table = [
        given,
        digits(keys).alias("cache_key"),
        pl.Series("frame", [each.frame for each in found], pl.Int64),
        *(_numbers(member, [getattr(each, member) for each in found], names_of) for member, names_of, _ in NUMBERS),
        _texts([each.metadata for each in found]).alias("metadata"),
    ]
    uses = [
        keys.alias("cache_key"),
        url.alias("url"),
        pl.Series("kind", [KIND], pl.String).new_from_index(0, len(found)),
        names.gather(np.repeat(np.arange(len(names)), counts)).alias("reference_id"),
    ]
    return list_column(pl.DataFrame(table).to_struct(), counts).cast(_COLUMN), pl.DataFrame(uses)


def _numbers(name: str, given: Sequence[Struct | None], keys: Sequence[str]) -> pl.Series:
    """The numbers of an object of each attachment, as a struct of doubles; null where it has no such object."""
    places = [place for place, each in enumerate(given) if each is not None]
    there = given if len(places) == len(given) else [given[place] for place in places]
    members = chain.from_iterable(map(attrgetter(*keys), there))
    table = np.fromiter(members, np.float64, len(there) * len(keys)).reshape(len(there), len(keys))
    columns = [pl.Series(key, np.ascontiguousarray(table[:, place])) for place, key in enumerate(keys)]
    return spread(pl.DataFrame(columns).to_struct(), np.array(places, np.int64), len(given)).alias(name)


def _texts(given: Sequence[Raw]) -> pl.Series:
    """JSON texts as a column; null where there is nothing, or null."""
    data = b"".join(given)
    sizes = np.fromiter((memoryview(each).nbytes for each in given), np.int64, len(given))
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    array = pa.LargeStringArray.from_buffers(len(given), pa.py_buffer(offsets), pa.py_buffer(data))
    texts = series_of(array)
    return texts.set(texts.is_in(["", "null"]), None)
