"""Measures what a record of each kind costs, stage by stage in this process, beside `json.loads` of the same lines.

    python benchmarks/kinds.py --records 40000 --kinds item,box

CPU of this process alone, without Beam; the fixed cost of a job is taken off, by the difference of a large and a small
job. The dataset that a job updates, or whose items its annotations need, is as much larger as the job: what the job
does to rows that are there already counts. The yardstick, Python's own parser on the same lines, moves with the machine
and with the size of the record.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # as the workers of a job have it
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # likewise

import tables
from kind_exports import BY_NAME, KINDS, RECORDS, Group, Kind, Record, base_record
from rich.console import Console

from transforms.kernels.batch.batch import Batch
from transforms.rules.policies import Step
from transforms.rules.schema_json import ResolvedJson
from transforms.stages.elements import Export, Partition, PublishedFiles, Reading, WrittenKeys
from transforms.stages.exports import byte_ranges
from transforms.stages.infer_schema import SchemaOptions, merge_summaries, resolve
from transforms.stages.line_numbers import line_numbers
from transforms.stages.list_cache_keys import Listing, changed_owners, list_cache_keys
from transforms.stages.merge_records import Merging, PartitionMerger
from transforms.stages.normalize import PartitionBuffer, normalize_chunks
from transforms.stages.read_exports import read_byte_ranges
from transforms.stages.rejections import Rejections
from transforms.stages.write_rejections import RejectionParts
from transforms.stages.write_rows import UsesBuffer, Writing, WrittenRows, write_partition
from transforms.storage.stored_files import StoredFile

SMALL = 8
"""A small job has this part of the records."""
PARTITIONS = 8
EVERY_STEP = ("read", "normalize", "hand over", "merge", "write")
STEPS = ("normalize", "merge", "write")
COLUMNS = ("normalize us", "merge us", "write us", "all us", "json.loads us", "x json.loads", "us / KB", "bytes")
Seconds = dict[str, float]


@dataclass(slots=True)
class Clock:
    """CPU seconds of this process by step."""

    seconds: Seconds = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds what the block takes to a step."""
        begin = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begin


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a job leaves, as the next one takes it."""

    published: PublishedFiles
    created: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of CPU for each record of a kind."""

    kind: Kind
    steps: Mapping[str, float]
    parsing: float
    record_bytes: float

    @property
    def whole(self) -> float:
        """All steps, with reading and handing over."""
        return sum(self.steps.values())


def run(exports: Sequence[Export], root: Path, published: PublishedFiles, clock: Clock) -> Dataset:
    """One job by the functions of the stages, one after the other."""
    rejected: list[Rejections] = []
    readings: list[Reading] = []
    buffer = PartitionBuffer(PARTITIONS)
    rows: list[tuple[int, Batch]] = []
    with clock.step("read"):
        chunks = [each for load in byte_ranges(exports) for each in read_byte_ranges(load)]
    with clock.step("normalize"):
        for each in chunks:
            done = normalize_chunks(each)
            rejected.append(done.rejections)
            readings += done.readings
            rows += buffer.add(done)
        rows += buffer.release()
    incoming: dict[int, list[Batch]] = {number: [] for number in published.states}
    with clock.step("hand over"):
        for number, batch in rows:
            incoming.setdefault(number, []).append(Batch.from_bytes(batch.to_bytes()))
    uris = [each.uri for each in exports]
    merging = Merging(
        root=str(root),
        partitions=PARTITIONS,
        exports=uris,
        steps=[Step(exports[0].mode)],
        export_steps=[0] * len(uris),
        published=published,
    )
    merger = PartitionMerger(merging)
    with clock.step("merge"):
        merged = [each for number, batches in incoming.items() for each in merger.add(number, batches)]
        merged += merger.flush()
        summaries = [own for each in merged for _, own in each.partitions]
        schema = resolve(merge_summaries(summaries, SchemaOptions()), SchemaOptions())
        rejected += (each.rejections for each in merged)
    partitions = [partition for each in merged for partition, _ in each.partitions]
    with clock.step("write"):
        found, keys = _written(partitions, schema, Writing(str(root), PARTITIONS, published), published)
        parts = RejectionParts(str(root), exports)
        for number, own in parts.by_part(parts.related(rejected)):
            parts.write(number, [own], line_numbers(readings))
    created = sum(counts.created + counts.updated for each in merged for counts in each.counts.values())
    return Dataset(_published(partitions, found, keys, schema), created, sum(map(len, rejected)))


def _written(
    partitions: Sequence[Partition], schema: ResolvedJson, writing: Writing, published: PublishedFiles
) -> tuple[list[WrittenRows], dict[int, WrittenKeys]]:
    """The parts of all partitions, and the list of cache keys."""
    listing = Listing(writing.root, PARTITIONS, published.version + 1, published)
    uses = {number: [nothing] for number, nothing in listing.unchanged()}
    pending, found = UsesBuffer(PARTITIONS), []
    for partition in partitions:
        written = write_partition(partition, schema, writing)
        if written is None:
            raise SystemExit(f"expected a schema that can be published, got conflicts: {schema['conflicts']}")
        found.append(written)
        for number, frame in pending.add(written.uses):
            uses.setdefault(number, []).append(frame)
    for number, frame in pending.release():
        uses.setdefault(number, []).append(frame)
    changed = [owner for partition in partitions for owner in changed_owners(partition)]
    return found, {number: list_cache_keys(number, frames, changed, listing) for number, frames in uses.items()}


