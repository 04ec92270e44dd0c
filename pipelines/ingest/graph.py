"""Builds the Beam graph of an ingest or a backfill, from top to bottom, from a planned `Job`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import apache_beam as beam

from transforms.find_conflict_examples import FindConflictExamples
from transforms.infer_schema import ResolveSchema
from transforms.line_numbers import LineNumbers
from transforms.list_cache_keys import ListCacheKeys
from transforms.merge_records import OUTPUTS, REJECTED, SUMMARIES, GroupPartitions, MergeRecords
from transforms.normalize import READINGS, Normalize
from transforms.normalize import REJECTED as FAULTY
from transforms.read_exports import ReadExports
from transforms.resolve_conflicts import DecideResolution, ResolveConflicts
from transforms.rules.export_rows import Group
from transforms.rules.policies import DEFAULT_ON_CONFLICT, CacheKeyMode, OnConflict, Step
from transforms.stages.elements import Export, PublishedFiles
from transforms.stages.infer_schema import SchemaOptions
from transforms.stages.list_cache_keys import Listing
from transforms.stages.merge_records import Merging
from transforms.stages.write_reports import RESULTS
from transforms.stages.write_rows import Writing
from transforms.storage.stored_files import join
from transforms.write_rejections import WriteRejections
from transforms.write_reports import WriteReports
from transforms.write_rows import USES, WriteRows

RESOLVED = "resolved"
"""Folder of the run for what is rewritten after conflicts are resolved."""


@dataclass(frozen=True, slots=True)
class Job:
    """A planned job, from which the graph is built.

    Attributes:
        root: URI of the folder where the steps write.
        exports: In the order that decides between duplicates (I3).
        partitions: Number of partitions of the dataset.
        version: Number of the version to publish.
        steps: The jobs whose records are merged together: one, or for a backfill a whole history.
        published: The files of the published version.
        published_kinds: Group to field to the kind of its values in the published version (T4).
        schema: Options of schema inference.
        cache_keys: What is hashed for cache keys: `canonical` or `raw`.
        on_conflict: How type conflicts are resolved (T6).
        fresh: Groups whose summaries are rebuilt, because other choices are declared.
        rebuilt: Whether the dataset is rebuilt, so that no published record is kept (P5).
        progress: Path of a local file for progress notes, None if the workers are elsewhere.
        limits: Group to field to the limit on counted distinct strings (D3).
    """

    root: str
    exports: Sequence[Export]
    partitions: int
    version: int
    steps: Sequence[Step]
    published: PublishedFiles
    published_kinds: Mapping[Group, Mapping[str, str]]
    schema: SchemaOptions
    cache_keys: CacheKeyMode = "canonical"
    on_conflict: OnConflict = DEFAULT_ON_CONFLICT
    fresh: Collection[Group] = ()
    rebuilt: bool = False
    progress: str | None = None
    limits: Mapping[Group, Mapping[str, int]] = field(default_factory=dict)

    def merging(self, root: str) -> Merging:
        """The inputs of all merges, which write below a root."""
        return Merging(
            root=root,
            partitions=self.partitions,
            exports=[export.name for export in self.exports],
            steps=self.steps,
            export_steps=[export.step for export in self.exports],
            published=self.published,
            limits=self.limits,
            fresh=self.fresh,
            progress=self.progress,
            max_fields=self.schema.max_fields,
        )

    def writing(self) -> Writing:
        """The inputs of all writing of rows."""
        return Writing(
            root=self.root,
            partitions=self.partitions,
            published=self.published,
            cache_keys=self.cache_keys,
            progress=self.progress,
        )

    def listing(self) -> Listing:
        """The inputs of the list of cache keys."""
        return Listing(
            root=self.root,
            partitions=self.partitions,
            version=self.version,
            published=self.published,
            rebuilt=self.rebuilt,
        )


Reports: TypeAlias = dict[str, beam.PCollection[object]]
"""The reports of the steps, by name."""


def build(root: beam.Pipeline, job: Job) -> tuple[Reports, beam.PCollection[None]]:
    """Builds the graph; returns the reports of the steps, and one element that comes when all are written."""
    raw = root | "ReadExports" >> ReadExports(job.exports, progress=job.progress)
    rows = raw | "Normalize" >> Normalize(
        partitions=job.partitions, declared=job.schema.declared, max_fields=job.schema.max_fields
    )
    partitions = rows.batches | "GroupPartitions" >> GroupPartitions(job.published)
    merged = partitions | "MergeRecords" >> MergeRecords(job.merging(job.root))
    schema = merged[SUMMARIES] | "InferSchema" >> ResolveSchema(job.schema)
    first_lines = rows[READINGS] | "LineNumbers" >> LineNumbers()
    examples = merged.partitions | "FindConflictExamples" >> FindConflictExamples(
        schema=schema, exports=job.exports, first_lines=first_lines
    )
    resolved, outputs = schema, {name: merged[name] for name in ("partitions", *OUTPUTS)}
    if job.on_conflict != "fail":
        resolution = schema | "DecideResolution" >> DecideResolution(job.on_conflict, job.published_kinds)
        again = partitions | "MergeResolved" >> MergeRecords(
            job.merging(join(job.root, RESOLVED)), resolution=resolution
        )
        outputs = {
            name: (found, again[name]) | f"Resolve{name.title()}" >> ResolveConflicts(resolution)
            for name, found in outputs.items()
        }
        resolved = outputs[SUMMARIES] | "InferResolvedSchema" >> ResolveSchema(job.schema)
    written = outputs["partitions"] | "WriteRows" >> WriteRows(job.writing(), schema=resolved)
    keys = written[USES] | "ListCacheKeys" >> ListCacheKeys(job.listing(), merged=outputs["partitions"])
    rejected = (rows[FAULTY], outputs[REJECTED]) | "FlattenRejected" >> beam.Flatten()
    rejections = rejected | "WriteRejections" >> WriteRejections(
        root=job.root, exports=job.exports, first_lines=first_lines
    )
    reports: Reports = {
        "readings": rows[READINGS],
        "counts": outputs["counts"],
        "states": outputs["partitions"],
        "schema": resolved,
        "examples": examples,
        "rows": written.written,
        "cache_keys": keys,
        "rejections": rejections,
    }
    if job.on_conflict != "fail":
        reports["conflicts"] = schema
    return reports, reports | "WriteReports" >> WriteReports(uri=join(job.root, RESULTS))
