"""WriteRows: partitions to Avro part files of one schema, with what the insights need, and the URLs they use."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias, cast

import apache_beam as beam
import polars as pl
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints.decorators import no_annotations

from transforms import coders as _coders  # noqa: F401 - registers how batches and frames travel
from transforms.elements import Partition, WrittenRows
from transforms.formats.avro_parts import avro_container
from transforms.kernels.cache_keys import split_uses
from transforms.kernels.insights import bounds, field_counts, grid_counts
from transforms.kernels.publication import CacheKeyMode, publish
from transforms.progress_notes import note_progress
from transforms.rules.avro_schema import row_schema
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject, JsonValue
from transforms.states import read_state
from transforms.stored_files import part_path, store

USES = "uses"


class WriteRows(beam.PTransform):
    """Partition, with the schema as side input, to WrittenRows; beside it USES ((key partition, frame of uses)).

    Writes nothing where the schema has conflicts (T6, policy `fail`) or too many fields (R5).
    """

    def __init__(
        self,
        *,
        root: str,
        partitions: int,
        schema: beam.PCollection[JsonObject],
        cache_keys: CacheKeyMode = "canonical",
        progress: str | None = None,
    ) -> None:
        """Takes where to write, the number of partitions, the one schema, and what is hashed for cache keys."""
        super().__init__()
        self._schema = schema
        self._write = _WriteRowsFn(root, partitions, cache_keys, progress)

    @no_annotations  # Beam warns of the annotation of several outputs; those of `process` are what it checks
    def expand(self, partitions: beam.PCollection[Partition]) -> beam.pvalue.DoOutputsTuple:
        """One part file for each group of each partition."""
        return partitions | "WriteParts" >> beam.ParDo(self._write, beam.pvalue.AsSingleton(self._schema)).with_outputs(
            USES, main="written"
        )


Outputs: TypeAlias = WrittenRows | TaggedOutput[Literal["uses"], tuple[int, pl.DataFrame]]


class _WriteRowsFn(beam.DoFn):
    def __init__(self, root: str, partitions: int, cache_keys: CacheKeyMode, progress: str | None) -> None:
        self._root = root
        self._partitions = partitions
        self._cache_keys: CacheKeyMode = cache_keys
        self._progress = progress

    def process(self, partition: Partition, schema: JsonObject) -> Iterator[Outputs]:
        if schema["conflicts"] or schema["too_many_fields"]:
            return
        used: list[pl.DataFrame] = []
        for group in GROUPS:
            if group not in partition.states:
                continue
            fields = cast("JsonObject", cast("JsonObject", cast("JsonObject", schema["groups"])[group])["fields"])
            published = publish(read_state(self._root, partition.states[group]), fields, cache_keys=self._cache_keys)
            data = avro_container(published.frame, row_schema(group, fields))
            path = part_path(group, partition.number, self._partitions, "avro")
            yield WrittenRows(
                group=group,
                file=store(self._root, path, data, records=published.frame.height),
                histograms=field_counts(fields, published.metadata),
                grid=_grid(fields, published.frame["location"]),
            )
            used.append(published.uses)
        for number, uses in split_uses(used, self._partitions):
            yield TaggedOutput(USES, (number, uses))
        note_progress(self._progress, "written", 1, 0)


def _grid(fields: Mapping[str, JsonValue], location: pl.Series) -> dict[tuple[int, int], int]:
    box = bounds(fields)
    return {} if box is None else grid_counts(location.struct.unnest(), box)
