"""Turns a batch into published columns: typed metadata, locations, attachments, cache keys (INTERFACE, Avro)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Batch, Positions, no_cells
from transforms.kernels.batch.list_columns import list_column, lists_of_texts
from transforms.kernels.batch.metadata_columns import spread
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.batch.sparse_values import cell_values, ordered, row_ranges
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.publish.attachments import published_attachments
from transforms.kernels.summarize.locations import locations
from transforms.kernels.urls.canonical import cache_key_column, published_keys
from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.avro_schema import COLUMNS, stored_fields
from transforms.rules.export_rows import Group
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import StoredFieldJson

_URLS: dict[Group, tuple[tuple[str, str], ...]] = {
    "items": (("image_url", "image"), ("pointcloud_url", "pointcloud")),
    "scenes": (("video_url", "video"),),
    "annotations": (("mask_url", "mask"),),
    "predictions": (("mask_url", "mask"),),
}
"""The URL columns of each group, with the kind of each (K1)."""

USED: Mapping[Group, frozenset[str]] = {
    group: frozenset({"reference_id", "url", ValueColumn("json", ATTACHMENTS).name, *(name for name, _ in names)})
    for group, names in _URLS.items()
}
"""The columns of a batch that determine its uses of URLs."""
USES = {"cache_key": pl.Binary(), "url": pl.String(), "kind": pl.String(), "reference_id": pl.String()}
"""Columns of the uses of URLs: a row for each URL that a published row refers to; cache keys are 32 bytes."""

_DTYPES: dict[str, pl.DataType] = {
    "long": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
}


METADATA = "metadata"


class Sparse(NamedTuple):
    """A column that is stored as its values only.

    Attributes:
        rows: The rows with a value, ascending: int64[n]; None for all rows.
        values: Shape (n,), without nulls.
    """

    rows: Positions | None
    values: pl.Series

    @classmethod
    def of(cls, column: pl.Series) -> Self:
        """The values of a column."""
        if not column.null_count():
            return cls(None, column)
        return cls(np.flatnonzero(column.is_not_null().to_numpy()), column.drop_nulls())

    def column(self, height: int) -> pl.Series:
        """The whole column, of shape (height,)."""
        return self.values if self.rows is None else spread(self.values, self.rows, height)


@dataclass(frozen=True, slots=True)
class Published:
    """The rows of a batch as they are published.

    Attributes:
        core: Columns in the order of `transforms.rules.avro_schema.row_schema`, METADATA a column of nulls.
        metadata: Key to its typed values, in the order of the schema.
        names: The names of their columns.
        uses: URLs that the rows refer to, with the columns USES.
    """

    core: pl.DataFrame
    metadata: dict[str, Sparse]
    names: Sequence[str]
    uses: pl.DataFrame

    @property
    def records(self) -> dict[str, list[Sparse]]:
        """The members of METADATA, as `avro.rows.encoded` takes them; empty if the schema has no such column."""
        return {METADATA: list(self.metadata.values())} if self.metadata else {}

    @property
    def frame(self) -> pl.DataFrame:
        """All columns, METADATA a struct."""
        height = self.core.height
        found = [
            values.column(height).alias(name) for name, values in zip(self.names, self.metadata.values(), strict=True)
        ]
        if not found:
            return self.core
        return self.core.with_columns(pl.DataFrame(found).to_struct(METADATA))


def publish(batch: Batch, fields: Mapping[str, StoredFieldJson], *, cache_keys: CacheKeyMode) -> Published:
    """The published columns of a batch, typed by the `fields` of the group's `schema.json` entry."""
    rows = batch.rows
    stored = stored_fields(fields)
    columns = sparse_columns(batch, {key: storage for key, _, storage in stored})
    uses, own_key = _uses(batch, cache_keys)
    attached, attachment_uses = published_attachments(_attachments(batch), rows["reference_id"], cache_keys)
    located = locations(rows).with_columns(
        location=pl.when(pl.col("latitude").is_not_null()).then(pl.struct("latitude", "longitude"))
    )["location"]
    given: dict[str, pl.Series] = {
        "cache_key": published_keys(own_key),
        "location": located,
        "context_attachments": attached,
    }
    if CAMERA_PARAMS in rows.columns:
        in_metadata = ValueColumn("json", CAMERA_PARAMS).name
        sources = [name for name in (in_metadata, CAMERA_PARAMS) if name in rows.columns]
        given[CAMERA_PARAMS] = rows.select(pl.coalesce(sources)).to_series()
    if "labels" in rows.columns:
        given["labels"] = _labels(rows["labels"])
    frame = [(given[name] if name in given else rows[name]).alias(name) for name, _ in COLUMNS[batch.group]]
    # A record without fields: the union's encoding of null does not depend on the type.
    frame.append(pl.Series(METADATA, [None], pl.Boolean).new_from_index(0, rows.height))
    frame.append(rows["extra"])
    frame.append(rows.select(pl.struct(export="export_name", offset="offset").alias("source")).to_series())
    names = [name for _, name, _ in stored]
    return Published(pl.DataFrame(frame), columns, names, pl.concat([uses, attachment_uses]))


def typed_columns(batch: Batch, storages: Mapping[str, str]) -> dict[str, pl.Series]:
    """The values of fields in their storage types, each of shape (rows,), null if a row has no value (V2, V7).

    Args:
        batch: The rows.
        storages: Key to storage.
    """
    return {key: values.column(batch.rows.height) for key, values in sparse_columns(batch, storages).items()}


