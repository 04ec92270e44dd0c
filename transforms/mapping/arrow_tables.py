"""Reads Parquet and Arrow files in batches of rows, Parquet by the row groups of a byte range (R1, R2)."""

from collections.abc import Iterator, Mapping
from io import SEEK_END
from typing import BinaryIO, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.formats.chunks import Unreadable
from transforms.mapping.arrow_columns import column_values
from transforms.mapping.json_columns import encode, json_form
from transforms.mapping.tables import TableBatch
from transforms.raw_records import LazyRecords

BATCH_ROWS: Final = 20_000
_REFUSALS = (pa.ArrowException, OSError, ValueError, EOFError)  # all that pyarrow raises of damaged bytes


def read_parquet(stream: BinaryIO, start: int, stop: int) -> Iterator[TableBatch]:
    """The rows of the row groups that begin in a byte range of a Parquet file; an empty batch first.

    Where a group begins is told by the rows in front of it, as if all took as many bytes: the bytes stand in what may
    be encrypted, which ends the process. Offsets are numbers of rows in the file, from 0; line n is the n-th row.

    Raises:
        Unreadable: The file is truncated or corrupt: after all rows in front of that place (R2).
    """
    number = 0
    try:
        file = pq.ParquetFile(stream)
        yield _no_rows(file.schema_arrow)
        counts = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        size, rows = stream.seek(0, SEEK_END), sum(counts)
        for group, count in enumerate(counts):
            end = number + count
            if count and start <= size * number // rows < stop:
                for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False):
                    yield _batch(batch, number)
                    number += batch.num_rows
            number = end
    except MemoryError:  # that of pyarrow is an ArrowException too, and says nothing about the bytes
        raise
    except _REFUSALS as error:
        raise _unreadable("Parquet", error, number) from error


def parquet_rows(stream: BinaryIO) -> int:
    """How many rows a Parquet file says it has; 0 if it is damaged, which its reading tells."""
    try:
        return int(pq.ParquetFile(stream).metadata.num_rows)
    except MemoryError:
        raise
    except _REFUSALS:
        return 0


def read_arrow(stream: BinaryIO, *, is_file: bool) -> Iterator[TableBatch]:
    """The rows of an Arrow file (Feather), or of a stream of record batches; as `read_parquet`."""
    number = 0
    try:
        with pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream) as reader:
            yield _no_rows(reader.schema)
            for batch in _of_file(reader) if is_file else reader:
                for first in range(0, batch.num_rows, BATCH_ROWS):
                    piece = batch.slice(first, BATCH_ROWS)
                    yield _batch(piece, number)
                    number += piece.num_rows
    except MemoryError:  # that of pyarrow is an ArrowException too, and says nothing about the bytes
        raise
    except _REFUSALS as error:
        raise _unreadable("Arrow", error, number) from error


def _of_file(reader: pa.ipc.RecordBatchFileReader) -> Iterator[pa.RecordBatch]:
    return (reader.get_batch(place) for place in range(reader.num_record_batches))


def _unreadable(name: str, error: Exception, rows: int) -> Unreadable:
    reason = str(error).partition("\n")[0]
    return Unreadable(f"expected {name}, got this after {rows:,} rows: {reason}", rows, rows + 1)


def _no_rows(schema: pa.Schema) -> TableBatch:
    """The batch without rows that tells the names of the columns.

    Raises:
        ValueError: Two of them have one name.
    """
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise ValueError(f"two columns are named {twice[0]}; rename one")
    columns = {name: pl.Series([], dtype=pl.String) for name in schema.names}
    nothing = np.empty(0, np.int64)
    return TableBatch(columns, lines=nothing, offsets=nothing, sources=(), byte_count=0)


def _batch(batch: pa.RecordBatch, number: int) -> TableBatch:
    """A batch whose first row has a number.

    Raises:
        pa.ArrowException: Its bytes are not what its types say, such as a text that is not in UTF-8.
    """
    batch.validate(full=True)
    names = batch.schema.names
    columns = {name: column_values(name, column) for name, column in zip(names, batch.columns, strict=True)}
    rows = np.arange(number, number + batch.num_rows, dtype=np.int64)
    return TableBatch(
        columns=columns,
        lines=rows + 1,
        offsets=rows,
        sources=RowTexts(columns, batch.num_rows),
        byte_count=batch.nbytes,
    )


class RowTexts(LazyRecords):
    """Each row of a table as JSON text, made when it is asked for: the source of a row that is no text (R1)."""

    def __init__(self, columns: Mapping[str, pl.Series], count: int) -> None:
        """Takes the columns of so many rows."""
        self._columns, self._count = columns, count

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    def one(self, place: int) -> bytes:
        """One row."""
        row = {name: json_form(values[place]) for name, values in self._columns.items()}
        return encode(row).encode("utf-8", "surrogatepass")
