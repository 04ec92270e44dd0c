"""Kinds of values, numbers that can be stored, the one text of a list or object: V1, V2, V3, V4, V5, V6, V7, F3, R1."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from support.profiles import draws
from support.strategies import doubles, json_values

from transforms.rules.rejections import Code, Fault, expected, shown
from transforms.rules.values import (
    Kind,
    Observed,
    as_double,
    canonical_json,
    is_number,
    kind,
    number_fault,
    number_text,
    observed,
)


@pytest.mark.parametrize(
    ("value", "seen", "of"),
    [
        (1, Observed.INT, Kind.NUMBER),
        (10**40, Observed.INT, Kind.NUMBER),
        (1.5, Observed.FLOAT, Kind.NUMBER),
        (True, Observed.BOOL, Kind.STRING),
        (False, Observed.BOOL, Kind.STRING),
        ("", Observed.STRING, Kind.STRING),
        ("02134", Observed.STRING, Kind.STRING),
        ([], Observed.LIST, Kind.OTHER),
        ({}, Observed.OBJECT, Kind.OTHER),
    ],
)
def test_each_json_type_has_its_kind(value: Any, seen: Observed, of: Kind) -> None:
    assert observed(value) is seen
    assert kind(seen) is of


def test_null_is_no_evidence() -> None:
    assert observed(None) is None


@pytest.mark.parametrize(("value", "expected_answer"), [(1, True), (1.5, True), (True, False), ("1", False)])
def test_a_boolean_is_no_number(value: Any, expected_answer: bool) -> None:
    assert is_number(value) is expected_answer


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (float("nan"), Code.NON_FINITE_NUMBER),
        (float("inf"), Code.NON_FINITE_NUMBER),
        (float("-inf"), Code.NON_FINITE_NUMBER),
        (10**309, Code.NUMBER_OUT_OF_RANGE),
        (-(10**400), Code.NUMBER_OUT_OF_RANGE),
        (10**308, None),
        (2**64, None),
        (1.7976931348623157e308, None),
        (True, None),
        ([10**400], None),
    ],
)
def test_a_number_that_cannot_be_stored_is_a_fault(value: Any, code: Code | None) -> None:
    fault = number_fault({"fine": 1, "speed": value})
    assert (fault.code if fault else None) is code
    if fault:
        assert fault.field == "metadata.speed"
        assert fault.message.endswith(" at metadata.speed")


def test_an_integer_beyond_double_has_no_double() -> None:
    assert as_double(10**400) is None
    assert as_double(2**53 + 1) == 2.0**53


def test_a_message_has_the_expected_value_the_given_one_and_the_path() -> None:
    fault = expected(Code.INVALID_COORDINATE, "a number", "north", at="metadata.lat")
    assert fault == Fault(Code.INVALID_COORDINATE, 'expected a number, got "north" at metadata.lat', "metadata.lat")


def test_a_message_shows_only_the_start_of_a_long_value() -> None:
    assert shown("x" * 1000) == '"' + "x" * 119 + "..."
    assert shown(10**5000) == "an integer of 16610 bits"
    for depth, text in ((499, "[" * 120 + "..."), (501, "a deeply nested list"), (5000, "a deeply nested list")):
        nested: list[Any] = []
        for _ in range(depth):
            nested = [nested]
        assert shown(nested) == text
    assert shown([[], {}] * 600).startswith("[[], {}, [], {}"), "long, not deep"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e16, "1e+16"),
        (1.5e300, "1.5e+300"),
        (1e15, "1000000000000000.0"),
        (1e-4, "0.0001"),
        (1e-5, "0.00001"),
        (-1.25e-5, "-0.0000125"),
        (1e-6, "1e-6"),
        (1e-7, "1e-7"),
        (5e-324, "5e-324"),
        (-0.0, "-0.0"),
        (10**20, "100000000000000000000"),
        (-7, "-7"),
    ],
)
def test_numbers_have_one_text(value: float, text: str) -> None:
    assert number_text(value) == text
    assert canonical_json([value]) == f"[{text}]"


@draws(400)
@given(doubles)
def test_the_text_of_a_double_reads_back_as_it_and_is_that_of_the_fast_writer(value: float) -> None:
    assert repr(float(number_text(value))) == repr(value)
    assert number_text(value) == orjson.dumps(value).decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, {"z": False}]}, '{"a":[true,null,{"z":false}],"b":1}'),
        ({"é": "é\u2028", "a": '"\\\n\x1f\x7f'}, '{"a":"\\"\\\\\\n\\u001f\x7f","é":"é\u2028"}'),
        ({"\U0001f600": 1, "\ufb01": 2}, '{"\ufb01":2,"\U0001f600":1}'),
        ([], "[]"),
        ({}, "{}"),
        ([[], {}], "[[],{}]"),
        ("", '""'),
    ],
)
def test_a_list_or_object_has_one_text(value: Any, text: str) -> None:
    assert canonical_json(value) == text


@given(json_values)
def test_the_text_reads_back_as_the_value(value: Any) -> None:
    assert repr(json.loads(canonical_json(value))) == repr(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def test_any_depth_that_the_parser_takes_is_written() -> None:
    text = "[" * 1000 + "]" * 1000
    assert canonical_json(orjson.loads(text)) == text
