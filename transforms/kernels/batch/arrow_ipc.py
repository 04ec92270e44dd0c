"""Encodes frames as Arrow IPC files and decodes them, for elements between workers and for state files.

pyarrow writes and reads the files, in about half the time of polars for frames of some thousand rows.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from transforms.kernels.batch.arrow_arrays import array_of, decoded, with_dictionaries
from transforms.kernels.batch.expected_columns import ExpectedColumns
from transforms.kernels.batch.null_columns import completed, null_column_names, without
from transforms.kernels.batch.string_buffers import SomeTexts
from transforms.kernels.batch.value_columns import ValueColumn

_CODEC: Literal["lz4"] = "lz4"
_WRITTEN = pa.ipc.IpcWriteOptions(compression=_CODEC, use_threads=False)
_DTYPES = {
    str(dtype): dtype
    for dtype in (pl.String(), pl.Binary(), pl.Boolean(), pl.Float64(), pl.Int32(), pl.Int64(), pl.UInt32())
}
_READ = pa.ipc.IpcReadOptions(use_threads=False)
_TYPE = b"type"
"""Metadata key with the type of a column without values, which is stored as a column of type null."""


_ARROW_TYPES = {
    "String": pa.large_string(),
    "Binary": pa.large_binary(),
    "Boolean": pa.bool_(),
    "Float64": pa.float64(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "UInt32": pa.uint32(),
}
"""The stored type of each column type, apart from dictionary-encoded texts and columns without a value."""
_INDICES = (pa.int8(), pa.int32())
"""Index types of dictionary-encoded texts."""


def to_arrow(frame: pl.DataFrame, *, numbered: bool = False) -> bytes:
    """The frame as an Arrow IPC file of one record batch; the same bytes for the same values in the same layout.

    Columns without a value, of which most frames have many, take neither space nor time.

    Args:
        frame: The frame.
        numbered: Whether frequent texts are dictionary-encoded, for files that are written once and read several times.
    """
    # Without string views: their layout in memory depends on the order in which rows were concatenated (P3).
    schema = frame.schema
    null_names = {name for name in null_column_names(frame) if f"{schema[name]}" in _DTYPES}
    table = without(frame, null_names).rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    if numbered:
        table = with_dictionaries(table)
    if null_names:
        table = _with_null_columns(table, frame)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema, options=_WRITTEN) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


class ArrowFile:
    """The bytes of an Arrow IPC file, from which columns are decoded on access.

    `keep` and `rows` decompress all columns at once, and `forget` drops the decompressed columns.
    """

    def __init__(self, data: bytes | memoryview, stored: ExpectedColumns | None = None) -> None:
        """Takes the bytes of `to_arrow`, and for a file of a dataset its expected content.

        With `stored` every method raises DamagedFileError if the file has other content.
        """
        self._data = data
        self._stored = stored
        self._is_checked = stored is None
        self._table: pa.Table | None = None

    def frame(self, names: Collection[str] | None = None) -> pl.DataFrame:
        """The columns with these names, as far as they exist, in the order of the file; by default all."""
        there = [name for name in self.names if names is None or name in names]
        if self._table is not None:
            return _frame(self._table.select(there))
        return _frame(self._read(None if names is None else there))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [_escaped(name) for name in self._schema().names]

    def texts(self, name: str, selected: npt.NDArray[np.bool_]) -> SomeTexts | None:
        """The texts of the selected rows in a column; None if the whole column is null.

        Args:
            name: Name of a column of texts.
            selected: The selected rows: bool[rows].
        """
        array = self._array(name)
        if array is None:
            return None
        if array.null_count:
            selected = selected & array.is_valid().to_numpy(zero_copy_only=False)
        count = int(np.count_nonzero(selected))
        if not pa.types.is_dictionary(array.type):
            return SomeTexts(array, selected, count)
        used = np.zeros(len(array.dictionary), np.bool_)
        used[array.indices.to_numpy(zero_copy_only=False)[selected].astype(np.int64)] = True
        return SomeTexts(array.dictionary, used, count)

    def numbers(self, name: str, selected: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """The numbers of the selected rows in a column, without nulls: int64[n] or float64[n].

        Args:
            name: Name of a column of numbers.
            selected: The selected rows: bool[rows].
        """
        array = self._array(name)
        if array is None:
            return np.empty(0, np.int64)
        if array.null_count:
            selected = selected & array.is_valid().to_numpy(zero_copy_only=False)
        place, data = slice(array.offset, array.offset + len(array)), array.buffers()[1]
        if pa.types.is_floating(array.type):
            return np.frombuffer(data, np.float64)[place][selected]
        return np.frombuffer(data, np.int64)[place][selected]

    def keep(self) -> None:
        """Decompresses all columns at once, before access to several of them."""
        if self._table is None:
            self._table = self._read()

    def forget(self) -> None:
        """Drops the decompressed columns."""
        self._table = None

    @property
    def kept_bytes(self) -> int:
        """The size of the decompressed columns."""
        return 0 if self._table is None else self._table.nbytes

    def rows(self, numbers: npt.NDArray[np.int64]) -> pl.DataFrame:
        """The rows at these positions, int64[N], with all columns."""
        if self._table is None:
            self._table = self._read()
        return _frame(self._table.take(array_of(numbers)))

    def _array(self, name: str) -> pa.Array | None:
        """A column as an Arrow array; None if the whole column is null."""
        table = self._table if self._table is not None else self._read([name])
        column = table.column(name)
        # A file has one batch of rows, or none.
        return None if pa.types.is_null(column.type) or not column.num_chunks else column.chunk(0)

    def _schema(self) -> pa.Schema:
        if self._stored is None:
            return self._open().schema
        with self._stored.reading(len(self._data)):
            file = self._open()
            if not self._is_checked:
                if file.num_record_batches > 1:
                    raise ValueError(f"expected one batch of rows, got {file.num_record_batches}")
                _check_types(file.schema, self._stored)
                self._is_checked = True
            return file.schema

    def _read(self, names: Sequence[str] | None = None) -> pa.Table:
        """The decompressed columns with these names, by default all."""
        places = {name: place for place, name in enumerate(self.names)}
        fields = None if names is None else [places[name] for name in names]
        if self._stored is None:
            return _renamed(self._open(fields).read_all())
        with self._stored.reading(len(self._data)):
            table = self._open(fields).read_all()
            table.validate(full=True)
            if self._stored.rows not in (None, table.num_rows):
                raise ValueError(f"expected {self._stored.rows} rows, got {table.num_rows}")
            return _renamed(table)

    def _open(self, fields: Sequence[int] | None = None) -> pa.ipc.RecordBatchFileReader:
        options = _READ if fields is None else pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
        return pa.ipc.open_file(pa.py_buffer(self._data), options=options)


def _escaped(name: str) -> str:
    """The name of a column with an escaped NUL: earlier versions wrote NULs, which polars cannot process."""
    value = ValueColumn.of(name) if "\0" in name else None
    return value.name if value else name


def _renamed(table: pa.Table) -> pa.Table:
    names = [_escaped(name) for name in table.column_names]
    return table if names == table.column_names else table.rename_columns(names)


def from_arrow(
    data: bytes | memoryview, names: Collection[str] | None = None, stored: ExpectedColumns | None = None
) -> pl.DataFrame:
    """The frame of an Arrow IPC file, or its columns of these names; `stored` as in `ArrowFile`."""
    return ArrowFile(data, stored).frame(names)


def _check_types(schema: pa.Schema, stored: ExpectedColumns) -> None:
    """Raises ValueError if a column has an unexpected type or name."""
    if len(set(schema.names)) != len(schema.names):
        raise ValueError("expected each column once")
    for field in schema:
        dtype = stored.dtype(field.name)
        if dtype is None or "\0" in field.name:  # polars panics for a NUL
            raise ValueError(f"expected no column {field.name!r}")
        if not _is_of(field, f"{dtype}"):
            raise ValueError(f"expected a column {field.name!r} of type {dtype}, got {field.type}")


def _is_of(field: pa.Field, dtype: str) -> bool:
    if pa.types.is_null(field.type):
        return bool((field.metadata or {}).get(_TYPE) == dtype.encode())
    if pa.types.is_dictionary(field.type):
        return dtype == "String" and field.type.value_type == pa.large_string() and field.type.index_type in _INDICES
    return bool(field.type == _ARROW_TYPES[dtype])


def _with_null_columns(table: pa.Table, frame: pl.DataFrame) -> pa.Table:
    """The table with all columns of a frame: columns without a value, which it lacks, are added with type null."""
    there = dict(zip(table.column_names, zip(table.schema, table.columns, strict=True), strict=True))
    nothing = pa.nulls(frame.height)
    columns = [there.get(name) or (_null_field(name, f"{dtype}"), nothing) for name, dtype in frame.schema.items()]
    return pa.Table.from_arrays([values for _, values in columns], schema=pa.schema([field for field, _ in columns]))


@lru_cache(4096)
def _null_field(name: str, dtype: str) -> pa.Field:
    return pa.field(name, pa.null(), metadata={_TYPE: dtype})


def _frame(table: pa.Table) -> pl.DataFrame:
    null_names = [field.name for field in table.schema if pa.types.is_null(field.type)]
    numbered = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    frame = pl.from_arrow(table.drop_columns([*null_names, *numbered]) if null_names or numbered else table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"expected a table, got {type(frame)}")
    if not null_names and not numbered:
        return frame
    frame = pl.DataFrame([*frame.iter_columns(), *(decoded(table.column(name)).alias(name) for name in numbered)])
    there = frame.schema  # a property that polars computes from all columns at each access
    schema = {
        field.name: _DTYPES[field.metadata[_TYPE].decode()] if pa.types.is_null(field.type) else there[field.name]
        for field in table.schema
    }
    return completed(frame, schema, table.num_rows)
