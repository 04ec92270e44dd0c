"""The main job: exports -> checked rows -> merged partitions -> schema -> published version."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipelines import runner as runners
from pipelines.config import IngestConfig
from pipelines.ingest_graph import Job, build
from pipelines.inputs import find_exports
from pipelines.insights import insights
from pipelines.outcome import ExitCode, Tally, Verdict, verdict
from pipelines.progress import Progress
from pipelines.publish import MANIFEST, AnotherJobPublishedError, Dataset, Run, Version, join, manifest, remove
from pipelines.results import Results, files_of, inputs_of, tally_of
from transforms.coders import spilling
from transforms.elements import Export
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject
from transforms.stored_files import is_local, read_bytes, write_bytes
from transforms.write_results import RESULTS

FEWEST_PARTITIONS = 8
PARTITION_BYTES = 128 * 1024 * 1024
"""Bytes of exports for which a new dataset gets a partition: what a worker then holds at once is a few times less."""
MOST_PARTITIONS = 4096
SPILLED = "spilled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an ingest ended.

    Attributes:
        version: The published version after the job, None where there is none.
        run: Id of the run.
        schema: Of the version that was or would have been published.
        kept_run: Whether the report and the rejections of the run stay to be read.
    """

    verdict: Verdict
    version: int | None
    run: str
    tally: Tally
    schema: JsonObject
    runner: str
    seconds: float
    dataset: str
    kept_run: bool

    def document(self) -> JsonObject:
        """The object of `--json` (INTERFACE)."""
        return {
            "outcome": self.verdict.outcome,
            "exit_code": int(self.verdict.exit_code),
            "version": self.version,
            "run": self.run,
            "groups": self.tally.counts(),
            "conflicts": list(self.tally.conflicts),
            "cache_keys": dict(self.tally.cache_keys),
            "warnings": dict(sorted(self.tally.warnings.items())),
            "seconds": round(self.seconds, 3),
            "runner": self.runner,
            "message": self.verdict.reason,
        }


def run(config: IngestConfig, progress: Progress) -> Outcome:
    """Runs the job and publishes what it made.

    Raises:
        UsageError: An export or the dataset is not there, or is something else.
    """
    began = time.monotonic()
    exports = find_exports(config.sources)
    dataset = Dataset(config.dataset)
    before = dataset.current()
    total = sum(export.size for export in exports)
    runner = runners.choose(config.runner_flags, total)
    with _workplace(dataset, dry_run=config.dry_run) as here, progress.watching(total, runner) as notes:
        job = _job(config, exports, before, here, notes)
        with _spilling(here, runner), runner.pipeline() as root:
            build(root, job)
        progress.phase("publishing")
        results = cast("Results", json.loads(read_bytes(join(here.root, RESULTS))))
        tally, schema = tally_of(results)
        ending = verdict(tally, config)
        version = None if before is None else before.number
        if tally.conflicts or tally.too_many_fields:
            tally.nothing_created()
        schema_document: JsonObject = {"format": 1, "version": job.version, "groups": schema["groups"]}
        write_bytes(join(here.root, "schema.json"), _text(schema_document))
        if ending.outcome == "published":
            ending = _publish(dataset, here, config, job, before, results, tally, schema_document)
            version = job.version if ending.outcome == "published" else version
        outcome = Outcome(
            verdict=ending,
            version=version,
            run=here.id,
            tally=tally,
            schema=schema_document,
            runner=runner.name,
            seconds=time.monotonic() - began,
            dataset=config.dataset,
            kept_run=not config.dry_run
            and (ending.outcome == "failed" or (ending.outcome == "unchanged" and tally.rejected > 0)),
        )
        _clear(here, outcome)
    return outcome


@contextmanager
def _workplace(dataset: Dataset, *, dry_run: bool) -> Iterator[Run]:
    """Where the job writes: below the dataset, or for a dry run somewhere that goes away."""
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="metadata-etl-") as folder:
            yield Run("dry-run", folder)
    else:
        with dataset.run() as here:
            yield here


def _spilling(here: Run, runner: runners.Runner) -> AbstractContextManager[None]:
    """Where local worker processes leave what they hand to each other: beside what they write, if that is a disk."""
    if runner.environment is None or not is_local(here.root):
        return nullcontext()
    return spilling(Path(here.root, SPILLED))


def _job(config: IngestConfig, exports: Sequence[Export], before: Version | None, here: Run, notes: str | None) -> Job:
    return Job(
        root=here.root,
        exports=exports,
        partitions=config.partitions or _partitions(exports) if before is None else before.partitions,
        version=1 if before is None else before.number + 1,
        held={} if before is None else before.states(),
        held_keys={} if before is None else before.files("cache_keys"),
        sticky_text={} if before is None else _text_fields(before.document("schema.json")),
        cache_keys=config.cache_key,
        on_duplicate=config.on_duplicate,
        max_fields=config.max_fields,
        progress=notes,
    )


def _partitions(exports: Sequence[Export]) -> int:
    """How many partitions a new dataset gets: a power of two that depends on its first exports alone (P3)."""
    needed = -(-sum(export.size for export in exports) // PARTITION_BYTES)
    wanted = 1 << max(needed - 1, 0).bit_length()
    return min(max(FEWEST_PARTITIONS, wanted), MOST_PARTITIONS)


def _text_fields(schema: JsonObject) -> dict[Group, list[str]]:
    groups = cast("dict[Group, dict[str, dict[str, JsonObject]]]", schema["groups"])
    return {
        group: [key for key, field in groups[group]["fields"].items() if field["type"] == "text"] for group in GROUPS
    }


def _publish(
    dataset: Dataset,
    here: Run,
    config: IngestConfig,
    job: Job,
    before: Version | None,
    results: Results,
    tally: Tally,
    schema: JsonObject,
) -> Verdict:
    text = _text(schema)
    quantiles = cast("JsonObject", results["schema"][0]["quantiles"])
    write_bytes(join(here.root, "insights.json"), _text(insights(schema, quantiles, results.get("rows", []))))
    parent = None if before is None else before.number
    document = manifest(
        version=job.version,
        parent=parent,
        partitions=job.partitions,
        inputs=inputs_of(job.exports, results["readings"]),
        options=config.options(),
        counts=tally.counts(),
        cache_keys=tally.cache_keys,
        warnings=dict(sorted(tally.warnings.items())),
        files=files_of(results),
        schema_fingerprint=hashlib.sha256(text).hexdigest(),
    )
    write_bytes(join(here.root, MANIFEST), _text(document))
    try:
        dataset.publish(
            here,
            job.version,
            parent,
            [MANIFEST, "schema.json", "insights.json", "state", "cache_keys", "rejections", *GROUPS],
        )
    except AnotherJobPublishedError as error:
        return Verdict("failed", ExitCode.ANOTHER_PUBLISHED, str(error))
    return Verdict("published", ExitCode.OK, "")


def _clear(here: Run, outcome: Outcome) -> None:
    """Leaves of a run that published nothing what a person wants to see: the report, the schema, the rejections."""
    for name in (SPILLED, "state", "cache_keys", RESULTS, MANIFEST, "insights.json", *GROUPS):
        remove(join(here.root, name))
    if outcome.kept_run:
        write_bytes(join(here.root, "report.json"), _text(outcome.document()))
    else:
        remove(join(here.root, "schema.json"))
        remove(join(here.root, "rejections"))


def _text(document: JsonObject) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
