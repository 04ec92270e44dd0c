"""Reads rows of a result as the API gives them: as `query --format ndjson` prints them."""

import numpy as np

from pipelines.explore.results import EVERYTHING, Result
from pipelines.explore.snapshots import Snapshot
from pipelines.queries.ahead import ahead
from pipelines.queries.answers import Answer
from pipelines.queries.listings import listed_rows
from transforms.kernels.batch.batch import Positions
from transforms.kernels.publish.rows import publish
from transforms.rules.export_rows import Group
from transforms.storage.states import state_file

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
    found: dict[int, Row] = {}
    partition_of = np.searchsorted(ends, wanted, side="right")

    def of_partition(at: int) -> dict[int, Row]:
        start = int(ends[at]) - len(result.positions[at])
        own = np.unique(wanted[partition_of == at])
        rows = rows_at(snapshot, result.group, result.partitions[at], result.positions[at][own - start])
        return dict(zip(own.tolist(), rows, strict=True))

    for rows in ahead(of_partition, np.unique(partition_of).tolist()):
        found.update(rows)
    return [found[each] for each in wanted.tolist()]


def rows_at(snapshot: Snapshot, group: Group, partition: int, positions: Positions) -> list[Row]:
    """The rows at these positions of a partition, ascending: int64[N]."""
    version = snapshot.version
    batch = state_file(version.states(group)[partition]).rows(positions)
    frame = publish(batch, snapshot.fields(group), cache_keys=version.manifest["cache_key"]).frame
    answer = Answer(version, group, EVERYTHING, snapshot.names)
    return [row.columns | {"metadata": row.metadata} for row in listed_rows(answer, frame)]
