"""`metadata_etl.ingest` is the job of the command: its object comes back, or an error with the report (RULES R4)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import in_process
from support.runs import an_item, ndjson

import metadata_etl
from pipelines.errors import ExitCode


@pytest.fixture(autouse=True)
def without_beam() -> Iterator[None]:
    """The stages run in this process."""
    with in_process.stages_alone():
        yield


def test_an_ingest_publishes_and_returns_the_object_of_the_command(tmp_path: Path) -> None:
    one, two = (ndjson(tmp_path / name, [an_item(name, {"speed": 1})]) for name in "ab")
    outcome = metadata_etl.ingest(dataset=tmp_path / "d", items=[one, f"{two}"], fsync=False, partitions=2)
    assert (outcome["outcome"], outcome["version"]) == ("published", 1)
    assert outcome["groups"]["items"]["created"] == 2
    box = {"reference_id": "a", "type": "category", "label": "day", "taxonomy_name": "time", "geometry": {}}
    annotations = ndjson(tmp_path / "marks", [box])
    metadata_etl.ingest(dataset=f"{tmp_path / 'd'}", predictions={"run=1": annotations}, fsync=False)
    assert metadata_etl.open(tmp_path / "d").predictions().collect()["model_run"].to_list() == ["run=1"]
    assert metadata_etl.ingest(dataset=tmp_path / "d", items=one, fsync=False)["outcome"] == "unchanged"


def test_exports_of_another_format_have_a_map(tmp_path: Path) -> None:
    table = tmp_path / "cars.csv"
    table.write_text("image_url,weather\ns3://b/1.jpg,rain\ns3://b/2.jpg\n")
    outcome = metadata_etl.ingest(dataset=tmp_path / "d", items=table, map="manifest", fsync=False)
    assert outcome["groups"]["items"]["created"] == 1
    assert outcome["groups"]["items"]["rejected"] == {"malformed_json": 1}
    with pytest.raises(metadata_etl.UsageError, match="has no scenes"):
        metadata_etl.ingest(dataset=tmp_path / "d", scenes=table, map="manifest")


def test_a_failed_gate_raises_with_the_report(tmp_path: Path) -> None:
    export = ndjson(tmp_path / "i", [an_item("a", {"speed": 1}), an_item("b", {"speed": "fast"})])
    with pytest.raises(metadata_etl.FailedJobError, match="type conflicts in 1 field") as raised:
        metadata_etl.ingest(dataset=tmp_path / "d", items=export, fsync=False)
    assert raised.value.exit_code == ExitCode.TYPE_CONFLICT
    assert raised.value.report["outcome"] == "failed"
    assert raised.value.report["conflicts"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "nothing to ingest"),
        ({"items": "/nowhere/*"}, "/nowhere"),
        ({"items": "x", "mode": "replce"}, "did you mean replace"),
        ({"items": "x", "map": "manifst"}, "did you mean manifest"),
        ({"items": "x", "max_rejected": "some"}, "--max-rejected expects"),
        ({"predictions": "v1=x"}, "predictions expects model runs with their exports"),
        ({"predictions": ["v1=x"]}, "predictions expects model runs with their exports"),
    ],
)
def test_wrong_arguments_are_wrong_usage(tmp_path: Path, given: dict[str, object], text: str) -> None:
    with pytest.raises(metadata_etl.UsageError, match=text):
        metadata_etl.ingest(dataset=tmp_path / "d", **given)  # type: ignore[arg-type] # what is tested


def test_a_strict_ingest_rejects_what_a_usual_one_warns_of(tmp_path: Path) -> None:
    export = ndjson(tmp_path / "i", [an_item("a", weather="rain")])
    outcome = metadata_etl.ingest(dataset=tmp_path / "d", items=export, strict=True, fsync=False)
    assert outcome["groups"]["items"]["rejected"] == {"unknown_key": 1}
    outcome = metadata_etl.ingest(dataset=tmp_path / "d", items=export, fsync=False)
    assert (outcome["outcome"], outcome["warnings"]) == ("published", {"unknown_key": 1})
