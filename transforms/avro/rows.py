"""Encodes the rows of a frame as Avro, block by block: with a C extension where it is built, else with polars.

Both encode each column as a union of null and its type, in the order of the frame, to the same bytes, and cut the rows
into the same blocks (`blocks`).
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import fastavro
import numpy as np
import numpy.typing as npt
import polars as pl

from transforms import native
from transforms.avro.blocks import Block, RowType, cut
from transforms.avro.numbers import MORE, encoded_long

Buffer: TypeAlias = bytes | memoryview
Values: TypeAlias = tuple[npt.NDArray[np.int64] | None, pl.Series]
"""Rows that have a value, ascending, None for all; and these values, without nulls."""
_LONG, _DOUBLE, _BOOLEAN, _STRING, _ENCODED, _RECORD = range(6)
_KINDS = {pl.Int64: _LONG, pl.Float64: _DOUBLE, pl.Boolean: _BOOLEAN}
_ONE_BYTE = 64
"""Shorter texts have a length of one byte."""
_THERE = encoded_long(1)
"""In front of each value that is not null."""
_END = encoded_long(0)
"""Behind the items of an array; one without items has nothing else."""
_SLAB_ROWS = 4_096
"""So many rows are encoded at once by polars, which does not take a row alone fast."""
_Column: TypeAlias = tuple[int, int, bool, Buffer, Buffer, Buffer]
"""As the extension takes it: kind, columns behind a record that are its fields, whether it is full, buffers."""


def encoded(
    frame: pl.DataFrame, row_type: RowType, *, records: Mapping[str, Sequence[Values]] | None = None
) -> Iterator[Block]:
    """The rows of a frame as blocks.

    Columns that are named in `records` are records with these fields, in every row, whatever the frame has there.

    Args:
        frame: Its columns have the structure of the fields of the type, with whatever names.
        row_type: Of the rows.
        records: Name to fields.
    """
    columns = None if native.kernels is None else _columns(frame, records or {})
    if native.kernels is None or columns is None:
        yield from cut(_by_polars(_whole(frame, records or {})), row_type)
    else:
        yield from native.kernels.encode(frame.height, row_type.naming, row_type.least, columns)


def _by_polars(frame: pl.DataFrame) -> Iterator[Block]:
    whole = frame.rechunk()  # the encoder needs columns that are cut at the same rows
    for start in range(0, whole.height, _SLAB_ROWS):
        out = io.BytesIO()
        whole[start : start + _SLAB_ROWS].write_avro(out, compression="uncompressed", name="row")
        out.seek(0)
        for block in fastavro.block_reader(out):
            yield block.num_records, block.bytes_.getvalue()


def _whole(frame: pl.DataFrame, records: Mapping[str, Sequence[Values]]) -> pl.DataFrame:
    """The frame with all its columns."""
    return frame.with_columns(
        pl.DataFrame([_column_of(values, frame.height).alias(f"{n}") for n, values in enumerate(fields)]).to_struct(
            name
        )
        for name, fields in records.items()
    )


def _column_of(field: Values, height: int) -> pl.Series:
    rows, values = field
    if rows is None:
        return values
    where = pl.DataFrame({"row": rows, "value": values}, schema={"row": pl.Int64, "value": values.dtype})
    every = pl.DataFrame({"row": pl.int_range(height, dtype=pl.Int64, eager=True)})
    return every.join(where, on="row", how="left", maintain_order="left")["value"]


def _columns(frame: pl.DataFrame, records: Mapping[str, Sequence[Values]]) -> list[_Column] | None:
    """The columns of a frame for the extension; None where one of them has a type that is left to polars."""
    found: list[_Column] = []
    for series in frame.iter_columns():
        fields = records.get(series.name)
        if fields is None:
            columns = _column(series)
        else:
            of_fields = [_leaf(*field) for field in fields]
            columns = [(_RECORD, len(fields), True, b"", b"", b""), *(each for each in of_fields if each)]
            if len(columns) <= len(fields):
                columns = None
        if columns is None:
            return None
        found += columns
    return found


def _column(series: pl.Series) -> list[_Column] | None:
    """One column, a record with its fields behind it."""
    is_full = series.null_count() == 0
    if isinstance(series.dtype, pl.List):
        return _array(series)
    rows = None if is_full else np.flatnonzero(series.is_not_null().to_numpy())
    if isinstance(series.dtype, pl.Struct):
        fields = _columns(series.struct.unnest(), {})
        return (
            None
            if fields is None
            else [(_RECORD, len(fields), is_full, b"" if rows is None else rows.data, b"", b""), *fields]
        )
    leaf = _leaf(rows, series if is_full else series.drop_nulls())
    return None if leaf is None else [leaf]


def _array(series: pl.Series) -> list[_Column] | None:
    """A column of arrays, already encoded; None where an item is an array."""
    rows = np.flatnonzero(series.is_not_null().to_numpy())
    if not len(rows):
        return [(_BOOLEAN, 0, False, b"", b"", b"")]
    arrays = series.drop_nulls()
    counts = arrays.list.len()
    items = (arrays.filter(counts > 0) if (counts == 0).any() else arrays).explode()
    if items.dtype == pl.String and not items.null_count() and len(items):
        data, starts = _encoded_texts(items)
    else:
        columns = None if isinstance(items.dtype, pl.List) else _column(items)
        if columns is None:
            return None
        # Without fields that name a row, and with a minimum of one row, each item is a block of its own.
        encoded_items = [data for _, data in native.kernels.encode(len(items), 0, 1, columns)]
        starts = np.concatenate(([0], np.cumsum(np.fromiter(map(len, encoded_items), np.int64, len(encoded_items)))))
        data = np.frombuffer(b"".join(encoded_items), np.uint8)
    offsets, arrays_data = _arrays(data, starts, counts.to_numpy().astype(np.int64))
    return [(_ENCODED, 0, False, rows.data, offsets.data, arrays_data.data)]


def _encoded_texts(texts: pl.Series) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes of N texts, none of them null, and where each begins, with where the last one ends, as for `_arrays`.

    Lists of texts have many short ones: to make an object of each is most of the time of encoding them.
    """
    at, content = _texts(texts)
    offsets = np.frombuffer(at, np.int64)[: len(texts) + 1]
    lengths = np.diff(offsets)
    sizes = np.ones(len(lengths), np.int64)  # of the lengths as Avro writes them, seven bits a byte
    limit = _ONE_BYTE
    while len(longer := np.flatnonzero(lengths >= limit)):
        sizes[longer] += 1
        limit <<= 7
    starts = np.concatenate(([0], np.cumsum(len(_THERE) + sizes + lengths)))
    found = np.empty(starts[-1], np.uint8)
    is_text = np.ones(len(found), np.bool_)
    found[starts[:-1]] = _THERE[0]
    is_text[starts[:-1]] = False
    for place in range(int(sizes.max())):
        rows = np.flatnonzero(sizes > place)
        digits = (lengths[rows] << 1 >> 7 * place) & (MORE - 1)
        places = starts[rows] + len(_THERE) + place
        found[places] = digits | np.where(sizes[rows] > place + 1, MORE, 0)
        is_text[places] = False
    found[is_text] = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]]
    return found, starts


