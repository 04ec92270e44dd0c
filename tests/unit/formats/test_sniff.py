"""What an export is: RULES F1, F2 and R2 (a malformed first line does not make a document of NDJSON)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.formats.chunks import Unreadable
from transforms.formats.sniff import Format, sniff

MASK = '"annotations": [{"label": "grass", "index": 1, "metadata": {"type": "x"}}]'


@pytest.mark.parametrize(
    "head",
    [
        pytest.param('{"reference_id": "a", "metadata": {}}\n{"reference_id": "b"}\n', id="lines"),
        pytest.param('\ufeff \r\n\n{"reference_id": "a"}', id="mark-blank-lines-no-newline"),
        pytest.param('{"reference_id":"a","metadata":{"x":[1 true]}}\n{"reference_id":"b"}\n', id="malformed-inside"),
        pytest.param('{"reference_id":"a","metadata":{"x":1}\n{"reference_id":"b"}\n', id="bracket-missing"),
        pytest.param('{"reference_id":"a","metadata":{"x":1}}}\n{"reference_id":"b"}\n', id="bracket-too-many"),
        pytest.param('{"reference_id":"a","metadata":{"x":"y\n{"reference_id":"b"}\n', id="cut-in-a-string"),
        pytest.param(
            '{"reference_id":"a","metadata":\n{"reference_id":"b"}\n{"reference_id":"c"}\n', id="cut-at-colon"
        ),
        pytest.param(
            '{"reference_id":"a","frames":[\n{"reference_id":"b"}\n{"reference_id":"c"}\n', id="cut-in-a-list"
        ),
        pytest.param('{"reference_id":"a",\n{"reference_id":"b"}\n', id="cut-after-a-comma"),
        pytest.param('{\n{"reference_id":"b"}\n', id="cut-after-the-bracket"),
        pytest.param('{"reference_id": "a", "metadata": {"items": [{"x": 1}]}}', id="list-inside-metadata"),
        pytest.param('{"metadata": {"a": [1]}, "reference_id": "a"}', id="metadata-first"),
        pytest.param('{"metadata": [1], "reference_id": "a"}', id="metadata-of-the-wrong-kind"),
        pytest.param('{"metadata": {"a": 1}, "camera_params": {}}', id="no-list"),
        pytest.param("{" + MASK + ', "type": "mask", "mask_url": "s3://a/b.png"}', id="mask"),
        pytest.param("{" + MASK + "}", id="segments-only"),
        pytest.param('{"annotations": [' + '{"label": "grass", "index": 1}, ' * 3000, id="mask-longer-than-the-head"),
        pytest.param('{"item": {"reference_id": "a"}, "box": [{"type": "box"}]}', id="row-of-an-export"),
        pytest.param('{"box": [{"type": "box"}], "item": {"reference_id": "a"}}', id="row-with-its-item-last"),
        pytest.param('{"reference_id": "a", "frames": [' + '{"lidar": {}}, ' * 6000, id="scene-longer-than-the-head"),
        pytest.param('garbage\n{"reference_id": "a"}\n', id="bad-first-line"),
        pytest.param("null\n", id="a-scalar"),
        pytest.param('"text"\n5\n', id="scalars"),
        pytest.param(" " * 65536, id="blanks-to-the-end-of-the-head"),
    ],
)
def test_ndjson(head: str) -> None:
    assert sniff(head.encode()[:65536]) is Format.NDJSON


@pytest.mark.parametrize(
    "head",
    [
        pytest.param('[{"reference_id": "a"}]', id="list"),
        pytest.param("\ufeff\n [\n", id="mark-blank-line-list"),
        pytest.param('{"items": [{"reference_id": "a"}], "update": true}\n', id="envelope-on-a-line"),
        pytest.param('{"n": 1, "items" \t: \r [{"reference_id": "a"}]}\n', id="envelope-with-space-in-it"),
        pytest.param('{"update": false, "segmentations": [{"type": "mask"}]}', id="envelope-with-its-list-last"),
        pytest.param('{"annotations": [{"label": "a", "type": "box"}], "update": true}', id="annotations"),
        pytest.param('{"metadata": [{"reference_id": "a", "metadata": {}}], "level": "item"}', id="metadata-update"),
        pytest.param('{"box": [], "cuboid": []}', id="predictions-by-type"),
        pytest.param('{"\\u0069tems": [{"reference_id": "a"}]}', id="a-key-with-escapes"),
        pytest.param('{"items": [{"reference_id": "a"}, {"refer', id="cut-short"),
        pytest.param('{"exportedRows":[' + '{"item": {"ref_id": "a"}},' * 4000, id="longer-than-the-head"),
        pytest.param('{ "items": [\n{"reference_id": "a"},\n{"reference_id": "b"}\n]}', id="element-per-line"),
        pytest.param('{\n "items": [\n  {\n', id="pretty-printed"),
        pytest.param('{\r\n\t"reference_id": "a",\r\n\t"metadata": {\r\n', id="pretty-printed-record"),
        pytest.param('{"reference_id":\n"a"\n}', id="break-after-a-colon"),
        pytest.param('{"reference_id": "a"\n, "metadata": {}}', id="leading-comma"),
        pytest.param('{"reference_id": "a"\n}', id="closing-bracket-alone"),
    ],
)
def test_documents(head: str) -> None:
    assert sniff(head.encode()[:65536]) is Format.DOCUMENT


def test_avro() -> None:
    assert sniff(b"Obj\x01\x04\x14avro.codec") is Format.AVRO


@pytest.mark.parametrize("head", [b"", b"\xef\xbb\xbf", b" \r\n\t\n"])
def test_empty(head: bytes) -> None:
    assert sniff(head) is Format.EMPTY


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ['{"reference_id": "a"}\n', '[{"reference_id": "é"}]', "{}"])
def test_other_encodings_are_named(encoding: str, mark: str, text: str) -> None:
    name = encoding[:6].upper()
    order = "little" if encoding.endswith("le") else "big"
    from_ = name if mark else f"{name}{encoding[-2:].upper()}"
    advice = f"; write it in UTF-8: iconv -f {from_} -t UTF-8 FILE > NEW_FILE"
    expected = rf"expected UTF-8, got .*{name} \({order} endian\) text.*{advice}\Z"
    with pytest.raises(Unreadable, match=expected):
        sniff((mark + text).encode(encoding))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"PK\x03\x04\x14", "a zip archive"),
        (b"\x1f\x8b\x08\x00", "gzip data"),
        (b"BZh91AY", "bzip2 data"),
        (b"\xfd7zXZ\x00\x00", "xz data"),
        (b"\x28\xb5\x2f\xfd$", "zstandard data"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"\n<!DOCTYPE html>", "XML or HTML"),
        (bytes(4096), "zero bytes"),
        (b"reference_id,image_url\na,s3://b/c.png\n", "begins with b'reference_id,image_url'"),
        (b'"reference_id","image_url"\n"a","b"\n', "begins with"),
    ],
)
def test_other_formats_are_named(head: bytes, name: str) -> None:
    with pytest.raises(Unreadable) as caught:
        sniff(head)
    assert "expected NDJSON, a JSON document or Avro" in str(caught.value)
    assert name in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_format_or_are_refused_by_name(head: bytes) -> None:
    try:
        assert sniff(head) in Format
    except Unreadable as error:
        assert str(error).startswith("expected ")  # noqa: PT017 - either outcome is right, a crash is not


@given(st.dictionaries(st.text(), st.integers() | st.lists(st.text())), st.sampled_from([None, 1]))
def test_records_are_lines_and_pretty_printed_ones_a_document(metadata: dict[str, object], indent: int | None) -> None:
    record = {"metadata": metadata, "reference_id": "a"}
    expected = Format.NDJSON if indent is None else Format.DOCUMENT
    assert sniff(json.dumps(record, indent=indent).encode()) is expected


def shared(pattern: str) -> list[Path]:
    return sorted(SHARED.glob(pattern))


@needs_shared
def test_shared_exports() -> None:
    lines = [*shared("nucleus/**/*.jsonl"), *shared("*/*.ndjson")]
    documents = [*shared("framing/[ai]*.json"), *shared("nucleus/export/*.json")]
    assert len(lines) > 30
    assert len(documents) > 10
    heads = {path: path.read_bytes()[:65536] for path in (*lines, *documents, *shared("avro/*"))}
    assert {path.name for path in lines if sniff(heads[path]) is not Format.NDJSON} == set()
    assert {path.name for path in documents if sniff(heads[path]) is not Format.DOCUMENT} == set()
    assert {sniff(heads[path]) for path in shared("avro/*")} == {Format.AVRO}


@needs_shared
def test_shared_request_bodies() -> None:
    bodies = [
        request["json"]
        for path in shared("nucleus/wire/*.json")
        for request in json.loads(path.read_bytes()).get("requests", [])
    ]
    envelopes = [
        body
        for body in bodies
        if any(isinstance(body.get(key), list) for key in ("annotations", "segmentations", "metadata"))
    ]
    assert len(envelopes) >= 8
    for body in envelopes:
        assert sniff(json.dumps(body).encode()) is Format.DOCUMENT
