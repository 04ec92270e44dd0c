"""Avro's integers, read and written (Avro specification, "Binary encoding")."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.profiles import draws
from transforms.avro.numbers import EncodingError, encoded_long, long, unsigned


@draws(100)
@given(st.integers(0, 2**63 - 1), st.binary(max_size=3))
def test_a_number_that_was_written_is_read(value: int, around: bytes) -> None:
    data = around + encoded_long(value) + around

    assert long(data, len(around)) == (value, len(data) - len(around))
    assert unsigned(memoryview(data), len(around)) == (2 * value, len(data) - len(around))


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"\x01", -1), (b"\x7f", -64), (b"\x80\x01", 64), (b"\x81\x01", -65), (b"\xff" * 9 + b"\x01", -(2**63))],
)
def test_numbers_of_the_specification(data: bytes, value: int) -> None:
    assert long(data, 0) == (value, len(data))


@pytest.mark.parametrize("data", [b"\xff" * 9 + b"\x02", b"\x80" * 10 + b"\x00", b"\xff" * 12])
def test_a_number_of_more_than_64_bits_is_refused(data: bytes) -> None:
    with pytest.raises(EncodingError, match="more than 64 bits"):
        long(data, 0)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9])
def test_data_that_end_in_a_number_are_refused(data: bytes) -> None:
    with pytest.raises(IndexError):
        long(data, 0)