def _arrays(
    items: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """The bytes of N arrays, and where each of them begins, with where the last one ends: uint8[...], int64[N + 1].

    Args:
        items: The bytes of all items.
        starts: Where each item begins in them, with where the last one ends.
        counts: How many items each array has: int64[N].
    """
    distinct, kinds = np.unique(counts, return_inverse=True)
    heads = [encoded_long(count) if count else b"" for count in distinct.tolist()]
    head_sizes = np.array([len(head) for head in heads], np.int64)[kinds]
    item_sizes = np.diff(starts[np.concatenate(([0], np.cumsum(counts)))])
    offsets = np.concatenate(([0], np.cumsum(head_sizes + item_sizes + len(_END))))
    found = np.zeros(offsets[-1], np.uint8)  # with _END behind each array
    is_item = np.ones(len(found), np.bool_)
    is_item[offsets[1:] - 1] = False
    for place in range(max(map(len, heads))):
        longer = np.flatnonzero(head_sizes > place)
        bytes_there = np.array([head[place] if len(head) > place else 0 for head in heads], np.uint8)
        found[offsets[longer] + place] = bytes_there[kinds[longer]]
        is_item[offsets[longer] + place] = False
    found[is_item] = items
    return offsets, found


def _leaf(rows: npt.NDArray[np.int64] | None, values: pl.Series) -> _Column | None:
    """One column that is no record."""
    if not len(values):
        return (_BOOLEAN, 0, False, b"", b"", b"")  # of nulls alone: the type does not show
    where: Buffer = b"" if rows is None else rows.data
    if values.dtype == pl.String:
        return (_STRING, 0, rows is None, where, *_texts(values))
    kind = _KINDS.get(type(values.dtype))
    if kind is None:
        return None
    numbers = values.cast(pl.UInt8) if kind == _BOOLEAN else values
    return (kind, 0, rows is None, where, np.ascontiguousarray(numbers.to_numpy()).data, b"")


def _texts(values: pl.Series) -> tuple[Buffer, Buffer]:
    """The offsets and the bytes of strings without nulls, of which there is at least one."""
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    return memoryview(offsets)[array.offset * 8 :], memoryview(b"" if data is None else data)
