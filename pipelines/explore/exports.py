"""Streams a result as ids, NDJSON, CSV or Parquet."""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

import polars as pl
import pyarrow.parquet
from typing_extensions import Buffer

from pipelines.explore.results import Result
from pipelines.queries.answers import Answer
from pipelines.queries.listings import csv, flattened, frames, header, ids, ndjson
from transforms.rules.avro_schema import COLUMNS, stored_fields

Format = Literal["ids", "ndjson", "csv", "parquet"]
Writer: TypeAlias = Callable[[Answer, int | None], Iterator[bytes]]
MEDIA_TYPES: Mapping[Format, str] = {
    "ids": "text/plain; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
EXTENSIONS: Mapping[Format, str] = {"ids": "txt", "ndjson": "ndjson", "csv": "csv", "parquet": "parquet"}


def exported(result: Result, form: Format) -> Iterator[bytes]:
    """The bytes of a download, some thousand rows at a time."""
    writers: Mapping[Format, Writer] = {"ids": ids, "ndjson": ndjson, "csv": csv}
    return _parquet(result) if form == "parquet" else writers[form](result, None)


def _parquet(result: Result) -> Iterator[bytes]:
    """A Parquet file with the columns of the CSV, typed; lists and objects are JSON texts."""
    names = header(result.group, result.fields)
    types = _types(result)
    dtypes = {name: types.get(name, pl.String()) for name in names}
    sink = _Sink()
    schema = pl.DataFrame(schema=dtypes).to_arrow().schema
    with pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for frame in frames(result, None):
            flat = flattened(frame, names, result.fields).cast(pl.Schema(dtypes))
            writer.write_table(flat.to_arrow().cast(schema))
            yield sink.taken()
    yield sink.taken()


def _types(result: Result) -> dict[str, pl.DataType]:
    """The types of the columns of the CSV that are no texts."""
    numbers: Mapping[str, pl.DataType] = {"long": pl.Int64(), "double": pl.Float64()}
    core = {name: numbers[kind] for name, kind in COLUMNS[result.group] if isinstance(kind, str) and kind in numbers}
    stored = stored_fields(result.fields)
    metadata = {f"metadata.{key}": numbers[storage] for key, _, storage in stored if storage in numbers}
    places = {f"location.{name}": pl.Float64() for name in ("latitude", "longitude")}
    return {**core, **metadata, **places, "source.offset": pl.Int64()}


class _Sink(io.RawIOBase):
    """A file to write to, whose bytes are taken away while it grows."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
