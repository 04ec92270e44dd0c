"""Avro exports to raw records: RULES F2, R2, V6, V7 where the encoding could lose what they speak of."""

import datetime as dt
import io
import json
import math
import uuid
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.lines import split_lines


def avro(fields: list[dict[str, Any]], records: list[dict[str, Any]], **options: Any) -> bytes:
    stream = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "Item", "fields": fields})
    fastavro.writer(stream, schema, records, sync_marker=b"0123456789abcdef", **options)
    return stream.getvalue()


def one(kind: Any, value: object, name: str = "value") -> bytes:
    """The record that a file of one record with one field gives."""
    (chunk,) = read_avro(io.BytesIO(avro([{"name": name, "type": kind}], [{name: value}])), 10)
    (record,) = chunk.records
    return record


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("null", None, b"null"),
        ("boolean", True, b"true"),
        ("long", -(2**63), b"-9223372036854775808"),
        ("double", 0.1, b"0.1"),
        ("double", math.nan, b"NaN"),
        ("double", math.inf, b"Infinity"),
        ("float", -math.inf, b"-Infinity"),
        ("string", "\u2028é", '"\u2028é"'.encode()),
        ("bytes", b"\x00\xff", b'"AP8="'),
        ({"type": "fixed", "name": "F", "size": 2}, b"ab", b'"YWI="'),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "A", b'"A"'),
        ({"type": "int", "logicalType": "date"}, dt.date(2024, 2, 29), b'"2024-02-29"'),
        ({"type": "int", "logicalType": "time-millis"}, dt.time(1, 2, 3), b'"01:02:03"'),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            dt.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=dt.UTC),
            b'"2024-02-29T01:02:03.000004+00:00"',
        ),
        ({"type": "string", "logicalType": "uuid"}, uuid.UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2},
            Decimal("12345678901234567890.10"),
            b"12345678901234567890.10",
        ),
        ({"type": "map", "values": ["null", "double"]}, {"a": None, "b": math.nan}, b'{"a":null,"b":NaN}'),
        ({"type": "array", "items": ["null", "double"]}, [1.5, None, math.inf], b"[1.5,null,Infinity]"),
    ],
)
def test_values_keep_their_meaning_in_json(kind: Any, value: object, text: bytes) -> None:
    assert one(kind, value) == b'{"value":' + text + b"}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1.0, "b": 12345678901234567890123}', '{"a": 1.0, "b": 12345678901234567890123}'),
        ('{"a": NaN, "a": "\\ud800"}', '{"a": NaN, "a": "\\ud800"}'),
        (' {"é": {}}', ' {"é": {}}'),
        ("null", "null"),
        ("{}", "{}"),
        ("", '""'),
        ("[1]", '"[1]"'),
        ("sunny", '"sunny"'),
        ('{"a": 1', '"{\\"a\\": 1"'),
    ],
)
def test_json_text_under_metadata_is_the_object_it_holds(text: str, expected: str) -> None:
    assert one("string", text, "metadata").decode() == f'{{"metadata":{expected}}}'


def test_json_text_under_metadata_of_frames_is_decoded_and_inside_metadata_is_not() -> None:
    item = {"type": "record", "name": "Frame", "fields": [{"name": "metadata", "type": ["null", "string"]}]}
    fields = [
        {"name": "frames", "type": {"type": "array", "items": {"type": "map", "values": item}}},
        {"name": "metadata", "type": {"type": "map", "values": "string"}},
        {"name": "other", "type": "string"},
    ]
    record = {
        "frames": [{"lidar": {"metadata": '{"n":1}'}, "cam": {"metadata": None}}],
        "metadata": {"metadata": '{"x":1}'},
        "other": '{"y":1}',
    }
    (chunk,) = read_avro(io.BytesIO(avro(fields, [record])), 10)
    assert json.loads(chunk.records[0]) == {
        "frames": [{"lidar": {"metadata": {"n": 1}}, "cam": {"metadata": None}}],
        "metadata": {"metadata": '{"x":1}'},
        "other": '{"y":1}',
    }


def test_a_string_that_is_not_utf8_spoils_its_own_record_only() -> None:
    fields = [{"name": "name", "type": "string"}, {"name": "price", "type": "bytes"}]
    data = avro(fields, [{"name": name, "price": b"p"} for name in ("before", "???", "after")])
    (chunk,) = read_avro(io.BytesIO(data.replace(b"???", b"?\xff?")), 10)
    assert chunk.records == [
        b'{"name":"before","price":"cA=="}',
        b'{"name":"?\xff?","price":"cA=="}',
        b'{"name":"after","price":"cA=="}',
    ]


