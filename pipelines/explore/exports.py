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
PIECE_BYTES = 128 * 2**10
"""What a piece of a download has at least: lines are small."""
EXTENSIONS: Mapping[Format, str] = {"ids": "txt", "ndjson": "ndjson", "csv": "csv", "parquet": "parquet"}


def exported(result: Result, form: Format) -> Iterator[bytes]:
    """The bytes of a download, a piece at a time: what `query` prints, or a Parquet file as `export` writes them."""
    writers: Mapping[Format, Writer] = {"ids": ids, "ndjson": ndjson, "csv": csv}
    if form == "parquet":
        return parquet_pieces(frames(result, None), result.group, result.fields, result.version.facts)
    return collected(writers[form](result, None))


def collected(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least `PIECE_BYTES`, but for the last; to hand on each takes time.

    >>> [len(each) for each in collected(iter([b"x" * 100_000] * 3))]
    [200000, 100000]
    """
    waiting: list[bytes] = []
    size = 0
    for each in pieces:
        waiting.append(each)
        size += len(each)
        if size >= PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