def _published(
    partitions: Sequence[Partition], found: Sequence[WrittenRows], keys: Mapping[int, WrittenKeys], schema: ResolvedJson
) -> PublishedFiles:
    files: dict[int, StoredFile] = {number: each.file for number, each in keys.items() if each.file is not None}
    return PublishedFiles(
        version=1,
        states={each.number: each.states for each in partitions},
        summaries={each.number: each.summaries for each in partitions},
        rows={each.partition.number: each.partition.rows for each in found},
        insights={each.partition.number: each.partition.insights for each in found},
        keys=files,
        key_uses={number: each.uses for number, each in keys.items()},
        fields={group: schema["groups"][group]["fields"] for group in schema["groups"]},
    )


def exports_of(
    records: Sequence[bytes], group: Group, folder: Path, *, per_export: int | None = None, mode: str = "append"
) -> list[Export]:
    """Writes lines as exports."""
    folder.mkdir(parents=True)
    size = per_export or len(records)
    found = []
    for number, start in enumerate(range(0, len(records), size)):
        path = folder / f"{number:06d}.ndjson"
        path.write_bytes(b"".join(records[start : start + size]))
        run_of = "detector" if group == "predictions" else None
        found.append(Export(number, str(path), group, run_of, path.stat().st_size, mode=mode))  # type: ignore[arg-type] # a mode
    return found


def lines_of(records: Iterator[Record]) -> list[bytes]:
    """Records as an SDK writes them."""
    return [json.dumps(record).encode() + b"\n" for record in records]


def measured(kind: Kind, records: int, *, rounds: int, seed: int) -> Cost:
    """What a record of a kind costs: the least of some rounds."""
    count = max(records // kind.weight, SMALL)
    lines = lines_of(kind.records(count, seed))
    few = count // SMALL
    best: dict[tuple[bool, str], float] = {}
    for _ in range(rounds):
        for is_small, part in ((True, lines[:few]), (False, lines)):
            for name, seconds in _timed(kind, part, seed).items():
                best[is_small, name] = min(best.get((is_small, name), seconds), seconds)
        gc.collect()
        begin = time.process_time()
        for line in lines:
            json.loads(line)
        taken = time.process_time() - begin
        best[False, "json"] = min(best.get((False, "json"), taken), taken)
    steps = {name: 1e6 * (best[False, name] - best[True, name]) / (count - few) for _, name in best if name != "json"}
    return Cost(kind, steps, 1e6 * best[False, "json"] / count, sum(map(len, lines)) / count)


def _timed(kind: Kind, lines: Sequence[bytes], seed: int) -> Seconds:
    """CPU seconds of a job by step, on a dataset of as many records as the job needs."""
    with TemporaryDirectory(prefix="kinds-") as temporary:
        folder, published, rng = Path(temporary), PublishedFiles(), Random(seed)
        for group, share in kind.base:
            base = lines_of(base_record(group, index, rng) for index in range(-(-len(lines) // share)))
            exports = exports_of(base, group, folder / f"base-{group}")
            published = run(exports, folder / f"with-{group}", published, Clock()).published
        given = exports_of(lines, kind.group, folder / "in", per_export=kind.records_per_export, mode=kind.mode)
        clock = Clock()
        gc.collect()
        gc.freeze()
        done = run(given, folder / "out", published, clock)
        gc.unfreeze()
        if done.created + done.rejected < len(lines):
            raise SystemExit(f"{kind.name}: expected {len(lines)} records, got {done.created} and {done.rejected}")
        return clock.seconds


def table(costs: Sequence[Cost]) -> tables.Table:
    """The table of costs."""
    rows = []
    for cost in costs:
        steps = [f"{cost.steps.get(name, 0.0):,.1f}" for name in STEPS]
        per_kilobyte = f"{cost.whole / cost.record_bytes * 1000:,.1f}"
        ratio = f"{cost.whole / cost.parsing:.1f}"
        size = f"{cost.record_bytes:,.0f}"
        rows.append([cost.kind.name, *steps, f"{cost.whole:,.1f}", f"{cost.parsing:,.1f}", ratio, per_kilobyte, size])
    return tables.Table("CPU of a record of each kind", ["", *COLUMNS], rows)


def kinds(text: str) -> list[Kind]:
    """The kinds whose names begin with one of some texts, separated by semicolons; all for an empty text."""
    wanted = [name.strip() for name in text.split(";") if name.strip()]
    return [kind for kind in KINDS if not wanted or kind.name in wanted or any(map(kind.name.startswith, wanted))]


def compare(wanted: Sequence[Kind], records: int, *, rounds: int, seed: int) -> list[Cost]:
    """Measures kind after kind, and prints a line for each."""
    found = []
    print(f"  {'us':<42}{''.join(f'{name:>10}' for name in EVERY_STEP)}{'all':>10}", flush=True)
    for kind in wanted:
        cost = measured(kind, records, rounds=rounds, seed=seed)
        steps = "".join(f"{cost.steps.get(name, 0.0):>10.1f}" for name in EVERY_STEP)
        print(f"  {cost.kind.name:<42}{steps}{cost.whole:>10.1f}{cost.whole / cost.parsing:>7.2f} x", flush=True)
        found.append(cost)
    return found


def main(given: Sequence[str] | None = None) -> int:
    """Runs the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure what a record of each kind costs.")
    parser.add_argument("--kinds", type=kinds, default=list(KINDS), help=f"separated by ;: {'; '.join(BY_NAME)}")
    parser.add_argument("--records", type=int, default=RECORDS, help=f"of a kind ({RECORDS})")
    parser.add_argument("--rounds", type=int, default=2, help="of which the least counts (2)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(given)
    found = compare(options.kinds, options.records, rounds=options.rounds, seed=options.seed)
    Console(width=None if sys.stdout.isatty() else 180).print(tables.rich(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
