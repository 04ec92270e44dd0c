"""ListCacheKeys: every URL that a version would fetch, once each, and whether an earlier version listed it (K1, K2)."""

from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
import polars as pl

from transforms import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.elements import WrittenKeys
from transforms.formats.avro_parts import avro_container
from transforms.kernels.cache_keys import CacheKeys, listed
from transforms.rules.avro_schema import cache_key_schema
from transforms.stored_files import part_path, read_bytes, store


class ListCacheKeys(beam.PTransform):
    """(key partition, uses) to WrittenKeys; uses are frames with the columns `kernels.publication.USES`."""

    def __init__(self, *, root: str, partitions: int, version: int, held: Mapping[int, str]) -> None:
        """Takes where to write, and the key partition to the URI of the published list that it continues."""
        super().__init__()
        self._write = _WriteKeysFn(root, partitions, version, dict(held))

    def expand(self, uses: beam.PCollection[tuple[int, pl.DataFrame]]) -> beam.PCollection[WrittenKeys]:
        """All uses of one key meet in one partition."""
        return (
            uses
            | "GroupByKeyPartition" >> beam.GroupByKey()
            | "WriteCacheKeys" >> beam.ParDo(self._write).with_output_types(WrittenKeys)
        )


class _WriteKeysFn(beam.DoFn):
    def __init__(self, root: str, partitions: int, version: int, held: dict[int, str]) -> None:
        self._root = root
        self._partitions = partitions
        self._version = version
        self._held = held

    def process(self, element: tuple[int, Iterable[pl.DataFrame]]) -> Iterator[WrittenKeys]:
        number, uses = element
        held = self._held.get(number)
        before = None if held is None else read_bytes(held)
        keys = CacheKeys.of(listed(pl.concat(list(uses))), before, version=self._version)
        path = part_path("cache_keys", number, self._partitions, "avro")
        data = avro_container(keys.frame, cache_key_schema())
        yield WrittenKeys(store(self._root, path, data, records=keys.frame.height), keys.upload, keys.cached)
