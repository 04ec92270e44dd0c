"""Opens a version of a dataset for programs, which read its rows as lazy frames of polars."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pipelines.dataset import versions
from pipelines.errors import UsageError
from pipelines.handle.faults import explained
from pipelines.handle.fields import Field, fields
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.near_names import hint

if TYPE_CHECKING:  # frames load polars and pyarrow, which takes long: only a program that reads rows waits for them
    from pipelines.handle.frames import Rows
    from pipelines.queries.answers import Answer


@dataclass(frozen=True, slots=True)
class Dataset:
    """One version of a dataset, as `metadata_etl.open` gives it; its files never change, whatever is published.

    The frames have a column for each published column, and one for each metadata field, `metadata.KEY` with the
    original key. Only the columns that are used are read, partition by partition. Errors are those of the command line.

    Attributes:
        uri: Where the dataset is: a directory, or `gs://BUCKET/FOLDER`.
        number: Number of the version.

    Examples:
        All of them are on a dataset of two items, a scene, two boxes and a prediction; a third item was rejected.

        >>> import metadata_etl
        >>> dataset = metadata_etl.open("dataset")
        >>> dataset.number, dataset.records["items"]
        (1, 2)
        >>> dataset.items().select("reference_id", "metadata.weather").collect().rows()
        [('street-1', 'rain'), ('street-2', 'sun')]
    """

    _version: versions.Version

    @classmethod
    def at(cls, place: str | os.PathLike[str], number: int | None = None) -> Self:
        """Opens a version, by default the current one.

        Args:
            place: A directory, or `gs://BUCKET/FOLDER`.
            number: Number of the version.

        Raises:
            UsageError: There is no dataset, or no such version.
            DamagedDatasetError: Its manifest is damaged.

        Examples:
            >>> Dataset.at("dataset", 1).number
            1
        """
        if number is not None and not isinstance(number, int):
            raise UsageError(f"the version expects a whole number, got {number!r}")
        with explained():
            found = versions.Dataset.at(os.fspath(place))
            return cls(found.published() if number is None else found.version(number))

    @property
    def uri(self) -> str:
        """Where the dataset is.

        Examples:
            >>> dataset.uri
            'dataset'
        """
        return self._version.root

    @property
    def number(self) -> int:
        """Number of the version.

        Examples:
            >>> dataset.number
            1
        """
        return self._version.number

    def version(self, number: int | None = None) -> Self:
        """Another version of the dataset; without a number the one that is current now.

        Raises:
            UsageError: There is no such version.

        Examples:
            >>> dataset.version(1).number
            1
            >>> dataset.version(7)
            Traceback (most recent call last):
            pipelines.errors.UsageError: dataset has no version 7; it has 1
        """
        return self.at(self.uri, number)

    def versions(self) -> list[int]:
        """The numbers of all versions that can be opened, the newest first.

        Examples:
            >>> dataset.versions()
            [1]
        """
        with explained():
            return [each.number for each in versions.Dataset.at(self.uri).versions()]

    @property
    def schema(self) -> Mapping[Group, Mapping[str, Field]]:
        """Group to metadata key to field: `schema["items"]["weather"].categories`.

        Raises:
            DamagedDatasetError: `schema.json` is damaged.

        Examples:
            >>> weather = dataset.schema["items"]["weather"]
            >>> weather.type, dict(weather.categories)
            ('categorical', {'rain': 1, 'sun': 1})
        """
        with explained(self._version):
            return fields(self._version.schema())

    @property
    def records(self) -> Mapping[Group, int]:
        """Group to its number of rows.

        Examples:
            >>> dataset.records
            {'items': 2, 'scenes': 1, 'annotations': 2, 'predictions': 1}
        """
        return {group: self._version.records(group) for group in GROUPS}

    def items(self, query: str | None = None) -> "Rows":
        """The items, frames of scenes among them; raises as `annotations`.

        Examples:
            >>> dataset.items("metadata.speed > 20").select("reference_id", "metadata.speed").collect().rows()
            [('street-2', 27.5)]
        """
        return self._rows("items", query)

    def scenes(self, query: str | None = None) -> "Rows":
        """The scenes; raises as `annotations`.

        Examples:
            >>> dataset.scenes().select("reference_id", "type", "metadata.city").collect().rows()
            [('drive-1', 'video', 'Oslo')]
        """
        return self._rows("scenes", query)

    def annotations(self, query: str | None = None) -> "Rows":
        """The annotations, segments of masks among them.

        Args:
            query: A condition in the query language (docs/query.md) that the rows meet; None for all rows.

        Raises:
            QueryError: The query is wrong, or names something that the dataset does not have.
            DamagedDatasetError: A file is damaged; the frame raises it too, when it is read.

        Examples:
            >>> dataset.annotations("label = car").select("reference_id", "geometry").collect().rows()
            [('street-1', '{"height":40,"width":30,"x":1,"y":2}')]
        """
        return self._rows("annotations", query)

    def predictions(self, query: str | None = None, *, run: str | None = None) -> "Rows":
        """The predictions, of all model runs or of one; raises as `annotations`.

        Args:
            query: As for `annotations`.
            run: Name of the model run.

        Raises:
            UsageError: There are no predictions of this model run.

        Examples:
            >>> dataset.predictions("confidence > 0.5", run="detector_v2").select("label").collect().rows()
            [('bus',)]
        """
        rows = self._rows("predictions", query)
        if run is None:
            return rows
        import polars as pl  # noqa: PLC0415 - see above

        from pipelines.handle.frames import as_rows  # noqa: PLC0415 - see above
        from pipelines.queries.vocabularies import vocabulary  # noqa: PLC0415 - see above

        with explained(self._version):
            runs = vocabulary(self._version, "predictions").runs
        if run not in runs:
            advice = hint(run, runs) if runs else "it has no predictions"
            raise UsageError(f"{self.uri} has no model run {run}; {advice}")
        return as_rows(rows.filter(pl.col("model_run") == run))

    def cache_keys(self) -> "Rows":
        """The list of image-URL cache keys, sorted by key (K2).

        Examples:
            >>> dataset.cache_keys().select("kind", "url", "first_version").collect().rows()[0]
            ('video', 'https://images.example.org/1.mp4', 1)
        """
        from pipelines.handle.frames import listed_keys  # noqa: PLC0415 - see above

        return listed_keys(self._version, "cache_keys")

    def uploads(self) -> "Rows":
        """The cache keys that no earlier version listed, sorted by key (K2).

        Examples:
            >>> dataset.uploads().collect().height
            3
        """
        from pipelines.handle.frames import listed_keys  # noqa: PLC0415 - see above

        return listed_keys(self._version, "uploads")

    def rejections(self) -> "Rows":
        """The rejections of the job that published the version (R1).

        Examples:
            >>> dataset.rejections().select("code", "reference_id", "export", "line").collect().rows()
            [('missing_url', 'street-3', 'items.ndjson', 3)]
        """
        from pipelines.handle.frames import rejected  # noqa: PLC0415 - see above

        return rejected(self._version)

    def _rows(self, group: Group, query: str | None) -> "Rows":
        from pipelines.handle.frames import published_rows  # noqa: PLC0415 - see above

        with explained(self._version):
            return published_rows(self._version, group, None if query is None else self._answer(query, group))

    def _answer(self, query: str, group: Group) -> "Answer":
        from pipelines.queries.answers import Answer  # noqa: PLC0415 - see above

        return Answer.on(query, self._version, group)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {group}" for group, count in self.records.items() if count)
        return f"<metadata_etl.Dataset {self.uri} version {self.number}: {counts or 'no rows'}>"
