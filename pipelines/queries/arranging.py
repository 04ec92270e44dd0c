"""Draws a sample of the rows that a query finds, and puts them into an order."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from pipelines.queries.conditions import Order
from pipelines.queries.evaluation import KEY, Evaluated
from pipelines.queries.partition_frames import REFERENCE_ID, ROW
from transforms.kernels.merge.timeline import identity
from transforms.rules.export_rows import REFERENCED_GROUPS, Group
from transforms.storage.stored_files import StoredFile

PARTITION = "partition"
IN_ORDER_AT_A_TIME = 200_000
"""Rows that are read at a time where they come in an order."""
_BYTES_AT_A_TIME = 256 * 2**20
"""Fewer rows, if they take more memory than this."""
_OF_ANNOTATIONS = ("model_run", "type", "annotation_id", "segment_index", "taxonomy_name", "task_id")
_PLACE = "place"
_SEPARATOR = "\x1f"


def identity_columns(group: Group) -> tuple[str, ...]:
    """The core columns that the identity of a row is made of (I1, I2)."""
    return () if group in REFERENCED_GROUPS else _OF_ANNOTATIONS


def ordered(found: Iterable[Evaluated], group: Group, order: Order | None, sample: int | None) -> pl.DataFrame:
    """A row for each that is listed: PARTITION, ROW, REFERENCE_ID.

    Null values come last, equal ones by identity: in a partition rows are in its order, and it begins with the
    reference id. Without an order, rows are in that of the stored ones.

    Args:
        found: The rows, with KEY if there is an order, and with `identity_columns` if there is a sample.
        group: Their group.
        order: What they are ordered by.
        sample: The number of rows to draw, None for all.
    """
    frames = [each.rows.with_columns(pl.lit(each.partition).alias(PARTITION)) for each in found]
    if not frames:
        return pl.DataFrame(schema={PARTITION: pl.Int32, ROW: pl.UInt32, REFERENCE_ID: pl.String})
    rows = pl.concat(frames)
    if sample is not None:
        rows = rows[_drawn(rows, group, sample)]
    if order is not None:
        rows = rows.sort(KEY, REFERENCE_ID, ROW, descending=[order.descending, False, False], nulls_last=True)
    return rows.select(PARTITION, ROW, REFERENCE_ID)


def gathered(
    rows: pl.DataFrame,
    states: Mapping[int, StoredFile],
    read: Callable[[StoredFile, npt.NDArray[np.int64]], pl.DataFrame],
) -> Iterator[pl.DataFrame]:
    """The rows of `ordered` in their order, as they are read, at most `IN_ORDER_AT_A_TIME` per frame.

    Neighbours are from many partitions: many rows are gathered at a time, so that each partition is read few times. How
    many rows fit into memory, the first partition of a frame shows.

    Args:
        rows: As `ordered` gives them.
        states: Partition to its state file.
        read: Reads rows of a state file at some positions: int64[N].
    """
    start = 0
    while start < rows.height:
        window = rows.slice(start, IN_ORDER_AT_A_TIME).with_row_index(_PLACE)
        height = window.height
        found: list[pl.DataFrame] = []
        places: list[pl.Series] = []
        for of_window in window.partition_by(PARTITION, maintain_order=True):
            part = of_window.filter(pl.col(_PLACE) < height)
            if not part.height:
                continue
            frame = alone(read(states[part.item(0, PARTITION)], part[ROW].to_numpy().astype(np.int64)))
            if not found:
                height = min(height, max(1, frame.height * _BYTES_AT_A_TIME // max(1, int(frame.estimated_size()))))
                part = part.filter(pl.col(_PLACE) < height)
                frame = frame.head(part.height)
            found.append(frame)
            places.append(part[_PLACE])
        yield pl.concat(found)[pl.concat(places).arg_sort()]
        start += height


def alone(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows without the texts of others, which a selection of rows keeps in memory."""
    return pl.DataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest())) if frame.width else frame


def _drawn(rows: pl.DataFrame, group: Group, count: int) -> npt.NDArray[np.int64]:
    """The positions of the rows whose identities have the smallest hashes, ascending: int64[count] at most."""
    if count >= rows.height:
        return np.arange(rows.height)
    texts = identity(rows, group).select(pl.concat_str(pl.all().fill_null(""), separator=_SEPARATOR)).to_series()
    hashes = hash_of(np.fromiter(map(zlib.crc32, texts.cast(pl.Binary).to_list()), np.uint64, len(texts)))
    order = pl.DataFrame({"hash": hashes, "text": texts}).with_row_index("row").sort("hash", "text", "row")
    return np.sort(order["row"].head(count).to_numpy().astype(np.int64))


def hash_of(checksums: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Checksums mixed, so that similar identities are far from each other: the finalizer of SplitMix64.

    The same in all releases, so that a sample stays the same: polars does not promise that of its own hashes.

    >>> [f"{each:016x}" for each in hash_of(np.array([0, 1], np.uint64))]
    ['e220a8397b1dcdaf', '910a2dec89025cc1']
    """
    mixed = checksums + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
