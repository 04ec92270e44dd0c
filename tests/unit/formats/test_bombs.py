"""R8: whatever a small file expands to, reading it takes bounded memory and time, and names the exceeded limit."""

from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any

import cramjam
import pytest
from support.bombs import (
    MIB,
    bz2_of,
    container,
    gz,
    long,
    raw_deflate,
    read,
    record,
    repeated,
    xz,
    xz_of_a_huge_dictionary,
    zst,
    zst_of_a_huge_window,
)
from support.profiles import cases

MOST_MIB = 600
MOST_SECONDS = 20
"""Of CPU. Most take a tenth of a second; a machine that does other work takes several times as long."""

COMPRESSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("zeros.ndjson.gz", lambda: repeated(gz, b"\x00" * MIB), "begins with zero bytes"),
    ("zeros.ndjson.bz2", lambda: repeated(bz2_of, b"\x00" * MIB), "begins with zero bytes"),
    ("zeros.ndjson.xz", lambda: repeated(xz, b"\x00" * MIB), "begins with zero bytes"),
    ("zeros.ndjson.zst", lambda: repeated(zst, b"\x00" * MIB), "begins with zero bytes"),
    ("spaces.ndjson.bz2", lambda: repeated(bz2_of, b" " * MIB), "at most 20,000 bytes of each compressed byte"),
    ("spaces.ndjson.zst", lambda: repeated(zst, b" " * MIB), "at most 20,000 bytes of each compressed byte"),
    ("array.json.gz", lambda: gz(b"[") + repeated(gz, b" " * MIB), 'ending with "]", got the end of the document'),
    ("nested.json.gz", lambda: gz(b"[") + repeated(gz, b'{"a":' * MIB, 2), "at most 100,000 brackets open at once"),
    ("lists.json.gz", lambda: repeated(gz, b"[" * MIB, 2), "at most 100,000 brackets open at once"),
    ("closed.json.gz", lambda: gz(b"[[") + repeated(gz, b"}" * MIB, 2), "at most 3,000,000 brackets in an element"),
    ("key.json.gz", lambda: gz(b'{"items": [1], "') + repeated(gz, b"x" * MIB, 2), 'expected a key and ":"'),
    ("window.ndjson.zst", zst_of_a_huge_window, "at most 128 MiB of memory to decompress"),
    ("dictionary.ndjson.xz", xz_of_a_huge_dictionary, "at most 128 MiB of memory to decompress"),
]

NO_FIELDS = record()
CHAIN: dict[str, object] = record(
    ("f0", {"type": "record", "name": "A0", "fields": []}),
    *(
        (f"f{n}", {"type": "record", "name": f"A{n}", "fields": [{"name": side, "type": f"A{n - 1}"} for side in "lr"]})
        for n in range(1, 60)
    ),
)
WIDE = {"type": "record", "name": "W", "fields": [{"name": "n" * MIB, "type": "int"}]}
TEXT = record(("a", "string"))
BYTES = record(("a", "bytes"))

