"""Exports at the edges of what the rules allow, through the whole command.

Covers RULES F1-F4, V7-V9, R1, R2, R4, T1.
"""

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest
from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

GOOD = b'{"reference_id": "%s", "image_url": "/a.jpg", "metadata": {"n": 1}}'
ODD_KEYS = [
    "", " ", ".", "a.b", "a b", "a_b", "A_b", "a\tb", '"', "'", "\\", "/", "$ref", "\N{GRINNING FACE}", "ü", "u\u0308",
    "\u2028", "1", "1e5", "int:a", "string:a", "row", "key", "reference_id", "metadata", "null", "None", "class",
    "ß" * 200,
]  # fmt: skip


def of_items(tmp_path: Path, data: bytes, *flags: str, name: str = "items.ndjson") -> Ended:
    path = tmp_path / name
    path.write_bytes(data)
    return ingest(tmp_path / "d", "--items", str(path), *flags)


def ids(run: Ended) -> list[str]:
    return sorted(row["reference_id"] for row in run.rows("items"))


@pytest.mark.parametrize("depth", [10, 500])
def test_deep_nesting_is_kept(depth: int, tmp_path: Path) -> None:
    value = "[" * depth + '{"a": true}' + "]" * depth
    run = of_items(tmp_path, b'{"reference_id": "a", "image_url": "/a.jpg", "metadata": {"deep": %s}}' % value.encode())
    assert run.outcome == "published"
    (row,) = run.rows("items")
    assert row["metadata"]["deep"] == value.replace(" ", "")


def test_nesting_beyond_the_parser_is_one_rejection(tmp_path: Path) -> None:
    deep = (
        b'{"reference_id": "deep", "image_url": "/a.jpg", "metadata": {"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}}"
    )
    run = of_items(tmp_path, b"\n".join((GOOD % b"a", deep, GOOD % b"b")))
    assert ids(run) == ["a", "b"]
    assert [(each["code"], each["line"]) for each in run.rejections] == [("malformed_json", 2)]
    assert run.rejections[0]["raw"].encode() == deep


def test_many_sparse_fields(tmp_path: Path) -> None:
    records = [
        an_item(f"i{n}", {f"f{(n * 7 + k) % 2000}": value for k, value in enumerate((n, *range(6)))})
        for n in range(300)
    ]
    run = ingest(tmp_path / "d", "--items", str(ndjson(tmp_path / "items.ndjson", records)))
    assert run.outcome == "published"
    fields = run.schema["items"]["fields"]
    given: dict[str, list[int]] = {}
    for record in records:
        for key, value in record["metadata"].items():  # type: ignore[attr-defined] # an object
            given.setdefault(key, []).append(value)
    assert {key: field["present"] for key, field in fields.items()} == {key: len(each) for key, each in given.items()}
    assert {key: field["maximum"] for key, field in fields.items()} == {key: max(each) for key, each in given.items()}
    rows = {row["reference_id"]: row["metadata"] for row in run.rows("items")}
    for record in records:
        row = rows[str(record["reference_id"])]
        assert {key: row[fields[key]["column"]] for key in record["metadata"]} == record["metadata"]  # type: ignore[attr-defined] # an object
        assert sum(value is not None for value in row.values()) == 7


def test_every_odd_key_has_a_column_of_its_own(tmp_path: Path) -> None:
    metadata: dict[str, Any] = {key: f"value {n}" for n, key in enumerate(ODD_KEYS)}
    run = ingest(
        tmp_path / "d", "--items", str(ndjson(tmp_path / "items.ndjson", [an_item("a", metadata), an_item("b")]))
    )
    fields = run.schema["items"]["fields"]
    assert set(fields) == set(ODD_KEYS)
    rows = {row["reference_id"]: row["metadata"] for row in run.rows("items")}
    assert {key: rows["a"][field["column"]] for key, field in fields.items()} == metadata
    assert set(rows["b"].values()) == {None}


@pytest.mark.parametrize(
    ("values", "storage", "inexact"),
    [
        ([2**63 - 1, -(2**63)], "long", 1),
        ([2**53 + 1, 0], "long", 1),
        ([2**63, 0], "double", 0),
        ([2**53 + 1, 0.5], "double", 1),
        ([10**40, -(10**40)], "double", 2),
        ([-(2**63) - 1, 1], "double", 1),
        ([-0.0, 5e-324], "double", 0),
        ([1.7976931348623157e308, -1.7976931348623157e308], "double", 0),
    ],
)
def test_numbers_at_the_edges(values: list[Any], storage: str, inexact: int, tmp_path: Path) -> None:
    records = [an_item(f"i{n}", {"n": value}) for n, value in enumerate(values)]
    run = ingest(tmp_path / "d", "--items", str(ndjson(tmp_path / "items.ndjson", records)))
    field = run.schema["items"]["fields"]["n"]
    assert (field["type"], field["storage"], field["inexact"]) == ("numerical", storage, inexact)
    rows = {row["reference_id"]: row["metadata"]["n"] for row in run.rows("items")}
    kept = [value if storage == "long" else float(value) for value in values]
    assert repr([rows[f"i{n}"] for n in range(2)]) == repr(kept)
    assert (field["minimum"], field["maximum"]) == (min(kept), max(kept))


