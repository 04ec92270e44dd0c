"""Rows by columns of texts: the order of Python, byte by byte, whatever the texts have in common."""

import random
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.kernels.batch import sorting
from transforms.kernels.batch.sorting import order_of, ordered_by

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("a\0", max_size=20),
    st.builds("drive-{:08d}".format, st.integers(0, 99_999)),
)


def expected(texts: list[str | None]) -> list[int]:
    def key(number: int) -> tuple[bool, bytes]:
        text = texts[number]
        return text is not None, b"" if text is None else text.encode()

    return sorted(range(len(texts)), key=key)


@draws(100)
@given(st.lists(st.one_of(TEXTS, TEXTS, st.none()), max_size=120), st.integers(0, 3), st.sampled_from([2, 64]))
def test_texts_are_in_the_order_of_their_bytes(some: list[str | None], start: int, few: int) -> None:
    with mock.patch.object(sorting, "_FEW", few):
        column = pl.Series(values=some, dtype=pl.String)
        assert order_of(column).tolist() == expected(some)
        assert order_of(column[start:]).tolist() == expected(some[start:])


@pytest.mark.parametrize(
    "shape",
    [
        "{n:012d}",
        "{half}/a/long/path/that/many/share/{n:06d}",
        "{same}",
        "{same}{nul}",
        "{same}{nul}x",
        "x{nul}",
        "{n:x}",
        "{same}-a very long text that takes more than one look at eight bytes of it-{n:04d}",
    ],
)
def test_many_texts_that_have_much_in_common(shape: str) -> None:
    chance = random.Random(shape)
    numbers = [chance.randrange(3_000) for _ in range(5_000)]
    texts = [shape.format(n=n, half="ab"[n % 2], same="é" * (n % 3), nul="\0" * (n % 40)) for n in numbers]
    assert order_of(pl.Series(values=texts)).tolist() == expected([*texts])


@draws(60)
@given(st.lists(st.tuples(*[st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab"]))] * 3), max_size=60))
def test_the_first_column_comes_first(rows: list[tuple[str | None, ...]]) -> None:
    columns = [pl.Series(values=[row[n] for row in rows], dtype=pl.String) for n in range(3)]
    start = np.arange(len(rows))[::-1]

    def key(number: int) -> list[tuple[bool, str]]:
        return [(text is not None, text or "") for text in rows[number]]

    assert ordered_by(columns, start).tolist() == sorted(start.tolist(), key=key)
