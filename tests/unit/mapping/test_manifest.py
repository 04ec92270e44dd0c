"""The preset `manifest`: tables as items, through a whole job; a map never guesses and never loses (R1, R6)."""

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import ingest
from support.profiles import draws
from support.runs import ndjson

from pipelines.cli.main import main
from pipelines.errors import UsageError
from pipelines.maps import read_map
from transforms.formats.chunks import Unreadable
from transforms.mapping.json_columns import json_form, json_texts
from transforms.mapping.maps import SourceFile

CELLS = st.text(st.sampled_from('ab1.,"\n\\\x01é'), max_size=5)


def records(path: Path, map_text: str = "manifest") -> list[dict[str, object]]:
    """What the map makes of a file."""
    size = path.stat().st_size
    chunks = read_map(map_text).chunks(SourceFile(str(path), size, 0, size), "items")
    return [json.loads(record) for chunk in chunks for record in chunk.records]


def written(tmp_path: Path, text: str, name: str = "cars.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_a_column_for_the_url_and_one_for_the_id_make_an_item_and_all_others_are_metadata(tmp_path: Path) -> None:
    path = written(tmp_path, "image_url,id,width,height,weather,latitude\ns3://b/1.jpg,7,640,,rain,52.5\n")
    assert records(path) == [
        {
            "reference_id": "7",
            "image_url": "s3://b/1.jpg",
            "width": 640,
            "metadata": {"weather": "rain", "latitude": "52.5"},
        }
    ]


def test_without_a_column_for_the_id_the_url_is_the_id(tmp_path: Path) -> None:
    path = written(tmp_path, "path,weather\nimg/1.jpg,rain\n/data/2.jpg,sun\n")
    assert records(path, "manifest:images=s3://b/train/") == [
        {"reference_id": "img/1.jpg", "image_url": "s3://b/train/img/1.jpg", "metadata": {"weather": "rain"}},
        {"reference_id": "/data/2.jpg", "image_url": "/data/2.jpg", "metadata": {"weather": "sun"}},
    ]


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        (
            "path,file_name",
            "",
            "expected one column for the URL or path, got path and file_name; name it: --map manifest:",
        ),
        ("weather,speed", "", "expected a column for the URL or path, such as image_url, got weather, speed"),
        (
            "path,speed",
            ":url=paths",
            "expected a column paths, as the option url names it, got none; did you mean path?",
        ),
    ],
)
def test_which_column_is_the_url_is_never_guessed(tmp_path: Path, header: str, options: str, message: str) -> None:
    with pytest.raises(Unreadable) as error:
        records(written(tmp_path, f"{header}\n1,2\n"), f"manifest{options}")
    assert message in error.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("manifst", "--map manifst: there is no preset manifst; did you mean manifest?"),
        ("manifest:delimter=;", "the preset manifest has no option delimter; did you mean delimiter?"),
        ("manifest:url", "options of the preset manifest are KEY=VALUE with commas between them, got 'url'"),
        ("manifest:url=a,url=b", "the option url is given twice"),
        ("manifest:encoding=klingon", "encoding expects the name of an encoding"),
    ],
)
def test_a_wrong_map_is_wrong_usage_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_map(text)
    assert message in str(error.value)


def test_rejections_have_line_and_bytes_of_the_source_and_the_record_that_was_made(tmp_path: Path) -> None:
    text = 'url,id,width,note\ns3://b/1.jpg,1,100,"a\nb"\nshort\ns3://b/2.jpg,1,,\n,3,,\ns3://b/4.jpg,4,wide,\n'
    done = ingest(tmp_path / "dataset", "--items", str(written(tmp_path, text)), "--map", "manifest")
    assert done.document["groups"]["items"]["read"] == 5
    found = [
        (each["code"], each["line"], each["raw"], json.loads(each.get("record", "null"))) for each in done.rejections
    ]
    assert found == [
        ("malformed_json", 4, "short", None),
        (
            "duplicate_id",
            5,
            "s3://b/2.jpg,1,,",
            {"reference_id": "1", "image_url": "s3://b/2.jpg", "metadata": {}},
        ),
        ("missing_url", 6, ",3,,", {"reference_id": "3", "metadata": {}}),
        (
            "invalid_field",
            7,
            "s3://b/4.jpg,4,wide,",
            {"reference_id": "4", "image_url": "s3://b/4.jpg", "width": "wide", "metadata": {}},
        ),
    ]
    assert {each["map"] for each in done.rejections} == {"manifest"}
    [given_] = json.loads((done.folder / "manifest.json").read_text())["inputs"]
    assert given_["map"] == "manifest"


