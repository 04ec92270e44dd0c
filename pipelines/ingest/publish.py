"""Ends a job: judges what its steps reported, and publishes a version or keeps the files of the run (R4)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from pipelines.config import JobConfig
from pipelines.dataset.documents.paths import INSIGHTS, MANIFEST, REPORT, SCHEMA
from pipelines.dataset.documents.types import SchemaJson, StageJson
from pipelines.dataset.documents.writing import document_text, manifest, schema_document
from pipelines.dataset.store.base import REJECTIONS, Run, VersionFile
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import AnotherJobPublishedError, ExitCode
from pipelines.ingest import job_log
from pipelines.ingest.export_changes import Review, review
from pipelines.ingest.graph import Job
from pipelines.ingest.insights import insights
from pipelines.ingest.irregularities import irregularities_of
from pipelines.ingest.outcome import NOTHING_MATCHED, Outcome, Verdict, repairs, verdict
from pipelines.ingest.reports import digests_of, files_of, inputs_of, read_results, tally_of
from pipelines.ingest.tally import Tally
from pipelines.runners.interrupts import publishing
from transforms.errors import DamagedFileError
from transforms.rules.declared import Declared
from transforms.rules.declared import document as declared_document
from transforms.rules.export_rows import GROUPS
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import GroupJson, Groups
from transforms.stages.elements import Export
from transforms.stages.results import Results
from transforms.storage.stored_files import StoredFile, join, store, write_bytes


@dataclass(frozen=True, slots=True)
class PublishContext:
    """What publishing needs to know of a job beside the reports of its steps; part of the graph of a detached job.

    Attributes:
        config: The configuration of the job.
        version: Number of the version to publish.
        parent: Number of the version that the job started from, None for a new dataset.
        parent_pointer: The bytes of CURRENT when the job started (P2).
        partitions: Number of partitions of the dataset.
        exports: As they were planned.
        unmatched: Patterns without a match, of exports that may be missing.
        cache_key: What is hashed for cache keys: `canonical` or `raw`.
        declared: The declared schema (D1).
        runner: Name of the runner, to show to a person.
        began: When the job started, in seconds since 1970.
        damaged: Paths of damaged files of the published version, which the job rebuilds (P7).
    """

    config: JobConfig
    version: int
    parent: int | None
    parent_pointer: bytes | None
    partitions: int
    exports: Sequence[Export]
    unmatched: Sequence[str]
    cache_key: CacheKeyMode
    declared: Declared
    runner: str
    began: float
    damaged: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        config: JobConfig,
        job: Job,
        before: Version | None,
        *,
        unmatched: Sequence[str],
        runner: str,
        began: float,
    ) -> Self:
        """The context of a planned job; `before` is the version that it starts from."""
        return cls(
            config=config,
            version=job.version,
            parent=None if before is None else before.number,
            parent_pointer=None if before is None else before.pointer,
            partitions=job.partitions,
            exports=job.exports,
            unmatched=unmatched,
            cache_key=job.cache_keys,
            declared=job.schema.declared,
            runner=runner,
            began=began,
            damaged=job.published.damaged,
        )


def finish_run(
    dataset: Dataset, run: Run, context: PublishContext, before: Version | None, *, stages: Mapping[str, StageJson]
) -> Outcome:
    """Decides the outcome of a job from the reports of its steps, and publishes if all gates pass (R4).

    The files of the run are left in place: `keep_run_files` removes those that are not kept.

    Args:
        dataset: The dataset of the job.
        run: Where its steps wrote.
        context: What the plan of the job knows and its steps do not report.
        before: The version that the job started from, None for a new dataset.
        stages: Metrics of each stage, as in `--json`.

    Raises:
        OSError: A file cannot be read or written; the version was published completely or not at all.
    """
    config = context.config
    collected = _collected(context, before, run)
    reviewed = review(context.exports, digests_of(collected.results))
    if reviewed.changes:
        result = Verdict("failed", ExitCode.UNREADABLE, reviewed.reason)
    else:
        # If no export of a history exists, it is not the history of an empty dataset.
        nothing = config.backfill and not context.exports
        result = verdict(collected.tally, config, changed=collected.changed and not nothing)
    if collected.tally.unresolved or collected.tally.other_choices or collected.tally.too_many_fields:
        collected.tally.nothing_created()
    if result.outcome == "published":
        result = _publish(dataset, run, context, collected, reviewed)
    return Outcome(
        verdict=result,
        version=context.version if result.outcome == "published" else context.parent,
        run=run.id,
        tally=collected.tally,
        schema=collected.schema["groups"],
        runner=context.runner,
        seconds=max(0.0, time.time() - context.began),  # not negative if two machines with different clocks ran the job
        stages=stages,
        dataset=config.dataset,
        options=config.options(),
        kept_run=not config.dry_run
        and (result.outcome == "failed" or (result.outcome == "unchanged" and collected.tally.rejected > 0)),
    )


def keep_run_files(dataset: Dataset, run: Run, outcome: Outcome) -> None:
    """Keeps report, schema and rejections of a run that a person may want to read; removes all its other files."""
    dataset.store.clear(run, (SCHEMA, REJECTIONS) if outcome.kept_run else ())
    if outcome.kept_run:
        write_bytes(join(run.root, REPORT), document_text(outcome.document()))


@dataclass(frozen=True, slots=True)
class _Collected:
    """The results of the steps of a job.

    Attributes:
        results: The reports as the steps wrote them.
        files: The files of the version, without insights and manifest.
        changed: Whether the version would differ from the published one.
        fingerprint: SHA-256 of `schema.json`.
    """

    results: Results
    tally: Tally
    schema: SchemaJson
    files: list[StoredFile]
    changed: bool
    fingerprint: str


def _collected(context: PublishContext, before: Version | None, run: Run) -> _Collected:
    results = read_results(run.root)
    tally = tally_of(results)
    tally.irregularities = irregularities_of(results.get("readings", []), context.exports)
    schema = schema_document(context.version, results["schema"][0]["groups"])
    if context.unmatched:
        tally.warnings[NOTHING_MATCHED] += len(context.unmatched)
    tally.repair(context.damaged)
    described = store(run.root, SCHEMA, document_text(schema), records=0)
    files = [*files_of(results), described]
    changed = tally.changed > 0
    if before is not None:
        if context.config.backfill:  # a backfill counts all records as created, so files are compared
            changed = _rows(files) != _rows([file for group in GROUPS for file in before.files(group).values()])
        changed = changed or bool(tally.repaired) or _groups(before) != schema["groups"]
    return _Collected(results, tally, schema, files, changed, described.sha256)


def _groups(version: Version) -> Groups[GroupJson] | None:
    """The groups of `schema.json`; None if it is damaged, so that a backfill replaces it."""
    try:
        return version.schema()["groups"]
    except DamagedFileError:
        return None


def _rows(files: Sequence[StoredFile]) -> Mapping[str, str]:
    return {file.path: file.sha256 for file in files if file.path.partition("/")[0] in GROUPS}


def _publish(dataset: Dataset, run: Run, context: PublishContext, collected: _Collected, reviewed: Review) -> Verdict:
    resolved = collected.results["schema"][0]
    described = insights(collected.schema, resolved["quantiles"], collected.results.get("rows", []))
    files = [*collected.files, store(run.root, INSIGHTS, document_text(described), records=0)]
    document = manifest(
        version=context.version,
        parent=context.parent,
        partitions=context.partitions,
        inputs=inputs_of(context.exports, digests_of(collected.results), reviewed.checksums),
        options=context.config.options(),
        cache_key=context.cache_key,
        counts=collected.tally.counts(),
        cache_keys=collected.tally.cache_keys,
        warnings=dict(sorted(collected.tally.warnings.items())),
        irregularities=collected.tally.irregularities,
        files=files,
        schema_fingerprint=collected.fingerprint,
        declared=declared_document(context.declared),
        sticky_text=resolved["sticky_text"],
    )
    write_bytes(join(run.root, MANIFEST), document_text(document))
    placed = [VersionFile(file.uri, file.path) for file in files]
    placed.append(VersionFile(join(run.root, MANIFEST), MANIFEST))
    try:
        with publishing():
            dataset.store.publish(run, context.version, context.parent_pointer, placed, fsync=context.config.fsync)
    except AnotherJobPublishedError as error:
        return Verdict("failed", ExitCode.ANOTHER_PUBLISHED, str(error))
    job_log.files(context.version, files)
    return Verdict("published", ExitCode.OK, repairs(collected.tally))
