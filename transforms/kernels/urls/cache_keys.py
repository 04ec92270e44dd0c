"""Makes the list of cache keys of a version, one row for each key, and the list of those that are new in it (K2)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.hashing import KEY_BYTES, digits
from transforms.kernels.batch.sorting import order_of
from transforms.kernels.batch.string_buffers import buffers
from transforms.rules.export_rows import GROUPS, Group

_MOST_UINT16 = 2**16
NOBODY = -1
KEY_USES = {
    "cache_key": pl.Binary(),
    "url": pl.String(),
    "kind": pl.String(),
    "reference_id": pl.String(),
    "owner": pl.Int32(),
    "first_version": pl.Int64(),
}
"""Columns of the uses of keys: `owner` as `use_owner` numbers them, `first_version` which first listed the key."""


def key_partitions(keys: pl.Series, partitions: int) -> Positions:
    """The partition of each key, int64[N]: by its leading bytes, so that the parts in their order are sorted by key."""
    return _partitions(_prefixes(keys), partitions)


def _partitions(prefixes: npt.NDArray[np.uint64], partitions: int) -> Positions:
    return ((prefixes >> np.uint64(32)).astype(np.int64) * partitions) >> 32


def _prefixes(keys: pl.Series) -> npt.NDArray[np.uint64]:
    """The first eight bytes of each key as a number."""
    places, data = buffers(keys)
    first = int(np.frombuffer(places, np.int64)[0])
    block = np.frombuffer(data, np.uint8)[first : first + len(keys) * KEY_BYTES].reshape(-1, KEY_BYTES)
    return np.ascontiguousarray(block[:, :8]).view(">u8").ravel().astype(np.uint64)


def listed(uses: pl.DataFrame) -> pl.DataFrame:
    """Each key once, sorted by key, with the smallest reference id that uses it and the kind and URL of that use."""
    by_key = uses if uses["cache_key"].is_sorted() else uses[order_of(uses["cache_key"])]
    if not _has_repeated(by_key["cache_key"]):  # the usual case: each image is used by one record
        return by_key
    return uses.sort("cache_key", "reference_id", "kind", "url").unique("cache_key", keep="first", maintain_order=True)


def _has_repeated(keys: pl.Series) -> bool:
    """Whether any of these sorted keys is there twice."""
    return bool((keys == keys.shift()).any())


@dataclass(frozen=True, slots=True)
class CacheKeys:
    """One part of the list of a version.

    Attributes:
        frame: Columns of `transforms.rules.avro_schema.CACHE_KEYS`, sorted by key.
        uploads: Columns of `transforms.rules.avro_schema.UPLOADS`, sorted by key: the keys of `frame` that no earlier
            version listed.
        uses: The uses behind the list, with the columns KEY_USES: each key once for each of its owners, and a key that
            is no longer used once with the owner NOBODY, so that it is known when it is used again (K2).
    """

    frame: pl.DataFrame
    uploads: pl.DataFrame
    uses: pl.DataFrame

    @property
    def upload(self) -> int:
        """How many keys no earlier version listed."""
        return self.uploads.height

    @property
    def cached(self) -> int:
        """How many keys an earlier version listed."""
        return self.frame.height - self.uploads.height

    @classmethod
    def of(
        cls, incoming: pl.DataFrame, published: pl.DataFrame, *, changed: Collection[int] | None, version: int
    ) -> Self:
        """The list of the next version.

        Args:
            incoming: Uses of rows that changed, with the columns USES and `owner`: all uses of owners in `changed`, of
                others only the differences, as `changed_uses` returns them.
            published: Uses as the published version has them, columns KEY_USES.
            changed: The owners whose uses are all incoming, so that their published uses are dropped; None for all.
            version: The version to be published.
        """
        if not published.height:
            used = incoming.filter(pl.col("url").is_not_null())
            return cls._listed(used.select(pl.all(), first_version=pl.lit(version, pl.Int64)), no_uses(), version)
        remains = pl.lit(value=False) if changed is None else ~pl.col("owner").is_in(list(changed))
        kept = published.filter(remains & (pl.col("owner") != NOBODY))
        kept = kept.drop("first_version").join(incoming, on=["cache_key", "owner"], how="anti")
        incoming = incoming.filter(pl.col("url").is_not_null())
        first = published.group_by("cache_key").agg(pl.col("first_version").min())
        uses = (
            pl.concat([kept, incoming.select(kept.columns).cast(kept.schema)])
            .join(first, on="cache_key", how="left")
            .with_columns(first_version=pl.col("first_version").fill_null(version))
        )
        unused = first.join(uses, on="cache_key", how="anti").with_columns(owner=pl.lit(NOBODY, pl.Int32))
        return cls._listed(uses, unused, version)

    @classmethod
    def _listed(cls, uses: pl.DataFrame, unused: pl.DataFrame, version: int) -> Self:
        """The list that all uses make; `unused` are the known keys that are no longer used."""
        by_key = listed(uses)
        digested = by_key.with_columns(digits(by_key["cache_key"]).alias("cache_key"))
        frame = digested.select("cache_key", "url", "kind", "reference_id", "first_version")
        if not unused.height and frame.height == uses.height:
            every = by_key.select(*KEY_USES)  # each key has one use: sorted by key is sorted
        else:
            every = pl.concat([uses, unused], how="diagonal").select(*KEY_USES).sort("cache_key", "owner")
        uploads = frame.filter(pl.col("first_version") == version).drop("first_version")
        return cls(frame, uploads, every)


def changed_uses(
    before: pl.DataFrame, after: pl.DataFrame, others: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """The uses of an owner that differ after some of its rows have changed, once each, with the columns USES.

    A key that the owner no longer uses is listed without its URL.

    Args:
        before: Uses of these rows before the change.
        after: Uses of the rows that replace them.
        others: The uses of given keys by rows that did not change.
    """
    old, new = listed(before), listed(after)
    keys = pl.concat([_missing(old, new), _missing(new, old)])["cache_key"].unique()
    if not len(keys):
        return after.head(0)
    same = others(keys)
    old, new = (
        listed(pl.concat([uses.filter(pl.col("cache_key").is_in(keys.implode())), same])) for uses in (before, after)
    )
    unused = old.join(new, on="cache_key", how="anti").select("cache_key")
    return pl.concat([_missing(new, old), unused], how="diagonal").sort("cache_key")


def _missing(uses: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The uses that are not among others."""
    return uses.join(others, on=uses.columns, how="anti", nulls_equal=True)


