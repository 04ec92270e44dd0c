"""From bytes to JSON values: F2, F3, V6, V7, R2."""

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import BROKEN, json_values, raw

from transforms.kernels.batch import exact_json as exact_json_module
from transforms.kernels.batch.exact_json import exact_json, exact_json_values, parse
from transforms.rules.values import canonical_json

DIGITS = "1234567890" * 40
VALUES = [
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551615", "18446744073709551616", "-18446744073709551616", "1" + "0" * 40, "-1" + "0" * 40,
    "9" * 19, "-" + "9" * 19, "9" * 20, DIGITS, "-" + DIGITS, "1541196976735462000", "1" + "0" * 308,
    "[" + DIGITS + "," + DIGITS[:25] + "]", '{"a": 1, "a": 2, "b": 18446744073709551616}', '{"a": 1, "a": [2]}',
    '"' + DIGITS + '"', '"\\"' + DIGITS + '\\\\"', '{"' + DIGITS + '": ' + DIGITS + "}", "0.12345678901234567890123",
    "123456789012345678901234.5", "12345678901234567890123e2", "1e-12345678901234567890", "1.5e300", "-0.0", "-0",
    '"é\\u00e9\u2028"', '"\\ud83d\\ude00"', " [ ] ", '{"": null}',
]  # fmt: skip


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_what_the_standard_library_reads(text: str) -> None:
    parsed = parse([text.encode()])
    assert parsed.faults == {}
    assert repr(parsed.values) == repr([json.loads(text)])


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b'{"a": 1}}', "malformed_json"),
        (b"{'a': 1}", "malformed_json"),
        (b"[1,]", "malformed_json"),
        (b"0" * 30, "malformed_json"),
        (b"[0" + b"1" * 400 + b"]", "malformed_json"),
        (b'["' + b"1" * 400, "malformed_json"),
        (b'{"a": 1' + b"0" * 400 + b' "b"}', "malformed_json"),
        (b"+1", "malformed_json"),
        (b"\xff", "malformed_json"),
        (b'"\xed\xa0\x80"', "malformed_json"),
        (b'"\\ud800"', "malformed_json"),
        (b'{"a": "\\udc00", "b": 18446744073709551616}', "malformed_json"),
        (b"[" * 1025 + b"]" * 1025, "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b"NaN", "non_finite_number"),
        (b'{"metadata": {"speed": NaN}}', "non_finite_number"),
        (b"[Infinity]", "non_finite_number"),
        (b"[-Infinity, 1e400]", "non_finite_number"),
        (b"1e400", "number_out_of_range"),
        (b"[-1e400]", "number_out_of_range"),
        (b'{"a": [18446744073709551616, 1e400]}', "number_out_of_range"),
        (b"1" * 5000, "number_out_of_range"),
        (b"[1" + b"0" * 400 + b", NaN]", "non_finite_number"),
    ],
)
def test_a_record_that_is_no_json_has_a_fault(record: bytes, code: str) -> None:
    parsed = parse([record])
    assert parsed.values == [None]
    assert parsed.faults[0].code == code
    assert parsed.faults[0].message.startswith("expected ")


@pytest.mark.parametrize(
    ("record", "message", "field"),
    [
        (
            b'{"reference_id": "a", "metadata": {"a": 1, "speed": NaN}}',
            "expected a finite number, got NaN at metadata.speed",
            "metadata.speed",
        ),
        (b'{"width": -Infinity}', "expected a finite number, got -Infinity at width", "width"),
        (
            b'{"metadata": {"speed": 1e400}}',
            "expected a number within the range of double, got 1e400 at metadata.speed",
            "metadata.speed",
        ),
        (b"NaN", "expected a finite number, got NaN", None),
        (b"[NaN]", "expected a finite number, got NaN at [0]", "[0]"),
        (
            b'{"metadata": {"a": {"b": [1, {"c": NaN}]}}}',
            "expected a finite number, got NaN at metadata.a.b[1].c",
            "metadata.a.b[1].c",
        ),
        (
            b'{"geometry": {"x": 1e400, "y": 1}}',
            "expected a number within the range of double, got 1e400 at geometry.x",
            "geometry.x",
        ),
        (
            b'{"geometry": {"vertices": [{"x": 0, "y": ' + b"7" * 5000 + b"}]}}",
            f"expected a number within the range of double, got {'7' * 40}... at geometry.vertices[0].y",
            "geometry.vertices[0].y",
        ),
        (b'{"a": 1e400, "b": {"c": Infinity}}', "expected a finite number, got Infinity at b.c", "b.c"),
        (b'{"a": NaN, "a": 1}', "expected a finite number, got NaN", None),
    ],
)
def test_a_fault_names_the_field(record: bytes, message: str, field: str | None) -> None:
    fault = parse([record]).faults[0]
    assert (fault.message, fault.field) == (message, field)


def depth_of(value: Any) -> int:
    depth = 0
    while value:
        value, depth = value[0], depth + 1
    return depth


@pytest.mark.parametrize("depth", [500, 1000, 1023])
def test_deep_nesting_is_taken(depth: int) -> None:
    parsed = parse([b"[" * depth + b"[]" + b"]" * depth])
    assert parsed.faults == {}
    assert depth_of(parsed.values[0]) == depth


