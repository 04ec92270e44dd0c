"""ListCacheKeys: every URL that a version would fetch, once each, and whether an earlier version listed it (K1, K2)."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import apache_beam as beam
import polars as pl

from transforms.avro.parts import avro_container
from transforms.avro.snappy import Word
from transforms.avro.splices import AvroPart, Damaged, can_splice
from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.elements import Held, Partition, WrittenKeys
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, call_each
from transforms.beam.stored_files import StoredFile, part_path, store
from transforms.beam.verified_files import verified
from transforms.damage import damaged_file
from transforms.errors import DamagedFileError
from transforms.kernels.batch.arrow_ipc import Stored, from_arrow, to_arrow
from transforms.kernels.batch.hashing import KEY_BYTES
from transforms.kernels.publish.rows import USES
from transforms.kernels.urls.cache_keys import KEY_USES, CacheKeys, has_uses_of, lists_uploads, no_uses, use_owner
from transforms.rules.avro_schema import cache_key_schema

_ACTION = Word.of("upload", "cached")
"""What stands in the last column of the list: new in a version, and in all that follow."""


class ListCacheKeys(beam.PTransform):
    """(key partition, uses) to WrittenKeys; uses are frames with the columns `kernels.publication.USES` and `owner`.

    The uses are those of rows that changed: the published version knows the others.
    """

    def __init__(
        self,
        *,
        root: str,
        partitions: int,
        version: int,
        merged: beam.PCollection[Partition],
        held: Held,
        anew: bool = False,
    ) -> None:
        """Takes where to write and what to go on from.

        Args:
            root: Where files go.
            partitions: How many there are.
            version: The number to be published.
            merged: The partitions, which say what changed.
            held: What the published version lists.
            anew: Whether all rows are new, so that no use of the published version lasts (P5).
        """
        super().__init__()
        self._merged = merged
        self._held = held
        self._write = _WriteKeysFn(root, partitions, version, held, anew=anew)

    def expand(self, uses: beam.PCollection[tuple[int, pl.DataFrame]]) -> beam.PCollection[WrittenKeys]:
        """All uses of one key meet in one partition."""
        changed = self._merged | "ListChanged" >> call_each(_owners).with_output_types(int)
        if self._held.key_uses:  # else nothing is flattened: the local runner would copy all uses once more
            nothing = [_nothing(number) for number in sorted(self._held.key_uses)]
            held = uses.pipeline | "ListHeldKeys" >> ListValues(nothing, tuple[int, pl.DataFrame])
            uses = (uses, held) | "FlattenUses" >> beam.Flatten()
        return (
            uses
            | "GroupByKeyPartition" >> beam.GroupByKey()
            | "WriteCacheKeys" >> beam.ParDo(self._write, beam.pvalue.AsList(changed)).with_output_types(WrittenKeys)
        )


def _nothing(number: int) -> tuple[int, pl.DataFrame]:
    return number, pl.DataFrame(schema={**USES, "owner": pl.Int32()})


def _owners(partition: Partition) -> list[int]:
    """Those of whom all uses are new; of the others only what differs comes (`kernels.cache_keys.changed_uses`)."""
    return [use_owner(partition.number, group) for group in sorted(partition.changed - partition.changes.keys())]


class _WriteKeysFn(StepFn):
    def __init__(self, root: str, partitions: int, version: int, held: Held, *, anew: bool) -> None:
        self._root = root
        self._partitions = partitions
        self._version = version
        self._held = held
        self._anew = anew
        self._stage = Stage("list_cache_keys")

    def process(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        yield from self._stage.timed(self._listed(element, changed))

    def _listed(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        number, frames = element
        uses = pl.concat(list(frames))
        stored = self._held.key_uses.get(number)
        owners = None if self._anew else changed
        told = no_uses() if stored is None else _columns(stored, ("owner", "first_version"))
        if stored is None or uses.height or has_uses_of(told, owners):
            held = no_uses() if stored is None else read_uses(stored)
            keys = CacheKeys.of(uses, held, changed=owners, version=self._version)
            if stored is None or not keys.uses.equals(held):
                written = written_keys(keys, self._root, number, self._partitions)
                self._stage.count(records=keys.uses.height, byte_count=written.uses.bytes)
                yield written
                return
        file, repaired = self._held.keys.get(number), False
        if stored is not None and (
            lists_uploads(told, self._held.version) or (file is None and has_uses_of(told, None))
        ):
            file, repaired = self._all_cached(number, file, stored)  # which were new in the version before
            self._stage.count(records=file.records, byte_count=file.bytes)
        yield WrittenKeys(
            file, stored, 0, 0 if file is None else file.records, (file.path,) if file is not None and repaired else ()
        )

    def _all_cached(self, number: int, file: StoredFile | None, uses: StoredFile) -> tuple[StoredFile, bool]:
        """A part of the list of which nothing changes but that no key is new any more; and whether it was damaged."""
        path = part_path("cache_keys", number, self._partitions, "avro")
        is_damaged = False
        if file is not None and can_splice():
            try:
                part = AvroPart.of(verified(file), cache_key_schema())
                if part is not None:
                    return store(self._root, path, part.reworded(_ACTION), records=file.records), False
            except (DamagedFileError, Damaged):  # the uses have all keys
                is_damaged = True
        keys = CacheKeys.again(read_uses(uses), version=self._version)
        return store(self._root, path, _container(keys.frame), records=keys.frame.height), is_damaged


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


def written_keys(keys: CacheKeys, root: str, number: int, partitions: int) -> WrittenKeys:
    """Writes one part of the list, and the uses behind it."""
    file = _written_list(keys, root, number, partitions)
    path = part_path("state/cache_keys", number, partitions, "arrow")
    uses = store(root, path, to_arrow(keys.uses), records=keys.uses.height)
    return WrittenKeys(file, uses, keys.upload, keys.cached)


def _written_list(keys: CacheKeys, root: str, number: int, partitions: int) -> StoredFile | None:
    if not keys.frame.height:
        return None
    path = part_path("cache_keys", number, partitions, "avro")
    return store(root, path, _container(keys.frame), records=keys.frame.height)


def _container(frame: pl.DataFrame) -> Iterator[bytes]:
    return avro_container(frame, cache_key_schema(), word=_ACTION)
