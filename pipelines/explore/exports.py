"""Streams a result as ids, NDJSON, CSV or Parquet."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

from pipelines.explore.results import Result
from pipelines.queries.answers import Answer
from pipelines.queries.listings import csv, frames, ids, ndjson
from transforms.kernels.writers.parquet import parquet_pieces

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
    """The bytes of a download, a piece at a time: what `query` prints, or a Parquet file as `export` writes them."""
    writers: Mapping[Format, Writer] = {"ids": ids, "ndjson": ndjson, "csv": csv}
    if form == "parquet":
        return parquet_pieces(frames(result, None), result.group, result.fields, result.version.facts)
    return writers[form](result, None)