def test_a_declared_number_is_a_number_and_what_is_none_is_a_conflict(tmp_path: Path) -> None:
    path = written(tmp_path, "url,speed,plate\nfile:///1,+31.50,007\nfile:///2, .5,12\nfile:///3,fast,9\n")
    declared = tmp_path / "declared.json"
    declared.write_text('{"items": {"speed": "number"}}')
    done = ingest(
        tmp_path / "dataset",
        *("--items", str(path), "--map", "manifest", "--declare", str(declared), "--on-conflict", "quarantine"),
    )
    assert [row["metadata"] for row in done.rows("items")] == [
        {"plate": "007", "speed": 31.5},
        {"plate": "12", "speed": 0.5},
    ]
    assert [(each["code"], each["raw"]) for each in done.rejections] == [("type_conflict", "file:///3,fast,9")]


GERMAN = (
    '\ufeff"Dateiname";"width";"Geschwindigkeit";"latitude";"longitude";"Bemerkung"\r\n'
    '"s3://b/0001.jpg";1920;31,5;52,520008;13,404954;"Straße, naß"\r\n'
    '"s3://b/0002.jpg";1920,0;-0,25;48,1;11,6;""\r\n'
    '"s3://b/0003.jpg";1.920;"1.031,5";48,1;11,6;"1,5"\r\n'
)
"""As a spreadsheet writes it in Germany."""


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_table_with_commas_for_fractions(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "autos.csv"
    path.write_bytes(GERMAN.removeprefix("\ufeff" if encoding == "cp1252" else "").encode(encoding))
    declared = tmp_path / "declared.json"
    declared.write_text(json.dumps({"items": {"Geschwindigkeit": {"type": "number"}}}))
    options = f"manifest:delimiter=;,decimal=,,url=Dateiname,encoding={encoding}"
    flags = ("--declare", str(declared), "--on-conflict", "quarantine")
    done = ingest(tmp_path / "d", "--items", str(path), "--map", options, *flags)
    rows = {row["reference_id"]: row for row in done.rows("items")}
    assert [(row["width"], row["metadata"]["Geschwindigkeit"]) for row in rows.values()] == [
        (1920, 31.5),
        (1920, -0.25),
    ]
    assert rows["s3://b/0001.jpg"]["location"] == {"latitude": 52.520008, "longitude": 13.404954}
    assert rows["s3://b/0001.jpg"]["metadata"]["Bemerkung"] == "Straße, naß"
    assert [(each["line"], each["code"], each["field"]) for each in done.rejections] == [(4, "invalid_field", "width")]


def test_a_group_that_the_map_does_not_have_is_wrong_usage(tmp_path: Path) -> None:
    path = written(tmp_path, "url\nfile:///1\n")
    done = ingest(tmp_path / "dataset", "--annotations", str(path), "--map", "manifest")
    assert done.exit_code == 2
    assert "--annotations: the map manifest has no annotations, only what --items takes" in done.document["message"]


@draws(40)
@given(
    rows=st.lists(st.tuples(st.from_regex(r"s3://b/[a-c]", fullmatch=True), CELLS, CELLS), max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_records_are_those_of_a_script_with_the_csv_module(
    rows: list[tuple[str, str, str]], quoting: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerows([("image_url", "a", 'b"'), *rows])  # type: ignore[arg-type]
    path = written(tmp_path_factory.mktemp("table"), text.getvalue())
    assert records(path) == [
        {
            "reference_id": url,
            "image_url": url,
            "metadata": {key: cell for key, cell in (("a", first), ('b"', second)) if cell},
        }
        for url, first, second in rows
    ]


def test_a_job_over_a_table_gives_the_rows_of_the_ndjson_of_a_script(tmp_path: Path) -> None:
    path = written(tmp_path, 'url,a,b\ns3://b/1,"x, ""y""",\ns3://b/2,,z\\\ns3://b/2,1,\n')
    with path.open(newline="") as stream:
        lines = [
            {
                "reference_id": row["url"],
                "image_url": row["url"],
                "metadata": {key: row[key] for key in ("a", "b") if row[key]},
            }
            for row in csv.DictReader(stream)
        ]
    mapped = ingest(tmp_path / "one", "--items", str(path), "--map", "manifest")
    native = ingest(tmp_path / "two", "--items", str(ndjson(tmp_path / "cars.ndjson", lines)))
    without_source = [[{**row, "source": None} for row in done.rows("items")] for done in (mapped, native)]
    assert without_source[0] == without_source[1]
    assert mapped.document["groups"] == native.document["groups"]


def test_a_job_file_has_a_map_for_each_input(tmp_path: Path) -> None:
    table = written(tmp_path, "url,id\ns3://b/1,1\n")
    native = ndjson(tmp_path / "two.ndjson", [{"reference_id": "2", "image_url": "s3://b/2"}])
    job = tmp_path / "job.toml"
    job.write_text(f'items = [{{glob = "{table}", map = "manifest"}}, "{native}"]\n')
    done = ingest(tmp_path / "dataset", "--config", str(job))
    assert {row["reference_id"] for row in done.rows("items")} == {"1", "2"}
    again = ingest(tmp_path / "dataset", "--config", str(job))
    assert again.document["outcome"] == "unchanged"


EVERY_TYPE = pa.table(
    {
        "url": ["s3://b/1", "s3://b/2", "s3://b/3"],
        "id": [1, 2, 2],
        "width": [640, None, 5],
        "whole": pa.array([2**63, None, 0], pa.uint64()),
        "float": [1.5, 1e22, None],
        "truth": [True, None, False],
        "moment": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, 6), None, None], pa.timestamp("us")),  # noqa: DTZ001 - a column without
        "zoned": pa.array([dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None, None], pa.timestamp("us", "UTC")),
        "nanos": pa.array([1, None, 2], pa.timestamp("ns")),
        "day": [dt.date(2026, 1, 2), None, None],
        "price": pa.array([Decimal("1.50"), None, Decimal("12345678901234567890.12")], pa.decimal128(30, 2)),
        "bytes": [b"\x00\xff", None, b""],
        "struct": [{"a": 1, "b": None}, None, {"a": 2, "b": "x"}],
        "list": [[1, 2], None, []],
        "category": pa.array(["x", None, "x"]).dictionary_encode(),
        "none": pa.nulls(3),
    }
)
FIRST = {
    "whole": 2**63,
    "float": 1.5,
    "truth": True,
    "moment": "2026-01-02T03:04:05.000006",
    "zoned": "2026-01-02T00:00:00+00:00",
    "nanos": "1970-01-01T00:00:00.000000001",
    "day": "2026-01-02",
    "price": 1.5,
    "bytes": "AP8=",
    "struct": {"a": 1, "b": None},
    "list": [1, 2],
    "category": "x",
}


def parquet(path: Path) -> None:
    pq.write_table(EVERY_TYPE, path, row_group_size=1)


def feather(path: Path) -> None:
    pyarrow.feather.write_feather(EVERY_TYPE, path)


def arrow_stream(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, EVERY_TYPE.schema) as writer:
        writer.write_table(EVERY_TYPE, max_chunksize=2)


def gzipped_parquet(path: Path) -> None:
    plain = io.BytesIO()
    pq.write_table(EVERY_TYPE, plain, row_group_size=1)
    path.write_bytes(gzip.compress(plain.getvalue()))


@pytest.mark.parametrize(
    ("write", "name"), [(parquet, "t"), (feather, "t"), (arrow_stream, "t"), (gzipped_parquet, "t.parquet.gz")]
)
def test_columns_with_types_have_their_values(write: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    first, second, third = records(tmp_path / name)
    assert first == {"reference_id": "1", "image_url": "s3://b/1", "width": 640, "metadata": FIRST}
    assert second == {"reference_id": "2", "image_url": "s3://b/2", "metadata": {"float": 1e22}}
    assert third["width"] == 5


def test_row_groups_are_read_once_each_however_a_file_is_cut_into_byte_ranges(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet(path)
    size = path.stat().st_size
    found = []
    for start in range(0, size, 700):
        source = SourceFile(str(path), size, start, min(start + 700, size))
        found += [line for chunk in read_map("manifest").chunks(source, "items") for line in chunk.lines.tolist()]
    assert sorted(found) == [1, 2, 3]


def test_a_rejected_row_of_parquet_has_its_number_and_its_columns_as_json(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet(path)
    [rejected] = ingest(tmp_path / "dataset", "--items", str(path), "--map", "manifest", range_bytes=900).rejections
    assert (rejected["code"], rejected["line"], rejected["offset"]) == ("duplicate_id", 3, 2)
    assert json.loads(rejected["raw"])["url"] == "s3://b/3"


@pytest.mark.parametrize("write", [parquet, feather])
def test_a_truncated_table_is_unreadable(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "whole")
    (tmp_path / "t").write_bytes((tmp_path / "whole").read_bytes()[:-20])
    with pytest.raises(Unreadable, match=r"expected (Parquet|Arrow), got this after 0 rows"):
        records(tmp_path / "t")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url;speed\ns3://b/1;2\n", "expected a comma between the names of the columns"),
        ("url;speed\ns3://b/1;2\n", "give the delimiter: --map 'manifest:delimiter=;'"),
        ("file_name,a\na/1.jpg,2\nb.jpg,\n", 'are relative paths, such as "a/1.jpg"; say where they are: --map'),
        ("file_name,a\na/1.jpg,2\nb.jpg,\n", "say where they are: --map manifest:images=s3://BUCKET/FOLDER"),
    ],
)
def test_what_no_row_would_pass_is_wrong_usage_before_the_job(tmp_path: Path, text: str, message: str) -> None:
    done = ingest(tmp_path / "dataset", "--items", str(written(tmp_path, text)), "--map", "manifest")
    assert done.exit_code == 2
    assert message in done.document["message"]


def test_the_rules_judge_a_path_that_is_relative_where_others_are_not(tmp_path: Path) -> None:
    path = written(tmp_path, "file_name\n/data/1.jpg\n2.jpg\n")
    done = ingest(tmp_path / "dataset", "--items", str(path), "--map", "manifest")
    (rejection,) = done.rejections
    assert rejection["code"] == "invalid_url"
    advice = "--map manifest:images=s3://BUCKET/FOLDER puts their folder in front of relative paths"
    assert rejection["message"].endswith(f'got "2.jpg" at image_url; {advice}')


def test_rejected_records_are_delivered_as_the_map_made_them(tmp_path: Path) -> None:
    path = written(tmp_path, "url,id\ns3://b/1,1\ns3://b/2,1\nshort\n")
    ingest(tmp_path / "dataset", "--items", str(path), "--map", "manifest")
    assert main(["rejections", str(tmp_path / "dataset"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "items.ndjson").read_text() == (
        '{"reference_id":"1","image_url":"s3://b/2","metadata":{}}\n'
    )


def test_a_decimal_is_the_same_number_by_columns_and_row_by_row() -> None:
    for text, scale in (("12345678901234567", 0), ("0", 0), ("1.50", 2), ("-3.00", 2), ("12345678901234567.25", 2)):
        column = pl.Series([Decimal(text)], dtype=pl.Decimal(30, scale))
        assert json.loads(json_texts(column).texts[0]) == json_form(column[0])
        assert type(json.loads(json_texts(column).texts[0])) is type(json_form(column[0]))


@pytest.mark.parametrize("write", [parquet, feather])
def test_memory_that_runs_out_is_no_fault_of_a_table(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 68684032 failed")

    write(tmp_path / "t")
    monkeypatch.setattr(pq, "ParquetFile", refused)
    monkeypatch.setattr(pa.ipc, "open_file", refused)
    with pytest.raises(MemoryError):
        records(tmp_path / "t")
