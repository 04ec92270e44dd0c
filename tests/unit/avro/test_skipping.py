"""R8: a record that is too large to be read ends where reading it would end, and costs its neighbours nothing."""

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bombs import long

from transforms.avro.decoding import Decoder, Refused
from transforms.avro.numbers import EncodingError
from transforms.avro.types import parse_schema
from transforms.rules.limits import MAX_SKIPPED_VALUES

Case = tuple[object, Any]
"""A schema, and a value of it."""
LISTED = {"type": "record", "name": "list", "fields": [{"name": "next", "type": ["null", "list"]}]}
SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.just(0.5),
    "double": st.floats(),
    "bytes": st.binary(max_size=80),
    "string": st.text(max_size=80),
}
OTHERS: list[Case] = [
    ({"type": "enum", "name": "sky", "symbols": ["fog", "sun"]}, "sun"),
    ({"type": "fixed", "name": "three", "size": 3}, b"abc"),
    (LISTED, {"next": {"next": {"next": None}}}),
]
FORMS = ("itself", "list", "map", "union")
SMALL = st.sampled_from(sorted(SIMPLE)).flatmap(lambda kind: st.tuples(st.just(kind), SIMPLE[kind]))


def decoder(schema: object) -> Decoder:
    return Decoder(parse_schema(json.dumps(schema).encode()))


def encoded(schema: object, value: object) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)  # type: ignore[arg-type] # as given
    return stream.getvalue()


def _inside(schema: object, value: object, form: str, count: int) -> Case:
    match form:
        case "list":
            return {"type": "array", "items": schema}, [value] * count
        case "map":
            return {"type": "map", "values": schema}, {f"k{at}": value for at in range(count)}
        case "union" if schema != "null":
            return ["null", schema], value if count else None
        case _:
            return schema, value


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A record of values of every kind, some of them in lists, maps and unions."""
    fields, values = [], {}
    for number, (schema, value) in enumerate([*draw(st.lists(SMALL, max_size=6)), *OTHERS]):
        kind, of_kind = _inside(schema, value, draw(st.sampled_from(FORMS)), draw(st.integers(0, 3)))
        fields.append({"name": f"f{number}", "type": kind})
        values[f"f{number}"] = of_kind
    return {"type": "record", "name": "all", "fields": fields}, values


@given(cases(), st.binary(max_size=5))
def test_a_value_is_skipped_to_where_it_is_read_to(case: Case, behind: bytes) -> None:
    of, data = decoder(case[0]), encoded(*case)
    assert of.read(b"?" + data + behind, 1)[1] == 1 + len(data)
    assert of.skip(b"?" + data + behind, 1) == 1 + len(data)


@given(cases(), st.data())
def test_a_value_that_is_cut_off_has_no_end(case: Case, data: st.DataObject) -> None:
    whole = encoded(*case)
    with pytest.raises(EncodingError):
        decoder(case[0]).skip(whole[: data.draw(st.integers(0, len(whole) - 1))], 0)


@pytest.mark.parametrize(
    ("kind", "data", "length"),
    [
        ({"type": "array", "items": "double"}, long(-2) + long(16) + bytes(16) + long(0), 19),
        ({"type": "array", "items": "string"}, long(-1) + long(2) + b"\x02a" + long(1) + b"\x02b" + long(0), 8),
        ({"type": "map", "values": "null"}, long(-1) + long(2) + b"\x02a" + long(0), 5),
        ({"type": "array", "items": "null"}, long(10**12) + long(0), 7),  # nothing is passed one by one
    ],
)
def test_blocks_may_say_how_long_they_are_and_be_as_many_as_they_like(kind: object, data: bytes, length: int) -> None:
    assert decoder(kind).skip(data + b"behind", 0) == length


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        (["null", "long"], long(2), "the type number 2 of a union of 2"),
        (["null", "long"], long(-1), "the type number -1 of a union of 2"),
        ("string", long(-3), "a value of -3 bytes"),
        ("long", b"\xff" * 10, "a number of more than 64 bits"),
        ("double", bytes(7), "a record that goes on behind the end of its block"),
        ({"type": "array", "items": "boolean"}, long(9) + bytes(8), "a record that goes on behind the end"),
    ],
)
def test_what_is_no_value_has_no_end(kind: object, data: bytes, said: str) -> None:
    with pytest.raises(EncodingError, match=said):
        decoder(kind).skip(data, 0)


def test_a_record_that_is_too_deep_to_be_read_is_skipped() -> None:
    deep, of = long(1) * 100_000 + long(0), decoder(LISTED)
    with pytest.raises(Refused, match="levels"):
        of.read(deep, 0)
    assert of.skip(deep + b"behind", 0) == len(deep)


def test_large_records_of_one_file_are_skipped_up_to_a_limit() -> None:
    of = decoder({"type": "array", "items": "long"})
    count = MAX_SKIPPED_VALUES // 3  # beside each item the list is passed once more
    data = long(count) + bytes(count) + long(0)
    assert of.skip(data, 0) == len(data)
    with pytest.raises(EncodingError, match=f"more than {MAX_SKIPPED_VALUES:,} values in records that are too large"):
        of.skip(data, 0)
