"""The graph of a job as Dataflow gets it, checked without Dataflow, and the files of deploy/dataflow."""

import json
import pickle
import re
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import an_item, ndjson

from pipelines.config import JobConfig, JobStep, Source
from pipelines.ingest.plan import MOST_BY_SIZE, plan
from pipelines.ingest.publish import PublishContext
from transforms.rules.key_limits import MAX_FIELDS
from transforms.rules.strings import MAX_CATEGORIES
from transforms.stages.elements import Export
from transforms.stages.exports import RANGE_BYTES

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import apache_beam as beam
    from apache_beam.coders.coders import Coder
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
    from apache_beam.runners.dataflow.ptransform_overrides import get_dataflow_transform_overrides
    from apache_beam.runners.portability.fn_api_runner import translations
    from apache_beam.transforms import environments

    from pipelines.ingest.graph import build
    from pipelines.ingest.publish_step import add_publishing

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy/dataflow"
SIDE_INPUT_BYTES = 96 * 1024 * 1024
"""The most that a side input takes: a schema of four groups, each with all the fields and categories there may be."""

# What is pickled is one element for each of these, never for each record.
PICKLED = {
    "a load of small exports, or 16 MiB of a large one": r"ReadExports/.*",
    "what one such load was": r"Normalize/NormalizeChunks/.*readings",
    "a partition or a group in it": r"(MergeRecords|MergeResolved)/MergePartitions/.*(None|summaries|counts)",
    "likewise, with resolved conflicts": r"Resolve(Partitions|Summaries|Counts)/.*",
    "a byte range whose first line is known": r"LineNumbers/.*",
    "the schema of the job": r"Infer(Resolved)?Schema/.*",
    "the resolution of the job": r"DecideResolution/.*",
    "a field in conflict": r"FindConflictExamples/.*",
    "a partition that was written": r"WriteRows/WriteParts/.*None",
    "an owner that changed, a part of the keys": r"ListCacheKeys/(ListChanged|WriteCacheKeys)\.None",
    "a part of the rejections": r"WriteRejections/WriteRejectionParts\.None",
    "that all is reported": r"WriteReports/WriteReports\.None",
    "nothing": r"(KeepLease[A-Z][A-Za-z]+|Publish)\.None",
}
REGISTERED = {"BatchCoder", "FrameCoder", "RejectionsCoder", "SummariesCoder"}


@pytest.fixture(scope="module", params=["fail", "quarantine"])
def graph(request: pytest.FixtureRequest) -> Any:
    """The pipeline as the runner of Dataflow translates it, up to where it would be handed to the service."""
    export = Export(0, "gs://b/items.ndjson", "items", None, 10_000_000)
    step = JobStep((Source.of("items", "gs://b/items.ndjson"),), "append", "reject")
    config = JobConfig(dataset="gs://b/dataset", steps=(step,), on_conflict=request.param)
    root = beam.Pipeline(options=PipelineOptions([]))
    job = plan(config, [export], None, root="gs://b/dataset/runs/x", progress=None)
    reports, results = build(root, job)
    add_publishing(
        reports, results, PublishContext.of(config, job, None, unmatched=(), runner="DataflowRunner", began=0.0), "x"
    )
    options = PipelineOptions(["--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/temp"])
    runner = DataflowRunner()
    root.visit(runner.combinefn_visitor())
    root.visit(runner.side_input_visitor(deterministic_key_coders=True))
    root.replace_all(DataflowRunner._PTRANSFORM_OVERRIDES)
    root.replace_all(get_dataflow_transform_overrides(options))
    runner._adjust_pipeline_for_dataflow_v2(root)
    image = environments.DockerEnvironment.from_container_image("image")
    translated = root.to_runner_api(default_environment=image)
    return translations.optimize_pipeline(
        translated,
        phases=[translations.pack_combiners, translations.sort_stages],
        known_runner_urns=frozenset(),
        partial=True,
    )


def coders(graph: Any, name: str) -> Iterator[str]:
    """The Python coders in a coder, by their class."""
    found = graph.components.coders[name]
    if found.component_coder_ids:
        for each in found.component_coder_ids:
            yield from coders(graph, each)
    elif found.spec.urn == "beam:coder:pickled_python:v1":
        yield type(Coder.from_runner_api(found, None)).__name__


