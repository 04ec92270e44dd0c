"""`inspect`: what a file is, which groups and presets take it, and the command for it (EXCHANGE)."""

import gzip
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.runs import an_item

from pipelines.cli.main import main

BOX = {"reference_id": "a", "type": "box", "label": "x", "geometry": {"x": 1, "y": 1, "width": 1, "height": 1}}


def inspected(path: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> dict[str, Any]:
    assert main(["inspect", str(path), "--json", *flags]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_table_for_the_preset_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("image_url,speed,note\ns3://b/1,31.5,\ns3://b/2,7,x\n")
    found = inspected(path, capsys)
    assert (found["format"], found["records"]) == ("csv", {"count": 2, "exact": True, "list": None})
    assert found["presets"] == {"manifest": ["items"]}
    assert found["fields"]["speed"] == {"present": 2, "kinds": {"text (numbers)": 2}, "example": "31.5"}
    assert found["fields"]["note"] == {"present": 1, "kinds": {"text": 1}, "example": "x"}
    assert found["commands"] == [f"metadata-etl ingest --dataset DATASET --items {path} --map manifest"]


def test_a_table_with_another_delimiter_and_no_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("photo;speed\na.jpg;1\n")
    found = inspected(path, capsys)
    assert found["presets"] == {}
    assert found["commands"] == [
        f"metadata-etl ingest --dataset DATASET --items {path} --map 'manifest:delimiter=;,url=COLUMN'"
    ]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("url;speed;note\ns3://b/1;31,5;1\ns3://b/2;7;x\n", "delimiter=;,decimal=comma"),
        ("url;speed;n\ns3://b/1;1.5;1,5\n", "delimiter=;"),
        ("url\tspeed\ns3://b/1\t31,5\n", "decimal=comma"),
        ('url,size\ns3://b/1,"640,480"\n', ""),
    ],
)
def test_commas_in_front_of_fractions_are_seen(
    text: str, options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cars.csv"
    path.write_text(text)
    found = inspected(path, capsys)
    [command] = found["commands"]
    assert shlex.split(command)[-1] == (f"manifest:{options}" if options else "manifest")
    is_numbers = "text (numbers)" in found["fields"].get("speed", {"kinds": {}})["kinds"]
    assert is_numbers == ("speed" in text)
    assert main(["inspect", str(path), "--map", shlex.split(command)[-1]]) == 0


@pytest.mark.parametrize(
    ("records", "group", "flag"),
    [
        ([an_item("a", {"weather": "rain"}), {"reference_id": 1}], "items", "--items {}"),
        ([{"reference_id": "s", "video_url": "s3://b/v.mp4", "frame_rate": 2}], "scenes", "--scenes {}"),
        ([BOX], "annotations", "--annotations {}"),
        ([{**BOX, "confidence": 0.5}], "predictions", "--predictions RUN={}"),
    ],
)
@pytest.mark.parametrize("form", ["ndjson", "document", "gz", "avro"])
def test_a_native_export_of_each_group(
    records: list[dict[str, Any]], group: str, flag: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"export.{form}"
    lines = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    match form:
        case "document":
            path.write_text(json.dumps(records))
        case "gz":
            path.write_bytes(gzip.compress(lines))
        case "avro":
            texts = [{"reference_id": "a", "image_url": "s3://b/1"}]
            schema = {"type": "record", "name": "r", "fields": [{"name": name, "type": "string"} for name in texts[0]]}
            with path.open("wb") as stream:
                fastavro.writer(stream, schema, texts)
            group, flag = "items", "--items {}"
        case _:
            path.write_bytes(lines)
    found = inspected(path, capsys)
    assert found["native"][0]["group"] == group
    assert found["commands"][0] == f"metadata-etl ingest --dataset DATASET {flag.format(path)}"
    if group == "items" and form != "avro":
        assert (found["native"][0]["accepted"], found["native"][0]["rejected"]) == (1, 1)
        assert found["fields"]["metadata.weather"]["kinds"] == {"text": 1}


def test_a_document_of_lists_that_nothing_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "photos.json"
    path.write_text(json.dumps({"version": 1, "photos": [{"name": "a"}, {"name": "b"}], "sites": [{"id": 1}]}))
    found = inspected(path, capsys)
    assert found["lists"] == {"photos": 2, "sites": 1}
    assert found["records"] == {"count": 2, "exact": True, "list": "photos"}
    assert (found["native"], found["presets"], found["commands"]) == ([], {}, [])


def test_a_document_of_coco_and_its_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    whole, results = tmp_path / "instances.json", tmp_path / "results.json"
    whole.write_text(json.dumps({"info": {}, "images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [box]}))
    results.write_text(json.dumps([{**box, "score": 0.5}]))
    assert inspected(whole, capsys)["presets"] == {"coco": ["items", "annotations"]}
    found = inspected(results, capsys)
    assert found["presets"] == {"coco": ["predictions"]}
    command = f"metadata-etl ingest --dataset DATASET --predictions RUN={results} --map coco:annotations=FILE"
    assert found["commands"] == [command]
    both = f"--items {whole} --annotations {whole} --map coco:images=s3://BUCKET/FOLDER"
    assert inspected(whole, capsys)["commands"] == [f"metadata-etl ingest --dataset DATASET {both}"]


def test_a_parquet_file_says_its_number_of_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"path": ["/a"] * 3000, "n": range(3000)}), path, row_group_size=100)
    found = inspected(path, capsys)
    assert (found["format"], found["records"]["count"], found["presets"]) == ("parquet", 3000, {"manifest": ["items"]})
    assert found["fields"]["n"]["kinds"] == {"number": 1000}


def test_it_says_so_in_a_table_of_eighty_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("image_url,speed\ns3://b/1,31.5\n")
    assert main(["inspect", str(path)]) == 0
    printed = capsys.readouterr().out
    assert f"{path}: CSV, 1 records" in printed
    assert "The preset manifest takes its items." in printed
    assert f"  metadata-etl ingest --dataset DATASET --items {path} --map manifest\n" in printed


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n", "expected CSV, got a PNG image"),
        ("a,b\n1,2\n".encode("utf-16"), "give the encoding"),
        (None, "no such file; check the path"),
    ],
)
def test_what_nothing_reads_is_wrong_usage(
    data: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x"
    if data is not None:
        path.write_bytes(data)
    assert main(["inspect", str(path)]) == 2
    assert message.lower() in capsys.readouterr().err.lower()


def test_a_pattern_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("url\ns3://b/1\n")
    assert main(["inspect", f"{tmp_path}/*.csv"]) == 2
    assert "it looks at one file, not at a pattern: name one" in capsys.readouterr().err


def test_it_does_not_load_beam(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("image_url\ns3://b/1\n")
    code = f"import sys; from pipelines.cli.main import main; main(['inspect', {str(path)!r}]); "
    code += "assert 'apache_beam' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_encoding_that_is_given_is_in_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cars.csv"
    path.write_bytes("image_url,place\nimg/1.jpg,Zürich\n".encode("latin-1"))
    assert main(["inspect", str(path)]) == 2
    assert "--encoding NAME" in capsys.readouterr().err
    found = inspected(path, capsys, "--encoding", "latin-1")
    assert found["fields"]["place"]["example"] == "Zürich"
    given = "manifest:encoding=iso8859-1,images=s3://BUCKET/FOLDER"
    assert found["commands"] == [f"metadata-etl ingest --dataset DATASET --items {path} --map {given}"]


def test_an_encoding_of_what_is_no_csv_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cars.ndjson"
    path.write_text('{"reference_id": "a", "image_url": "s3://b/1.jpg"}\n')
    assert main(["inspect", str(path), "--encoding", "latin-1"]) == 2
    assert f"{path} is NDJSON: leave the flag out" in capsys.readouterr().err


def test_a_map_that_is_given_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, given = tmp_path / "cars.csv", "manifest:delimiter=;,url=photo"
    path.write_text("photo;speed\ns3://b/1;1\nb.jpg;2\nragged\n")
    found = inspected(path, capsys, "--map", given)
    assert found["mapped"] == [
        {"group": "items", "accepted": 1, "rejected": 2, "message": "expected 2 cells as in the header, got 1"}
    ]
    assert found["commands"] == [f"metadata-etl ingest --dataset DATASET --items {path} --map '{given}'"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--map", "manifest:url=photo"], "are relative paths, such as"),
        (["--map", "manifests"], "did you mean manifest?"),
        (["--map", "manifest", "--encoding", "latin-1"], "--encoding: the map says it"),
        (["--encoding", "latin-99"], "encoding expects the name of an encoding"),
    ],
)
def test_a_map_or_encoding_that_cannot_be_is_wrong_usage(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("photo\na.jpg\n")
    assert main(["inspect", str(path), *flags]) == 2
    assert message in capsys.readouterr().err
