"""Reads rows of a result as the API gives them: as `query --format ndjson` prints them."""

from collections.abc import Sequence

import numpy as np

from pipelines.explore.results import EVERYTHING, Result
from pipelines.explore.snapshots import Snapshot
from pipelines.queries.ahead import ahead
from pipelines.queries.answers import Answer
from pipelines.queries.listings import listed_rows
from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.publish.rows import publish
from transforms.rules.export_rows import Group

Row = dict[str, object]
"""Columns and metadata of a row, JSON texts as fragments that orjson copies."""


def listed(snapshot: Snapshot, result: Result, wanted: Positions) -> list[Row]:
    """Rows of a result, in the order in which they are wanted.

    Args:
        snapshot: The version of the result.
        result: The rows.
        wanted: int64[N], indices into its rows, partition by partition.
    """
    ends = np.cumsum([len(each) for each in result.positions])
    partition_of = np.searchsorted(ends, wanted, side="right")
    own = np.unique(wanted)

    def of_partition(at: int) -> Batch:
        start = int(ends[at]) - len(result.positions[at])
        numbers = own[(own >= start) & (own < ends[at])] - start
        return _stored(snapshot, result.group, result.partitions[at], result.positions[at][numbers])

    batches = list(ahead(of_partition, np.unique(partition_of).tolist()))
    rows = _published(snapshot, result.group, batches)
    found = dict(zip(own.tolist(), rows, strict=True))
    return [found[each] for each in wanted.tolist()]


def rows_at(snapshot: Snapshot, group: Group, partition: int, positions: Positions) -> list[Row]:
    """The rows at these positions of a partition, ascending: int64[N]."""
    return _published(snapshot, group, [_stored(snapshot, group, partition, positions)])


def _stored(snapshot: Snapshot, group: Group, partition: int, positions: Positions) -> Batch:
    return snapshot.columns.rows(snapshot.version.states(group)[partition], positions)


def _published(snapshot: Snapshot, group: Group, batches: Sequence[Batch]) -> list[Row]:
    """The rows of all batches, published at once: most of the time that this takes is not for the rows."""
    if not batches:
        return []
    version = snapshot.version
    batch = Batch.concatenated(batches)
    frame = publish(batch, snapshot.fields(group), cache_keys=version.manifest["cache_key"]).frame
    answer = Answer(version, group, EVERYTHING, snapshot.names)
    return [row.columns | {"metadata": row.metadata} for row in listed_rows(answer, frame)]
