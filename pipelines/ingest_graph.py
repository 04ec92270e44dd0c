"""The graph of an ingest, from top to bottom, and what it is built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from pipelines.publish import join
from transforms.elements import Export
from transforms.exports import RANGE_BYTES
from transforms.image_cache import ListCacheKeys
from transforms.infer_schema import InferSchema
from transforms.kernels.merging import OnDuplicate
from transforms.kernels.publication import CacheKeyMode
from transforms.line_numbers import FirstLines
from transforms.merge_records import BATCHES, COUNTS, MergeRecords
from transforms.normalize import READINGS, REJECTED, Normalize
from transforms.read_exports import ReadExports
from transforms.rules.export_rows import Group
from transforms.validate import FindExamples
from transforms.write_outputs import USES, WriteRows
from transforms.write_rejections import WriteRejections
from transforms.write_results import RESULTS, WriteResults


@dataclass(frozen=True, slots=True)
class Job:
    """An ingest with everything looked up: what the graph is built from.

    Attributes:
        root: Where the steps write.
        version: The number that would be published.
        held: Partition to group to the URI of what the published version holds.
        held_keys: Key partition to the URI of its list of cache keys.
        sticky_text: Group to the fields that are text already (T2).
        progress: Local file for progress notes, None where the workers are elsewhere.
    """

    root: str
    exports: Sequence[Export]
    partitions: int
    version: int
    held: Mapping[int, Mapping[Group, str]]
    held_keys: Mapping[int, str]
    sticky_text: Mapping[Group, Sequence[str]]
    cache_keys: CacheKeyMode
    on_duplicate: OnDuplicate
    max_fields: int
    progress: str | None
    range_bytes: int = RANGE_BYTES


def build(root: beam.Pipeline, job: Job) -> None:
    """The graph, from top to bottom."""
    uris = [export.uri for export in job.exports]
    raw = root | "ReadExports" >> ReadExports(job.exports, range_bytes=job.range_bytes, progress=job.progress)
    rows = raw | "Normalize" >> Normalize(partitions=job.partitions)
    merged = rows.batches | "MergeRecords" >> MergeRecords(
        root=job.root,
        partitions=job.partitions,
        exports=uris,
        held=job.held,
        on_duplicate=job.on_duplicate,
        progress=job.progress,
    )
    schema = merged[BATCHES] | "InferSchema" >> InferSchema(sticky_text=job.sticky_text, max_fields=job.max_fields)
    first_lines = rows[READINGS] | "FirstLines" >> FirstLines()
    examples = merged.partitions | "FindExamples" >> FindExamples(
        root=job.root, schema=schema, exports=job.exports, first_lines=first_lines, range_bytes=job.range_bytes
    )
    written = merged.partitions | "WriteRows" >> WriteRows(
        root=job.root, partitions=job.partitions, schema=schema, cache_keys=job.cache_keys, progress=job.progress
    )
    keys = written[USES] | "ListCacheKeys" >> ListCacheKeys(
        root=job.root, partitions=job.partitions, version=job.version, held=job.held_keys
    )
    rejected = (rows[REJECTED], merged[REJECTED]) | "FlattenRejected" >> beam.Flatten()
    rejections = rejected | "WriteRejections" >> WriteRejections(
        root=job.root, exports=job.exports, first_lines=first_lines, range_bytes=job.range_bytes
    )
    reports = {
        "readings": rows[READINGS],
        "counts": merged[COUNTS],
        "states": merged.partitions,
        "schema": schema,
        "examples": examples,
        "rows": written.written,
        "cache_keys": keys,
        "rejections": rejections,
    }
    _ = reports | "WriteResults" >> WriteResults(uri=join(job.root, RESULTS))
