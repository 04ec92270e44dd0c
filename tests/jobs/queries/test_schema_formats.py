"""`schema --format bigquery` and `json-schema`, held to the validators of others (V, T, C, D2, A1)."""

import json
from pathlib import Path
from typing import Any

import fastavro
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import ingest
from support.profiles import draws
from support.runs import Ended, an_item, ndjson

from pipelines.cli.main import main
from transforms.rules.bigquery_schema import refused_names
from transforms.rules.json_schema import metadata_schema

GROUPS = ("items", "scenes", "annotations", "predictions")
DECLARED = {"items": {"grade": {"type": "category", "choices": ["a", "b", "true"]}, "later": "number"}}
PUBLISHED = [
    {"n": 1, "d": 1.5, "word": "x", "truth": True, "list": [1], "lat": 1.5, "lon": 2.5, "none": None, "grade": "a"},
    {"camera_params": {"fx": 1}, "context_attachments": [{"attachment": "s3://b/a.jpg"}]},
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = Path(tmp_path_factory.mktemp("formats"))
    items = ndjson(folder / "items.ndjson", [an_item(f"held {at}", metadata) for at, metadata in enumerate(PUBLISHED)])
    (folder / "declared.json").write_text(json.dumps(DECLARED))
    ended = ingest(folder / "dataset", "--items", str(items), "--declare", str(folder / "declared.json"))
    assert ended.outcome == "published", ended.document
    return ended


def printed(dataset: Ended, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["schema", str(dataset.dataset), *arguments]) == 0
    return json.loads(capsys.readouterr().out)


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([1, -7, 0, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 90, 180, 91, 10**309, 1.5, -180.0, 1e308]),
    st.sampled_from(["x", "a", "c", "true", "", "52.5", " -0.1 ", "+13", "90.", "90.1", "180", "1e1", ".5", "north"]),
    st.sampled_from([None, True, False, [], {}, [1], {"fx": 1}]),
    st.sampled_from(
        [
            [{"attachment": "s3://b/a.jpg", "frame": 0, "dims": {"width": 1, "height": 2.5}}],
            [{"attachment": "s3://b/a.jpg", "camera_position": {"x": 1, "y": 2, "z": 3}, "metadata": {"a": [1]}}],
            [{"attachment": ""}],
            [{"frame": 1}],
            [{"attachment": "s3://b/a.jpg", "frame": -1}],
            [{"attachment": "s3://b/a.jpg", "dims": {"width": 0, "height": 1}}],
            [{"attachment": "s3://b/a.jpg", "camera_position": {"x": 1}}],
            [{"attachment": "s3://b/a.jpg", "frame": None, "dims": None, "metadata": []}],
        ]
    ),
)
KEYS = ["n", "d", "word", "truth", "list", "lat", "lon", "none", "grade", "camera_params", "context_attachments", "new"]
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4)
PAIRS = st.fixed_dictionaries({"lat": VALUES, "lon": VALUES})


@draws(4)
@given(
    objects=st.lists(
        st.one_of(OBJECTS, PAIRS, VALUES.map(lambda value: {"n": 1, "word": value})), min_size=60, max_size=90
    )
)
def test_the_json_schema_accepts_what_an_ingest_accepts(
    objects: list[dict[str, Any]], dataset: Ended, tmp_path_factory: pytest.TempPathFactory
) -> None:
    described = dataset.schema["items"]
    validator = jsonschema.Draft202012Validator(metadata_schema("items", described))
    folder = Path(tmp_path_factory.mktemp("accepted"))
    # Each in a job of its own would take minutes: conflicts are told record by record with this policy.
    existing = [an_item(f"held {at}", metadata) for at, metadata in enumerate(PUBLISHED)]
    many = [an_item(f"weight {at}", PUBLISHED[0]) for at in range(100)]
    # What is new conflicts with nothing: each record has a new field of its own.
    given_items = [
        an_item(f"given {at}", {f"new {at}" if key == "new" else key: value for key, value in metadata.items()})
        for at, metadata in enumerate(objects)
    ]
    (folder / "declared.json").write_text(json.dumps(DECLARED))
    ended = ingest(
        folder / "dataset",
        "--items",
        str(ndjson(folder / "items.ndjson", [*existing, *many, *given_items])),
        "--declare",
        str(folder / "declared.json"),
        "--on-conflict",
        "quarantine",
    )
    assert ended.outcome == "published", ended.document
    rejected = {each["reference_id"] for each in ended.rejections}
    for at, metadata in enumerate(objects):
        accepted, valid = f"given {at}" not in rejected, validator.is_valid(metadata)
        if _of_the_empty_field(metadata):
            continue
        assert valid or not accepted, metadata
        assert accepted or not valid or _has_an_exponent(metadata), metadata


def _has_an_exponent(metadata: dict[str, Any]) -> bool:
    """Whether a string may be a coordinate whose size a pattern cannot tell."""
    return any(isinstance(metadata.get(key), str) and "e" in metadata[key] for key in ("lat", "lon"))


