"""A whole job in this process without Beam: the stages called one after the other, over several chunks and partitions.

It plans, publishes and reports as the command does; only the runner is another one. A small job takes some tens of
milliseconds, so that tests of rules, which do not look at Beam, engines or processes, can have one each. `ingest` here
takes it; in a module that is marked to use the fixture `without_beam` all jobs of this process do, however they are
started.
"""

import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from support import runs
from support.runs import Ended

from pipelines.exporting.plan import PlannedExport
from pipelines.ingest.graph import RESOLVED, Job
from pipelines.runners import choose
from transforms.kernels.batch.batch import Batch
from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.kernels.summarize.conflict_examples import Example
from transforms.rules.values import JsonObject
from transforms.stages import exports as reading
from transforms.stages.coco_fragments import Fragment, write_fragments
from transforms.stages.coco_ids import numbered, survey
from transforms.stages.elements import Partition, Reading, Summaries
from transforms.stages.export_coco import write_coco
from transforms.stages.export_partitions import export_partition, write_document
from transforms.stages.export_records import SceneFrames, export_records, export_scenes, frames_of
from transforms.stages.exports import byte_ranges
from transforms.stages.find_conflict_examples import Key, exports_by_name, find_conflict_examples, number_examples
from transforms.stages.infer_schema import merge_summaries, resolve
from transforms.stages.line_numbers import line_numbers
from transforms.stages.list_cache_keys import changed_owners, list_cache_keys
from transforms.stages.merge_records import Merging, PartitionMerger
from transforms.stages.normalize import PartitionBuffer, normalize_chunks
from transforms.stages.read_exports import read_byte_ranges
from transforms.stages.rejections import Rejections
from transforms.stages.resolve_conflicts import decide_resolution
from transforms.stages.write_rejections import RejectionParts
from transforms.stages.write_reports import RESULTS, report_text, write_reports
from transforms.stages.write_rows import UsesBuffer, write_partition
from transforms.storage.stored_files import join

QUICK = ("--no-fsync", "--partitions=2")
"""Each partition takes about twenty milliseconds; flags of a test win."""


def ingest(dataset: Path, *arguments: str, range_bytes: int | None = None, backwards: bool = False) -> Ended:
    """Runs an ingest as `support.runs.ingest` does, without Beam.

    Args:
        dataset: Where the dataset is.
        arguments: Of the command.
        range_bytes: Size of the byte ranges in which exports are read, if not the usual one; also of the chunks of
            compressed exports.
        backwards: Whether each stage gets its input in the opposite order (T5).
    """
    return worked("ingest", dataset, *arguments, range_bytes=range_bytes, backwards=backwards)


def worked(job: str, dataset: Path, *arguments: str, range_bytes: int | None = None, backwards: bool = False) -> Ended:
    """Runs an ingest or a backfill without Beam."""
    with stages_alone(range_bytes=range_bytes, backwards=backwards):
        return runs.worked(job, dataset, *QUICK, *arguments)


@contextmanager
def stages_alone(*, range_bytes: int | None = None, backwards: bool = False) -> Iterator[None]:
    """Runs the jobs of this process without Beam as long as the block, except those that are given flags for Beam."""
    real = choose.choose

    def chosen(flags: Sequence[str], estimated_bytes: int) -> choose.Runner:
        return real(flags, estimated_bytes) if flags else _Runner(backwards=backwards)

    with (
        patch.object(choose, "choose", chosen),
        patch.object(reading, "RANGE_BYTES", range_bytes or reading.RANGE_BYTES),
    ):
        yield


@pytest.fixture(scope="module")
def without_beam() -> Iterator[None]:
    """All jobs that the tests of a module start in this process run without Beam."""
    with stages_alone():
        yield