FIELDS = [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]


@given(st.lists(st.tuples(st.integers(-9, 9), st.text(max_size=5)), max_size=12), st.integers(1, 5), st.integers(1, 60))
def test_records_and_their_ordinals_do_not_depend_on_chunks_and_blocks(
    rows: list[tuple[int, str]], chunk_records: int, block: int
) -> None:
    data = avro(FIELDS, [{"id": number, "text": text} for number, text in rows], sync_interval=block, codec="deflate")
    chunks = list(read_avro(io.BytesIO(data), chunk_records))
    assert all(0 < len(chunk.records) <= chunk_records for chunk in chunks)
    found = [
        (json.loads(record), offset, (chunk.first_line or 0) + line)
        for chunk in chunks
        for record, offset, line in zip(chunk.records, chunk.offsets.tolist(), chunk.lines.tolist(), strict=True)
    ]
    assert found == [({"id": number, "text": text}, n, n + 1) for n, (number, text) in enumerate(rows)]


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz", "snappy"])
def test_a_file_cut_anywhere_gives_its_first_records_and_then_an_error(codec: str) -> None:
    rows = [{"id": number, "text": "x" * number} for number in range(12)]
    data = avro(FIELDS, rows, codec=codec, sync_interval=40)
    marker = b"0123456789abcdef"
    whole = [end + len(marker) for end in range(len(data)) if data.startswith(marker, end)]
    for cut in range(len(data)):
        chunks: list[Chunk] = []
        fault: Unreadable | None = None
        try:
            chunks.extend(read_avro(io.BytesIO(data[:cut]), 5))
        except Unreadable as error:
            fault = error
        found = [json.loads(record) for chunk in chunks for record in chunk.records]
        assert found == rows[: len(found)]
        assert (fault is None) == (cut in whole)
        if fault is not None:
            assert (fault.offset, fault.line) == (len(found), len(found) + 1)


@pytest.mark.parametrize("codec", ["deflate", "bzip2", "xz", "snappy"])
def test_a_corrupt_block_ends_the_export(codec: str) -> None:
    data = avro(FIELDS, [{"id": number, "text": "x" * 30} for number in range(100)], codec=codec, sync_interval=300)
    corrupt = bytearray(data)
    corrupt[-40:-20] = bytes(20)
    found: list[Chunk] = []
    with pytest.raises(Unreadable, match="expected Avro, got this after") as caught:
        found.extend(read_avro(io.BytesIO(bytes(corrupt)), 7))
    assert 0 < caught.value.offset == sum(len(chunk.records) for chunk in found) < 100


@pytest.mark.parametrize("data", [b"", b"Obj\x01", b'{"a": 1}\n' * 10, b"Obj\x02" + bytes(100)])
def test_what_is_no_avro_is_unreadable_from_its_start(data: bytes) -> None:
    with pytest.raises(Unreadable, match="expected Avro") as caught:
        list(read_avro(io.BytesIO(data), 10))
    assert (caught.value.offset, caught.value.line) == (0, 1)


def test_a_failure_on_the_way_to_the_file_is_not_taken_for_one_of_the_file() -> None:
    class Unplugged(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 20:
                raise ConnectionResetError("unplugged")
            return super().read(size)

    with pytest.raises(ConnectionResetError, match="unplugged"):
        list(read_avro(Unplugged(avro(FIELDS, [{"id": 1, "text": "a"}])), 10))


def test_a_chunk_of_no_records_is_refused() -> None:
    with pytest.raises(ValueError, match="positive number of records for a chunk, got 0"):
        next(read_avro(io.BytesIO(b""), 0))


@needs_shared
@pytest.mark.parametrize("name", ["items_json_string.null.avro", "items_map_of_union.deflate.avro"])
def test_both_shared_encodings_hold_the_items_of_the_lines(name: str) -> None:
    lines = [json.loads(line) for line in split_lines((SHARED / "framing/lf.ndjson").read_bytes()).records]
    with (SHARED / "avro" / name).open("rb") as stream:
        chunks = list(read_avro(stream, 100))
    items = [json.loads(record) for chunk in chunks for record in chunk.records]
    assert len(items) == 423
    assert items[: len(lines)] == lines
