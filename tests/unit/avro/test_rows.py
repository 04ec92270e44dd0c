"""Both encoders of rows give the same bytes, with or without the extension: P3."""

from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import doubles, longs, texts

from transforms import native
from transforms.avro import blocks as avro_blocks
from transforms.avro import rows as avro_rows
from transforms.avro.blocks import Block, RowType
from transforms.avro.rows import encoded

needs_extension = pytest.mark.skipif(native.kernels is None, reason="the extension was not built: no C compiler")
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
    if isinstance(dtype, pl.List):
        return st.one_of(st.none(), st.lists(values_of(dtype.inner), max_size=3))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        inner = st.fixed_dictionaries({field.name: values_of(field.dtype) for field in dtype.fields})  # type: ignore[arg-type]
        return st.one_of(st.none(), inner, inner)
    return st.one_of(st.none(), LEAVES[dtype], LEAVES[dtype])


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(0, 12))
    columns = []
    arrays = dtypes.map(pl.List)
    for number, dtype in enumerate(draw(st.lists(dtypes | arrays, min_size=1, max_size=4))):
        values = draw(st.lists(values_of(dtype), min_size=height, max_size=height))
        columns.append(pl.Series(f"c{number}", values, dtype))
    return pl.DataFrame(columns)


def schema_of(dtype: pl.DataType | type[pl.DataType], name: str) -> Any:
    """The Avro type of columns of this type; records need names of their own."""
    if isinstance(dtype, pl.Struct):
        fields = [
            {"name": each.name, "type": ["null", schema_of(each.dtype, f"{name}_{n}")]}
            for n, each in enumerate(dtype.fields)
        ]
        return {"type": "record", "name": name, "fields": fields}
    if isinstance(dtype, pl.List):
        return {"type": "array", "items": ["null", schema_of(dtype.inner, f"{name}_i")]}
    return {pl.Int64: "long", pl.Float64: "double", pl.String: "string", pl.Boolean: "boolean"}[type(dtype)]  # type: ignore[index]


def type_of(frame: pl.DataFrame) -> RowType:
    """A column named `reference_id` at the front names the rows."""
    return RowType(schema_of(pl.Struct(frame.schema), "R"))


def blocks(frame: pl.DataFrame) -> list[Block]:
    return list(encoded(frame, type_of(frame)))


def by_polars(frame: pl.DataFrame) -> list[Block]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "kernels", None)
        return blocks(frame)


@needs_extension
@draws(300)
@given(frames())
@example(pl.DataFrame({"a": [2**62, -(2**63), None, 0, -1, 63, 64, -64, -65]}))
@example(pl.DataFrame({"a": ["x" * 200, None, ""], "b": [None, None, None]}, schema_overrides={"b": pl.Boolean}))
def test_the_extension_encodes_as_polars_does(frame: pl.DataFrame) -> None:
    assert avro_rows._columns(frame, {}) is not None, "no column is left to polars"
    assert blocks(frame) == by_polars(frame)
    cut = frame[2:]
    assert blocks(cut) == by_polars(cut)


@needs_extension
@draws(60)
@given(st.integers(60, 90), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from((0.0, 0.05, 0.4)))
def test_records_of_many_fields_of_which_rows_have_few(fields: int, rows: int, seed: int, share: float) -> None:
    rng = Random(seed)
    kinds = (lambda: rng.getrandbits(40), rng.random, lambda: rng.random() < 0.5, lambda: "é" * rng.randrange(9))
    dtypes = (pl.Int64, pl.Float64, pl.Boolean, pl.String)
    columns = [
        pl.Series(f"f{n}", [kinds[n % 4]() if rng.random() < share else None for _ in range(rows)], dtypes[n % 4])
        for n in range(fields)
    ]
    many = pl.DataFrame(columns).to_struct("many")
    present = pl.Series([rng.random() < 0.8 for _ in range(rows)])
    missing = pl.Series([None], dtype=many.dtype).new_from_index(0, rows)
    frame = pl.DataFrame([pl.Series("n", range(rows)), many, many.zip_with(present, missing).alias("some"), columns[0]])
    assert blocks(frame) == by_polars(frame)


