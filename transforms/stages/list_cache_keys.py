"""Lists the URLs that a version fetches, and those of them that no earlier version listed (K1, K2)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from transforms.avro.parts import avro_container, rows_of
from transforms.damage import damaged_file
from transforms.kernels.batch.arrow_ipc import from_arrow, to_arrow
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.hashing import KEY_BYTES
from transforms.kernels.publish.rows import USES
from transforms.kernels.urls.cache_keys import KEY_USES, NOBODY, CacheKeys, has_uses_of, no_uses, use_owner
from transforms.rules.avro_schema import AvroSchema, cache_key_schema, upload_schema
from transforms.stages.elements import Partition, PublishedFiles, WrittenKeys
from transforms.storage.stored_files import StoredFile, part_path, store
from transforms.storage.verified_files import verified


@dataclass(frozen=True, slots=True)
class Listing:
    """The inputs of a list of cache keys that are the same for all its partitions.

    Attributes:
        root: Folder of the part files.
        partitions: Number of partitions.
        version: The number to be published.
        published: What the published version lists.
        rebuilt: Whether all rows are new, so that no use of the published version remains (P5).
    """

    root: str
    partitions: int
    version: int
    published: PublishedFiles
    rebuilt: bool = False

    def unchanged(self) -> list[tuple[int, pl.DataFrame]]:
        """(key partition, no uses) for each published partition: it is listed also where no row of it changed."""
        return [
            (number, pl.DataFrame(schema={**USES, "owner": pl.Int32()})) for number in sorted(self.published.key_uses)
        ]


def changed_owners(partition: Partition) -> list[int]:
    """The owners whose uses are all incoming; of others only the differences are (`kernels.urls.changed_uses`)."""
    return [use_owner(partition.number, group) for group in sorted(partition.changed - partition.changes.keys())]


def list_cache_keys(number: int, uses: Iterable[pl.DataFrame], changed: Sequence[int], listing: Listing) -> WrittenKeys:
    """Lists the keys of one key partition; the published list is taken over where it stays as it is.

    Args:
        number: Of the key partition.
        uses: Frames of the uses of rows that changed, at least one, as `write_partition` gives them.
        changed: The `changed_owners` of all partitions.
        listing: The inputs that all key partitions share.
    """
    incoming = pl.concat(list(uses), rechunk=True)
    owners = None if listing.rebuilt else changed
    published_files = listing.published
    file, stored = published_files.keys.get(number), published_files.key_uses.get(number)
    is_damaged = part_path("cache_keys", number, listing.partitions, "avro") in published_files.damaged
    if stored is None or is_damaged or incoming.height or _has_uses_of(stored, owners):
        published = no_uses() if stored is None else read_uses(stored)
        keys = CacheKeys.of(incoming, published, changed=owners, version=listing.version)
        if stored is None or is_damaged or not keys.uses.equals(published):
            return written_keys(keys, listing.root, number, listing.partitions)
    return WrittenKeys(file, stored, None, upload=0, cached=0 if file is None else file.records)


def _has_uses_of(stored: StoredFile, owners: Collection[int] | None) -> bool:
    """Whether uses in a file may be by one of these owners; None stands for all. It is read only where it decides."""
    return owners is None or (len(owners) > 0 and has_uses_of(_columns(stored, ("owner",)), owners))


def read_uses(file: StoredFile) -> pl.DataFrame:
    """The uses that `written_keys` stored.

    Raises:
        DamagedFileError: The file is not what was written.
    """
    uses = _columns(file)
    keys = uses["cache_key"]
    if keys.null_count() or (keys.bin.size() != KEY_BYTES).any() or uses.columns != list(KEY_USES):
        raise damaged_file(file.uri, f"expected cache keys of {KEY_BYTES} bytes with their uses")
    return uses


def listed_keys(file: StoredFile) -> pl.DataFrame:
    """The keys of a part of the published list, as uses that no row makes, with the columns KEY_USES.

    Raises:
        DamagedFileError: The file is not what was written.
    """
    listed = pl.DataFrame(list(rows_of(bytes(verified(file)))))
    key = pl.col("cache_key").str.decode("hex")
    return listed.select(pl.exclude("cache_key"), cache_key=key, owner=pl.lit(NOBODY)).select(*KEY_USES).cast(KEY_USES)  # type: ignore[arg-type] # a mapping is taken


def _columns(file: StoredFile, names: Collection[str] | None = None) -> pl.DataFrame:
    stored = ExpectedColumns(file.uri, file.records, KEY_USES.get)
    return from_arrow(verified(file), names, stored)


def written_keys(
    keys: CacheKeys, root: str, number: int, partitions: int, *, file: StoredFile | None = None
) -> WrittenKeys:
    """Writes one part of each list, where it has keys, and the uses behind them.

    Args:
        keys: What to write.
        root: Where files are written.
        number: Of the part.
        partitions: How many there are.
        file: The part of the list of all keys, where it is stored already.
    """

    def stored(kind: str, frame: pl.DataFrame, schema: AvroSchema) -> StoredFile | None:
        if not frame.height:
            return None
        path = part_path(kind, number, partitions, "avro")
        return store(root, path, avro_container(frame, schema), records=frame.height)

    path = part_path("state/cache_keys", number, partitions, "arrow")
    return WrittenKeys(
        file=stored("cache_keys", keys.frame, cache_key_schema()) if file is None else file,
        uses=store(root, path, to_arrow(keys.uses), records=keys.uses.height),
        uploads=stored("uploads", keys.uploads, upload_schema()),
        upload=keys.upload,
        cached=keys.cached,
    )
