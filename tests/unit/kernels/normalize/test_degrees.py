"""Decimal strings of coordinates by column are those of the rule: C4."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.kernels.normalize.degrees import degrees, with_degrees
from transforms.rules import coordinates

CHARACTERS = "0123456789+-.eE \t\n\x0b\x0c\r\x1c\x85\xa0٣infa_"
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=8),
    st.floats().map(repr),
    st.tuples(st.sampled_from(["", "+", "-", " "]), st.integers(0, 10**25), st.integers(-340, 340)).map(
        lambda each: f"{each[0]}{each[1]}e{each[2]}"
    ),
    st.decimals(-200, 200, places=30).map(str),
)


@draws(300)
@given(st.lists(TEXTS, min_size=1, max_size=20))
@example(["-0", "5.", ".5", "1e400", "1\n", "\n1", "1 2", "", "1e-400", "\x1c1", "٣"])
def test_a_column_of_strings_has_the_numbers_of_the_rule(texts: list[str]) -> None:
    for text, number in zip(texts, degrees(pl.Series(texts, dtype=pl.String)).to_list(), strict=True):
        expected = coordinates.degrees(text)
        assert repr(number) == repr(expected), text  # which tells 0.0 and -0.0 apart


def test_numbers_and_strings_of_one_key_are_one_column_and_unsound_rows_are_told() -> None:
    dense = {
        "float:lat": pl.Series("float:lat", [1.5, None, None, None, None]),
        "string:lat": pl.Series("string:lat", [None, "-0", "91", "north", None], dtype=pl.String),
        "string:lon": pl.Series("string:lon", ["180", " +2 ", "3", "4", None], dtype=pl.String),
        "string:city": pl.Series("string:city", ["1", None, None, None, "2"], dtype=pl.String),
    }
    found, odd = with_degrees(dense)
    assert odd == {2, 3}
    assert set(found) == {"float:lat", "float:lon", "string:city"}
    assert found["float:lat"].to_list()[:2] == [1.5, -0.0]
    assert found["float:lon"].to_list()[:2] == [180.0, 2.0]
