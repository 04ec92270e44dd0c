"""Answers a query on the current version of a dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self, cast

from pipelines.dataset.versions import Dataset, Version
from pipelines.queries.conditions import Condition, leaves, values
from pipelines.queries.evaluation import Matches, matches
from pipelines.queries.names import Names
from pipelines.queries.parser import parse
from pipelines.queries.resolution import resolve
from pipelines.queries.vocabularies import vocabulary
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query finds: its rows are read when they are asked for.

    Attributes:
        version: That is asked.
        group: Whose rows are listed.
    """

    version: Version
    group: Group
    condition: Condition
    names: Names

    @classmethod
    def to(cls, text: str, dataset: Dataset, group: Group) -> Self:
        """The answer to a query.

        Raises:
            QueryError: It is none that this dataset can answer.
            UsageError: There is no dataset.
        """
        tree = parse(text)
        version = dataset.published()
        groups = cast("Mapping[Group, JsonObject]", version.document("schema.json")["groups"])
        names = Names(groups, partial(vocabulary, version))
        return cls(version, group, resolve(text, tree, group, names), names)

    @property
    def fields(self) -> Mapping[str, JsonObject]:
        """Metadata key to what the schema says of it, of the group that is listed."""
        return self.names.fields(self.group)

    def matches(self, limit: int | None = None) -> Iterator[Matches]:
        """The rows that are found, partition by partition; no more than `limit` of them."""
        left = limit
        if left == 0:
            return
        for found in matches(self.version, self.group, self.condition, self.names):
            if left is None:
                yield found
                continue
            taken = found.head(left)
            yield taken
            left -= len(taken.positions)
            if left == 0:
                return

    def mentioned(self) -> list[str]:
        """The metadata keys of the rows that are listed which the query looks at, in its order."""
        looked_at = (value for leaf in leaves(self.condition) for value in values(leaf))
        own = (value.column for value in looked_at if value.place == "own")
        return list(dict.fromkeys(column.name for column in own if column.form == "metadata"))