def export(dataset: Path | str, out: Path | str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Runs an export without Beam; returns the exit code and what `--json` printed."""
    printed = io.StringIO()
    with patch.object(choose, "choose", lambda *_: _ExportRunner()), redirect_stdout(printed):
        code = runs.main(["export", str(dataset), "--out", str(out), "--json", *arguments])
    return code, json.loads(printed.getvalue())


class _ExportRunner:
    """Takes the place of `pipelines.runners.choose.Runner` for an export."""

    def run(self, build: "partial[Any]") -> JsonObject:
        """Writes the partitions one after the other, the last one first."""
        planned: PlannedExport = build.keywords["planned"]
        exporting, parts = planned.exporting, planned.parts[::-1]
        if exporting.form == "coco":
            numbering = numbered([survey(part) for part in parts], exporting)
            fragments: defaultdict[int, list[Fragment]] = defaultdict(list)
            for part in parts:
                for place, fragment in write_fragments(part, numbering, exporting):
                    fragments[place].append(fragment)
            files = [write_coco(place, each, numbering, exporting) for place, each in fragments.items()]
        elif exporting.form != "nucleus":
            files = [export_partition(part, exporting) for part in parts]
        else:
            files = [export_records(part, exporting) for part in parts]
            frames: defaultdict[int, list[SceneFrames]] = defaultdict(list)
            for part in parts:
                for number, found in frames_of(part, exporting).items():
                    frames[number].append(found)
            by_number = {part.number: part for part in parts}
            files += [export_scenes(each, by_number.get(each), frames[each], exporting) for each in frames]
        write_document(planned.exporting.root, planned.head, (each for of_part in files for each in of_part))
        return {}


@dataclass(frozen=True, slots=True)
class _Runner(choose.Runner):
    """Takes the place of the runner in process; errors of stages reach the command as they do there."""

    name: str = "local runner (1 worker, in process)"
    local: bool = True
    options: PipelineOptions = field(default_factory=PipelineOptions)
    backwards: bool = False

    def _run_locally(self, build: "partial[Any]") -> None:  # type: ignore[override] # the graph is not built
        """Runs the job for which a graph would be built; there are no metrics."""
        run_stages(build.keywords["job"], backwards=self.backwards)


@dataclass(slots=True)
class _Merged:
    """The outputs of a merge of all partitions."""

    partitions: list[Partition] = field(default_factory=list)
    summaries: list[Summaries] = field(default_factory=list)
    counts: list[object] = field(default_factory=list)
    rejected: list[Rejections] = field(default_factory=list)

    @classmethod
    def of(
        cls, incoming: Mapping[int, Sequence[Batch]], merging: Merging, resolution: Resolution | None = None
    ) -> "_Merged":
        merger, found = PartitionMerger(merging, resolution), cls()
        merged = [each for number, batches in incoming.items() for each in merger.add(number, batches)]
        for each in [*merged, *merger.flush()]:
            found.partitions += (partition for partition, _ in each.partitions)
            found.summaries += (summaries for _, summaries in each.partitions)
            found.counts += each.counts.items()
            found.rejected.append(each.rejections)
        return found


def run_stages(job: Job, *, backwards: bool = False) -> None:
    """The steps of `pipelines.ingest.graph.build`, one after the other; the last one writes the reports."""
    order: Callable[[Iterable[Any]], list[Any]] = (lambda each: [*each][::-1]) if backwards else list
    reports: dict[str, list[object]] = defaultdict(list)

    rejected: list[Rejections] = []
    readings: list[Reading] = []
    buffer = PartitionBuffer(job.partitions)
    rows: list[tuple[int, Batch]] = []
    loads = byte_ranges(job.exports)
    for chunks in order(chunks for load in loads for chunks in read_byte_ranges(load)):
        done = normalize_chunks(chunks, declared=job.schema.declared, max_fields=job.schema.max_fields)
        rejected.append(done.rejections)
        readings += done.readings
        rows += buffer.add(done)
    rows += buffer.release()
    incoming: dict[int, list[Batch]] = {number: [] for number in job.published.states}
    for number, batch in order(rows):
        incoming.setdefault(number, []).append(batch)
    first_lines = line_numbers(order(readings))

    merged = _Merged.of(incoming, job.merging(job.root))
    schema = resolve(merge_summaries(order(merged.summaries), job.schema), job.schema)
    reports["examples"] = _examples(job, order(merged.partitions), schema, first_lines)
    resolved = schema
    if job.on_conflict != "fail":
        reports["conflicts"] = [schema]
        resolution = decide_resolution(schema, job.on_conflict, job.published_kinds)
        if resolution.kept_kinds:
            merged = _Merged.of(incoming, job.merging(join(job.root, RESOLVED)), resolution)
            resolved = resolve(merge_summaries(order(merged.summaries), job.schema), job.schema)

    keys = UsesBuffer(job.partitions)
    uses: dict[int, list[pl.DataFrame]] = {number: [nothing] for number, nothing in job.listing().unchanged()}
    for partition in order(merged.partitions):
        written = write_partition(partition, resolved, job.writing())
        if written is not None:
            reports["rows"].append(written.partition)
            for number, frame in keys.add(written.uses):
                uses.setdefault(number, []).append(frame)
    for number, frame in keys.release():
        uses.setdefault(number, []).append(frame)
    changed = [owner for partition in merged.partitions for owner in changed_owners(partition)]
    reports["cache_keys"] = [list_cache_keys(number, order(uses[number]), changed, job.listing()) for number in uses]

    parts = RejectionParts(job.root, job.exports)
    by_part: defaultdict[int, list[Rejections]] = defaultdict(list)
    for number, found in parts.by_part(parts.related(order([*rejected, *merged.rejected]))):
        by_part[number].append(found)
    reports["rejections"] = [parts.write(number, found, first_lines) for number, found in by_part.items()]

    reports |= {"readings": readings, "counts": merged.counts, "states": merged.partitions, "schema": [resolved]}
    texts = [report_text(each, name) for name, values in reports.items() for each in values]
    write_reports(texts, join(job.root, RESULTS))


def _examples(
    job: Job, partitions: Iterable[Partition], schema: JsonObject, first_lines: Mapping[tuple[int, int], int]
) -> list[object]:
    found: defaultdict[Key, list[Example]] = defaultdict(list)
    for partition in partitions:
        for key, examples in find_conflict_examples(partition, schema):
            found[key] += examples
    exports = exports_by_name(job.exports)
    return [number_examples(each, exports, first_lines) for each in found.items()]