def sparse_columns(batch: Batch, storages: Mapping[str, str]) -> dict[str, Sparse]:
    """As `typed_columns`, without nulls."""
    rows, cells = batch.rows, _cell_columns(batch, storages)
    given = {column.name: column for column in rows.iter_columns()}
    columns = {}
    for key, storage in storages.items():
        names = [(form, ValueColumn(form, key).name) for form in _FORMS[storage]]
        dense = [_cast(given[name], form, storage) for form, name in names if name in given]
        rare = cells.get(key, [])
        if not dense and not rare:
            columns[key] = Sparse(np.empty(0, np.int64), pl.Series([], dtype=_DTYPES[storage]))
        elif len(dense) + len(rare) == 1:
            columns[key] = rare[0] if rare else Sparse.of(dense[0])
        else:
            dense += (values.column(rows.height) for values in rare)
            columns[key] = Sparse.of(pl.select(pl.coalesce(dense)).to_series())
    return columns


_FORMS = {"long": ("int",), "double": ("float", "int", "big"), "string": ("string", "bool"), "json": ("json",)}


def _cast(values: pl.Series, form: str, storage: str) -> pl.Series:
    if form == "bool":
        return values.replace_strict({True: "true", False: "false"}, default=None, return_dtype=pl.String)
    if form == "big":
        return pl.Series(
            [None if digits is None else float(int(digits)) for digits in values.to_list()], dtype=pl.Float64
        )
    return values.cast(_DTYPES[storage])


def _cell_columns(batch: Batch, storages: Mapping[str, str]) -> dict[str, list[Sparse]]:
    """The values of cells by key, in the forms that the key's storage accepts; all cells of a form are cast at once."""
    found: dict[str, list[Sparse]] = {}
    if not batch.cells.height or not storages:
        return found
    cells = ordered(batch.cells, "key")
    for form in dict.fromkeys(form for forms in _FORMS.values() for form in forms):
        some = cells.filter(pl.col("form") == form)
        values = cell_values(some, form)
        rows = some["row"].to_numpy().astype(np.int64)
        of_storage: dict[str, pl.Series] = {}
        for key, start, count in row_ranges(some, "key").iter_rows():
            storage = storages.get(key)
            if storage is None or form not in _FORMS[storage]:
                continue
            if storage not in of_storage:
                of_storage[storage] = _cast(values, form, storage)
            values_of_key = Sparse(rows[start : start + count], of_storage[storage].slice(start, count))
            found.setdefault(key, []).append(values_of_key)
    return found


def _uses(batch: Batch, mode: CacheKeyMode) -> tuple[pl.DataFrame, pl.Series]:
    """The URLs in the columns of the group, and the cache key of each row (K1)."""
    urls = _URLS[batch.group]
    rows = batch.rows.with_columns(
        kind=pl.coalesce([pl.when(pl.col(name).is_not_null()).then(pl.lit(kind)) for name, kind in urls]),
        given=pl.coalesce([name for name, _ in urls]),
    ).with_columns(url=pl.coalesce("url", "given"))
    keys = cache_key_column(rows["given" if mode == "raw" else "url"])
    uses = rows.select(cache_key=keys, url="url", kind="kind", reference_id="reference_id")
    return uses.filter(pl.col("cache_key").is_not_null()).cast(USES), keys  # type: ignore[arg-type] # a mapping is taken


def uses_of(batch: Batch, mode: CacheKeyMode) -> pl.DataFrame:
    """The URLs that rows refer to, with the columns USES (K1), from a batch with the columns USED."""
    attached = published_attachments(_attachments(batch), batch.rows["reference_id"], mode)
    return pl.concat([_uses(batch, mode)[0], attached[1]])


def use_the_same(one: Batch, other: Batch) -> bool:
    """Whether two batches have the same rows with the same URLs, compared by the columns USED."""
    for name in USED[one.group]:
        columns = [batch.rows.get_column(name, default=None) for batch in (one, other)]
        told = [None if column is None or column.null_count() == len(column) else column for column in columns]
        if told[0] is None or told[1] is None:
            if told[0] is not told[1]:
                return False
        elif not told[0].equals(told[1]):
            return False
    return True


def some_uses(batch: Batch, keys: pl.Series, urls: pl.Series, mode: CacheKeyMode) -> pl.DataFrame:
    """The uses of some cache keys as in `uses_of`; `urls` are the canonical URLs of the keys."""
    names = [name for name, _ in _URLS[batch.group]]
    attached = ValueColumn("json", ATTACHMENTS).name
    may = pl.coalesce("url", *names).is_in(urls.implode())
    if attached in batch.rows.columns:
        may |= pl.col(attached).is_not_null()
    few = Batch(batch.group, batch.rows.filter(may), no_cells())
    return uses_of(few, mode).filter(pl.col("cache_key").is_in(keys.implode()))


def _attachments(batch: Batch) -> pl.Series | None:
    """The JSON of the context attachments of each row; None if no row has any."""
    texts: pl.Series | None = batch.rows.get_column(ValueColumn("json", ATTACHMENTS).name, default=None)
    return texts


def _labels(texts: pl.Series) -> pl.Series:
    """The labels of each row, given as JSON."""
    dtype = pl.List(pl.String)
    rows = np.flatnonzero(texts.is_not_null().to_numpy())
    if not len(rows):
        return null_column("labels", dtype, len(texts))
    lists = lists_of_texts(texts.drop_nulls().to_list())
    labels = pl.Series(list(chain.from_iterable(lists)), dtype=pl.String)
    return spread(list_column(labels, np.array(list(map(len, lists)))), rows, len(texts))
