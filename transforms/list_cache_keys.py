"""ListCacheKeys lists the URLs that a version fetches, and those of them that no earlier version listed (K1, K2)."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import apache_beam as beam
import polars as pl

from transforms.avro.parts import avro_container
from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, call_each
from transforms.damage import damaged_file
from transforms.kernels.batch.arrow_ipc import Stored, from_arrow, to_arrow
from transforms.kernels.batch.hashing import KEY_BYTES
from transforms.kernels.publish.rows import USES
from transforms.kernels.urls.cache_keys import KEY_USES, CacheKeys, has_uses_of, no_uses, use_owner
from transforms.rules.avro_schema import cache_key_schema, upload_schema
from transforms.rules.values import JsonObject
from transforms.stages.elements import Partition, PublishedFiles, WrittenKeys
from transforms.storage.stored_files import StoredFile, part_path, store
from transforms.storage.verified_files import verified


class ListCacheKeys(beam.PTransform):
    """(key partition, uses) to WrittenKeys; uses are frames with the columns `kernels.publish.rows.USES` and `owner`.

    The uses are those of rows that changed; those of other rows are stored with the published version.
    """

    def __init__(
        self,
        *,
        root: str,
        partitions: int,
        version: int,
        merged: beam.PCollection[Partition],
        published: PublishedFiles,
        rebuilt: bool = False,
    ) -> None:
        """Takes where to write, and the list to update.

        Args:
            root: Where files are written.
            partitions: How many there are.
            version: The number to be published.
            merged: The partitions, which say what changed.
            published: What the published version lists.
            rebuilt: Whether all rows are new, so that no use of the published version remains (P5).
        """
        super().__init__()
        self._merged = merged
        self._published = published
        self._write = _WriteKeysFn(root, partitions, version, published, rebuilt=rebuilt)

    def expand(self, uses: beam.PCollection[tuple[int, pl.DataFrame]]) -> beam.PCollection[WrittenKeys]:
        """Groups the uses by key partition; a published partition without changes is there with an empty frame."""
        changed = self._merged | "ListChanged" >> call_each(_owners).with_output_types(int)
        if self._published.key_uses:  # else nothing is flattened: the local runner would copy all uses once more
            empty = [_no_changes(number) for number in sorted(self._published.key_uses)]
            published = uses.pipeline | "ListPublishedKeys" >> ListValues(empty, tuple[int, pl.DataFrame])
            uses = (uses, published) | "FlattenUses" >> beam.Flatten()
        return (
            uses
            | "GroupByKeyPartition" >> beam.GroupByKey()
            | "WriteCacheKeys" >> beam.ParDo(self._write, beam.pvalue.AsList(changed)).with_output_types(WrittenKeys)
        )


def _no_changes(number: int) -> tuple[int, pl.DataFrame]:
    return number, pl.DataFrame(schema={**USES, "owner": pl.Int32()})


def _owners(partition: Partition) -> list[int]:
    """The owners whose uses are all incoming; of others only the differences are (`kernels.urls.changed_uses`)."""
    return [use_owner(partition.number, group) for group in sorted(partition.changed - partition.changes.keys())]


class _WriteKeysFn(StepFn):
    def __init__(self, root: str, partitions: int, version: int, published: PublishedFiles, *, rebuilt: bool) -> None:
        self._root = root
        self._partitions = partitions
        self._version = version
        self._published = published
        self._rebuilt = rebuilt
        self._stage = Stage("list_cache_keys")

    def process(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        yield from self._stage.timed(self._listed(element, changed))

    def _listed(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        number, frames = element
        incoming = pl.concat(list(frames))
        owners = None if self._rebuilt else changed
        file, stored = self._published.keys.get(number), self._published.key_uses.get(number)
        is_damaged = part_path("cache_keys", number, self._partitions, "avro") in self._published.damaged
        if stored is None or is_damaged or incoming.height or _has_uses_of(stored, owners):
            published = no_uses() if stored is None else read_uses(stored)
            keys = CacheKeys.of(incoming, published, changed=owners, version=self._version)
            if stored is None or is_damaged or not keys.uses.equals(published):
                written = written_keys(keys, self._root, number, self._partitions)
                self._stage.count(records=keys.uses.height, byte_count=written.uses.bytes)
                yield written
                return
        yield WrittenKeys(file, stored, None, upload=0, cached=0 if file is None else file.records)


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


def _columns(file: StoredFile, names: Collection[str] | None = None) -> pl.DataFrame:
    stored = Stored(file.uri, file.records, KEY_USES.get)
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

    def stored(kind: str, frame: pl.DataFrame, schema: JsonObject) -> StoredFile | None:
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