AVRO_ENDS: list[tuple[str, Callable[[], bytes], str]] = [
    ("header", lambda: b"Obj\x01" + long(2**60) + long(1) + b"a" + long(0), "the end of the file in its header"),
    (
        "header_bytes",
        lambda: b"Obj\x01" + long(-1) + long(2**60) + long(2**60),
        "a header that should have at most 8 MiB",
    ),
    ("records", lambda: container(NO_FIELDS, [(2**40, b"")]), "more than 100,000 records that take no bytes"),
    ("nulls", lambda: container("null", [(2**40, b"")]), "1,099,511,627,776 records are not read"),
    ("blocks", lambda: container(NO_FIELDS, [(0, b"")] * 20_000), "more than 10,000 blocks without records"),
    ("count", lambda: container(TEXT, [(2**40, b"\x02a")]), "1,099,511,627,776 records in 2 bytes"),
    ("negative_count", lambda: container(TEXT, [(-5, b"\x02a")]), "a block of -5 records"),
    ("text", lambda: container(TEXT, [(1, long(2**50) + b"x")]), "a value of 1,125,899,906,842,624 bytes where 1"),
    ("negative_text", lambda: container(TEXT, [(1, long(-5) + b"x")]), "a value of -5 bytes"),
    (
        "fixed",
        lambda: container(record(("a", {"type": "fixed", "name": "F", "size": 2**40})), [(1, b"x")]),
        "in 1 bytes",
    ),
    (
        "deep_schema",
        lambda: container(b'{"type":"array","items":' * 100_000 + b'"null"' + b"}" * 100_000, []),
        "100 types",
    ),
    ("deeper", lambda: container(b'{"type":"array","items":' * 200_000 + b'"null"' + b"}" * 200_000, []), "4 MiB"),
    ("schema", lambda: container(b'{"doc": "' + b"x" * 100 * MIB + b'"}', []), "should have at most 8 MiB"),
    ("symbols", lambda: container({"type": "enum", "name": "E", "symbols": ["S"] * 2_000_000}, []), "at most 8 MiB"),
    ("itself", lambda: container(record(("next", "R")), [(1, b"")]), "a record that holds itself without end"),
    ("chain", lambda: container(CHAIN, [(1, b"")]), "one record has more than 2,000,000 values"),
    ("block", lambda: container(TEXT, []) + long(1) + long(2**60), "at most 128 MiB are read"),
    (
        "deflate",
        lambda: container(BYTES, [(1, raw_deflate(bytes(160 * MIB)))], "deflate"),
        "more than 134,217,728 bytes",
    ),
    ("bzip2", lambda: container(BYTES, [(1, repeated(bz2_of, bytes(MIB)))], "bzip2"), "at most 20,000 for each"),
    ("xz", lambda: container(BYTES, [(1, repeated(xz, bytes(MIB)))], "xz"), "more than 134,217,728 bytes"),
    ("zstandard", lambda: container(BYTES, [(1, repeated(zst, bytes(MIB)))], "zstandard"), "more than"),
    (
        "snappy",
        lambda: container(BYTES, [(1, b"\xff\xff\xff\xff\x0f" + bytes(9))], "snappy"),
        "more than 16,777,216 bytes",
    ),
    (
        "skipped",
        lambda: container(
            record(("a", {"type": "array", "items": ["null", "int"]})), [(1, long(2**22) + bytes(2**22 + 1))]
        ),
        "500,000 values",
    ),
    (
        "recursion",
        lambda: container(record(("next", ["null", "R"])), [(1, b"\x02" * 2**21 + b"\x00")]),
        "500,000 values",
    ),
]


def named(bombs: Iterable[tuple[str, Any, str]], long: Container[str] = ()) -> list[Any]:
    """Bombs by their names; those that take seconds, and that have one of their kind beside them, in the long run."""
    return [pytest.param(*bomb, id=bomb[0], marks=[pytest.mark.long] if bomb[0] in long else []) for bomb in bombs]


NULLS = {"type": "array", "items": "null"}
AVRO_REFUSED: list[tuple[str, Callable[[], tuple[object, bytes]], str]] = [
    ("nulls", lambda: (NULLS, long(2**40) + long(0)), "at most 2,000,000 values"),
    ("nulls_by_bytes", lambda: (NULLS, long(-(2**40)) + long(0) + long(0)), "at most 2,000,000 values"),
    (
        "empty",
        lambda: ({"type": "array", "items": NO_FIELDS | {"name": "E"}}, long(2**40) + long(0)),
        "2,000,000 values",
    ),
    (
        "doubles",
        lambda: ({"type": "array", "items": "double"}, long(2**22) + bytes(2**25) + long(0)),
        "2,000,000 values",
    ),
    (
        "names",
        lambda: ({"type": "array", "items": WIDE}, long(2**10) + bytes(2**10) + long(0)),
        "at most 64 MiB of JSON",
    ),
    ("escapes", lambda: ("string", long(16 * MIB) + b"\x01" * 16 * MIB), "at most 64 MiB of JSON"),
    (
        "decimal",
        lambda: ({"type": "bytes", "logicalType": "decimal", "precision": 10**9}, long(16 * MIB) + bytes(16 * MIB)),
        "at most 1,024 bytes",
    ),
]


@pytest.mark.parametrize(("name", "data", "message"), named(COMPRESSED, long=("array.json.gz", "closed.json.gz")))
def test_compressed_files_are_read_in_bounded_memory(
    tmp_path: Path, name: str, data: Callable[[], bytes], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data())
    found = read(path)
    assert message in (found.unreadable or "")
    assert (found.peak < MOST_MIB, found.seconds < MOST_SECONDS) == (True, True), found


