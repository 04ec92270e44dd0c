"""Makes lazy frames of the files of a version: partition by partition, and only the columns that are used."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from pipelines.dataset.rejections import lines
from pipelines.dataset.store.base import REJECTIONS
from pipelines.dataset.versions import Version
from pipelines.handle.batches import Batches, Reader
from pipelines.handle.faults import explained
from pipelines.handle.forks import check_reader, note_reader
from pipelines.queries.ahead import ahead
from pipelines.queries.answers import Answer
from pipelines.queries.arranging import alone, gathered
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.columns import PublishedColumns, Schema
from transforms.rules.avro_schema import CACHE_KEYS, UPLOADS, AvroFields
from transforms.rules.export_rows import Group
from transforms.storage.states import state_file
from transforms.storage.stored_files import StoredFile
from transforms.storage.verified_files import verified

_PIECE_ROWS = 25_000
"""Rows that polars gets at a time: it takes some tens of these ahead of a program that consumes them slowly."""
_PIECE_BYTES = 4 * 2**20
"""Fewer rows, if they have more bytes than this."""
REJECTION_COLUMNS: Schema = {
    **dict.fromkeys(("code", "message", "field", "export"), pl.String()),
    **dict.fromkeys(("line", "offset"), pl.Int64()),
    **dict.fromkeys(("group", "reference_id", "raw", "encoding", "export_group", "model_run"), pl.String()),
    **dict.fromkeys(("map", "place", "record"), pl.String()),
    "raw_truncated": pl.Boolean(),
    "raw_bytes": pl.Int64(),
}
"""The members of a line of rejections (docs/outputs.md) as columns."""


if TYPE_CHECKING:
    from polars._typing import IntoExpr

    _Exprs: TypeAlias = IntoExpr | Iterable[IntoExpr]
    _Given = ParamSpec("_Given")

    def _derived(
        method: Callable[Concatenate[pl.LazyFrame, _Given], pl.LazyFrame],
    ) -> Callable[Concatenate["Rows", _Given], "Rows"]:
        """The method with the same parameters, whose result has `batches` and `reader` too."""

    class Rows(pl.LazyFrame):
        """A lazy frame as type checkers see it, which know no methods that are registered with polars.

        Examples:
            >>> rain = dataset.items().filter(pl.col("metadata.weather") == "rain").select("reference_id")
            >>> [batch.num_rows for batch in rain.batches()]
            [1]
        """

        batches: Batches
        reader: Reader
        cast = _derived(pl.LazyFrame.cast)
        drop = _derived(pl.LazyFrame.drop)
        drop_nulls = _derived(pl.LazyFrame.drop_nulls)
        explode = _derived(pl.LazyFrame.explode)
        head = _derived(pl.LazyFrame.head)
        join = _derived(pl.LazyFrame.join)
        limit = _derived(pl.LazyFrame.limit)
        rename = _derived(pl.LazyFrame.rename)
        slice = _derived(pl.LazyFrame.slice)
        sort = _derived(pl.LazyFrame.sort)
        tail = _derived(pl.LazyFrame.tail)
        unique = _derived(pl.LazyFrame.unique)
        unnest = _derived(pl.LazyFrame.unnest)

        # A ParamSpec takes no method with keywords of any name, whose `self` could be one of them.
        def filter(self, *predicates: _Exprs, **constraints: IntoExpr) -> "Rows":
            """The rows that meet conditions."""

        def select(self, *exprs: _Exprs, **named_exprs: IntoExpr) -> "Rows":
            """Some columns."""

        def with_columns(self, *exprs: _Exprs, **named_exprs: IntoExpr) -> "Rows":
            """More columns."""

else:
    Rows = pl.LazyFrame


Parts: TypeAlias = Callable[[Sequence[str], int | None], Iterator[pl.DataFrame]]
"""Reads some of the columns, part by part; of more rows than the number no one is used."""


def lazy_frame(version: Version, schema: Schema, parts: Parts) -> Rows:
    """A lazy frame with the methods `batches` and `reader`.

    Args:
        version: The version that is read.
        schema: Name to type of the columns.
        parts: Reads its rows.

    Raises:
        UsageError: This process was forked by one that has read frames.
    """
    check_reader()

    def read(
        names: list[str] | None, predicate: pl.Expr | None, limit: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        note_reader()
        left = limit
        with explained(version):
            found = parts(list(schema) if names is None else names, limit)
            for part in (piece for frame in found for piece in frame.iter_slices(_piece_rows(frame))):
                some = part if left is None else part.head(left)
                if left is not None:
                    left -= some.height
                if predicate is not None:
                    some = some.filter(predicate)
                yield some if some.height == part.height else alone(some)
                if left == 0:
                    return

    return as_rows(register_io_source(read, schema=dict(schema), explain_name="metadata-etl"))


def _piece_rows(frame: pl.DataFrame) -> int:
    """How many rows of a frame are given to polars at a time."""
    return max(1, min(_PIECE_ROWS, frame.height * _PIECE_BYTES // max(1, int(frame.estimated_size()))))


def as_rows(frame: pl.LazyFrame) -> Rows:
    """The same frame, of which type checkers know the methods."""
    assert isinstance(frame, Rows)  # noqa: S101 - for mypy
    return frame


def published_rows(version: Version, group: Group, answer: Answer | None) -> Rows:
    """The rows of a group, in the order of the Avro parts.

    Args:
        version: The version.
        group: The group.
        answer: Of a query on this version and group, which selects rows; None for all.
    """
    columns = PublishedColumns(group, version.schema()["groups"][group]["fields"], version.manifest["cache_key"])

    def parts(names: Sequence[str], limit: int | None) -> Iterator[pl.DataFrame]:
        wanted = PublishedColumns(group, columns.fields, columns.cache_keys, tuple(names))
        if answer is not None and answer.order is not None:
            rows = answer.ordered()
            first = rows if limit is None else rows.head(limit)
            return gathered(first, version.states(group), partial(_rows, columns=wanted))
        return ahead(lambda given: _rows(*given, wanted), _selected(version, group, answer))

    return lazy_frame(version, columns.schema, parts)


def listed_keys(version: Version, kind: str) -> Rows:
    """The list of cache keys, or that of uploads (K2), sorted by key."""
    fields: AvroFields = UPLOADS if kind == "uploads" else CACHE_KEYS
    schema: Schema = {name: pl.Int64() if of == "long" else pl.String() for name, of in fields}
    files = [file for _, file in sorted(version.files(kind).items())]

    def parts(names: Sequence[str], _: int | None) -> Iterator[pl.DataFrame]:
        return ahead(lambda file: pl.read_avro(io.BytesIO(verified(file)), columns=list(names)).select(names), files)

    return lazy_frame(version, schema, parts)


def rejected(version: Version) -> Rows:
    """The rejections of the job that published the version (R1)."""
    files = [file for _, file in sorted(version.files(REJECTIONS).items())]

    def parts(names: Sequence[str], _: int | None) -> Iterator[pl.DataFrame]:
        for file in files:
            yield pl.DataFrame(lines(file.uri, bytes(verified(file))), schema=REJECTION_COLUMNS).select(names)

    return lazy_frame(version, REJECTION_COLUMNS, parts)


def _selected(version: Version, group: Group, answer: Answer | None) -> Iterator[tuple[StoredFile, Positions | None]]:
    """The state files that have selected rows, in order, each with the positions of these rows, None for all."""
    if answer is None:
        yield from ((file, None) for _, file in sorted(version.states(group).items()))
    else:
        yield from ((found.state, found.positions) for found in answer.matches())


def _rows(state: StoredFile, positions: Positions | None, columns: PublishedColumns) -> pl.DataFrame:
    batch = state_file(state).part(columns.stored, columns.keys)
    rows = columns.of(batch if positions is None else batch.take(positions))
    return rows if rows.height == state.records else alone(rows)
