"""Rows of a frame in the binary encoding of Avro, block by block: by a C extension where it was built, else by polars.

Both encode each column as a union of null and its type, in the order of the frame, to the same bytes.
"""

import io
from collections.abc import Iterator
from typing import TypeAlias

import fastavro
import numpy as np
import polars as pl
from typing_extensions import Buffer

try:
    from transforms.formats import _avro_rows
except ImportError:  # no compiler where the package was installed
    _avro_rows = None  # type: ignore[assignment]

Block: TypeAlias = tuple[int, bytes]
"""How many rows, and their encoding."""
_LONG, _DOUBLE, _BOOLEAN, _STRING, _RECORD = range(5)
_KINDS = {pl.Int64: _LONG, pl.Float64: _DOUBLE, pl.Boolean: _BOOLEAN}
_Column: TypeAlias = tuple[int, int, bool, Buffer, Buffer, Buffer]
"""As the extension takes it: kind, columns behind a record that are its fields, whether it is full, buffers."""


def encoded(frame: pl.DataFrame, rows_per_block: int) -> Iterator[Block]:
    """The rows of a frame, `rows_per_block` at a time, the last block perhaps with fewer."""
    columns = None if _avro_rows is None else _columns(frame)
    if columns is None:
        yield from _by_polars(frame, rows_per_block)
        return
    blocks = _avro_rows.encode(frame.height, rows_per_block, columns)
    for number, block in enumerate(blocks):
        yield min(rows_per_block, frame.height - number * rows_per_block), block


def _by_polars(frame: pl.DataFrame, rows_per_block: int) -> Iterator[Block]:
    whole = frame.rechunk()  # the encoder needs columns that are cut at the same rows
    for start in range(0, whole.height, rows_per_block):
        out = io.BytesIO()
        whole[start : start + rows_per_block].write_avro(out, compression="uncompressed", name="row")
        out.seek(0)
        for block in fastavro.block_reader(out):
            yield block.num_records, block.bytes_.getvalue()


def _columns(frame: pl.DataFrame) -> list[_Column] | None:
    """The columns of a frame for the extension; None where one of them has a type that is left to polars."""
    found: list[_Column] = []
    for series in frame.iter_columns():
        columns = _column(series)
        if columns is None:
            return None
        found += columns
    return found


def _column(series: pl.Series) -> list[_Column] | None:
    """One column, a record with its fields behind it."""
    is_full = series.null_count() == 0
    rows = b"" if is_full else np.flatnonzero(series.is_not_null().to_numpy()).astype(np.int64, copy=False).data
    if series.null_count() == len(series):
        return [(_BOOLEAN, 0, False, b"", b"", b"")]  # of nulls alone: the type does not show
    if isinstance(series.dtype, pl.Struct):
        fields = _columns(series.struct.unnest())
        return None if fields is None else [(_RECORD, len(fields), is_full, rows, b"", b""), *fields]
    values = series if is_full else series.drop_nulls()
    if isinstance(series.dtype, pl.String):
        return [(_STRING, 0, is_full, rows, *_texts(values))]
    kind = _KINDS.get(type(series.dtype))
    if kind is None:
        return None
    numbers = values.cast(pl.UInt8) if kind == _BOOLEAN else values
    return [(kind, 0, is_full, rows, np.ascontiguousarray(numbers.to_numpy()).data, b"")]


def _texts(values: pl.Series) -> tuple[Buffer, Buffer]:
    """The offsets and the bytes of strings without nulls, of which there is at least one."""
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    return memoryview(offsets)[array.offset * 8 :], memoryview(b"" if data is None else data)