def _of_the_empty_field(metadata: dict[str, Any]) -> bool:
    """Whether the first values of a field of nulls are there: they would conflict with each other."""
    return metadata.get("none") is not None


@pytest.mark.parametrize(
    ("metadata", "valid"),
    [
        (None, True),
        ({}, True),
        ({"n": 1.5}, True),
        ({"n": 2**63}, True),
        ({"n": 10**309}, False),
        ({"n": True}, False),
        ({"d": 7}, True),
        ({"word": False}, True),
        ({"word": 1}, False),
        ({"truth": "perhaps"}, True),
        ({"list": {}}, True),
        ({"list": "x"}, False),
        ({"none": "first"}, True),
        ({"grade": "b"}, True),
        ({"grade": True}, True),
        ({"grade": False}, False),
        ({"grade": "c"}, False),
        ({"later": 1.5}, True),
        ({"later": "x"}, False),
        ({"new": 1}, True),
        ({"new": None}, True),
        ({"new": 10**309}, False),
        ({"latitude": 95, "longitude": 1}, False),
        ({"latitude": "-1e-05", "longitude": 1}, True),
        ({"latitude": "north"}, True),
        ({"lat": 95}, True),
        ({"lat": 95, "lon": 1}, False),
        ({"lat": "52.5", "lon": " -0.1 "}, True),
        ({"lat": "52.5"}, False),
        ({"lat": None, "lon": None}, True),
        ({"lat": None, "lon": 1}, False),
        ([], False),
    ],
)
def test_the_json_schema_says_what_a_version_accepts(
    metadata: Any,
    valid: bool,
    dataset: Ended,
    capsys: pytest.CaptureFixture[str],
) -> None:
    schema = printed(dataset, capsys, "--format", "json-schema", "--group", "items")
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(metadata) is valid


def test_every_group_has_a_json_schema_that_its_own_rows_meet(
    published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    schemas = printed(published, capsys, "--format", "json-schema")
    assert tuple(schemas) == GROUPS
    for group, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        columns = {field["column"]: (key, field) for key, field in published.schema[group]["fields"].items()}
        for row in published.rows(group):
            existing = {name: value for name, value in (row["metadata"] or {}).items() if value is not None}
            metadata = {
                columns[name][0]: json.loads(value) if columns[name][1]["storage"] == "json" else value
                for name, value in existing.items()
            }
            validator.validate(metadata)


def of_avro(kind: Any) -> tuple[str, str, list[Any] | None]:
    """What a type of a parsed Avro schema is in BigQuery: type, mode, members."""
    if isinstance(kind, list):
        assert kind[0] == "null"
        return of_avro(kind[1])
    if isinstance(kind, dict) and kind["type"] == "array":
        of, _, members = of_avro(kind["items"])
        return of, "REPEATED", members
    if isinstance(kind, dict) and kind["type"] == "record":
        return "RECORD", "NULLABLE", [(field["name"], *of_avro(field["type"])) for field in kind["fields"]]
    return {"string": "STRING", "long": "INTEGER", "double": "FLOAT"}[kind], "NULLABLE", None


def of_bigquery(column: dict[str, Any]) -> tuple[Any, ...]:
    members = column.get("fields")
    return column["name"], column["type"], column["mode"], None if members is None else list(map(of_bigquery, members))


@pytest.mark.parametrize("group", GROUPS)
def test_the_bigquery_schema_has_the_columns_of_the_avro_parts(
    group: str, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = printed(published, capsys, "--format", "bigquery", "--group", group)
    with published.parts(group)[0].open("rb") as stream:
        written = fastavro.reader(stream).writer_schema
    assert isinstance(written, dict)
    assert [of_bigquery(column) for column in columns] == [
        (field["name"], *of_avro(field["type"])) for field in written["fields"]
    ]
    metadata = next(column for column in columns if column["name"] == "metadata")
    described = {column["name"]: column["description"] for column in metadata["fields"]}
    fields = published.schema[group]["fields"]
    assert described == {field["column"]: key for key, field in fields.items() if field["column"]}


def test_a_record_without_fields_is_left_out(dataset: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    columns = printed(dataset, capsys, "--format", "bigquery")["scenes"]
    assert "metadata" not in {column["name"] for column in columns}


def test_names_that_bigquery_refuses_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metadata = {"Speed": 1, "speed": 2, "_TABLE_x": 3, "n" * 301: 4}
    items = ndjson(tmp_path / "items.ndjson", [an_item("a", metadata)])
    ended = ingest(tmp_path / "dataset", "--items", str(items))
    assert main(["schema", str(ended.dataset), "--format", "bigquery", "--group", "items"]) == 0
    said = capsys.readouterr().err
    for words in ("metadata.speed", "case alone", "_TABLE_x", "reserved", "longer than 300"):
        assert words in said
    assert list(refused_names([{"name": "fine"}])) == []