@pytest.mark.parametrize(("name", "data", "message"), named(AVRO_ENDS, long=("recursion",)))
def test_avro_files_are_read_in_bounded_memory(
    tmp_path: Path, name: str, data: Callable[[], bytes], message: str
) -> None:
    path = tmp_path / f"{name}.avro"
    path.write_bytes(data())
    found = read(path)
    assert found.records == 0
    assert message in (found.unreadable or "")
    assert (found.peak < MOST_MIB, found.seconds < MOST_SECONDS) == (True, True), found


@pytest.mark.parametrize(("name", "data", "message"), named(AVRO_REFUSED))
def test_an_avro_record_beyond_a_limit_takes_no_neighbour_with_it(
    tmp_path: Path, name: str, data: Callable[[], tuple[object, bytes]], message: str
) -> None:
    kind, value = data()
    schema = record(("a", ["null", kind]), ("b", "string"))
    path = tmp_path / f"{name}.avro"
    path.write_bytes(container(schema, [(3, b"\x00\x02x" + b"\x02" + value + b"\x02y" + b"\x00\x02z")]))
    found = read(path)
    assert (found.records, found.unreadable) == (2, None)
    assert [message in each for each in found.refused] == [True]
    assert (found.peak < MOST_MIB, found.seconds < MOST_SECONDS) == (True, True), found


def test_lines_of_nothing_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "newlines.ndjson"
    path.write_bytes(b"\n" * (32 * MIB) + b'{"a": 1}\n')
    found = read(path)
    assert (found.records, found.unreadable) == (1, None)
    assert (found.peak < 300, found.seconds < 5) == (True, True), found


@pytest.mark.parametrize("name", cases(["line.ndjson.gz", "element.json.gz"], ["line.ndjson.gz"]))
def test_a_record_without_end_is_passed_over_and_the_next_one_is_read(tmp_path: Path, name: str) -> None:
    begin, end = (b'{"a": "', b'"}\n{"b": 2}\n') if name.startswith("line") else (b'[{"a": "', b'"}, {"b": 2}]')
    path = tmp_path / name
    path.write_bytes(gz(begin) + repeated(gz, b"x" * MIB, 8) + gz(end))
    found = read(path)
    assert (found.records, list(found.refused), found.unreadable) == (1, ["too long"], None)
    assert (found.peak < MOST_MIB, found.seconds < MOST_SECONDS) == (True, True), found


def test_a_text_as_long_as_a_line_may_be_is_read(tmp_path: Path) -> None:
    text = long(63 * MIB) + b"x" * (63 * MIB)
    path = tmp_path / "text.avro"
    path.write_bytes(container(TEXT, [(1, raw_deflate(text))], "deflate"))
    found = read(path)
    assert (found.records, found.unreadable) == (1, None)
    assert (found.peak < MOST_MIB, found.seconds < MOST_SECONDS) == (True, True), found


@pytest.mark.parametrize("compress", cases([gz, bz2_of, xz, zst], [gz, zst]))
def test_repeated_metadata_that_compress_well_are_read_whole(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    metadata = b'"metadata": {%s}}\n' % b", ".join(b'"weather_%d": "sunny and dry"' % n for n in range(100))
    count = 1_000 if compress is bz2_of else 20_000  # which takes long for it
    lines = [b'{"reference_id": "%d", "image_url": "s3://b/i.jpg", ' % n + metadata for n in range(count)]
    extension = {gz: "gz", bz2_of: "bz2", xz: "xz", zst: "zst"}[compress]
    path = tmp_path / f"repeated.ndjson.{extension}"
    path.write_bytes(compress(b"".join(lines)))
    found = read(path)
    assert (found.records, found.unreadable) == (len(lines), None)
    assert found.peak < MOST_MIB


def test_a_snappy_block_is_checked_by_its_checksum(tmp_path: Path) -> None:
    packed = bytes(cramjam.snappy.compress_raw(b"\x02a"))
    path = tmp_path / "snappy.avro"
    path.write_bytes(container(TEXT, [(1, packed + bytes(4))], "snappy"))
    assert "corrupt snappy data (its checksum differs)" in (read(path).unreadable or "")
