"""`inspect`: what a file is, which groups and presets take it, and the command for it (EXCHANGE)."""

import gzip
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.runs import an_item

from pipelines.cli import inspect_command
from pipelines.cli.main import main

NOTHING = "Nothing can be ingested as it is: what goes in is in docs/input.md and docs/mapping.md."
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
        (
            f"metadata-etl ingest --dataset DATASET --items {path} "
            "--map 'manifest:delimiter=;,url=COLUMN,images=s3://BUCKET/FOLDER'"
        )
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
    assert f"{path}: CSV, 1 record, " in printed
    assert "The preset manifest takes its items." in printed
    assert f"  metadata-etl ingest --dataset DATASET --items {path} --map manifest\n" in printed


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n", "got a PNG image, which begins with 89 50 4e 47; export what it has as CSV or NDJSON"),
        (b"PK\x03\x04xl/workbook", "got a zip archive, which begins with 50 4b 03 04; unpack it, or export the sheets"),
        (b"x" * 257 + b"ustar\x00", "got a tar archive; unpack it"),
        (b"\x1f\x8b\x08", "got gzip data (in a file whose name does not end in .gz, or compressed twice), which"),
        (b"\xef\xbb\xbf<a/>", "got XML or HTML, which begins with 3c; export"),
        (b'// mine\n{"images": []}', "got what looks like JSON with comments; write it without them"),
        (b"\x18\x00\x00\x00\x00", "got binary data: the byte 0x18 is among the first; export it as CSV or NDJSON"),
        (b"\x7fELF\x02\x01", "got binary data: the byte 0x7f"),
        (b"GIF89a\x01\x00", "got binary data: the byte 0x01"),
        (b"abc\n" + bytes(range(1, 9)) * 4, "got binary data: the byte 0x01"),
        (b"PAR1" + b"x" * 100, "write it again, or copy it again if it was cut off"),
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


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "train: ../images\nval: ../valid\nnames: [a, b]\n",
            ["text, read as CSV with one column, 2 records", "1 of the first 2 cannot be read."],
        ),
        ("a text, of words\nand more\n", ["CSV, 1 record", "None of the first 1 can be read.", NOTHING]),
        ("5\n", ["text, read as CSV with one column, 0 records", NOTHING]),
        ('{\n// mine\n"images": []\n}\n', ["None of the first 4 can be read.", NOTHING]),
        ("{}", ["NDJSON, 1 record"]),
        (
            '{"reference_id": "a", "image_url": "s3://b/1", "metadata": {"x": NaN}}\n',
            [
                "NDJSON, 1 record",
                "It is a native export of items; 1 of the first 1 would be rejected: expected a finite number",
            ],
        ),
        ('{\n"a": {\n"b": 1}}', ["a JSON document, 17 bytes: one object (1)"]),
        ("url,,b\ns3://b/1,1,\n", ["(a column without a name)", "all numbers: (a column without a name). They"]),
        (
            f"url,{','.join(f'c{n}' for n in range(600))}\ns3://b/1{',1' * 600}\n",
            ["101 more fields are not shown.", "c11 and 487 more. They"],
        ),
    ],
)
def test_what_it_says_is_so(text: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text(text)
    assert main(["inspect", str(tmp_path / "x")]) == 0
    printed = capsys.readouterr().out
    assert [line for line in lines if line not in printed] == []
    assert ("To ingest" in printed) == any(each in text for each in ("url", "images\nval"))


def of_files() -> dict[str, tuple[bytes, int]]:
    """Files by their names, and how many records a job has of each."""
    table = b"url,note\ns3://b/1,x\ns3://b/2,y\n"
    image = {"id": 1, "file_name": "a.jpg"}
    mark = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    coco = {"images": [image], "annotations": [mark], "categories": [{"id": 1, "name": "car"}]}
    return {
        "it's a\nfile*[1].csv": (table, 2),
        "semicolons.csv": (table.replace(b",", b";"), 2),
        "latin.csv": ("url;n\ns3://b/1;ü\n".encode("utf-16"), 1),
        "photos.csv": (b"photo\na.jpg\n", 1),
        "boxes.ndjson": (json.dumps({**BOX, "confidence": 0.5}).encode() + b"\n", 1),
        "coco.json": (json.dumps(coco).encode(), 2),
        "cut.json": (json.dumps(coco).encode()[:-30], 4),  # the rest is a rejection of each group
        "cut.csv.gz": (gzip.compress(table + b"".join(b"s3://c/%d,\n" % n for n in range(50_000)))[:-20], 0),
    }


@pytest.mark.usefixtures("without_beam")
@pytest.mark.parametrize("name", of_files())
def test_the_command_that_it_prints_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, records = of_files()[name]
    (tmp_path / name).write_bytes(data)
    assert main(["inspect", str(tmp_path / name), *(["--encoding", "utf-16"] if b"\xff\xfe" in data[:2] else [])]) == 0
    command = next(each for each in capsys.readouterr().out.splitlines() if each.startswith("  metadata-etl "))
    filled = command.replace("DATASET", str(tmp_path / "d")).replace("BUCKET/FOLDER", "b").replace("COLUMN", "photo")
    script = f"printf '%s\\0' {filled.removeprefix('  metadata-etl ')}"
    printed = subprocess.run(["bash", "-c", script], check=True, capture_output=True).stdout
    words = printed.decode().split("\0")[:-1]
    code = main([*words, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (code, document["outcome"]) == (0, "unchanged" if name == "boxes.ndjson" else "published")
    read = sum(each["read"] for each in document["groups"].values())
    assert read == records or (records == 0 and read > 1000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "is a pipe, not a file; write its output to a file first"),
        (os.mkdir, "is a folder; name one file in it"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
        (lambda path: path.symlink_to("/nowhere"), "is a link to /nowhere, which is not there"),
    ],
)
def test_what_is_no_file_is_refused_at_once(
    make: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "x")
    assert main(["inspect", str(tmp_path / "x")]) == 2
    assert message in capsys.readouterr().err


def test_a_bucket_that_does_not_answer_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspect_command, "BUCKET_SECONDS", 0.01)
    monkeypatch.setattr(inspect_command, "object_size", lambda _: time.sleep(0.5))
    assert main(["inspect", "gs://bucket/x.csv"]) == 2
    assert "gs://bucket/x.csv: the bucket did not answer within 0.01 s; check the network" in capsys.readouterr().err
