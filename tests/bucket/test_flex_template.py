"""A flex template without Dataflow: from what a launcher hands over to a graph in a bucket that publishes by itself."""

import json
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.bucket import handle, put
from support.detached_jobs import report, runs, versions
from support.runs import an_item

from pipelines.cli import main as command
from pipelines.cli.arguments import parser
from pipelines.cli.flex_template import EXPORTS, FILES, SWITCHES, TEXTS, main, words

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.portability.api import beam_runner_api_pb2
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.transforms import environments

    del beam

pytestmark = pytest.mark.usefixtures("without_beam")  # graphs that are launched here run on it all the same
METADATA = Path(__file__).resolve().parents[2] / "deploy/dataflow/metadata.json"
LINES = b"".join(json.dumps(an_item(name, {"n": 1})).encode() + b"\n" for name in ("a", "b", "c"))


def of_beam(bucket: str) -> list[str]:
    """The flags of Beam that a launcher hands over, and those that nobody has to be asked for his credentials."""
    return [
        *("--runner=DataflowRunner", "--project=fleet-1a", "--region=us-central1", "--job_name=nightly-1"),
        *(f"--temp_location={bucket}/temp", f"--staging_location={bucket}/staging"),
        *(f"--template_location={bucket}/staging/template_launches/graph", "--sdk_container_image=eu.pkg.dev/p/r/i:1"),
        "--no_auth",
    ]


def stored_graph(bucket: str) -> Any:
    """The graph of the only template in a bucket."""
    blobs = {blob.name: blob for blob in handle(bucket).list_blobs(prefix="staging/")}
    template = json.loads(blobs["staging/template_launches/graph"].download_as_bytes())
    assert template["environment"]["sdkPipelineOptions"]["options"]["sdk_container_image"] == "eu.pkg.dev/p/r/i:1"
    (name,) = (name for name in blobs if name.endswith("/pipeline.pb"))
    assert name in json.dumps(template)
    return beam_runner_api_pb2.Pipeline.FromString(blobs[name].download_as_bytes())


def launched(graph: Any) -> None:
    """Runs a graph as the service would, but here, and as far as the local runner is like the service."""
    here = environments.EmbeddedPythonEnvironment.default().to_runner_api(None)
    for environment in graph.components.environments.values():
        environment.CopyFrom(here)
    FnApiRunner().run_via_runner_api(graph, PipelineOptions()).wait_until_finish()


