"""Writes the rows of partitions as Avro part files, with counts for the insights page and the uses of URLs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl

from transforms.avro.parts import avro_container
from transforms.avro.rows import encoded
from transforms.avro.splices import AvroPart, Damaged
from transforms.errors import DamagedFileError
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import columns_of
from transforms.kernels.publish.changed_rows import Changes
from transforms.kernels.publish.insights import Counted, CountedJson, annotation_counts, counted
from transforms.kernels.publish.rows import (
    USED,
    USES,
    publish,
    some_uses,
    use_the_same,
    uses_of,
)
from transforms.kernels.urls.cache_keys import changed_uses, split_uses, use_owner
from transforms.rules.avro_schema import row_schema
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import GroupJson, Groups, ResolvedJson, StoredFieldJson
from transforms.stages.elements import Partition, PublishedFiles, WrittenPartition
from transforms.stages.infer_schema import can_publish
from transforms.stages.progress_notes import note_progress
from transforms.storage.states import read_state, state_file
from transforms.storage.stored_files import Piece, StoredFile, part_path, store
from transforms.storage.summaries import counted_data, read_changes, read_counted
from transforms.storage.verified_files import verified

PIECE_ROWS = 4_096
"""Uses are buffered up to about this many rows per key partition: each frame has a fixed cost."""
MOST_PENDING_ROWS = 500_000


@dataclass(frozen=True, slots=True)
class Writing:
    """The inputs of writing that are the same for all partitions.

    Attributes:
        root: Folder of the part files.
        partitions: Number of partitions.
        published: The files of the published version.
        cache_keys: What is hashed for cache keys.
        progress: Local file for progress notes, None if the workers are on other machines.
    """

    root: str
    partitions: int
    published: PublishedFiles = field(default_factory=PublishedFiles)
    cache_keys: CacheKeyMode = "canonical"
    progress: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """What is written of a partition.

    Attributes:
        partition: Its files and counts.
        stored: The part files that this job wrote; others are taken over from the published version.
        uses: Frames of the uses of URLs of changed rows, as `kernels.publish.rows.USES` with the column `owner`.
    """

    partition: WrittenPartition
    stored: Sequence[StoredFile]
    uses: Sequence[pl.DataFrame]


def write_partition(partition: Partition, schema: ResolvedJson, writing: Writing) -> WrittenRows | None:
    """Writes one part file for each group of a partition; None if the schema is not one that can be published.

    A published Avro part is taken over if neither its rows nor its schema changed, and its counts if the bins are the
    same. Uses are those of changed rows only.

    Args:
        partition: The partition after the merge.
        schema: The JSON object of `infer_schema`.
        writing: The inputs that all partitions share.
    """
    if not can_publish(schema):
        return None
    written = _PartitionWriter(partition, writing).write(schema["groups"])
    note_progress(writing.progress, "written", 1, 0)
    return written


class UsesBuffer:
    """Buffers the uses of URLs, and releases them by key partition as frames that are worth their fixed cost."""

    def __init__(self, partitions: int) -> None:
        """Takes how many key partitions there are."""
        self._partitions = partitions
        self._pending: list[pl.DataFrame] = []

    def add(self, uses: Iterable[pl.DataFrame]) -> Iterator[tuple[int, pl.DataFrame]]:
        """Buffers uses; yields (key partition, uses) of all buffered ones once they are many."""
        self._pending += uses
        if sum(each.height for each in self._pending) >= min(self._partitions * PIECE_ROWS, MOST_PENDING_ROWS):
            yield from self.release()

    def release(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """The buffered uses, by key partition."""
        yield from split_uses(self._pending, self._partitions)
        self._pending = []


class _PartitionWriter:
    """Writes one partition, and notes what it writes and rebuilds."""

    def __init__(self, partition: Partition, writing: Writing) -> None:
        self._partition = partition
        self._writing = writing
        self._parts: list[StoredFile] = []
        self._repaired: list[str] = []

    def write(self, groups: Groups[GroupJson]) -> WrittenRows:
        """The files of all groups, given the groups of the schema."""
        partition, writing = self._partition, self._writing
        rows: dict[Group, StoredFile] = {}
        counts: dict[Group, CountedJson] = {}
        uses: list[pl.DataFrame] = []
        stored = writing.published.insights.get(partition.number)
        known: dict[Group, CountedJson] = {}
        if stored is not None:
            try:
                known = read_counted(stored)
            except DamagedFileError:  # the rows have all of it
                self._repaired.append(stored.path)
                stored = None
        for group in GROUPS:
            if group not in partition.states:
                continue
            fields = groups[group]["fields"]
            rows[group], counts[group], of_group = self._group(group, fields, known.get(group))
            if of_group.height:
                uses.append(of_group.with_columns(owner=pl.lit(use_owner(partition.number, group), pl.Int32)))
        if stored is None or counts != known:
            path = part_path("state/insights", partition.number, writing.partitions, "json")
            records = sum(state.records for state in partition.states.values())
            stored = store(writing.root, path, counted_data(counts), records=records)
        written = WrittenPartition(partition.number, rows, stored, counts, tuple(self._repaired))
        return WrittenRows(written, self._parts, uses)

    def _group(
        self, group: Group, fields: Mapping[str, StoredFieldJson], known: CountedJson | None
    ) -> tuple[StoredFile, CountedJson, pl.DataFrame]:
        """The part of a group, the counts of its rows, and the uses of URLs of changed rows."""
        partition, writing = self._partition, self._writing
        state = partition.states[group]
        changes = read_changes(partition.changes[group]) if group in partition.changes else None
        uses = pl.DataFrame(schema=USES) if changes is None else self._changed_uses(state, changes)
        part = self._published_part(group, fields)
        base = None
        if changes is not None and part is not None:
            try:
                base = AvroPart.of(verified(part), row_schema(group, fields))
            except DamagedFileError:  # the state has all rows
                self._repaired.append(part.path)
                part = None
        if known is None or part is None or (group in partition.changed and base is None):
            file, every, counts = self._written(read_state(state), fields)
            return file, counts, every if changes is None and group in partition.changed else uses
        before = Counted.of(known, writing.published.fields[group])
        if changes is None or base is None:
            return part, before.continued(fields, partial(_part, state)).document(), uses
        published = publish(changes.after, fields, cache_keys=writing.cache_keys)
        rows = encoded(published.core, base.row_type, records=published.records)
        records = part.records - len(changes.removed) + published.core.height
        try:
            part = self._stored(group, base.spliced(changes.removed, rows, changes.places), records)
        except Damaged:  # the published part is not used: the state has all rows
            self._repaired.append(part.path)
            part, _, counts = self._written(read_state(state), fields)
            return part, counts, uses
        locations = published.core["location"].struct.unnest()
        added = (published.metadata, locations, annotation_counts(changes.after))
        return part, before.continued(fields, partial(_part, state), changes.before, added).document(), uses

    def _published_part(self, group: Group, fields: Mapping[str, StoredFieldJson]) -> StoredFile | None:
        """The published Avro part if it has the new schema, and its unchanged rows can be copied; else None."""
        partition, published = self._partition, self._writing.published
        before = published.rows.get(partition.number, {}).get(group)
        if before is None:
            return None
        same = row_schema(group, fields) == row_schema(group, published.fields[group])
        return before if same else None

    def _written(
        self, batch: Batch, fields: Mapping[str, StoredFieldJson]
    ) -> tuple[StoredFile, pl.DataFrame, CountedJson]:
        """All rows as an Avro part, their uses of URLs, and their counts."""
        published = publish(batch, fields, cache_keys=self._writing.cache_keys)
        data = avro_container(published.core, row_schema(batch.group, fields), records=published.records)
        file = self._stored(batch.group, data, published.core.height)
        locations = published.core["location"].struct.unnest()
        return file, published.uses, counted(fields, published.metadata, locations, annotation_counts(batch)).document()

    def _stored(self, group: Group, data: Iterable[Piece], records: int) -> StoredFile:
        path = part_path(group, self._partition.number, self._writing.partitions, "avro")
        self._parts.append(store(self._writing.root, path, data, records=records))
        return self._parts[-1]

    def _changed_uses(self, state: StoredFile, changes: Changes) -> pl.DataFrame:
        """The uses of URLs that differ after a change of few rows."""
        if use_the_same(changes.before, changes.after):
            return pl.DataFrame(schema=USES)
        cache_keys = self._writing.cache_keys
        before, after = (uses_of(batch, cache_keys) for batch in (changes.before, changes.after))

        def others(keys: pl.Series) -> pl.DataFrame:
            urls = pl.concat([before, after]).filter(pl.col("cache_key").is_in(keys.implode()))["url"]
            rows = state_file(state).part(USED[changes.after.group], ())
            same = rows.take(np.delete(np.arange(rows.rows.height), changes.places))
            return some_uses(same, keys, urls, cache_keys)

        return changed_uses(before, after, others)


def _part(state: StoredFile, keys: AbstractSet[str]) -> Batch:
    """The rows of a state file with the values of these metadata keys."""
    return state_file(state).part(columns_of(keys, FORMS), keys)
