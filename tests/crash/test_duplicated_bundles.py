"""Bundles that are tried twice, at the same time, or after a writer that was killed, make the same files (P1, P3)."""

import json
import pickle
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.runs import PRIVATE, an_item, digests, ingest, ndjson

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Beam warns of what other libraries lack
    import apache_beam as beam
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    from pipelines.ingest import run as ingest_job
    from pipelines.ingest.graph import Job, build
    from transforms import write_rows
    from transforms.list_cache_keys import _WriteKeysFn
    from transforms.merge_records import _MergePartitionFn
    from transforms.stages.write_reports import RESULTS
    from transforms.write_rejections import _WriteBucketFn
    from transforms.write_rows import _WriteRowsFn

WRITERS = (_MergePartitionFn, _WriteRowsFn, _WriteKeysFn, _WriteBucketFn)
TIMES = 3


def bundle(step: beam.DoFn, element: Any, *sides: Any) -> list[Any]:
    """What a step gives for a bundle of one element."""
    step.start_bundle()
    found = list(step.process(element, *sides))
    # What a bundle gives at its end is windowed, and may be tagged.
    return [*found, *(beam.pvalue.TaggedOutput(each.tag, each.value.value) for each in step.finish_bundle() or ())]


class Doubled(beam.DoFn):
    """A step whose every element is worked on several times at once, each time by a copy as a worker would have it."""

    def __init__(self, step: beam.DoFn) -> None:
        self._step = step

    def process(self, element: Any, *sides: Any) -> Iterator[Any]:
        copies = [pickle.loads(pickle.dumps(self._step)) for _ in range(TIMES)]
        with ThreadPoolExecutor(TIMES) as threads:
            tries = [threads.submit(bundle, copy, element, *sides) for copy in copies]
        results = [each.result() for each in tries]
        yield from results[-1]


def doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    original = beam.ParDo.__init__

    def init(self: beam.ParDo, fn: Any, *arguments: Any, **options: Any) -> None:
        original(self, Doubled(fn) if isinstance(fn, WRITERS) else fn, *arguments, **options)

    monkeypatch.setattr(beam.ParDo, "__init__", init)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records: list[object] = [an_item(f"i{number}", {"speed": number, "sky": f"s{number % 7}"}) for number in range(500)]
    folder = tmp_path_factory.mktemp("exports")
    return ndjson(folder / "items.ndjson", [*records, {"reference_id": ""}, an_item("far", {"lat": 95, "lon": 1})])


@pytest.fixture(scope="module")
def once(export: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is published where every bundle is tried once."""
    dataset = tmp_path_factory.mktemp("once") / "d"
    assert ingest(dataset, "--items", str(export)).exit_code == 0
    return digests(dataset)


def test_steps_that_are_tried_several_times_at_once_publish_the_same_version(
    export: Path, once: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        doubled(patched)
        assert ingest(tmp_path / "doubled", "--items", str(export)).exit_code == 0
    assert digests(tmp_path / "doubled") == once
    assert list((tmp_path / "doubled" / "runs").glob("*")) == []


def test_a_job_is_published_alike_where_a_first_try_left_files_and_halves(
    export: Path, once: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingest(tmp_path / "once", "--items", str(export)).exit_code == 0

    def tried_before(root: beam.Pipeline, job: Job) -> None:
        """All of the job is done once, its parts are spoilt, and one has a half beside it: then it is tried again."""
        with beam.Pipeline(runner=FnApiRunner()) as first:
            build(first, job)
        parts = [path for path in Path(job.root).rglob("*") if path.is_file() and path.name != PRIVATE]
        assert len(parts) > 30
        for path in parts:
            path.write_bytes(b"left by a writer that was killed")
        (Path(job.root, "items") / "part-00000-of-00008.avro.0123.tmp").write_bytes(b"half")
        build(root, replace(job))

    with monkeypatch.context() as patched:
        patched.setattr(ingest_job, "build", tried_before)
        assert ingest(tmp_path / "again", "--items", str(export)).exit_code == 0
    assert digests(tmp_path / "again") == once
    manifest = json.loads((tmp_path / "again/versions/000001/manifest.json").read_text())
    assert not any(RESULTS in file["path"] for file in manifest["files"])


def test_a_writer_that_gives_other_bytes_the_second_time_would_be_noticed(
    export: Path, once: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = write_rows.write_partition

    def other(*given: Any) -> Any:
        written = write(*given)
        for file in written.stored:
            Path(file.uri).write_bytes(Path(file.uri).read_bytes() + b"x")
        return written

    with monkeypatch.context() as patched:
        patched.setattr(write_rows, "write_partition", other)
        assert ingest(tmp_path / "other", "--items", str(export)).exit_code == 0
    assert digests(tmp_path / "other") != once
