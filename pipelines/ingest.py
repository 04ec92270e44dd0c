"""The main job: exports -> checked rows -> merged partitions -> schema -> published version."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

from pipelines import runner as runners
from pipelines import workload
from pipelines.config import JobConfig
from pipelines.dataset import Dataset, Version, document_text, manifest
from pipelines.ingest_graph import SETTLED, Job, build
from pipelines.inputs import find_exports
from pipelines.insights import insights
from pipelines.outcome import ExitCode, Tally, Verdict, verdict
from pipelines.plan import plan
from pipelines.progress import Progress
from pipelines.results import Results, files_of, inputs_of, tally_of
from pipelines.stores.store import MANIFEST, REPORT, AnotherJobPublishedError, Placed, Run, join
from transforms.coders import spilling
from transforms.merge_records import CHANGES
from transforms.rules.declared import document as declared_document
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject
from transforms.stored_files import StoredFile, is_local, read_bytes, write_bytes
from transforms.write_results import RESULTS

SPILLED = "spilled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes:
        version: The published version after the job, None where there is none.
        run: Id of the run.
        schema: Of the version that was or would have been published.
        stages: What each stage took: records, bytes, seconds at work.
        kept_run: Whether the report and the rejections of the run stay to be read.
    """

    verdict: Verdict
    version: int | None
    run: str
    tally: Tally
    schema: JsonObject
    runner: str
    seconds: float
    stages: JsonObject
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
            "stages": self.stages,
            "runner": self.runner,
            "message": self.verdict.reason,
        }


def run(config: JobConfig, progress: Progress) -> Outcome:
    """Runs an ingest or a backfill and publishes what it made.

    Raises:
        UsageError: An export or the dataset is not there, or is something else.
    """
    began = time.monotonic()
    exports = find_exports(config.steps)
    dataset = Dataset.at(config.dataset)
    before = dataset.current()
    total = sum(export.size for export in exports)
    kept = 0 if before is None or config.backfill else workload.held(before.manifest, total)
    runner = runners.choose(config.runner_flags, total + kept)
    with _workplace(dataset, before, runner, dry_run=config.dry_run) as here, progress.watching(total, runner) as notes:
        job = plan(config, exports, before, root=here.root, progress=notes)
        with _spilling(here, runner):
            stages = runner.run(partial(build, job=job))
        progress.phase("publishing")
        made = _made(config, job, before, here)
        ending = verdict(made.tally, config, changed=made.changed)
        version = None if before is None else before.number
        if made.tally.unsettled or made.tally.other_choices or made.tally.too_many_fields:
            made.tally.nothing_created()
        if ending.outcome == "published":
            ending = _publish(dataset, here, config, job, before, made)
            version = job.version if ending.outcome == "published" else version
        outcome = Outcome(
            verdict=ending,
            version=version,
            run=here.id,
            tally=made.tally,
            schema=made.schema,
            runner=runner.name,
            seconds=time.monotonic() - began,
            stages=stages,
            dataset=config.dataset,
            kept_run=not config.dry_run
            and (ending.outcome == "failed" or (ending.outcome == "unchanged" and made.tally.rejected > 0)),
        )
        if not config.dry_run:
            _clear(dataset, here, outcome)
    return outcome


@contextmanager
def _workplace(dataset: Dataset, before: Version | None, runner: runners.Runner, *, dry_run: bool) -> Iterator[Run]:
    """Where the job writes: below the dataset, or for a dry run on this machine somewhere that goes away."""
    if dry_run and runner.local:
        with tempfile.TemporaryDirectory(prefix="metadata-etl-") as folder:
            yield Run("dry-run", folder)
        return
    with dataset.store.run(None if before is None else before.number) as here:
        yield here
        if dry_run:  # workers elsewhere see no folder of this machine
            dataset.store.remove(here.root)


@contextmanager
def _spilling(here: Run, runner: runners.Runner) -> Iterator[None]:
    """Where local worker processes leave what they hand to each other: beside what they write, if that is a disk."""
    if runner.environment is None:
        yield
    elif is_local(here.root):
        with spilling(Path(here.root, SPILLED)):
            yield
    else:
        with tempfile.TemporaryDirectory(prefix="metadata-etl-") as folder, spilling(Path(folder)):
            yield


@dataclass(frozen=True, slots=True)
class _Made:
    """What the steps of a job made.

    Attributes:
        changed: Whether a version of it would differ from the published one.
    """

    results: Results
    tally: Tally
    schema: JsonObject
    files: list[StoredFile]
    changed: bool


def _made(config: JobConfig, job: Job, before: Version | None, here: Run) -> _Made:
    results = cast("Results", json.loads(read_bytes(join(here.root, RESULTS))))
    tally, resolved = tally_of(results)
    schema: JsonObject = {"format": 1, "version": job.version, "groups": resolved["groups"]}
    write_bytes(join(here.root, "schema.json"), document_text(schema))
    files = files_of(results)
    changed = tally.changed > 0
    if before is not None:
        if config.backfill:  # which creates all records, also those that are there
            changed = _rows(files) != _rows([file for group in GROUPS for file in before.files(group).values()])
        changed = changed or before.document("schema.json")["groups"] != schema["groups"]
    return _Made(results, tally, schema, files, changed)


def _rows(files: list[StoredFile]) -> dict[str, str]:
    return {file.path: file.sha256 for file in files if file.path.partition("/")[0] in GROUPS}


def _publish(dataset: Dataset, here: Run, config: JobConfig, job: Job, before: Version | None, made: _Made) -> Verdict:
    text = document_text(made.schema)
    resolved = made.results["schema"][0]
    quantiles = cast("JsonObject", resolved["quantiles"])
    described = insights(made.schema, quantiles, made.results.get("rows", []))
    write_bytes(join(here.root, "insights.json"), document_text(described))
    document = manifest(
        version=job.version,
        parent=None if before is None else before.number,
        partitions=job.partitions,
        inputs=inputs_of(job.exports, made.results["readings"]),
        options=config.options(),
        cache_key=job.cache_keys,
        counts=made.tally.counts(),
        cache_keys=made.tally.cache_keys,
        warnings=dict(sorted(made.tally.warnings.items())),
        files=made.files,
        schema_fingerprint=hashlib.sha256(text).hexdigest(),
        declared=declared_document(job.schema.declared),
        sticky_text=cast("JsonObject", resolved["sticky_text"]),
    )
    write_bytes(join(here.root, MANIFEST), document_text(document))
    files = [Placed(file.uri, file.path) for file in made.files]
    files += (Placed(join(here.root, name), name) for name in ("schema.json", "insights.json", MANIFEST))
    try:
        dataset.store.publish(here, job.version, None if before is None else before.pointer, files)
    except AnotherJobPublishedError as error:
        return Verdict("failed", ExitCode.ANOTHER_PUBLISHED, str(error))
    return Verdict("published", ExitCode.OK, "")


def _clear(dataset: Dataset, here: Run, outcome: Outcome) -> None:
    """Leaves of a run that published nothing what a person wants to see: the report, the schema, the rejections."""
    for name in (SPILLED, SETTLED, CHANGES, "state", "cache_keys", RESULTS, MANIFEST, "insights.json", *GROUPS):
        dataset.store.remove(join(here.root, name))
    if outcome.kept_run:
        write_bytes(join(here.root, REPORT), document_text(outcome.document()))
    else:
        dataset.store.remove(join(here.root, "schema.json"))
        dataset.store.remove(join(here.root, "rejections"))