def test_what_there_is_one_of_for_each_record_is_never_pickled(graph: Any) -> None:
    seen: set[str] = set()
    for collection in graph.components.pcollections.values():
        name = re.sub(r"^\d+", "", collection.unique_name)
        found = set(coders(graph, collection.coder_id))
        seen |= found
        if found - REGISTERED:
            assert any(re.fullmatch(pattern, name) for pattern in PICKLED.values()), (name, found)
    assert seen >= REGISTERED


def test_rows_and_rejections_are_shuffled_by_coders_of_their_own(graph: Any) -> None:
    shuffled = {}
    for transform in graph.components.transforms.values():
        if transform.spec.urn == "beam:transform:group_by_key:v1":
            (taken,) = transform.inputs.values()
            coder = graph.components.pcollections[taken].coder_id
            shuffled[transform.unique_name.partition("/")[0]] = set(coders(graph, coder))
    assert shuffled["GroupPartitions"] == {"BatchCoder"}
    assert shuffled["ListCacheKeys"] == {"FrameCoder"}
    assert shuffled["WriteRejections"] == {"RejectionsCoder"}


def test_all_steps_are_named(graph: Any) -> None:
    names = [transform.unique_name for transform in graph.components.transforms.values()]
    assert len(names) == len(set(names))
    assert [name for name in names if re.search(r"<lambda|\.py:\d|/(Map|FlatMap|ParDo)$", name)] == []
    assert len(names) > 50


def test_side_inputs_are_those_whose_size_is_known(graph: Any) -> None:
    found = set()
    for transform in graph.components.transforms.values():
        if transform.spec.urn == "beam:transform:pardo:v1":
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            for name in payload.side_inputs:
                collection = graph.components.pcollections[transform.inputs[name]].unique_name
                if not transform.unique_name.endswith("/ResolveSummaries"):  # the one result of its combiner
                    found.add(re.sub(r"^\d+", "", collection))
    resolved = {"DecideResolution/Decide.None", "InferResolvedSchema/ResolveSummaries.None"}
    known = {"InferSchema/ResolveSummaries.None", "LineNumbers/AddUp.None", "ListCacheKeys/ListChanged.None"}
    assert found - resolved == known


def test_side_inputs_stay_below_their_bound(tmp_path: Path) -> None:
    # The first line of each byte range of a tebibyte, and all owners of the most partitions that are chosen by size.
    byte_ranges = [((0, number * RANGE_BYTES), number * 100_000) for number in range(2**40 // RANGE_BYTES)]
    assert len(pickle.dumps(byte_ranges)) < SIDE_INPUT_BYTES / 8
    assert len(pickle.dumps(list(range(MOST_BY_SIZE * 4)))) < SIDE_INPUT_BYTES / 8
    # A tenth of the fields that a group may have, each with as many categories as it may have.
    fields = MAX_FIELDS // 10
    items = [an_item(f"i{n}", {f"key {k}": f"category {n}" for k in range(fields)}) for n in range(MAX_CATEGORIES)]
    run = ingest(tmp_path / "dataset", "--items", str(ndjson(tmp_path / "items.ndjson", items)))
    assert len(run.schema["items"]["fields"]) == fields
    assert len(run.schema["items"]["fields"]["key 0"]["categories"]) == MAX_CATEGORIES
    assert len(json.dumps(run.schema["items"])) * 10 * 4 < SIDE_INPUT_BYTES  # 4 groups


def test_the_base_of_the_image_is_the_beam_and_the_python_of_this_project() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    found = re.search(r"^FROM apache/beam_python(\d+\.\d+)_sdk:(\d+\.\d+\.\d+)$", text, re.MULTILINE)
    assert found
    assert found[1] == f"{sys.version_info.major}.{sys.version_info.minor}" or sys.version_info[:2] != (3, 11)
    assert found[1] == "3.11"
    (wanted,) = (each for each in requires("metadata-etl") or () if re.match(r"apache-beam[>=<]", each))
    lowest = re.search(r">=(\d+\.\d+)", wanted)
    assert lowest
    assert found[2].startswith(f"{lowest[1]}.")
    assert version("apache-beam").split(".")[0] == found[2].split(".")[0]
