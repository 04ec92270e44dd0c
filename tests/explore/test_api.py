"""The calls of the API against the plain evaluator of `support.query_oracle` and the command (EXPLORER, API)."""

import io
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.explorer import Explorer
from support.in_process import export
from support.query_oracle import World, has_label
from support.runs import GROUPS, Ended

from pipelines.cli.main import main

QUERIES = [
    ("items", ""),
    ("items", "metadata.weather = rain"),
    ("items", "metadata.n > 3 AND metadata.weather != fog"),
    ("items", "annotations.car >= 1 OR predictions.run_a.count > 0"),
    ("items", "location WITHIN (-90, 0, 90, 180)"),
    ("items", "scene.metadata.city = Oslo"),
    ("scenes", "metadata.city = Bonn"),
    ("annotations", "label = car"),
    ("predictions", "confidence > 0.5"),
    ("items", "metadata.weather = nothing"),
    ("items", "metadata.weather IN (rain, snow) ORDER BY metadata.n DESC"),
    ("items", "NOT metadata.weather = rain SAMPLE 7"),
    ("items", "ORDER BY annotations.count SAMPLE 9"),
]


def printed(published: Ended, capsys: pytest.CaptureFixture[str], group: str, query: str, form: str) -> str:
    expression = query or {"items": 'reference_id != ""'}.get(group, 'reference_id != ""')
    capsys.readouterr()
    assert main(["query", f"{published.dataset}", expression, "--group", group, "--format", form]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("group", "query"), QUERIES)
def test_records_are_the_rows_that_the_command_prints_in_its_order(
    explorer: Explorer, published: Ended, capsys: pytest.CaptureFixture[str], group: str, query: str
) -> None:
    lines = [json.loads(line) for line in printed(published, capsys, group, query, "ndjson").splitlines()]
    found = explorer.json("records", group=group, query=query, limit=1000)
    assert found["records"] == lines
    assert found["count"] == len(lines)


def test_pages_put_together_are_all_records(explorer: Explorer) -> None:
    whole = explorer.json("records", limit=1000)
    pages = [explorer.json("records", offset=offset, limit=7) for offset in range(0, whole["count"] + 7, 7)]
    assert [row for page in pages for row in page["records"]] == whole["records"]
    assert {page["count"] for page in pages} == {whole["count"]}


def value(row: dict[str, Any], path: str) -> Any:
    for part in path.split("."):
        row = (row or {}).get(part)  # type: ignore[assignment]
    return row


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("items", "metadata.n"),
        ("items", "metadata.weather"),
        ("items", "metadata.d"),
        ("items", "reference_id"),
        ("items", "location.latitude"),
        ("scenes", "metadata.km"),
        ("annotations", "label"),
        ("predictions", "confidence"),
    ],
)
def test_sorted_records_have_null_last_and_ties_by_identity(
    explorer: Explorer, group: str, path: str, descending: bool
) -> None:
    plain = explorer.json("records", group=group, limit=1000)["records"]
    given = explorer.json("records", group=group, limit=1000, sort=path, descending=f"{descending}".lower())["records"]
    by_identity = sorted(plain, key=lambda row: row["reference_id"])
    there = [row for row in by_identity if value(row, path) is not None]
    there = sorted(there, key=lambda row: value(row, path), reverse=descending)  # which keeps the order of equals
    assert given == there + [row for row in by_identity if value(row, path) is None]


def test_records_can_be_sorted_by_how_many_annotations_they_have(explorer: Explorer, world: World) -> None:
    rows = explorer.json("records", sort="annotations.count", descending="true", limit=1000)["records"]
    counts = [len(world.annotations["annotations"][row["reference_id"]]) for row in rows]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize("group", GROUPS)
def test_insights_of_everything_are_the_numbers_of_the_version(
    explorer: Explorer, published: Ended, group: str
) -> None:
    insights = json.loads((published.folder / "insights.json").read_text())["groups"][group]
    found = explorer.json("insights", group=group)
    assert found["count"] == published.schema[group]["records"]
    assert found["fields"].keys() == insights["fields"].keys()
    for key, field in insights["fields"].items():
        assert found["fields"][key]["present"] == published.schema[group]["fields"][key]["present"]
        if "histogram" in field:
            assert found["fields"][key]["histogram"] == {each: field["histogram"][each] for each in ("edges", "counts")}
        else:
            assert found["fields"][key]["frequencies"] == field["frequencies"]
    assert found["locations"] == insights["locations"]


