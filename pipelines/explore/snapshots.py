"""Holds the versions of a dataset while they are looked at: documents, names, and what was computed of them."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, partial

from pipelines.dataset.documents.types import InsightsJson
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import UsageError
from pipelines.explore.caches import Cache
from pipelines.explore.columns import Columns
from pipelines.explore.problems import HintedError, PrunedError
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import Names, Vocabulary
from pipelines.queries.vocabularies import vocabulary
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import FieldJson, GroupJson, Groups

CACHE_BYTES = 256 * 2**20
"""What is kept of one version: the columns of a million rows of a hundred fields, and the results of queries."""
_MOST = 3
"""Versions that are held at the same time."""


class Snapshot:
    """A version that is looked at; it does not change, so that all that is computed of it can be kept.

    Attributes:
        version: The version.
        schema: Group to its part of `schema.json`.
        names: The names that a query may use.
        cache: What was computed.
        columns: Reads the columns of its rows, and keeps them.
    """

    def __init__(self, version: Version, columns: Columns) -> None:
        self.version = version
        self.columns = columns
        self.schema: Groups[GroupJson] = version.schema()["groups"]
        self.cache = Cache(CACHE_BYTES)
        self.names = Names(self.schema, self.vocabulary)

    def fields(self, group: Group) -> dict[str, FieldJson]:
        """Metadata key to its field in the schema."""
        return self.schema[group]["fields"]

    def vocabulary(self, group: AnnotationGroup) -> Vocabulary:
        """Labels, types, taxonomies and model runs of a group, read from its rows once."""
        return self.cache.get(("vocabulary", group), partial(vocabulary, self.version, group), lambda _: 0)

    @cached_property
    def insights(self) -> InsightsJson:
        """Its `insights.json`."""
        return self.version.insights()

    def start(self, group: Group, partition: int) -> int:
        """How many rows of a group come before those of a partition."""
        return sum(file.records for number, file in self.version.files(group).items() if number < partition)


@dataclass(slots=True, eq=False)
class Snapshots:
    """The versions of a dataset.

    Attributes:
        dataset: The dataset.
        first: Number of the version that is shown if a request names none.
        columns: The columns of all of them that were read.
    """

    dataset: Dataset
    first: int
    columns: Columns = field(default_factory=Columns)
    _shown: set[int] = field(default_factory=set)
    _kept: OrderedDict[int, Snapshot] = field(default_factory=OrderedDict)
    _versions: dict[int, Version] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, number: int | None) -> Snapshot:
        """A version, by default the first one.

        Raises:
            HintedError: There is no such version.
            PrunedError: It was there, and was pruned.
        """
        wanted = self.first if number is None else number
        with self._lock:
            if wanted not in self._kept:
                self._kept[wanted] = Snapshot(self.version(wanted), self.columns)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(wanted)
            return self._kept[wanted]

    def version(self, number: int) -> Version:
        """A version by its number; raises as `get`."""
        if number not in self._versions:
            try:
                self._versions[number] = self.dataset.version(number)
            except UsageError as error:
                there = self.dataset.store.version_numbers()
                if number in there:  # published by another release
                    raise
                if number in self._shown or number == self.first:
                    raise PrunedError(number, there) from error
                raise HintedError(f"{error}", [f"{each}" for each in sorted(there, reverse=True)]) from error
            self._shown.add(number)
        return self._versions[number]

    def versions(self) -> list[Version]:
        """All versions that there are now, newest first."""
        current = self.dataset.published()
        self._versions.setdefault(current.number, current)
        numbers = (each for each in self.dataset.store.version_numbers() if each <= current.number)
        return [self.version(number) for number in sorted(numbers, reverse=True)]

    def check_there(self, number: int | None) -> None:
        """Raises PrunedError if a version that was looked at is not there any more."""
        wanted = self.first if number is None else number
        there = self.dataset.store.version_numbers()
        if wanted not in there:
            with self._lock:
                self._kept.pop(wanted, None)
                self._versions.pop(wanted, None)
            raise PrunedError(wanted, there)