@needs_extension
@given(st.lists(st.tuples(st.one_of(st.none(), texts), st.one_of(st.none(), texts)), max_size=12), st.integers(1, 400))
def test_both_cut_at_the_same_rows(names: list[tuple[str | None, str | None]], times: int) -> None:
    numbered = [(f"{name}{turn}" if turn % 7 else name, other, turn) for turn in range(times) for name, other in names]
    columns = {"reference_id": pl.String, "annotation_id": pl.String, "n": pl.Int64}
    frame = pl.DataFrame(numbered, schema=columns, orient="row")
    assert type_of(frame).naming == 2
    assert blocks(frame) == by_polars(frame)


@needs_extension
def test_columns_put_together_from_pieces_are_encoded_whole() -> None:
    piece = pl.DataFrame({"s": ["a", None, "c"], "r": [{"x": 1.5, "y": "é"}, None, {"x": None, "y": ""}]})
    frame = pl.concat([piece, piece[1:], piece[:1]], rechunk=False)
    assert frame.n_chunks() == 3
    assert blocks(frame) == by_polars(frame)


def test_lists_of_lists_are_left_to_polars_unless_there_is_none() -> None:
    lists = pl.DataFrame({"a": [[["x"]], None, []] * 2_000}, schema={"a": pl.List(pl.List(pl.String))})
    assert avro_rows._columns(lists, {}) is None
    found = blocks(lists)
    assert {count for count, _ in found[:-1]} == {avro_blocks.LEAST_ROWS}, "rows that nothing names"
    assert sum(count for count, _ in found) == 6_000
    assert found == by_polars(lists)
    none = pl.DataFrame({"a": [None, None]}, schema={"a": pl.List(pl.List(pl.String))})
    assert blocks(none) == by_polars(none) == [(2, b"\0\0")]


@needs_extension
@pytest.mark.parametrize(
    "column",
    [
        (0, 0, True, b"", b"1234567", b""),
        (0, 1, True, b"", b"12345678", b""),
        (4, 0, True, b"", b"12345678", b""),
        (4, 0, True, b"", b"".join(number.to_bytes(8, "little") for number in (2, 1)), b""),
        (9, 0, True, b"", b"12345678", b""),
        (3, 0, True, b"", (8).to_bytes(8, "little") * 2, b"abc"),
        (3, 0, True, b"", b"".join(number.to_bytes(8, "little") for number in (2, 1)), b"abc"),
    ],
)
def test_buffers_that_do_not_hold_what_they_say_are_refused(column: Any) -> None:
    with pytest.raises(ValueError, match="expected columns whose buffers hold what they say"):
        native.kernels.encode(1, 0, 8, [column])


@needs_extension
def test_texts_of_any_length_in_arrays_are_encoded_as_polars_does() -> None:
    lengths = [0, 1, 62, 63, 64, 65, 8_191, 8_192, 8_193, 1_048_575, 1_048_576]
    arrays = [["é" * (length // 2) + "x" * (length % 2) for length in lengths[at:]] for at in range(len(lengths))]
    frame = pl.DataFrame({"texts": [*arrays, [], None, ["x", None], ["last"]]}, schema={"texts": pl.List(pl.String)})
    assert blocks(frame) == by_polars(frame)
    cut = frame[3:-2]  # without nulls among the texts
    assert not cut["texts"].explode().drop_nulls().is_empty()
    assert blocks(cut) == by_polars(cut)
    assert blocks(cut[:-1]) == by_polars(cut[:-1])


@needs_extension
def test_arrays_of_any_length_are_encoded_as_polars_does() -> None:
    counts = [0, 1, 2, 63, 64, 65, 130, 9_000, 0]
    items = [[{"a": n, "b": "é" * (n % 5) if n % 3 else None} for n in range(count)] for count in counts]
    texts = [None, *([f"{n}" for n in range(count)] for count in counts)]
    of_items = pl.List(pl.Struct({"a": pl.Int64, "b": pl.String}))
    frame = pl.DataFrame({"records": pl.Series([None, *items], dtype=of_items), "texts": texts})
    assert avro_rows._columns(frame, {}) is not None, "no column is left to polars"
    assert blocks(frame) == by_polars(frame)
    empty = pl.DataFrame({"texts": [[], None, []]}, schema={"texts": pl.List(pl.String)})
    assert blocks(empty) == by_polars(empty)
    inner = pl.DataFrame(
        {"rows": [[{"a": [1, None]}, {"a": None}], [None, {"a": []}]]},
        schema={"rows": pl.List(pl.Struct({"a": pl.List(pl.Int64)}))},
    )
    assert blocks(inner) == by_polars(inner)