def test_ends_of_lines_and_marks(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + GOOD % b"a" + b"\r\n\r\n \t\r\n" + GOOD % b"b" + b"\n\n{\r\n" + GOOD % b"c"
    run = of_items(tmp_path, data)
    assert ids(run) == ["a", "b", "c"]
    assert run.document["groups"]["items"]["read"] == 4
    (rejection,) = run.rejections
    assert (rejection["line"], rejection["offset"]) == (6, data.index(b"{\r\n"))


def test_truncated_gzip_gives_what_was_readable(tmp_path: Path) -> None:
    lines = [GOOD % f"i{n}".encode() for n in range(5000)]
    whole = gzip.compress(b"\n".join(lines), 1)
    data = whole[: len(whole) // 2]
    run = of_items(tmp_path, data, name="items.ndjson.gz")
    assert (run.exit_code, run.outcome) == (6, "failed")
    assert "unreadable_export" in [each["code"] for each in run.rejections]
    assert not (tmp_path / "d/CURRENT").exists()
    allowed = of_items(tmp_path, data, "--allow-unreadable", name="items.ndjson.gz")
    assert (allowed.exit_code, allowed.outcome) == (0, "published")
    found = len(allowed.rows("items"))
    assert 1000 < found < 5000
    assert ids(allowed) == sorted(f"i{n}" for n in range(found))
    counts = allowed.document["groups"]["items"]
    assert counts["read"] == counts["created"] + sum(counts["rejected"].values())


@pytest.mark.parametrize("cut", [1, 8])
def test_document_whose_compressed_end_is_missing_is_not_taken_for_whole(cut: int, tmp_path: Path) -> None:
    data = gzip.compress(b"[" + GOOD % b"a" + b"," + GOOD % b"b" + b"]")[:-cut]
    run = of_items(tmp_path, data, name="items.json.gz")
    assert (run.exit_code, [each["code"] for each in run.rejections]) == (6, ["unreadable_export"])
    assert ids(of_items(tmp_path, data, "--allow-unreadable", name="items.json.gz")) == ["a", "b"]


def test_line_too_long_for_memory_takes_no_neighbour_with_it(tmp_path: Path) -> None:
    long = b'{"reference_id": "long", "image_url": "/a.jpg", "metadata": {"x": "' + b"x" * (65 << 20) + b'"}}'
    run = of_items(tmp_path, b"\n".join((GOOD % b"a", long, GOOD % b"b", b"{")))
    assert ids(run) == ["a", "b"]
    assert [(each["code"], each["line"]) for each in run.rejections] == [("malformed_json", 2), ("malformed_json", 4)]
    cut = run.rejections[0]
    assert long.startswith(cut["raw"].encode())
    assert (cut["raw_truncated"], cut["raw_bytes"]) == (True, len(long))
    assert len(cut["raw"]) < 1 << 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str, tmp_path: Path) -> None:
    run = of_items(tmp_path, (GOOD % b"a" + b"\n").decode().encode(encoding))
    assert run.exit_code == 6
    (rejection,) = run.rejections
    assert (rejection["code"], rejection["export"]) == ("unreadable_export", str(tmp_path / "items.ndjson"))
    assert "UTF-16" in rejection["message"]


def test_raw_records_can_be_fed_in_again(tmp_path: Path) -> None:
    """What is rejected comes back byte for byte: mended and fed in again it is accepted."""
    bad = [
        b' {"reference_id": 7, "image_url": "/7.jpg", "metadata": {"a": 1.0, "b": "\\u00e4\xc3\xa4\xe2\x80\xa8"}}\t',
        b'{"image_url": "/8.jpg", "metadata": {"a": 1E2, "a": 12345678901234567890123}, "z": null, "reference_id":9 }',
        b'{"reference_id": "NaN", "image_url": "/9.jpg", "metadata": {"a": NaN}}',
        b"{not json\r",
    ]
    run = of_items(tmp_path, b"\n".join((GOOD % b"a", *bad)))
    assert [each["raw"].encode() for each in run.rejections] == [line.rstrip(b"\r") for line in bad]
    assert {each["encoding"] for each in run.rejections} == {"utf-8"}
    mended = [
        each["raw"]
        .replace('"reference_id": 7', '"reference_id": "7"')
        .replace('"reference_id":9', '"reference_id":"9"')
        for each in run.rejections
    ]
    again = of_items(tmp_path, "\n".join(mended).encode(), name="mended.ndjson")
    assert again.document["groups"]["items"]["created"] == 2
    rows = {row["reference_id"]: row["metadata"] for row in again.rows("items")}
    assert rows["7"] == {"a": 1.0, "b": "ää\u2028", "n": None}
    assert rows["9"]["a"] == float(12345678901234567890123)
    same = [each["raw"].encode() for each in again.rejections]
    assert same == [bad[2], bad[3].rstrip(b"\r")]


def test_raw_that_is_no_text_is_base64(tmp_path: Path) -> None:
    line = b'{"reference_id": "caf\xe9", "image_url": "/a.jpg"}\xff'
    run = of_items(tmp_path, GOOD % b"a" + b"\n" + line + b"\n")
    (rejection,) = run.rejections
    assert (rejection["code"], rejection["encoding"], rejection["line"]) == ("malformed_json", "base64", 2)
    assert base64.b64decode(rejection["raw"]) == line
