"""ListCacheKeys lists the URLs that a version fetches, and those of them that no earlier version listed (K1, K2)."""

from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import polars as pl

from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import ListValues, StepFn, call_each
from transforms.stages.elements import Partition, WrittenKeys
from transforms.stages.list_cache_keys import Listing, changed_owners, list_cache_keys


class ListCacheKeys(beam.PTransform):
    """(key partition, uses) to WrittenKeys; uses are frames with the columns `kernels.publish.rows.USES` and `owner`.

    The uses are those of rows that changed; those of other rows are stored with the published version.
    """

    def __init__(self, listing: Listing, *, merged: beam.PCollection[Partition]) -> None:
        """Takes the inputs of all key partitions, and the merged partitions, which say what changed."""
        super().__init__()
        self._merged = merged
        self._listing = listing

    def expand(self, uses: beam.PCollection[tuple[int, pl.DataFrame]]) -> beam.PCollection[WrittenKeys]:
        """Groups the uses by key partition; a published partition without changes is there with an empty frame."""
        changed = self._merged | "ListChanged" >> call_each(changed_owners).with_output_types(int)
        if (
            self._listing.published.key_uses
        ):  # else nothing is flattened: the local runner would copy all uses once more
            unchanged = self._listing.unchanged()
            published = uses.pipeline | "ListPublishedKeys" >> ListValues(unchanged, tuple[int, pl.DataFrame])
            uses = (uses, published) | "FlattenUses" >> beam.Flatten()
        return (
            uses
            | "GroupByKeyPartition" >> beam.GroupByKey()
            | "WriteCacheKeys"
            >> beam.ParDo(_WriteKeysFn(self._listing), beam.pvalue.AsList(changed)).with_output_types(WrittenKeys)
        )


class _WriteKeysFn(StepFn):
    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._stage = Stage("list_cache_keys")

    def process(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        yield from self._stage.timed(self._listed(element, changed))

    def _listed(self, element: tuple[int, Iterable[pl.DataFrame]], changed: Sequence[int]) -> Iterator[WrittenKeys]:
        number, uses = element
        keys = list_cache_keys(number, uses, changed, self._listing)
        if keys.uses is not self._listing.published.key_uses.get(number):
            self._stage.count(records=keys.uses.records, byte_count=keys.uses.bytes)
        yield keys
