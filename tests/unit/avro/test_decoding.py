"""R6: no value that a calendar, a number or a library has no room for costs more than its own record."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bombs import container, long, record

from transforms.avro.logical_types import INVALID_UUID, OUT_OF_RANGE, decimal_text
from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Chunk, Unreadable


def read(kind: object, *encoded: bytes) -> tuple[Chunk, list[Any]]:
    """The chunk of a file with records `{"v": ...}` of such encodings, and the values in it."""
    (chunk,) = read_avro(io.BytesIO(container(record(("v", kind)), [(len(encoded), b"".join(encoded))])), 100)
    return chunk, [json.loads(each)["v"] for each in chunk.records]


def of(kind: str, logical: str, **options: object) -> dict[str, object]:
    return {"type": kind, "logicalType": logical, **options}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (of("int", "date"), 2_932_897, "+10000-01-01"),
        (of("int", "date"), -719_163, "0000-12-31"),
        (of("int", "date"), -719_529, "-0001-12-31"),
        (of("int", "date"), 2**31 - 1, "+5881580-07-11"),
        (of("int", "time-millis"), 86_400_000, "24:00:00"),
        (of("long", "time-micros"), 86_400_000_000, "24:00:00"),
        (of("long", "timestamp-millis"), 2**63 - 1, "+292278994-08-17T07:12:55.807000+00:00"),
        (of("long", "timestamp-micros"), 2**63 - 1, "+294247-01-10T04:00:54.775807+00:00"),
        (of("long", "timestamp-micros"), -(2**63), "-290308-12-21T19:59:05.224192+00:00"),
        (of("long", "local-timestamp-millis"), 253_402_300_800_000, "+10000-01-01T00:00:00"),
        (of("long", "local-timestamp-micros"), -62_135_596_800_000_001, "0000-12-31T23:59:59.999999"),
    ],
)
def test_what_a_calendar_of_four_digit_years_has_no_room_for_is_iso_text(kind: object, value: int, text: str) -> None:
    chunk, values = read(kind, long(0), long(value), long(1))
    assert values[1] == text
    assert {type(each) for each in values} == {str}  # one kind: no conflict (T3)
    assert chunk.warnings == {OUT_OF_RANGE: 1}


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_instant_is_the_same_one_in_a_year_that_a_calendar_has(value: int) -> None:
    _, (text,) = read(of("long", "timestamp-micros"), long(value))
    day = text.lstrip("+-").partition("-")[2]
    year = int(text[: len(text) - len(day) - 1])
    # The calendar begins again after 400 years of 146,097 days.
    near = datetime.fromisoformat(f"{year % 400 + 2000}-{day}")
    eras = (year - (year % 400 + 2000)) // 400
    assert (near - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    ) + eras * 146_097 * 86_400_000_000 == value


@given(st.dates())
def test_ordinary_dates_are_what_they_were(value: date) -> None:
    chunk, values = read(of("int", "date"), long((value - date(1970, 1, 1)).days))
    assert (values, chunk.warnings) == ([value.isoformat()], {})


@pytest.mark.parametrize(
    ("kind", "encoded", "message"),
    [
        (
            of("int", "time-millis"),
            long(86_400_001),
            "expected a time of day, got 86400001 milliseconds since midnight at v",
        ),
        (of("long", "time-micros"), long(-1), "expected a time of day, got -1 microseconds since midnight at v"),
        (
            of("bytes", "decimal", precision=9_000, scale=2),
            long(2_000) + bytes(2_000),
            "expected a decimal of at most 1,024 bytes, got one of 2,000 bytes at v",
        ),
    ],
)
def test_what_has_no_form_is_rejected_alone(kind: object, encoded: bytes, message: str) -> None:
    schema = record(("reference_id", "string"), ("v", kind))
    good = long(1) + b"a" + (long(1) + b"\x01" if isinstance(kind, dict) and kind["type"] == "bytes" else long(1))
    data = container(schema, [(3, good + long(1) + b"b" + encoded + good)])
    (chunk,) = read_avro(io.BytesIO(data), 100)
    assert chunk.offsets.tolist() == [0, 2]
    (refused,) = chunk.refused
    assert refused.fault is not None
    assert (refused.fault.message, refused.fault.field, refused.fault.code) == (message, "v", "number_out_of_range")
    assert (refused.offset, refused.line, refused.reference_id) == (1, 1, "b")
    assert "v" in json.loads(refused.head)  # the record as JSON, with the number


def test_text_that_is_no_uuid_stays_as_it_is() -> None:
    chunk, values = read(of("string", "uuid"), long(4) + b"none", long(0))
    assert (values, chunk.warnings) == (["none", ""], {INVALID_UUID: 2})


@pytest.mark.parametrize(
    "kind",
    [
        of("long", "timestamp-nanos"),
        of("long", "no-such-type"),
        of("long", "date"),
        of("int", "decimal", precision=3),
        {"type": "long", "logicalType": 5},
    ],
)
def test_logical_types_that_are_unknown_or_not_valid_are_passed_over(kind: object) -> None:
    assert read(kind, long(2**40))[1] == [2**40]


@given(st.binary(max_size=40), st.integers(0, 50))
def test_decimals_keep_all_their_digits(unscaled: bytes, scale: int) -> None:
    chunk, _ = read(of("bytes", "decimal", precision=99, scale=scale), long(len(unscaled)) + unscaled)
    expected = Decimal(int.from_bytes(unscaled, "big", signed=True)).as_tuple()
    found = Decimal(chunk.records[0].decode()[5:-1])
    assert found == Decimal((expected.sign, expected.digits, -scale))


def test_a_decimal_of_a_huge_scale_has_an_exponent() -> None:
    chunk, _ = read(of("bytes", "decimal", precision=3 * 10**8 + 1, scale=3 * 10**8), long(1) + b"\x07")
    assert chunk.records == [b'{"v":7E-300000000}']
    assert decimal_text(Decimal("1.20")) == "1.20"


def test_the_records_of_a_damaged_block_that_are_not_read_are_counted() -> None:
    rows = b"".join(long(1) + b"x" for _ in range(4)) + long(2**30)
    data = container(record(("v", "string")), [(2, long(1) + b"a" + long(1) + b"b"), (10, rows + bytes(20))])
    found: list[Chunk] = []
    with pytest.raises(Unreadable, match=r"after 6 records: .*; of its block 6 records are not read") as caught:
        found.extend(read_avro(io.BytesIO(data), 100))
    assert sum(len(each.records) for each in found) == caught.value.offset == 6


def test_bytes_behind_the_last_record_of_a_block_are_damage() -> None:
    data = container(record(("v", "string")), [(1, long(1) + b"a" + long(1) + b"b")])
    found: list[Chunk] = []
    with pytest.raises(Unreadable, match="2 bytes behind the last record of a block"):
        found.extend(read_avro(io.BytesIO(data), 100))
    assert [list(each.records) for each in found] == [[b'{"v":"a"}']]


def test_types_of_one_name_are_one_type_and_may_hold_themselves() -> None:
    node = {
        "type": "record",
        "name": "Node",
        "namespace": "a.b",
        "fields": [
            {"name": "value", "type": {"type": "enum", "name": "E", "symbols": ["x", "y"]}},
            {"name": "next", "type": ["null", "Node"]},
            {"name": "again", "type": "a.b.E"},
            {"name": "all", "type": {"type": "array", "items": "Node"}},
        ],
    }
    leaf = long(1) + long(0) + long(0) + long(0)
    outer = long(0) + long(1) + leaf + long(1) + long(-1) + long(len(leaf)) + leaf + long(0)
    (chunk,) = read_avro(io.BytesIO(container(node, [(1, outer)])), 9)
    inner = {"value": "y", "next": None, "again": "x", "all": []}
    assert json.loads(chunk.records[0]) == {"value": "x", "next": inner, "again": "y", "all": [inner]}
