"""Both encoders of rows give the same bytes, with or without the extension: P3."""

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.strategies import doubles, longs, texts

from transforms.formats import avro_rows
from transforms.formats.avro_rows import encoded

needs_extension = pytest.mark.skipif(avro_rows._avro_rows is None, reason="the extension was not built: no C compiler")
LEAVES: dict[pl.DataType, st.SearchStrategy[Any]] = {
    pl.Int64(): longs,
    pl.Float64(): doubles,
    pl.String(): texts,
    pl.Boolean(): st.booleans(),
}
dtypes = st.recursive(
    st.sampled_from(list(LEAVES)),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(
        lambda fields: pl.Struct({f"f{number}": each for number, each in enumerate(fields)})
    ),
    max_leaves=4,
)


def values_of(dtype: pl.DataType) -> st.SearchStrategy[Any]:
    if isinstance(dtype, pl.Struct):
        inner = st.fixed_dictionaries({field.name: values_of(field.dtype) for field in dtype.fields})  # type: ignore[arg-type]
        return st.one_of(st.none(), inner, inner)
    return st.one_of(st.none(), LEAVES[dtype], LEAVES[dtype])


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(0, 12))
    columns = []
    for number, dtype in enumerate(draw(st.lists(dtypes, min_size=1, max_size=4))):
        values = draw(st.lists(values_of(dtype), min_size=height, max_size=height))
        columns.append(pl.Series(f"c{number}", values, dtype))
    return pl.DataFrame(columns)


def by_polars(frame: pl.DataFrame, rows_per_block: int) -> list[tuple[int, bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro_rows, "_avro_rows", None)
        return list(encoded(frame, rows_per_block))


@needs_extension
@settings(max_examples=300)
@given(frames(), st.integers(1, 5))
@example(pl.DataFrame({"a": [2**62, -(2**63), None, 0, -1, 63, 64, -64, -65]}), 4)
@example(pl.DataFrame({"a": ["x" * 200, None, ""], "b": [None, None, None]}, schema_overrides={"b": pl.Boolean}), 2)
def test_the_extension_encodes_as_polars_does(frame: pl.DataFrame, rows_per_block: int) -> None:
    assert avro_rows._columns(frame, {}) is not None, "no column is left to polars"
    assert list(encoded(frame, rows_per_block)) == by_polars(frame, rows_per_block)
    cut = frame[2:]
    assert list(encoded(cut, rows_per_block)) == by_polars(cut, rows_per_block)


@needs_extension
def test_columns_put_together_from_pieces_are_encoded_whole() -> None:
    piece = pl.DataFrame({"s": ["a", None, "c"], "r": [{"x": 1.5, "y": "é"}, None, {"x": None, "y": ""}]})
    frame = pl.concat([piece, piece[1:], piece[:1]], rechunk=False)
    assert frame.n_chunks() == 3
    assert list(encoded(frame, 4)) == by_polars(frame, 4)


def test_lists_are_left_to_polars_unless_there_is_none() -> None:
    lists = pl.DataFrame({"a": [["x"], None, []]}, schema={"a": pl.List(pl.String)})
    assert avro_rows._columns(lists, {}) is None
    assert [count for count, _ in encoded(lists, 2)] == [2, 1]
    assert list(encoded(lists, 2)) == by_polars(lists, 2)
    none = pl.DataFrame({"a": [None, None]}, schema={"a": pl.List(pl.String)})
    assert list(encoded(none, 8)) == by_polars(none, 8) == [(2, b"\0\0")]


@needs_extension
@pytest.mark.parametrize(
    "column",
    [
        (0, 0, True, b"", b"1234567", b""),
        (0, 1, True, b"", b"12345678", b""),
        (9, 0, True, b"", b"12345678", b""),
        (3, 0, True, b"", (8).to_bytes(8, "little") * 2, b"abc"),
        (3, 0, True, b"", b"".join(number.to_bytes(8, "little") for number in (2, 1)), b"abc"),
    ],
)
def test_buffers_that_do_not_hold_what_they_say_are_refused(column: Any) -> None:
    with pytest.raises(ValueError, match="expected columns whose buffers hold what they say"):
        avro_rows._avro_rows.encode(1, 8, [column])
