"""Reads lazy frames of polars as Arrow record batches, for programs that take a dataset piece by piece."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from pipelines.errors import UsageError
from pipelines.handle.forks import check_reader
from transforms.kernels.batch.gathering import gathered

ROWS = 65_536
"""Rows of a batch, if the program asks for no other number."""
_BYTES = 32 * 2**20
"""Rows are put together to a batch up to this size in memory."""
OLDEST = pl.CompatLevel.oldest()
"""Types that all readers of Arrow know, no views of strings."""


@pl.api.register_lazyframe_namespace("batches")
class Batches:
    """The method `batches` of lazy frames.

    polars registers namespaces: `frame.batches` is an object of this class, made with the frame. This one is called,
    so what is derived from a frame (`filter`, `select`, ...), which polars makes, has the method too.
    """

    def __init__(self, frame: pl.LazyFrame) -> None:
        """Takes the frame."""
        self._frame = frame

    def __call__(self, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """The rows as Arrow record batches, in their order; few partitions of the dataset are in memory at a time.

        Args:
            rows: The most rows of a batch; large rows make smaller ones.

        Raises:
            UsageError: This process was forked by one that has read frames, or a batch would have no rows.

        Examples:
            >>> sum(batch.num_rows for batch in dataset.items().batches())
            2
            >>> next(dataset.items().select("reference_id").batches(rows=1)).to_pydict()
            {'reference_id': ['street-1']}
        """
        check_reader()
        if rows < 1:
            raise UsageError(f"rows of a batch: expected a number of at least 1, got {rows}")
        return self._read(rows)

    def _read(self, rows: int) -> Iterator[pa.RecordBatch]:
        frames = self._frame.collect_batches(maintain_order=True, lazy=True)
        for frame in map(pl.concat, gathered(frames, _size, most_rows=rows, most_bytes=_BYTES)):
            yield from frame.to_arrow(compat_level=OLDEST).to_batches(max_chunksize=rows)


@pl.api.register_lazyframe_namespace("reader")
class Reader:
    """The method `reader` of lazy frames, registered as `batches`."""

    def __init__(self, frame: pl.LazyFrame) -> None:
        """Takes the frame."""
        self._frame = frame

    def __call__(self, rows: int = ROWS) -> pa.RecordBatchReader:
        """The batches as a reader of Arrow, which DuckDB, pyarrow and others take as a table that is read once.

        Args:
            rows: The most rows of a batch.

        Raises:
            UsageError: As `batches`.

        Examples:
            >>> dataset.items().select("reference_id", "metadata.weather").reader().read_all().to_pydict()
            {'reference_id': ['street-1', 'street-2'], 'metadata.weather': ['rain', 'sun']}
        """
        empty = pl.DataFrame(schema=self._frame.collect_schema())
        schema = empty.to_arrow(compat_level=OLDEST).schema
        return pa.RecordBatchReader.from_batches(schema, Batches(self._frame)(rows))


def _size(frame: pl.DataFrame) -> tuple[int, int]:
    return frame.height, int(frame.estimated_size())
