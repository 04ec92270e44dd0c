"""The text of a value, by which splits go, does not depend on the storage of its field (EXCHANGE, Out)."""

import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.metadata_columns import tabulated
from transforms.kernels.publish.columns import value_texts

longs = st.integers(-(2**63), 2**63 - 1)
doubles = st.floats(allow_nan=False, allow_infinity=False)


def texts(values: list[int | float | None], storage: str) -> list[str | None]:
    columns, cells = tabulated([{} if value is None else {"n": value} for value in values])
    batch = Batch("items", pl.DataFrame({"reference_id": ["a"] * len(values), **columns}), cells)
    return value_texts(batch, "n", storage).to_list()


@draws(100)
@given(values=st.lists(longs | st.none(), min_size=1, max_size=20))
@example(values=[0, 5, 2**53 + 1, None])
def test_an_integer_keeps_its_text_when_doubles_come_into_its_field(values: list[int | None]) -> None:
    expected = [None if value is None else f"{value}" for value in values]
    assert texts([*values], "long") == expected
    assert texts([*values, 0.5], "double") == [*expected, "0.5"]


@draws(100)
@given(values=st.lists(doubles | st.integers(-9, 9), min_size=1, max_size=20))
@example(values=[0, 0.0, -0.0, 1, 1.0, 1e300, 2.0**62, 2.0**63, 2**70, float(2**70)])
def test_equal_numbers_have_one_text_and_others_have_not(values: list[int | float]) -> None:
    found = texts([*values], "double")
    for one, text in zip(values, found, strict=True):
        for other, its_text in zip(values, found, strict=True):
            assert (float(one) == float(other)) is (text == its_text)
