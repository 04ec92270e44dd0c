"""Ends a job: judges what its steps reported, and publishes a version or keeps the files of the run (R4)."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

from pipelines.config import JobConfig
from pipelines.dataset.store.base import INSIGHTS, MANIFEST, REJECTIONS, REPORT, SCHEMA, Placed, Run, join
from pipelines.dataset.versions import Dataset, Version, document_text, manifest
from pipelines.errors import AnotherJobPublishedError, ExitCode
from pipelines.ingest import job_log
from pipelines.ingest.export_changes import Review, review
from pipelines.ingest.graph import Job
from pipelines.ingest.insights import insights
from pipelines.ingest.outcome import NOTHING_MATCHED, Outcome, Tally, Verdict, repairs, verdict
from pipelines.ingest.reports import Results, digests_of, files_of, inputs_of, tally_of
from pipelines.runners.interrupts import publishing
from transforms.beam.elements import Export
from transforms.beam.stored_files import StoredFile, read_bytes, store, write_bytes
from transforms.errors import DamagedFileError
from transforms.rules.declared import Declared
from transforms.rules.declared import document as declared_document
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject, JsonValue
from transforms.write_reports import RESULTS


@dataclass(frozen=True, slots=True)
class PublishContext:
    """What it takes to finish_run a job, beside what its steps reported. It travels with the graph of a detached job.

    Attributes:
        version: The number that is published if anything is.
        parent: The version that the job started from, None for a new dataset.
        seen: What CURRENT said then (P2).
        partitions: Parts of the dataset.
        cache_key: What is hashed for cache keys.
        unmatched: Patterns that match nothing, of exports that may be missing.
        runner: For a person.
        began: When the job was started, in seconds since 1970.
        damaged: Paths of files of the published version that are made again since they are damaged.
    """

    config: JobConfig
    version: int
    parent: int | None
    seen: bytes | None
    partitions: int
    exports: Sequence[Export]
    unmatched: Sequence[str]
    cache_key: str
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
        """The ending of a job that is planned on a version, or on none."""
        return cls(
            config=config,
            version=job.version,
            parent=None if before is None else before.number,
            seen=None if before is None else before.pointer,
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
    dataset: Dataset, here: Run, context: PublishContext, before: Version | None, *, stages: JsonObject
) -> Outcome:
    """Judges what the steps reported, and publishes it if no gate is against it; what it leaves is for `leave`.

    Args:
        dataset: That the job works on.
        here: Where its steps wrote.
        context: What the plan of the job knows and its steps do not report.
        before: The version that the job started from.
        stages: What each stage took, as `--json` has it.

    Raises:
        OSError: Something cannot be read or written; nothing was published, or all of it.
    """
    config = context.config
    collected = _collected(context, before, here)
    reviewed = review(context.exports, digests_of(collected.results.get("readings", [])))
    if reviewed.changes:
        result = Verdict("failed", ExitCode.UNREADABLE, reviewed.reason)
    else:
        # A history of which nothing is there is not the history of an empty dataset.
        nothing = config.backfill and not context.exports
        result = verdict(collected.tally, config, changed=collected.changed and not nothing)
    if collected.tally.unsettled or collected.tally.other_choices or collected.tally.too_many_fields:
        collected.tally.nothing_created()
    if result.outcome == "published":
        result = _publish(dataset, here, context, collected, reviewed)
    return Outcome(
        verdict=result,
        version=context.version if result.outcome == "published" else context.parent,
        run=here.id,
        tally=collected.tally,
        schema=collected.schema,
        runner=context.runner,
        seconds=max(0.0, time.time() - context.began),  # by two clocks where another machine began
        stages=stages,
        dataset=config.dataset,
        options=config.options(),
        kept_run=not config.dry_run
        and (result.outcome == "failed" or (result.outcome == "unchanged" and collected.tally.rejected > 0)),
    )


def keep_run_files(dataset: Dataset, here: Run, outcome: Outcome) -> None:
    """Leaves of a run that published nothing what a person wants to see: the report, the schema, the rejections."""
    dataset.store.clear(here, (SCHEMA, REJECTIONS) if outcome.kept_run else ())
    if outcome.kept_run:
        write_bytes(join(here.root, REPORT), document_text(outcome.document()))


@dataclass(frozen=True, slots=True)
class _Collected:
    """What the steps of a job made.

    Attributes:
        changed: Whether a version of it would differ from the published one.
        fingerprint: SHA-256 of `schema.json`.
    """

    results: Results
    tally: Tally
    schema: JsonObject
    files: list[StoredFile]
    changed: bool
    fingerprint: str


def _collected(context: PublishContext, before: Version | None, here: Run) -> _Collected:
    results = cast("Results", json.loads(read_bytes(join(here.root, RESULTS))))
    tally, resolved = tally_of(results)
    schema: JsonObject = {"format": 1, "version": context.version, "groups": resolved["groups"]}
    if context.unmatched:
        tally.warnings[NOTHING_MATCHED] += len(context.unmatched)
    tally.repair(context.damaged)
    described = store(here.root, SCHEMA, document_text(schema), records=0)
    files = [*files_of(results), described]
    changed = tally.changed > 0
    if before is not None:
        if context.config.backfill:  # which creates all records, also those that are there
            changed = _rows(files) != _rows([file for group in GROUPS for file in before.files(group).values()])
        changed = changed or bool(tally.repaired) or _groups(before) != schema["groups"]
    return _Collected(results, tally, schema, files, changed, described.sha256)


def _groups(version: Version) -> JsonValue:
    """What `schema.json` says of all groups; nothing where it is damaged, so that a backfill replaces it."""
    try:
        return version.document(SCHEMA)["groups"]
    except DamagedFileError:
        return None


def _rows(files: Sequence[StoredFile]) -> Mapping[str, str]:
    return {file.path: file.sha256 for file in files if file.path.partition("/")[0] in GROUPS}


def _publish(dataset: Dataset, here: Run, context: PublishContext, collected: _Collected, reviewed: Review) -> Verdict:
    resolved = collected.results["schema"][0]
    quantiles = cast("JsonObject", resolved["quantiles"])
    described = insights(collected.schema, quantiles, collected.results.get("rows", []))
    files = [*collected.files, store(here.root, INSIGHTS, document_text(described), records=0)]
    document = manifest(
        version=context.version,
        parent=context.parent,
        partitions=context.partitions,
        inputs=inputs_of(context.exports, digests_of(collected.results.get("readings", [])), reviewed.checksums),
        options=context.config.options(),
        cache_key=context.cache_key,
        counts=collected.tally.counts(),
        cache_keys=collected.tally.cache_keys,
        warnings=dict(sorted(collected.tally.warnings.items())),
        files=files,
        schema_fingerprint=collected.fingerprint,
        declared=declared_document(context.declared),
        sticky_text=cast("JsonObject", resolved["sticky_text"]),
    )
    write_bytes(join(here.root, MANIFEST), document_text(document))
    placed = [Placed(file.uri, file.path) for file in files]
    placed.append(Placed(join(here.root, MANIFEST), MANIFEST))
    try:
        with publishing():
            dataset.store.publish(here, context.version, context.seen, placed, fsync=context.config.fsync)
    except AnotherJobPublishedError as error:
        return Verdict("failed", ExitCode.ANOTHER_PUBLISHED, str(error))
    job_log.files(context.version, files)
    return Verdict("published", ExitCode.OK, repairs(collected.tally))