def test_a_launched_template_publishes_the_bytes_of_the_local_runner(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export, dataset, here = put(f"{bucket}/exports/items.ndjson", LINES), f"{bucket}/dataset", tmp_path / "here"
    ours = [
        f"--dataset={dataset}",
        f"--items={bucket}/exports/*.ndjson",
        "--partitions=2",
        "--max_rejected=0",
        "--mode=",
    ]
    assert main([*ours, *of_beam(bucket)]) == 0
    (run,) = {name.partition("/")[0] for name in runs(dataset)}
    assert f"The graph of the run {run} is at {bucket}/staging/template_launches/graph" in capsys.readouterr().out
    assert versions(dataset) == {}, "only the graph is written"
    graph = stored_graph(bucket)
    steps = [transform.unique_name for transform in graph.components.transforms.values()]
    assert [name for name in steps if name.startswith("Publish")] == ["Publish"]
    assert {name for name in steps if name.startswith("KeepLease")} > {"KeepLeaseReadings", "KeepLeaseRows"}
    launched(graph)
    assert report(dataset, run)["outcome"] == "published"
    job = ["--items", export, "--partitions", "2", "--max-rejected", "0", "--quiet"]
    assert command.main(["ingest", "--dataset", str(here), *job]) == 0
    assert versions(dataset) == versions(str(here))
    assert runs(dataset) == [f"{run}/report.json"]


def test_a_launched_template_that_meets_a_gate_fails_with_its_reason(bucket: str) -> None:
    put(f"{bucket}/exports/items.ndjson", LINES + b"[]\n")
    ours = [f"--dataset={bucket}/dataset", f"--items={bucket}/exports/*.ndjson", "--partitions=2", "--max_rejected=0"]
    assert main([*ours, *of_beam(bucket)]) == 0
    with pytest.raises(Exception, match="nothing was published, exit code 4: 1 of 4 records are rejected"):
        launched(stored_graph(bucket))
    assert versions(f"{bucket}/dataset") == {}


def test_the_parameters_of_a_launch_are_the_words_of_a_command(bucket: str, tmp_path: Path) -> None:
    given = [
        *("--dataset=gs://b/d", "--items=gs://b/a*.ndjson gs://b/c=1.ndjson", "--predictions=v1=gs://b/p v2=gs://b/q"),
        *("--max_rejected=1.5%", "--allow_unreadable=true", "--on_conflict=", "--mode=replace"),
        f"--declare={put(f'{bucket}/jobs/prod', b'{}')}",
        f"--config={put(f'{bucket}/other/prod', b'quiet = true')}",
        *("--runner=DataflowRunner", "--template_location=gs://b/t", "--labels={}"),
    ]
    expected = [
        *("ingest", "--dataset", "gs://b/d", "--items", "gs://b/a*.ndjson", "--items", "gs://b/c=1.ndjson"),
        *("--predictions", "v1=gs://b/p", "--predictions", "v2=gs://b/q", "--max-rejected", "1.5%"),
        *("--allow-unreadable", "--mode", "replace", "--declare", f"{tmp_path}/declare/prod"),
        *("--config", f"{tmp_path}/config/prod"),
        *("--", "--runner=DataflowRunner", "--template_location=gs://b/t", "--labels={}"),
    ]
    assert words(given, tmp_path) == expected
    assert [Path(tmp_path, name, "prod").read_bytes() for name in ("declare", "config")] == [b"{}", b"quiet = true"]
    history = put(f"{bucket}/jobs/history.toml", b"")
    backfill = words(["--dataset=gs://b/d", f"--history={history}", "--allow_unreadable=false"], tmp_path)
    assert backfill == ["backfill", "--dataset", "gs://b/d", "--history", f"{tmp_path}/history/history.toml", "--"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--allow_unreadable=yes"], "allow_unreadable expects true or false, got yes"),
        (["--declare={bucket}/no/such.json"], "/no/such.json: cannot be read"),
        (["--dataset={bucket}/d", "--items={bucket}/none*"], "none*: no such file, and no file matches it"),
        (["--items={bucket}/none*"], "--dataset is needed"),
    ],
)
def test_wrong_parameters_are_one_line(
    bucket: str, capsys: pytest.CaptureFixture[str], given: Sequence[str], named: str
) -> None:
    assert main([*(word.format(bucket=bucket) for word in given), *of_beam(bucket)]) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


def test_what_the_client_of_dataflow_refuses_is_one_line(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(f"{bucket}/exports/items.ndjson", LINES)
    flags = [flag for flag in of_beam(bucket) if not flag.startswith("--project")]
    given = [f"--dataset={bucket}/dataset", f"--items={bucket}/exports/*.ndjson", "--project=not a project", *flags]
    assert main(given) == 2
    assert "the runner's flags after `--`: Invalid Project ID (not a project)" in capsys.readouterr().err
    assert runs(f"{bucket}/dataset") == []


def test_the_metadata_has_every_parameter_of_a_job() -> None:
    described = {each["name"]: each for each in json.loads(METADATA.read_text("utf-8"))["parameters"]}
    (commands,) = (action for action in parser()._actions if action.dest == "command")
    assert commands.choices is not None
    flags = {
        flag.removeprefix("--").replace("-", "_"): action
        for command in ("ingest", "backfill")
        for action in commands.choices[command]._actions  # type: ignore[attr-defined] # commands are parsers
        for flag in action.option_strings
        if flag.startswith("--")
    }
    # What a person or a program at this end sees, and what a template cannot do or does anyhow.
    left_out = {"help", "color", "quiet", "verbose", "json", "report", "dry_run", "detach", "no_fsync"}
    assert set(described) == set(flags) - left_out | {"sdk_container_image"}
    assert set(described) == {*EXPORTS, *TEXTS, *FILES, *SWITCHES, "sdk_container_image"}
    for name, parameter in described.items():
        assert parameter["isOptional"] is (name != "dataset")
        assert parameter["helpText"]
        assert re.fullmatch(r"[a-zA-Z][-_a-zA-Z0-9]+", name)
        if name in flags and (choices := flags[name].choices):
            assert [choice["value"] for choice in parameter["enumOptions"]] == list(choices)
