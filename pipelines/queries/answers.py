"""Answers a query on the current version of a dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Self

from pipelines.dataset.versions import Dataset, Version
from pipelines.queries.conditions import Condition, leaves, values
from pipelines.queries.evaluation import Matches, matches
from pipelines.queries.names import Names
from pipelines.queries.parser import parse
from pipelines.queries.resolution import resolve
from pipelines.queries.vocabularies import vocabulary
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query; rows are read when `matches` is iterated.

    Attributes:
        version: The version that is queried.
        group: The group whose rows are listed.
        condition: The resolved query.
        names: The names of the version.
    """

    version: Version
    group: Group
    condition: Condition
    names: Names

    @classmethod
    def to(cls, text: str, dataset: Dataset, group: Group) -> Self:
        """Parses and resolves a query on the current version.

        Raises:
            QueryError: The query is wrong, or names something that the dataset does not have.
            UsageError: There is no dataset.
        """
        tree = parse(text)
        version = dataset.published()
        names = Names(version.schema()["groups"], partial(vocabulary, version))
        return cls(version, group, resolve(text, tree, group, names), names)

    @property
    def fields(self) -> Mapping[str, FieldJson]:
        """Metadata key to its field in the schema, of the listed group."""
        return self.names.fields(self.group)

    def matches(self, limit: int | None = None) -> Iterator[Matches]:
        """The matching rows, partition by partition; at most `limit` of them."""
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
        """The metadata keys of the listed rows that the query uses, in its order."""
        looked_at = (value for leaf in leaves(self.condition) for value in values(leaf))
        own = (value.column for value in looked_at if value.place == "own")
        return list(dict.fromkeys(column.name for column in own if column.form == "metadata"))
