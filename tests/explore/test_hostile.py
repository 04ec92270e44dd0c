"""Hostile names and values through every call of the API: each is answered, and none is anything but a value."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.explorer import Explorer, exploring
from support.hostile import LONG, SHORT, build
from support.runs import GROUPS

UNKNOWN = (
    "",
    " ",
    "\0",
    "\u202e",
    "'",
    '"',
    "\\",
    "%",
    "(" * 200,
    "a" * 5_000,
    "metadata.",
    'metadata."',
    "a/b",
    "1e999",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    with exploring(build(Path(tmp_path_factory.mktemp("hostile"))).dataset, images="off") as served:
        yield served


@pytest.mark.parametrize("group", GROUPS)
def test_every_call_answers(hostile: Explorer, group: str) -> None:
    rows = hostile.json("records", group=group, limit=1_000)["records"]
    assert hostile.json("insights", group=group)["count"] == hostile.json("records", group=group)["count"]
    for row in rows[::4]:
        names = ("annotation_id", "model_run", "type", "label", "taxonomy_name")
        identity = {name: row[name] for name in names if group in ("annotations", "predictions") and row.get(name)}
        found = hostile.json("record", group=group, reference_id=row["reference_id"], **identity)
        assert found["record"]["reference_id"] == row["reference_id"]
    for form in ("ids", "ndjson", "csv", "parquet"):
        assert hostile.get("/api/export", group=group, format=form).status == 200


def test_every_name_is_a_field_that_is_asked_sorted_and_completed(hostile: Explorer) -> None:
    known = hostile.json("dataset")["schema"]["items"]["fields"]
    for name in SHORT:
        assert name in known
        path = f"metadata.{json.dumps(name)}"
        found = hostile.json("records", query=f"{path} IS PRESENT", sort=path)
        assert [row["metadata"][name] for row in found["records"]] == ["x"]
        assert hostile.json("insights", query=f"{path} = x", fields=name)["fields"][name]["present"] == 1
        offered = hostile.json("suggest", text=f"{path} = ")["suggestions"]
        assert [each["text"] for each in offered if each["kind"] == "category"] == ["x"]


def test_every_name_is_a_value_and_a_label_that_is_asked_for(hostile: Explorer) -> None:
    for name in SHORT:
        wanted = json.dumps(name)
        assert hostile.json("records", query=f'metadata."as category" = {wanted}')["count"] == 1
        assert hostile.json("records", query=f"annotations.label.{wanted} > 0")["count"] == 1
        assert hostile.json("records", query=f"annotations.taxonomy.{wanted} = {wanted}")["count"] == 1
        assert hostile.json("record", reference_id=f"id {name}")["record"]["reference_id"] == f"id {name}"


def test_what_is_no_query_is_told_and_never_an_error_of_the_server(hostile: Explorer) -> None:
    everywhere = ("sort", "group", "format", "version", "fields", "reference_id", "attachment")
    for text in [*UNKNOWN, *SHORT]:
        for call, given in (
            ("records", {"query": text}),
            ("suggest", {"text": text}),
            ("export", dict.fromkeys(everywhere, text)),
            ("image", {"reference_id": text}),
        ):
            answer = hostile.get(f"/api/{call}", **given)
            assert answer.status in (200, 400, 404), (call, text[:80], answer.body[:300])
            assert answer.status == 200 or answer.json["error"]["message"]


def test_a_long_value_comes_whole(hostile: Explorer) -> None:
    assert hostile.json("record", reference_id="long")["record"]["metadata"]["as category"] == LONG
