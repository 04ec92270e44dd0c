"""Answers a query on a version of a dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import polars as pl

from pipelines.dataset.versions import Dataset, Version
from pipelines.queries.arranging import PARTITION, identity_columns, ordered
from pipelines.queries.conditions import Condition, Order, Value, leaves, values
from pipelines.queries.evaluation import Matches, evaluated, matches
from pipelines.queries.faults import FaultJson
from pipelines.queries.names import Names
from pipelines.queries.parser import parse_query
from pipelines.queries.partition_frames import REFERENCE_ID, ROW
from pipelines.queries.reading import Read, read_columns
from pipelines.queries.resolution import resolve, resolve_order
from pipelines.queries.vocabularies import vocabulary
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query; rows are read when `matches` is iterated.

    Attributes:
        version: The version that is queried.
        group: The group whose rows are listed.
        condition: The resolved condition.
        names: The names of the version.
        order: What the rows are ordered by, None for the order of the stored ones.
        sample: The number of rows to draw, None for all.
        slips: What is probably a slip: texts that no row has, where a similar one is known.
        read: Reads columns of state files.
    """

    version: Version
    group: Group
    condition: Condition
    names: Names
    order: Order | None = None
    sample: int | None = None
    slips: tuple[FaultJson, ...] = ()
    read: Read = read_columns

    @classmethod
    def to(cls, text: str, dataset: Dataset, group: Group, number: int | None = None) -> Self:
        """Parses and resolves a query on a version, by default the current one.

        Raises:
            QueryError: The query is wrong, or names something that the dataset does not have.
            UsageError: There is no dataset, or no version of that number.
        """
        parse_query(text)  # a mistake in the text is told before one about the dataset
        return cls.on(text, dataset.version(number), group)

    @classmethod
    def on(cls, text: str, version: Version, group: Group) -> Self:
        """Parses and resolves a query on a version.

        Raises:
            QueryError: As `to`.
        """
        tree = parse_query(text)
        names = Names(version.schema()["groups"], partial(vocabulary, version))
        slips: list[FaultJson] = []
        condition = resolve(text, tree.condition, group, names, slips)
        order = None if tree.order is None else resolve_order(text, tree.order, group, names)
        return cls(version, group, condition, names, order, tree.sample, tuple(slips))

    @property
    def fields(self) -> Mapping[str, FieldJson]:
        """Metadata key to its field in the schema, of the listed group."""
        return self.names.fields(self.group)

    def matches(self, limit: int | None = None) -> Iterator[Matches]:
        """The matching rows, at most `limit` of them.

        Without an order: partition by partition, rows ascending. With one: in this order, each time as many as come
        one after the other from one partition.
        """
        left = limit
        if left == 0:
            return
        for found in self._matches():
            if left is None:
                yield found
                continue
            taken = found.head(left)
            yield taken
            left -= len(taken.positions)
            if left == 0:
                return

    def count(self, limit: int | None = None) -> int:
        """The number of matching rows, at most `limit`."""
        found = replace(self, order=None, sample=None)
        most = min((each for each in (limit, self.sample) if each is not None), default=None)
        return sum(len(each.positions) for each in found.matches(most))

    def ordered(self) -> pl.DataFrame:
        """All matching rows in the order of the answer, with the columns of `arranging.ordered`."""
        core = () if self.sample is None else identity_columns(self.group)
        found = evaluated(
            self.version, self.group, self.condition, self.names, order=self.order, core=core, read=self.read
        )
        return ordered(found, self.group, self.order, self.sample)

    def _matches(self) -> Iterator[Matches]:
        if self.order is None and self.sample is None:
            yield from matches(self.version, self.group, self.condition, self.names, read=self.read)
            return
        rows = self.ordered()
        if not rows.height:
            return
        states = self.version.states(self.group)
        partitions = rows[PARTITION].to_numpy()
        starts = np.flatnonzero(np.diff(partitions, prepend=-1))
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), rows.height], strict=True):
            some = rows[start:stop]
            number = int(partitions[start])
            yield Matches(number, states[number], some[ROW].to_numpy().astype(np.int64), some[REFERENCE_ID])

    def mentioned(self) -> list[str]:
        """The metadata keys of the listed rows that the query uses, in its order."""
        looked_at = [value for leaf in leaves(self.condition) for value in values(leaf)]
        looked_at += [] if self.order is None or not isinstance(self.order.by, Value) else [self.order.by]
        own = (value.column for value in looked_at if value.place == "own")
        return list(dict.fromkeys(column.name for column in own if column.form == "metadata"))
