"""Exports in a bucket are read to the last byte, however stored; an emulated one takes no credentials (F1, F2, R2)."""

import gzip
import io
import json
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import cast

import fastavro
import polars as pl
import pytest
from google.api_core.exceptions import Forbidden
from google.cloud.storage.exceptions import InvalidResponse
from support.bucket import handle, put
from support.preloaded import command
from support.profiles import cases
from support.runs import Ended, an_item, ingest

from pipelines.cli.main import main
from pipelines.config import JobStep, Source
from pipelines.errors import UsageError
from pipelines.ingest.find_exports import find_exports
from transforms.rules.values import JsonObject
from transforms.stages import exports
from transforms.stages.elements import Export
from transforms.stages.exports import byte_ranges, read, read_again
from transforms.storage import buckets, stored_files

pytestmark = pytest.mark.usefixtures("without_beam")  # what is read is looked at
RANGE = 4096
"""Bytes of a byte range: every export here is many of them."""


def items(count: int, prefix: str = "i") -> list[dict[str, object]]:
    return [an_item(f"{prefix}{number:05d}", {"n": number, "é": "ü" * (number % 7)}) for number in range(count)]


def lines(records: Sequence[object]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def one_member(records: Sequence[object]) -> bytes:
    return gzip.compress(lines(records))


def many_members(records: Sequence[object]) -> bytes:
    # The members end in the middle of lines.
    data = lines(records)
    return b"".join(gzip.compress(data[at : at + 3001]) for at in range(0, len(data), 3001))


def avro(records: Sequence[object]) -> bytes:
    fields = [{"name": name, "type": "string"} for name in ("reference_id", "image_url")]
    schema = {"type": "record", "name": "Item", "fields": fields}
    rows = [{key: cast("JsonObject", each)[key] for key in ("reference_id", "image_url")} for each in records]
    stream = io.BytesIO()
    fastavro.writer(stream, schema, rows, sync_interval=2000, sync_marker=bytes(16))
    return stream.getvalue()


def document(records: Sequence[object]) -> bytes:
    return json.dumps({"items": records}, indent=1).encode()


STORED = [
    ("plain.ndjson", None, lines),
    ("one.ndjson.gz", None, one_member),
    ("many.ndjson.gz", None, many_members),
    ("encoded.ndjson", "gzip", one_member),
    ("encoded_members.ndjson", "gzip", many_members),
    ("both.ndjson.gz", "gzip", one_member),
    ("both_members.NDJSON.GZ", "gzip", many_members),
    ("rows.avro", None, avro),
    ("rows_encoded.avro", "gzip", lambda records: gzip.compress(avro(records))),
    ("document.json", None, document),
]
stored = pytest.mark.parametrize(("name", "encoding", "form"), STORED, ids=[name for name, _, _ in STORED])
Form = Callable[[Sequence[object]], bytes]


def exports_of(*patterns: str) -> list[Export]:
    return find_exports([JobStep(tuple(Source("items", pattern) for pattern in patterns))])


def names(uris: Sequence[Export], bucket: str) -> list[str]:
    return [export.uri.removeprefix(f"{bucket}/") for export in uris]


def published(dataset: Path, *arguments: str) -> Ended:
    ended = ingest(dataset, *arguments)
    assert (ended.exit_code, ended.outcome) == (0, "published"), ended.document
    return ended


@stored
def test_every_record_is_read_once_over_many_byte_ranges(
    bucket: str, name: str, encoding: str | None, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "RANGE_BYTES", RANGE)
    records = items(2000)
    (export,) = exports_of(put(f"{bucket}/{name}", form(records), encoding=encoding))
    assert export.size == len(form(records)) > 2 * RANGE
    planned = [byte_range for load in byte_ranges([export]) for byte_range in load]
    assert len(planned) > 2 or name.lower().endswith(".gz")
    chunks = [chunk for byte_range in planned for chunk in read(byte_range)]
    assert [chunk.unreadable for chunk in chunks if chunk.unreadable] == []
    found = [json.loads(raw) for chunk in chunks if chunk.chunk for raw in chunk.chunk.records]
    assert [each["reference_id"] for each in found] == [each["reference_id"] for each in records]


def test_little_more_of_an_export_is_fetched_than_it_has(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [an_item(f"{number:02d}", {"text": "x" * (1 << 18)}) for number in range(96)]
    (export,) = exports_of(put(f"{bucket}/large.ndjson", lines(records)))
    from google.cloud.storage import Blob  # noqa: PLC0415 - at the top it would come before what warns

    fetched: list[int] = []
    get = Blob.download_as_bytes

    def counted(self: Blob, **arguments: object) -> bytes:
        data: bytes = get(self, **arguments)
        fetched.append(len(data))
        return data

    monkeypatch.setattr(Blob, "download_as_bytes", counted)
    monkeypatch.setattr(exports, "RANGE_BYTES", 8 << 20)
    planned = [byte_range for load in byte_ranges([export]) for byte_range in load]
    assert len(planned) == 4
    assert sum(len(chunk.chunk.records) for byte_range in planned for chunk in read(byte_range) if chunk.chunk) == 96
    assert export.size < sum(fetched) < 2 * export.size


@stored
def test_a_record_is_found_again_by_its_offset(
    bucket: str, name: str, encoding: str | None, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "RANGE_BYTES", RANGE)
    (export,) = exports_of(put(f"{bucket}/{name}", form(items(300)), encoding=encoding))
    records = [
        (int(offset), raw)
        for load in byte_ranges([export])
        for byte_range in load
        for chunk in read(byte_range)
        if chunk.chunk
        for offset, raw in zip(chunk.chunk.offsets, chunk.chunk.records, strict=True)
    ]
    wanted = dict(records[::37])
    again = read_again(export, list(wanted))
    assert {each.offset: each.raw for each in again} == wanted


def mixed(bucket: str) -> int:
    """Puts one export of each way to store it below `in/`; returns the number of records."""
    for number, (name, encoding, form) in enumerate(STORED):
        put(f"{bucket}/in/{name}", form(items(400, f"{number}-")), encoding=encoding)
    return 400 * len(STORED)


def test_an_ingest_from_a_bucket_has_all_records_of_all_exports(bucket: str, tmp_path: Path) -> None:
    count = mixed(bucket)
    ended = published(tmp_path / "dataset", "--items", f"{bucket}/in/*")
    assert ended.document["groups"]["items"]["read"] == count
    assert ended.document["groups"]["items"]["created"] == count
    assert len({row["reference_id"] for row in ended.rows("items")}) == count


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "categories": [{"id": 3, "name": "car"}],
    "annotations": [{"id": 4, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}, {"id": 5, "image_id": 9}],
}
CSV = b"id,url,lat,lon,speed\na,s3://b/a.jpg,52.5,13.25,31\nb,nowhere,1,2,3\nc,s3://b/c.jpg,,,\n"


def test_a_map_makes_the_same_of_a_file_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    parquet = io.BytesIO()
    pl.read_csv(CSV).write_parquet(parquet)
    free = tmp_path / "map.toml"
    free.write_text("group = 'items'\nfields = { reference_id = 'id', image_url = 'url' }\n")
    maps = {"a.csv": "manifest", "b.csv": str(free), "c.parquet": "manifest", "d.json": "coco:images=s3://b"}
    files = {"a.csv": CSV, "b.csv": CSV, "c.parquet": parquet.getvalue(), "d.json": json.dumps(COCO).encode()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        groups = ("items", "annotations") if name == "d.json" else ("items",)
        found = []
        for place in (str(tmp_path / name), put(f"{bucket}/{name}", data)):
            run = ingest(
                tmp_path / f"{name}-{len(found)}", *(f"--{group}={place}" for group in groups), "--map", maps[name]
            )
            assert run.outcome == "published"
            kept = [{key: each[key] for key in each if key != "source"} for group in groups for each in run.rows(group)]
            rejected = [(each["code"], each["line"], each["raw"], each.get("place")) for each in run.rejections]
            found.append((kept, rejected))
        assert found[0] == found[1]
        assert (len(found[0][0]), len(found[0][1])) == ((3, 1) if name == "d.json" else (2, 1))


def test_inspect_says_the_size_of_an_object_whatever_its_name(bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = b"url\nhttps://example.org/1.jpg\n"
    uri = put(f"{bucket}/in/odd[1]*.csv", data)
    assert main(["inspect", uri, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == len(data)


def test_a_folder_is_taken_by_its_name_whatever_wildcards_it_has(bucket: str) -> None:
    data = {name: put(f"{bucket}/{name}", b"x") for name in ("a[1]*/x", "a[1]*/in/y", "a1b/x", "a[1]b/x")}
    own = {data["a[1]*/x"]: 1, data["a[1]*/in/y"]: 1}
    assert stored_files.object_sizes(f"{bucket}/a[1]*") == own
    assert stored_files.files_named(f"{bucket}/a[1]*", "*") == [data["a[1]*/x"]]


@pytest.fixture
def unusable_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are found wherever one looks for some, and with which no request succeeds."""
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"type": "authorized_user", "client_id": "", "client_secret": "", "refresh_token": "x"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


@pytest.mark.long
@pytest.mark.usefixtures("unusable_credentials")
def test_worker_processes_read_the_same_from_a_bucket(bucket: str, tmp_path: Path) -> None:
    count, workers = mixed(bucket), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
    ended = published(tmp_path / "dataset", "--items", f"{bucket}/in/*", "--", *workers)
    assert "2 worker processes" in ended.document["runner"]
    assert ended.document["groups"]["items"]["created"] == count
    assert len({row["reference_id"] for row in ended.rows("items")}) == count


def test_a_rejection_of_an_encoded_export_names_its_line_and_offset_in_what_was_decompressed(
    bucket: str, tmp_path: Path
) -> None:
    data = lines(items(500)) + b'{"broken"\n' + lines(items(20, "after"))
    uri = put(f"{bucket}/export.ndjson", gzip.compress(data), encoding="gzip")
    ended = published(tmp_path / "dataset", "--items", uri)
    (rejection,) = ended.rejections
    assert (rejection["code"], rejection["line"], rejection["raw"]) == ("malformed_json", 501, '{"broken"')
    assert rejection["offset"] == len(lines(items(500)))
    assert ended.document["groups"]["items"] == {**ended.document["groups"]["items"], "read": 521, "created": 520}


def test_of_a_truncated_encoded_export_what_was_readable_is_read(bucket: str, tmp_path: Path) -> None:
    data = b"".join(gzip.compress(lines(items(300, prefix)), 1) for prefix in "ab")
    uri = put(f"{bucket}/export.ndjson", data[:-200], encoding="gzip")
    ended = ingest(tmp_path / "dataset", "--items", uri)
    assert (ended.exit_code, ended.outcome) == (6, "failed")
    (rejection,) = ended.rejections
    assert rejection["code"] == "unreadable_export"
    assert "truncated" in rejection["message"]
    assert 300 < ended.document["groups"]["items"]["read"] < 601


@pytest.mark.parametrize(
    ("data", "content_type", "said"),
    [
        (lines(items(3)), "text/plain", "expected gzip data, which begins with 1f 8b"),
        (gzip.compress(gzip.compress(lines(items(3)))), "text/plain", "compressed twice"),
        (one_member(items(3)), "application/gzip", "Doubly compressed"),
    ],
    ids=["is not compressed", "is compressed twice", "has a content type that Beam does not read"],
)
def test_an_encoded_export_that_cannot_be_read_is_one_rejection(
    bucket: str, tmp_path: Path, data: bytes, content_type: str, said: str
) -> None:
    uri = put(f"{bucket}/export.ndjson", data, encoding="gzip", content_type=content_type)
    ended = ingest(tmp_path / "dataset", "--items", uri)
    assert (ended.exit_code, ended.outcome) == (6, "failed")
    (rejection,) = ended.rejections
    assert rejection["code"] == "unreadable_export"
    assert said in rejection["message"]


def test_an_export_that_goes_away_after_it_was_listed_is_unreadable(bucket: str) -> None:
    (export,) = exports_of(put(f"{bucket}/export.ndjson", lines(items(3))))
    handle(bucket).delete_blob("export.ndjson")
    ((byte_range,),) = byte_ranges([export])
    (chunk,) = read(byte_range)
    assert chunk.unreadable is not None
    assert "404" in chunk.unreadable.message
    assert "\n" not in chunk.unreadable.message


ODD_NAMES = [
    *(".hidden.ndjson", "a b.ndjson", "a#b.ndjson", "a%2Fb.ndjson", "a+b&c=d.ndjson", "a?b.ndjson", "a*b.ndjson"),
    *("[x].ndjson", "x.ndjson", "ünï-日本-😀.ndjson", "folder/of/folders/a.ndjson", "//a.ndjson"),
]


def test_an_export_is_itself_whatever_its_name(bucket: str, tmp_path: Path) -> None:
    for name in [*ODD_NAMES, "aXb.ndjson"]:
        put(f"{bucket}/{name}", lines([an_item(name)]))
    for name in ODD_NAMES:
        assert names(exports_of(f"{bucket}/{name}"), bucket) == [name]
    arguments = [word for name in ODD_NAMES for word in ("--items", f"{bucket}/{name}")]
    ended = published(tmp_path / "dataset", *arguments)
    assert sorted(row["reference_id"] for row in ended.rows("items")) == sorted(ODD_NAMES)


def test_a_pattern_matches_objects_by_name_and_in_the_order_of_names(bucket: str) -> None:
    for name in [*ODD_NAMES, "aXb.ndjson", "folder/", "folder/b.ndjson", "folder/c.txt"]:
        put(f"{bucket}/{name}", b"{}\n" if not name.endswith("/") else b"")

    def matched(pattern: str) -> list[str]:
        return names(exports_of(f"{bucket}/{pattern}"), bucket)

    here = sorted(name for name in [*ODD_NAMES, "aXb.ndjson"] if "/" not in name and name[0] != ".")
    assert matched("*.ndjson") == matched("*") == here
    assert matched(".*") == [".hidden.ndjson"]
    assert matched("a[ #]b.ndjson") == ["a b.ndjson", "a#b.ndjson"]
    assert matched("[a-z].ndjson") == ["x.ndjson"]
    assert matched("a%2*") == ["a%2Fb.ndjson"]
    assert matched("folder/*") == ["folder/b.ndjson", "folder/c.txt"]
    assert matched("folder/") == ["folder/b.ndjson", "folder/c.txt"]
    assert matched("folder/**.ndjson") == ["folder/b.ndjson", "folder/of/folders/a.ndjson"]


@pytest.mark.parametrize("pattern", ["missing.ndjson", "missing*.ndjson", "[m]issing.ndjson", "folder/", "", "*"])
@pytest.mark.parametrize("there", [True, False], ids=["in a bucket", "in no bucket"])
def test_a_pattern_without_objects_is_wrong_usage(bucket: str, pattern: str, *, there: bool) -> None:
    place = bucket if there else f"{bucket}-none"
    if there:
        put(f"{bucket}/folder/", b"")  # what a console makes for a new folder
    with pytest.raises(UsageError, match=r"^--items gs://.*(no such file|cannot be listed)") as caught:
        exports_of(f"{place}/{pattern}")
    assert "\n" not in f"{caught.value}"


@pytest.mark.parametrize("uri", ["gs://", "gs:///a", "gs://no*bucket/a", "gs://nobucket", "gs://NO BUCKET/a?"])
@pytest.mark.usefixtures("bucket")
def test_what_is_no_place_in_a_bucket_is_wrong_usage(uri: str) -> None:
    with pytest.raises(UsageError, match=r"^--items gs://"):
        exports_of(uri)


@pytest.mark.parametrize(  # all are looked at without a process of their own above
    ("name", "place"),
    cases(product(["missing.ndjson", "missing*.ndjson"], ["", "-none"]), [("missing*.ndjson", "")]),
)
@pytest.mark.usefixtures("unusable_credentials")
def test_the_command_ends_with_2_in_one_line(bucket: str, tmp_path: Path, place: str, name: str) -> None:
    done = command("ingest", "--dataset", str(tmp_path / "dataset"), "--items", f"{bucket}{place}/{name}")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{bucket}{place}/{name}" in done.stderr
    assert not (tmp_path / "dataset").exists()


def test_files_in_an_emulated_bucket_need_no_credentials(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr(buckets, "_look_up_credentials", looked.append)
    uri = f"{bucket}/folder/file.bin"
    stored_files.write_bytes(uri, b"\x00\xff" * 1000)
    assert stored_files.read_bytes(uri) == b"\x00\xff" * 1000
    assert [export.size for export in exports_of(uri)] == [2000]
    assert looked == []


def test_what_is_not_in_a_bucket_is_missing_as_on_a_disk(bucket: str, tmp_path: Path) -> None:
    for place in (bucket, str(tmp_path)):
        uri = f"{place}/folder/none.bin"
        with pytest.raises(FileNotFoundError, match=r"folder/none\.bin"):
            stored_files.read_bytes(uri)
        assert stored_files.read_if_there(uri) is None


# The second is what an upload ends with where there is no such bucket.
@pytest.mark.parametrize("refusal", [Forbidden("no right to write"), InvalidResponse(None, "no right to write")])
def test_what_a_bucket_refuses_is_an_error_as_on_a_disk(refusal: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(buckets, "write", refused)
    with pytest.raises(OSError, match=r"gs://b/file\.bin: .*no right to write"):
        stored_files.write_bytes("gs://b/file.bin", b"1")


def test_without_an_emulator_the_credentials_of_the_surroundings_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from apache_beam.internal.gcp import auth  # noqa: PLC0415 - at the top it would come before what warns

    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(buckets, "_look_up_credentials", lambda options: ("found for", options))
    assert auth.get_service_credentials("options") == ("found for", "options")