@pytest.mark.parametrize(("group", "query"), QUERIES)
def test_insights_of_a_result_count_its_rows_on_the_edges_of_the_version(
    explorer: Explorer, world: World, published: Ended, group: str, query: str
) -> None:
    whole = json.loads((published.folder / "insights.json").read_text())["groups"][group]
    found = explorer.json("insights", group=group, query=query)
    rows = explorer.json("records", group=group, query=query, limit=1000)["records"]
    assert found["count"] == len(rows)
    for key, field in found["fields"].items():
        values = [row["metadata"][key] for row in rows if row["metadata"].get(key) is not None]
        assert field["present"] == len(values), key
        if "histogram" in field:
            edges = whole["fields"][key]["histogram"]["edges"]
            last = len(edges) - 2
            expected = [
                sum(low <= each < high or (at == last and each == high) for each in values)
                for at, (low, high) in enumerate(pairwise(edges))
            ]
            assert field["histogram"] == {"edges": edges, "counts": expected}, key
        else:
            names = [each["value"] for each in whole["fields"][key]["frequencies"]]
            counts = Counter(values)
            assert field["frequencies"] == [{"value": name, "count": counts[name]} for name in names], key
    located = [row for row in rows if row["location"]]
    if found["locations"]:
        assert found["locations"]["count"] == len(located) == sum(cell[2] for cell in found["locations"]["cells"])
    labels: Counter[str] = Counter()
    for row in rows:
        for each in (
            [row] if group in ("annotations", "predictions") else world.annotations["annotations"][row["reference_id"]]
        ):
            labels.update({name for name in (each["label"], *(each["labels"] or ())) if name is not None})
    assert {each["value"]: each["count"] for each in found["labels"]} == labels


def test_insights_can_be_asked_of_some_fields(explorer: Explorer) -> None:
    assert explorer.json("insights", fields="n,weather")["fields"].keys() == {"n", "weather"}
    assert explorer.json("insights", fields=["a.b", "n"])["fields"].keys() == {"a.b", "n"}
    assert explorer.json("insights", fields="n,,weather,")["fields"].keys() == {"n", "weather"}
    assert explorer.json("insights", fields=",")["fields"] == explorer.json("insights")["fields"]
    assert "no field wether" in explorer.get("/api/insights", fields="wether").json["error"]["message"]


def test_a_dataset_is_described(explorer: Explorer, published: Ended) -> None:
    found = explorer.json("dataset")
    assert found["version"] == 1
    assert [each["version"] for each in found["versions"]] == [1]
    assert found["versions"][0]["records"] == {group: published.schema[group]["records"] for group in GROUPS}
    assert found["schema"] == published.schema


def test_a_wrong_query_says_where_and_what_else(explorer: Explorer) -> None:
    answer = explorer.get("/api/records", query="metadata.n > 1 AND metadata.wether = rain")
    assert answer.status == 400
    error = answer.json["error"]
    assert (error["position"], error["length"], error["hints"]) == (28, 6, ["weather"])
    assert "wether" in error["message"]


@pytest.mark.parametrize(
    ("call", "parameters", "said"),
    [
        ("records", {"group": "item"}, "expected a group"),
        ("records", {"limit": 1001}, "limit"),
        ("records", {"limit": "-1"}, "limit"),
        ("records", {"offset": "x"}, "offset"),
        ("records", {"version": 7}, "no version 7"),
        ("records", {"sort": "metadata.nothing"}, "no field nothing"),
        ("records", {"sort": "annotations.label"}, "many"),
        ("records", {"sort": "metadata.n = 1 OR metadata.n"}, "ORDER BY path"),
        ("records", {"sort": "metadata.n DESC"}, "one path"),
        ("records", {"descending": "maybe"}, "true or false"),
        ("export", {"format": "xml"}, "format"),
        ("record", {}, "reference_id"),
        ("records", {"version": 0}, "no version 0"),
        ("records", {"version": 99}, "no version 99"),
    ],
)
def test_wrong_parameters_are_told(explorer: Explorer, call: str, parameters: dict[str, Any], said: str) -> None:
    answer = explorer.get(f"/api/{call}", **parameters)
    assert answer.status == 400
    assert said in answer.json["error"]["message"]
    assert set(answer.json["error"]) == {"message", "position", "length", "hints"}


def test_what_is_wrong_with_the_order_has_no_place_in_the_query(explorer: Explorer) -> None:
    answer = explorer.get("/api/records", query="metadata.weather = rain", sort="metadata.wether")
    error = answer.json["error"]
    assert (answer.status, error["position"], error["length"], error["hints"]) == (400, None, None, ["weather"])
    assert error["message"].startswith("expected sort to be one path, got metadata.wether: items have no field wether")


