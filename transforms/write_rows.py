"""WriteRows: writes partitions as Avro part files, with counts for the insights page and the uses of URLs."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Literal, TypeAlias, cast

import apache_beam as beam
import numpy as np
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

from transforms.avro.parts import avro_container
from transforms.avro.rows import encoded
from transforms.avro.splices import AvroPart, Damaged, can_splice
from transforms.beam import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import StepFn
from transforms.errors import DamagedFileError
from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import columns_of
from transforms.kernels.publish.changed_rows import Changes
from transforms.kernels.publish.insights import Counted, counted
from transforms.kernels.publish.rows import (
    METADATA,
    USED,
    CacheKeyMode,
    Published,
    Sparse,
    publish,
    some_uses,
    use_the_same,
    uses_of,
)
from transforms.kernels.publish.rows import USES as URL_USES
from transforms.kernels.urls.cache_keys import changed_uses, split_uses, use_owner
from transforms.rules.avro_schema import row_schema
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject
from transforms.stages.elements import Partition, PublishedFiles, WrittenPartition
from transforms.stages.progress_notes import note_progress
from transforms.storage.states import counted_data, read_changes, read_counted, read_state, state_file
from transforms.storage.stored_files import Piece, StoredFile, part_path, store
from transforms.storage.verified_files import verified

USES = "uses"
PIECE_ROWS = 4_096
"""Uses are buffered up to about this many rows per key partition: each frame has a fixed cost."""
MOST_PENDING_ROWS = 500_000


class WriteRows(beam.PTransform):
    """Partition, with the schema as side input, to WrittenPartition; beside it USES ((key partition, frame of uses)).

    A published Avro part is taken over if neither its rows nor its schema changed, and its counts if the bins are the
    same. Uses are those of changed rows only.

    Writes nothing if the schema has conflicts (T6, policy `fail`), too many fields (R5) or undeclared choices (D2).
    """

    def __init__(
        self,
        *,
        root: str,
        partitions: int,
        schema: beam.PCollection[JsonObject],
        published: PublishedFiles | None = None,
        cache_keys: CacheKeyMode = "canonical",
        progress: str | None = None,
    ) -> None:
        """Takes the root folder, the number of partitions, the schema, the published files, and how keys are hashed."""
        super().__init__()
        self._schema = schema
        self._write = _WriteRowsFn(root, partitions, published or PublishedFiles(), cache_keys, progress)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, partitions: beam.PCollection[Partition]) -> beam.pvalue.DoOutputsTuple:
        """One part file for each group of each partition."""
        return partitions | "WriteParts" >> beam.ParDo(self._write, beam.pvalue.AsSingleton(self._schema)).with_outputs(
            USES, main="written"
        )


Outputs: TypeAlias = WrittenPartition | TaggedOutput[Literal["uses"], tuple[int, pl.DataFrame]]


class _WriteRowsFn(StepFn):
    def __init__(
        self, root: str, partitions: int, published: PublishedFiles, cache_keys: CacheKeyMode, progress: str | None
    ) -> None:
        self._root = root
        self._partitions = partitions
        self._published = published
        self._cache_keys: CacheKeyMode = cache_keys
        self._progress = progress
        self._stage = Stage("write")
        self._uses: list[pl.DataFrame] = []
        self._repaired: list[str] = []

    def start_bundle(self) -> None:
        self._uses = []

    def process(self, partition: Partition, schema: JsonObject) -> Iterator[Outputs]:
        yield from self._stage.timed(self._parts(partition, schema))

    def finish_bundle(self) -> Iterator[TaggedOutput]:
        window = GlobalWindow()
        for each in self._stage.timed(self._released()):
            yield TaggedOutput(USES, WindowedValue(each, window.max_timestamp(), (window,)))

    def _parts(self, partition: Partition, schema: JsonObject) -> Iterator[Outputs]:
        if schema["conflicts"] or schema["too_many_fields"] or schema["other_choices"]:
            return
        rows: dict[Group, StoredFile] = {}
        counts: dict[Group, JsonObject] = {}
        self._repaired = []
        stored = self._published.insights.get(partition.number)
        known: dict[Group, JsonObject] = {}
        if stored is not None:
            try:
                known = read_counted(stored)
            except DamagedFileError:  # the rows have all of it
                self._repaired.append(stored.path)
                stored = None
        for group in GROUPS:
            if group not in partition.states:
                continue
            fields = cast("JsonObject", cast("JsonObject", cast("JsonObject", schema["groups"])[group])["fields"])
            rows[group], counts[group], uses = self._group(partition, group, fields, known.get(group))
            if uses.height:
                self._uses.append(uses.with_columns(owner=pl.lit(use_owner(partition.number, group), pl.Int32)))
        if stored is None or counts != known:
            path = part_path("state/insights", partition.number, self._partitions, "json")
            records = sum(state.records for state in partition.states.values())
            stored = store(self._root, path, counted_data(counts), records=records)
        yield WrittenPartition(partition.number, rows, stored, counts, tuple(self._repaired))
        if sum(uses.height for uses in self._uses) >= min(self._partitions * PIECE_ROWS, MOST_PENDING_ROWS):
            for each in self._released():
                yield TaggedOutput(USES, each)
        note_progress(self._progress, "written", 1, 0)

    def _released(self) -> Iterator[tuple[int, pl.DataFrame]]:
        """The buffered uses, by key partition."""
        yield from split_uses(self._uses, self._partitions)
        self._uses = []

    def _group(
        self, partition: Partition, group: Group, fields: JsonObject, known: JsonObject | None
    ) -> tuple[StoredFile, JsonObject, pl.DataFrame]:
        """The part of a group, the counts of its rows, and the uses of URLs of changed rows."""
        state = partition.states[group]
        changes = read_changes(partition.changes[group]) if group in partition.changes else None
        uses = pl.DataFrame(schema=URL_USES) if changes is None else self._changed_uses(state, changes)
        part = self._published_part(partition, group, fields)
        base = None
        if changes is not None and part is not None:
            try:
                base = AvroPart.of(verified(part), row_schema(group, fields))
            except DamagedFileError:  # the state has all rows
                self._repaired.append(part.path)
                part = None
        if known is None or part is None or (group in partition.changed and base is None):
            file, every, counts = self._written(partition.number, read_state(state), fields)
            return file, counts, every if changes is None and group in partition.changed else uses
        before = Counted.of(known, self._published.fields[group])
        if changes is None or base is None:
            return part, before.continued(fields, partial(_part, state)).document(), uses
        published = publish(changes.after, fields, cache_keys=self._cache_keys)
        rows = encoded(published.core, base.row_type, records=_metadata(published))
        records = part.records - len(changes.removed) + published.core.height
        try:
            part = self._stored(partition.number, group, base.spliced(changes.removed, rows, changes.places), records)
        except Damaged:  # the published part is not used: the state has all rows
            self._repaired.append(part.path)
            part, _, counts = self._written(partition.number, read_state(state), fields)
            return part, counts, uses
        added = (published.metadata, published.core["location"].struct.unnest())
        return part, before.continued(fields, partial(_part, state), changes.before, added).document(), uses

    def _published_part(self, partition: Partition, group: Group, fields: JsonObject) -> StoredFile | None:
        """The published Avro part if it has the new schema, and its unchanged rows can be copied; else None."""
        before = self._published.rows.get(partition.number, {}).get(group)
        if before is None or (group in partition.changed and not can_splice()):
            return None
        same = row_schema(group, fields) == row_schema(group, self._published.fields[group])
        return before if same else None

    def _written(self, number: int, batch: Batch, fields: JsonObject) -> tuple[StoredFile, pl.DataFrame, JsonObject]:
        """All rows as an Avro part, their uses of URLs, and their counts."""
        published = publish(batch, fields, cache_keys=self._cache_keys)
        data = avro_container(published.core, row_schema(batch.group, fields), records=_metadata(published))
        file = self._stored(number, batch.group, data, published.core.height)
        locations = published.core["location"].struct.unnest()
        return file, published.uses, counted(fields, published.metadata, locations).document()

    def _stored(self, number: int, group: Group, data: Iterable[Piece], records: int) -> StoredFile:
        file = store(self._root, part_path(group, number, self._partitions, "avro"), data, records=records)
        self._stage.count(records=file.records, byte_count=file.bytes)
        return file

    def _changed_uses(self, state: StoredFile, changes: Changes) -> pl.DataFrame:
        """The uses of URLs that differ after a change of few rows."""
        if use_the_same(changes.before, changes.after):
            return pl.DataFrame(schema=URL_USES)
        before, after = (uses_of(batch, self._cache_keys) for batch in (changes.before, changes.after))

        def others(keys: pl.Series) -> pl.DataFrame:
            urls = pl.concat([before, after]).filter(pl.col("cache_key").is_in(keys.implode()))["url"]
            rows = state_file(state).part(USED[changes.after.group], ())
            same = rows.take(np.delete(np.arange(rows.rows.height), changes.places))
            return some_uses(same, keys, urls, self._cache_keys)

        return changed_uses(before, after, others)


def _metadata(published: Published) -> dict[str, list[Sparse]]:
    return {METADATA: list(published.metadata.values())} if published.metadata else {}


def _part(state: StoredFile, keys: AbstractSet[str]) -> Batch:
    """The rows of a state file with the values of these metadata keys."""
    return state_file(state).part(columns_of(keys, FORMS), keys)
