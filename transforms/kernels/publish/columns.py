"""Makes single published columns of the rows of a state file, so that readers of few columns decode no others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from transforms.kernels.batch.batch import Batch, no_cells
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import ValueColumn, columns_of
from transforms.kernels.publish.rows import METADATA, USED, publish, typed_columns
from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.avro_schema import COLUMNS, SOURCE, stored_fields
from transforms.rules.coordinates import KEYS
from transforms.rules.export_rows import Group
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import StoredFieldJson
from transforms.rules.values import JsonValue

Schema: TypeAlias = dict[str, pl.DataType]
"""Name to type of the columns of a frame."""

_PRIMITIVES: Mapping[str, pl.DataType] = {"string": pl.String(), "long": pl.Int64(), "double": pl.Float64()}
_STORAGES: Mapping[str, pl.DataType] = {
    "long": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
}
_SOURCE = ("export_name", "offset")
_COMPUTED = frozenset({"cache_key", "location", "labels", "source", CAMERA_PARAMS, ATTACHMENTS})
"""Published columns that are not in a state file as they are published."""

_EXACT = 2.0**62
"""Whole numbers up to this size, and more, are integers of 64 bits."""


def metadata_column(key: str) -> str:
    r"""The name of the column of a metadata key in a frame: the key itself after a prefix (V9).

    polars cannot name a column with a NUL; a key with one is escaped as in a state file.

    >>> metadata_column("weather"), metadata_column("a.b"), metadata_column("a\0")
    ('metadata.weather', 'metadata.a.b', 'metadata~.a~0')
    """
    form, _, text = ValueColumn(METADATA, key).name.partition(":")
    return f"{form}.{text}"


def core_columns(group: Group) -> Schema:
    """The published columns of a group without its metadata, in the order of the Avro rows."""
    found = {name: dtype_of(kind) for name, kind in COLUMNS[group]}
    return {**found, "extra": pl.String(), "source": dtype_of(SOURCE)}


def dtype_of(kind: JsonValue) -> pl.DataType:
    """The type of polars for a type of `transforms.rules.avro_schema`.

    >>> dtype_of({"type": "array", "items": ["null", "string"]})
    List(String)
    """
    match kind:
        case str():
            return _PRIMITIVES[kind]
        case ["null", of]:
            return dtype_of(of)
        case {"type": "array", "items": of}:
            return pl.List(dtype_of(of))
        case {"type": "record", "fields": [*fields]}:
            members = [(f"{field['name']}", field["type"]) for field in fields if isinstance(field, dict)]
            return pl.Struct([pl.Field(name, dtype_of(of)) for name, of in members])
        case _:
            raise TypeError(f"expected a type of published rows, got {kind}")


@dataclass(frozen=True, slots=True)
class PublishedColumns:
    """Some published columns of a group, each metadata field a column of its own.

    Attributes:
        group: The group.
        fields: Its `fields` in `schema.json`.
        cache_keys: What is hashed for cache keys.
        names: The columns that are wanted, in their order; None for all.
    """

    group: Group
    fields: Mapping[str, StoredFieldJson]
    cache_keys: CacheKeyMode
    names: Sequence[str] | None = None

    @property
    def schema(self) -> Schema:
        """Name to type of the wanted columns, in their order."""
        core = core_columns(self.group)
        every = {name: dtype for name, dtype in core.items() if name not in ("extra", "source")}
        every |= {name: _STORAGES[storage] for name, (_, storage) in self._stored().items()}
        every |= {name: core[name] for name in ("extra", "source")}
        return every if self.names is None else {name: every[name] for name in self.names}

    @property
    def keys(self) -> frozenset[str]:
        """The metadata keys that have to be read."""
        stored, wanted = self._stored(), self.schema
        located = KEYS if "location" in wanted else frozenset()
        return frozenset(stored[name][0] for name in wanted if name in stored) | located

    @property
    def stored(self) -> frozenset[str]:
        """The columns of a state file that have to be read; there is always one, which gives the number of rows."""
        wanted = self.schema
        found = {
            "reference_id",
            *(name for name in wanted if name not in _COMPUTED and name in core_columns(self.group)),
        }
        found |= columns_of(self.keys, FORMS)
        if "cache_key" in wanted:
            found |= USED[self.group] - {_ATTACHED}
        if ATTACHMENTS in wanted:
            found.add(_ATTACHED)
        if CAMERA_PARAMS in wanted:
            found |= {CAMERA_PARAMS, ValueColumn("json", CAMERA_PARAMS).name}
        if "labels" in wanted:
            found.add("labels")
        return frozenset(found | (set(_SOURCE) if "source" in wanted else set()))

    def of(self, batch: Batch) -> pl.DataFrame:
        """The columns of the rows of a batch with at least the columns `stored` and the cells of `keys`."""
        wanted, stored = self.schema, self._stored()
        rows = batch.rows
        storages = {key: storage for name, (key, storage) in stored.items() if name in wanted}
        metadata = typed_columns(batch, storages)
        computed = self._computed(rows, wanted)
        columns = []
        for name, dtype in wanted.items():
            if name in stored:
                values = metadata[stored[name][0]]
            else:
                values = computed[name] if name in computed.columns else rows[name]
            columns.append(values.cast(dtype).alias(name) if values.dtype != dtype else values.alias(name))
        return pl.DataFrame(columns)

    def _computed(self, rows: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
        """The wanted columns that are computed when rows are published."""
        names = [name for name in wanted if name in _COMPUTED]
        if not names:
            return pl.DataFrame()
        needed = {name: dtype for name, dtype in core_columns(self.group).items() if name not in _COMPUTED}
        needed |= dict.fromkeys(("labels", CAMERA_PARAMS, "url", _SOURCE[0]), pl.String()) | {_SOURCE[1]: pl.Int64()}
        nothing = [
            pl.Series(name, [None], dtype).new_from_index(0, rows.height)
            for name, dtype in needed.items()
            if name not in rows.columns
        ]
        published = publish(Batch(self.group, rows.with_columns(nothing), no_cells()), {}, cache_keys=self.cache_keys)
        return published.core.select(names)

    def _stored(self) -> dict[str, tuple[str, str]]:
        """Name of the column of each metadata field to its key and its storage."""
        return {metadata_column(key): (key, storage) for key, _, storage in stored_fields(self.fields)}


_ATTACHED = ValueColumn("json", ATTACHMENTS).name


def value_texts(batch: Batch, key: str, storage: str) -> pl.Series:
    """A text for the value of a field in each row: String[N], null if a row has none; equal for equal values.

    A number has the same text whether the field is stored as long or as double, which the next record may change:
    `5` stays `5`, and 5.0 is `5` too.

    Args:
        batch: The rows, with the columns of the key in all forms.
        key: A metadata key.
        storage: The storage of its field.
    """
    values = typed_columns(batch, {key: storage})[key]
    if storage != "double":
        return values.cast(pl.String)
    integers = typed_columns(batch, {key: "long"})[key]
    is_whole = (values == values.round(0)) & values.is_between(-_EXACT, _EXACT)
    whole = pl.select(pl.when(is_whole).then(values).cast(pl.Int64)).to_series()
    texts = [integers.cast(pl.String), whole.cast(pl.String), pl.select(pl.format("{}", values)).to_series()]
    return pl.select(pl.coalesce(texts)).to_series()
