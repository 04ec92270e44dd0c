"""Finds the rows that a query asks for, and keeps the answer for the calls that follow."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipelines.explore.problems import CancelledError
from pipelines.explore.snapshots import Snapshot
from pipelines.queries.answers import Answer
from pipelines.queries.arranging import PARTITION
from pipelines.queries.conditions import All
from pipelines.queries.evaluation import Matches
from pipelines.queries.faults import FaultJson
from pipelines.queries.parser import parse_query
from pipelines.queries.partition_frames import ROW
from pipelines.queries.resolution import resolve, resolve_order
from transforms.kernels.batch.batch import Positions
from transforms.rules.export_rows import Group
from transforms.storage.states import state_file

EVERYTHING = All(())


def check(cancelled: threading.Event) -> None:
    """Raises CancelledError if nobody waits for the answer any more."""
    if cancelled.is_set():
        raise CancelledError


@dataclass(frozen=True, slots=True)
class Result(Answer):
    """The rows that a query found, by partition.

    Attributes:
        partitions: Numbers of the partitions with rows that were found, ascending.
        positions: Of each partition, the row numbers in its state file, ascending: int64[N].
        arrangement: int64[total], the order that the query asks for: indices into the rows, partition by partition;
            None for the order of the stored rows.
    """

    partitions: tuple[int, ...] = ()
    positions: tuple[Positions, ...] = ()
    arrangement: Positions | None = None

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(map(len, self.positions))

    @property
    def is_everything(self) -> bool:
        """Whether the query was empty."""
        return self.condition is EVERYTHING

    def matches(self, limit: int | None = None) -> Iterator[Matches]:
        """The rows as they are stored, partition by partition; at most `limit` of them."""
        left = self.total if limit is None else limit
        states = self.version.states(self.group)
        for number, positions in zip(self.partitions, self.positions, strict=True):
            if left == 0:
                return
            some = positions[:left]
            left -= len(some)
            yield Matches(number, states[number], some, state_file(states[number]).reference_ids().gather(some))

    def places(self, snapshot: Snapshot) -> Positions:
        """The rows among all rows of the group, partition by partition: int64[total]."""
        starts = (snapshot.start(self.group, number) for number in self.partitions)
        found = [positions + start for positions, start in zip(self.positions, starts, strict=True)]
        return np.concatenate(found) if found else np.empty(0, np.int64)


def result(snapshot: Snapshot, group: Group, query: str, cancelled: threading.Event) -> Result:
    """The rows of a group that a query finds; all of them if it is empty.

    Raises:
        QueryError: The query is wrong.
        CancelledError: Nobody waits for the answer any more.
    """
    make = partial(_found, snapshot, group, query, cancelled)
    return snapshot.cache.get(("result", group, query.strip()), make, lambda each: 8 * each.total)


def _found(snapshot: Snapshot, group: Group, query: str, cancelled: threading.Event) -> Result:
    version, names = snapshot.version, snapshot.names
    if not query.strip():
        sizes = {number: file.records for number, file in sorted(version.files(group).items()) if file.records}
        positions = tuple(np.arange(size) for size in sizes.values())
        return Result(version, group, EVERYTHING, names, partitions=tuple(sizes), positions=positions)
    tree = parse_query(query)
    slips: list[FaultJson] = []
    condition = resolve(query, tree.condition, group, names, slips)
    order = None if tree.order is None else resolve_order(query, tree.order, group, names)
    answer = Answer(version, group, condition, names, order, tree.sample, tuple(slips), snapshot.columns.read)
    if order is not None or tree.sample is not None:
        return _in_order(answer)
    found = []
    for each in answer.matches():
        check(cancelled)
        found.append((each.partition, each.positions))
    numbers, rows = tuple(number for number, _ in found), tuple(positions for _, positions in found)
    return Result(version, group, condition, names, slips=answer.slips, partitions=numbers, positions=rows)


def _in_order(answer: Answer) -> Result:
    """The rows of an answer that has an order or a sample."""
    rows = answer.ordered()
    partitions, positions = (rows[name].to_numpy().astype(np.int64) for name in (PARTITION, ROW))
    stored = np.lexsort((positions, partitions))
    numbers, starts = np.unique(partitions[stored], return_index=True)
    return Result(
        *(answer.version, answer.group, answer.condition, answer.names, answer.order, answer.sample, answer.slips),
        partitions=tuple(numbers.tolist()),
        positions=tuple(np.split(positions[stored], starts[1:])) if len(numbers) else (),
        arrangement=np.argsort(stored),
    )
