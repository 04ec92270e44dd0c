"""Streams a result as ids, NDJSON, CSV or Parquet."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

from pipelines.explore.results import Result
from pipelines.queries.answers import Answer
from pipelines.queries.listings import csv, frames, ids, ndjson
from transforms.kernels.batch.gathering import gathered
from transforms.kernels.writers.parquet import parquet_pieces

Format = Literal["ids", "ndjson", "csv", "parquet"]
Writer: TypeAlias = Callable[[Answer, int | None], Iterator[bytes]]
MEDIA_TYPES: Mapping[Format, str] = {
    "ids": "text/plain; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
PIECE_BYTES = 128 * 2**10
PIECE_LINES = 10_000
"""Lines are handed on together, since to hand on each takes time: up to so many, or until they have so many bytes."""
EXTENSIONS: Mapping[Format, str] = {"ids": "txt", "ndjson": "ndjson", "csv": "csv", "parquet": "parquet"}


def exported(result: Result, form: Format) -> Iterator[bytes]:
    """The bytes of a download, a piece at a time: what `query` prints, or a Parquet file as `export` writes them."""
    writers: Mapping[Format, Writer] = {"ids": ids, "ndjson": ndjson, "csv": csv}
    if form == "parquet":
        return parquet_pieces(frames(result, None), result.group, result.fields, result.version.facts)
    lines = writers[form](result, None)
    pieces = gathered(lines, lambda line: (1, len(line)), most_rows=PIECE_LINES, most_bytes=PIECE_BYTES)
    return map(b"".join, pieces)