@pytest.mark.parametrize(
    ("call", "parameters", "status", "hints"),
    [
        ("records", {"group": "item"}, 400, ["items"]),
        ("records", {"group": "xyz"}, 400, ["items", "scenes", "annotations", "predictions"]),
        ("export", {"format": "parket"}, 400, ["parquet"]),
        ("insights", {"fields": "wether"}, 400, ["weather"]),
        ("record_", {}, 404, ["record", "records"]),
        ("records", {"version": 7}, 400, ["1"]),
    ],
)
def test_names_that_are_none_come_with_the_nearest_ones(
    explorer: Explorer, call: str, parameters: dict[str, Any], status: int, hints: list[str]
) -> None:
    answer = explorer.get(f"/api/{call}", **parameters)
    assert (answer.status, answer.json["error"]["hints"]) == (status, hints)


@pytest.mark.parametrize(("group", "query"), [QUERIES[1], QUERIES[6], *QUERIES[8:]])
def test_exports_are_the_bytes_that_the_command_prints(
    explorer: Explorer, published: Ended, capsys: pytest.CaptureFixture[str], group: str, query: str
) -> None:
    for form in ("ids", "ndjson", "csv"):
        answer = explorer.get("/api/export", group=group, query=query, format=form)
        assert answer.body.decode() == printed(published, capsys, group, query, form)
        assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(("group", "query"), [*QUERIES[:3], QUERIES[8], *QUERIES[10:]])
def test_parquet_and_csv_are_those_of_export(
    explorer: Explorer, published: Ended, tmp_path: Path, group: str, query: str
) -> None:
    unordered = re.sub(r" *ORDER BY \S+( DESC)? *", "", query)  # which the command refuses
    selected = (f"--query={unordered}",) if unordered else ()
    for form in ("parquet", "csv"):
        assert export(published.dataset, tmp_path / form, f"--group={group}", f"--format={form}", *selected)[0] == 0
    parts = sorted((tmp_path / "parquet" / group).glob("part-*"))
    file = pq.ParquetFile(io.BytesIO(explorer.get("/api/export", group=group, query=query, format="parquet").body))
    found, tables = file.read(), [pq.read_table(path) for path in parts]
    for path, table in zip(parts, tables, strict=True):
        assert table.schema.equals(found.schema)
        facts = pq.read_metadata(path).metadata
        assert {name: file.metadata.metadata[name] for name in facts if name.startswith(b"metadata-etl")} == {
            b"metadata-etl.version": facts[b"metadata-etl.version"],
            b"metadata-etl.schema": facts[b"metadata-etl.schema"],
        }
    rows = [row for table in tables for row in table.to_pylist()]
    assert "ORDER BY" in query or found.to_pylist() == rows
    assert sorted(map(repr, found.to_pylist())) == sorted(map(repr, rows))
    lines = explorer.get("/api/export", group=group, query=query, format="csv").body.splitlines(keepends=True)
    of_parts = [
        path.read_bytes().splitlines(keepends=True) for path in sorted((tmp_path / "csv" / group).glob("part-*"))
    ]
    assert lines[:1] == (of_parts or [lines])[0][:1]
    assert sorted(lines[1:]) == sorted(line for part in of_parts for line in part[1:])


def test_one_item_comes_with_all_that_belongs_to_it(explorer: Explorer, world: World) -> None:
    item = next(
        each
        for each in world.rows["items"]
        if each["scene_reference_id"] and world.annotations["annotations"][each["reference_id"]]
    )
    found = explorer.json("record", reference_id=item["reference_id"])
    assert found["record"]["reference_id"] == item["reference_id"]
    own = world.annotations["annotations"][item["reference_id"]]
    assert [each["annotation_id"] for each in found["annotations"]] == [each["annotation_id"] for each in own]
    runs = Counter(each["model_run"] for each in world.annotations["predictions"][item["reference_id"]])
    assert {run: len(rows) for run, rows in found["predictions"].items()} == runs
    assert found["scene"]["reference_id"] == item["scene_reference_id"]
    frames = [each for each in world.rows["items"] if each["scene_reference_id"] == item["scene_reference_id"]]
    assert {each["reference_id"] for each in found["frames"]} == {each["reference_id"] for each in frames}
    indices = [each["frame_index"] for each in found["frames"]]
    assert indices == sorted(indices)
    assert found["history"] == [{"version": 1, "change": "created"}]


def test_one_annotation_is_found_by_its_id(explorer: Explorer, world: World) -> None:
    row = next(each for each in world.rows["annotations"] if has_label(each, "car") and each["annotation_id"])
    found = explorer.json(
        "record", group="annotations", reference_id=row["reference_id"], annotation_id=row["annotation_id"]
    )
    assert found["record"]["annotation_id"] == row["annotation_id"]
    assert found["item"]["reference_id"] == row["reference_id"]


def test_a_record_that_is_not_there_is_not_found(explorer: Explorer) -> None:
    assert explorer.get("/api/record", reference_id="nobody").status == 404
