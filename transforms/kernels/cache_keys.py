"""The list of cache keys: one row for each key of a version (K2)."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import polars as pl

_PREFIX_DIGITS = 8
_SYNC_MARKER_BYTES = 16


def key_partitions(keys: pl.Series, partitions: int) -> pl.Series:
    """The partition of each key, int64: by its leading digits, so that the parts in their order are sorted by key."""
    prefix = keys.str.head(_PREFIX_DIGITS).str.to_integer(base=16, dtype=pl.Int64)
    parts: pl.Series = (prefix * partitions) // 16**_PREFIX_DIGITS
    return parts


def listed(uses: pl.DataFrame) -> pl.DataFrame:
    """Each key once, sorted: with the smallest reference id that uses it, and what it is there."""
    return uses.sort("cache_key", "reference_id", "kind", "url").unique("cache_key", keep="first", maintain_order=True)


def _is_without_rows(container: bytes) -> bool:
    """Whether an Avro container has no block, which polars refuses to read.

    The header ends with the sync marker, and so does every block: without a block the last one is also the first.
    """
    marker = container[-_SYNC_MARKER_BYTES:]
    return container.find(marker) == len(container) - _SYNC_MARKER_BYTES


@dataclass(frozen=True, slots=True)
class CacheKeys:
    """One part of the list of a version.

    Attributes:
        frame: Columns of `transforms.rules.avro_schema.CACHE_KEYS`, sorted by key.
        upload: Keys that are new in this version.
        cached: Keys that an earlier version listed.
    """

    frame: pl.DataFrame
    upload: int
    cached: int

    @classmethod
    def of(cls, uses: pl.DataFrame, before: bytes | None, *, version: int) -> Self:
        """The list for keys as `listed` gives them, continuing the Avro part `before` of the published version."""
        if before is None or _is_without_rows(before):
            known = pl.DataFrame(schema={"cache_key": pl.String, "first_version": pl.Int64})
        else:
            known = pl.read_avro(io.BytesIO(before), columns=["cache_key", "first_version"])
        frame = (
            uses.join(known, on="cache_key", how="left")
            .with_columns(
                action=pl.when(pl.col("first_version").is_null()).then(pl.lit("upload")).otherwise(pl.lit("cached")),
                first_version=pl.col("first_version").fill_null(version),
            )
            .select("cache_key", "url", "kind", "reference_id", "first_version", "action")
            .sort("cache_key")
        )
        upload = int((frame["action"] == "upload").sum())
        return cls(frame, upload, frame.height - upload)


def split_uses(frames: Sequence[pl.DataFrame], partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """The uses by key partition; a key that is used several times here already once only."""
    if not frames:
        return
    uses = listed(pl.concat(frames))
    numbers = key_partitions(uses["cache_key"], partitions)
    for (number,), part in uses.with_columns(number=numbers).partition_by("number", as_dict=True).items():
        yield int(number), part.drop("number")
