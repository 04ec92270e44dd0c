"""The list of cache keys: one row for each key of a version (K2)."""

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
    """Each key once, sorted: with the smallest reference id that uses it, and what it is there."""
    by_key = uses if uses["cache_key"].is_sorted() else uses[order_of(uses["cache_key"])]
    if not _has_repeated(by_key["cache_key"]):  # as most are: images that one record uses
        return by_key
    return uses.sort("cache_key", "reference_id", "kind", "url").unique("cache_key", keep="first", maintain_order=True)


def _has_repeated(keys: pl.Series) -> bool:
    """Whether any of these keys, which are in their order, comes twice."""
    return bool((keys == keys.shift()).any())


@dataclass(frozen=True, slots=True)
class CacheKeys:
    """One part of the list of a version.

    Attributes:
        frame: Columns of `transforms.rules.avro_schema.CACHE_KEYS`, sorted by key.
        uses: The uses behind the list, with the columns KEY_USES: each key once for each of its owners, and a key that
            nobody uses any more once with the owner NOBODY, so that it is known when it comes back (K2).
        upload: Keys that no earlier version listed.
        cached: Keys that an earlier version listed.
    """

    frame: pl.DataFrame
    uses: pl.DataFrame
    upload: int
    cached: int

    @classmethod
    def of(cls, new: pl.DataFrame, held: pl.DataFrame, *, changed: Collection[int] | None, version: int) -> Self:
        """The list that new uses make of those held.

        Args:
            new: Uses of rows that changed, with the columns USES and `owner`; as `changed_uses` gives them of owners of
                whom most rows did not change.
            held: Uses as the published version has them, columns KEY_USES.
            changed: The owners of whom all uses are new, so that none that is held lasts; None for all.
            version: The version to be published.
        """
        if not held.height:
            came = new.filter(pl.col("url").is_not_null())
            return cls._listed(came.select(pl.all(), first_version=pl.lit(version, pl.Int64)), no_uses(), version)
        lasts = pl.lit(value=False) if changed is None else ~pl.col("owner").is_in(list(changed))
        kept = held.filter(lasts & (pl.col("owner") != NOBODY))
        kept = kept.drop("first_version").join(new, on=["cache_key", "owner"], how="anti")
        new = new.filter(pl.col("url").is_not_null())
        first = held.group_by("cache_key").agg(pl.col("first_version").min())
        uses = (
            pl.concat([kept, new.select(kept.columns).cast(kept.schema)])
            .join(first, on="cache_key", how="left")
            .with_columns(first_version=pl.col("first_version").fill_null(version))
        )
        ended = first.join(uses, on="cache_key", how="anti").with_columns(owner=pl.lit(NOBODY, pl.Int32))
        return cls._listed(uses, ended, version)

    @classmethod
    def again(cls, held: pl.DataFrame, *, version: int) -> Self:
        """The list that the uses held make, of which none has changed: what was new in it is so no more."""
        frame, upload = _named(listed(held.filter(pl.col("owner") != NOBODY)), version)
        return cls(frame, held, upload, frame.height - upload)

    @classmethod
    def _listed(cls, uses: pl.DataFrame, ended: pl.DataFrame, version: int) -> Self:
        """The list that all uses make; `ended` are the keys that nobody uses any more."""
        by_key = listed(uses)
        frame, upload = _named(by_key, version)
        if not ended.height and frame.height == uses.height:
            every = by_key.select(*KEY_USES)  # each key has one use: sorted by key is sorted
        else:
            every = pl.concat([uses, ended], how="diagonal").select(*KEY_USES).sort("cache_key", "owner")
        return cls(frame, every, upload, frame.height - upload)


def _named(by_key: pl.DataFrame, version: int) -> tuple[pl.DataFrame, int]:
    """What `listed` gave, with the columns of `CacheKeys.frame` in a version, and how many keys are new in it."""
    is_new = pl.col("first_version") == version
    action = pl.when(is_new).then(pl.lit("upload")).otherwise(pl.lit("cached")).alias("action")
    named = by_key.with_columns(digits(by_key["cache_key"]).alias("cache_key"))
    frame = named.select("cache_key", "url", "kind", "reference_id", "first_version", action)
    return frame, int((frame["first_version"] == version).sum())


def changed_uses(
    before: pl.DataFrame, after: pl.DataFrame, others: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """The uses of an owner that differ after some of its rows have changed, once each, with the columns USES.

    A key that the owner uses no more stands there without its URL.

    Args:
        before: Uses of these rows as they were.
        after: Uses of the rows that are there instead.
        others: The uses of these keys by rows that did not change.
    """
    was, now = listed(before), listed(after)
    keys = pl.concat([_lost(was, now), _lost(now, was)])["cache_key"].unique()
    if not len(keys):
        return after.head(0)
    same = others(keys)
    was, now = (
        listed(pl.concat([uses.filter(pl.col("cache_key").is_in(keys.implode())), same])) for uses in (before, after)
    )
    ended = was.join(now, on="cache_key", how="anti").select("cache_key")
    return pl.concat([_lost(now, was), ended], how="diagonal").sort("cache_key")


def _lost(uses: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The uses that are not among others."""
    return uses.join(others, on=uses.columns, how="anti", nulls_equal=True)


def lists_uploads(held: pl.DataFrame, version: int) -> bool:
    """Whether the list of a version has keys that are new in it, given its uses: the next list calls these cached."""
    return bool(((held["owner"] != NOBODY) & (held["first_version"] == version)).any())


def has_uses_of(held: pl.DataFrame, owners: Collection[int] | None) -> bool:
    """Whether any of these uses is by one of these owners; None stands for all."""
    return bool((held["owner"].is_in(list(owners)) if owners is not None else held["owner"] != NOBODY).any())


def no_uses() -> pl.DataFrame:
    """Uses of nothing, with the columns KEY_USES."""
    return pl.DataFrame(schema=KEY_USES)


def use_owner(partition: int, group: Group) -> int:
    """The number by which uses name the rows that they come from: those of one group of one partition."""
    return partition * len(GROUPS) + GROUPS.index(group)


def split_uses(frames: Sequence[pl.DataFrame], partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """The uses by key partition, in any order; a key that one owner uses several times once only."""
    if not frames:
        return
    uses = pl.concat(frames, rechunk=True)
    prefixes = _prefixes(uses["cache_key"])
    ordered = np.sort(prefixes)
    if (ordered[1:] == ordered[:-1]).any():  # of different keys not in a million years
        uses = pl.concat([listed(frame) for frame in frames], rechunk=True)
        prefixes = _prefixes(uses["cache_key"])
    numbers = _partitions(prefixes, partitions)
    order = np.argsort(numbers.astype(np.uint16) if partitions <= _MOST_UINT16 else numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(partitions + 1))
    arranged = uses[order]
    for number in np.unique(numbers).tolist():
        start, stop = int(bounds[number]), int(bounds[number + 1])
        yield number, arranged[start:stop]