@pytest.mark.parametrize("integer", [2**64, 10**400])
def test_deep_nesting_is_taken_with_large_integers_however_deep_the_stack(integer: int) -> None:
    record = b"[" * 1000 + str(integer).encode() + b"]" * 1000

    def below(frames: int) -> Any:
        return below(frames - 1) if frames else parse([record])

    free = sys.getrecursionlimit() - len_of_stack() - 60
    parsed = below(free)
    assert parsed.faults == {}
    value = parsed.values[0]
    for _ in range(1000):
        (value,) = value
    assert value == integer


def len_of_stack() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def test_exact_names_the_records_with_integers_beyond_the_range_of_double() -> None:
    records = [b"1", b"18446744073709551616", b'"18446744073709551616"', b"[-9223372036854775809]", b"1" * 400, b"{"]
    parsed = parse(records)
    assert parsed.exact == {4}
    assert parsed.values == [1, 2**64, "18446744073709551616", [-(2**63) - 1], int("1" * 400), None]


def test_an_integer_keeps_its_digits_at_any_depth_that_is_read() -> None:
    for depth in (1, 900, 1000, 1020):
        record = b"[" * depth + b"18446744073709551617" + b"]" * depth
        value = parse([record]).values[0]
        for _ in range(depth):
            assert isinstance(value, list)
            (value,) = value
        assert value == 2**64 + 1


@given(st.lists(json_values, max_size=8))
def test_what_was_written_is_read(values: list[Any]) -> None:
    parsed = parse([raw(value) for value in values])
    assert parsed.faults == {}
    assert repr(parsed.values) == repr(values)


@given(st.lists(st.one_of(json_values.map(raw), st.sampled_from(BROKEN)), min_size=1, max_size=8))
def test_a_bad_record_never_changes_its_neighbours(records: list[bytes]) -> None:
    parsed = parse(records)
    for position, record in enumerate(records):
        alone = parse([record])
        assert repr(parsed.values[position]) == repr(alone.values[0])
        assert parsed.faults.get(position) == alone.faults.get(0)


@draws(300)
@given(st.text(st.sampled_from('[]{},:"\\ 019.eE+-naNIity'), max_size=30), st.sampled_from(["", DIGITS[:25], DIGITS]))
def test_what_is_taken_is_json(text: str, digits: str) -> None:
    record = text.replace("9", digits or "9").encode()
    parsed = parse([record])
    if 0 in parsed.faults:
        with pytest.raises(ValueError):  # noqa: PT011 - whatever the strict reading says
            strict(record)
    else:
        assert repr(parsed.values[0]) == repr(strict(record))


NUMBERS = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e5",
    "1E+308",
    DIGITS,
    "-" + DIGITS,
    DIGITS[:25],
    "7",
    "9" * 4001,
]
TEXTS = ['"a NaN b"', '", NaN"', '": 1e400,"', '"no number: 0"', '"\\ud800"', '"\\u00e9 1e3"', '"3E4F9"', "x", '"é"']


@draws(300)
@given(
    st.recursive(
        st.sampled_from(NUMBERS + TEXTS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
            st.lists(st.tuples(st.sampled_from(["reference_id", "a", "NaN", "1e400"]), inner), max_size=3).map(
                lambda each: "{" + ", ".join(f'"{key}": {value}' for key, value in each) + "}"
            ),
        ),
        max_leaves=8,
    )
)
def test_numbers_that_are_set_aside_change_no_value_and_no_fault(text: str) -> None:
    found = parse([text.encode()])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("constant_fault", "large_double_fault", "large_integers"):
            patch.setattr(exact_json_module, name, lambda _: None)
        assert repr(found) == repr(parse([text.encode()]))


def strict(record: bytes) -> Any:
    def no_constant(token: str) -> float:
        raise ValueError(token)

    def finite(token: str) -> float:
        if math.isinf(float(token)):
            raise ValueError(token)
        return float(token)

    return json.loads(record.decode(), parse_constant=no_constant, parse_float=finite)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 5000])
@pytest.mark.parametrize(
    ("record", "name"),
    [
        ('{"reference_id": "a", "metadata": {"speed": %s}}', "a"),
        ('{"ref_id": "b", "geometry": {"x": %s}}', "b"),
        ('{"item": {"reference_id": "c", "metadata": {"speed": %s}}}', "c"),
        ('{"reference_id": %s}', None),
        ("[%s]", None),
    ],
)
def test_a_record_with_a_number_that_cannot_be_stored_is_known_by_its_reference_id(
    number: str, record: str, name: str | None
) -> None:
    parsed = parse([b"{}", (record % number).encode()])
    assert parsed.faults.keys() == {1}
    assert parsed.known.get(1) == name


@given(json_values)
def test_stored_json_keeps_every_digit(value: Any) -> None:
    assert repr(exact_json(raw(value).decode())) == repr(value)


@given(st.lists(json_values, max_size=6))
@example([[2**64], {"a": [-(10**40), 0.5]}, 10**300])
def test_texts_parsed_at_once_have_the_values_of_each(values: list[Any]) -> None:
    texts = [canonical_json(value) for value in values]
    assert exact_json_values(texts) == [exact_json(text) for text in texts] == values
    deep = "[" * 1024 + "]" * 1024
    assert exact_json_values([*texts, deep])[-1] == exact_json(deep)