def has_uses_of(published: pl.DataFrame, owners: Collection[int]) -> bool:
    """Whether any of these uses is by one of these owners."""
    return bool(published["owner"].is_in(list(owners)).any())


def no_uses() -> pl.DataFrame:
    """Uses of nothing, with the columns KEY_USES."""
    return pl.DataFrame(schema=KEY_USES)


def use_owner(partition: int, group: Group) -> int:
    """The number by which uses name the rows that they come from: those of one group of one partition."""
    return partition * len(GROUPS) + GROUPS.index(group)


def split_uses(frames: Sequence[pl.DataFrame], partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """The uses by key partition, in any order; a key that one owner uses several times is there once."""
    if not frames:
        return
    uses = pl.concat(frames, rechunk=True)
    prefixes = _prefixes(uses["cache_key"])
    ordered = np.sort(prefixes)
    if (ordered[1:] == ordered[:-1]).any():  # different keys with eight bytes in common are not to be expected
        uses = pl.concat([listed(frame) for frame in frames], rechunk=True)
        prefixes = _prefixes(uses["cache_key"])
    numbers = _partitions(prefixes, partitions)
    order = np.argsort(numbers.astype(np.uint16) if partitions <= _MOST_UINT16 else numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(partitions + 1))
    ordered_uses = uses[order]
    for number in np.unique(numbers).tolist():
        start, stop = int(bounds[number]), int(bounds[number + 1])
        yield number, ordered_uses[start:stop]
