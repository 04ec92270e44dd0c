"""Writes rows as a Parquet file: the published columns under their original keys, nested columns as structs."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import Buffer

from transforms.kernels.batch.gathering import gathered
from transforms.kernels.publish.rows import METADATA
from transforms.kernels.writers.rows import JSON_COLUMNS, ExportedRows
from transforms.rules.avro_schema import COLUMNS, SOURCE, stored_fields
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import StoredFieldJson
from transforms.rules.values import JsonValue

GROUP_ROWS = 100_000
"""Rows of a row group."""
_GROUP_BYTES = 64 * 2**20
"""Tables are put together to a row group up to this size in memory: rows with thousands of fields are large."""
_MOST_BYTES = 2**30
"""A larger table is divided: pyarrow writes no row group with 2 GiB of texts in one column."""

_TEXT = pa.large_string()
_JSON = pa.json_(_TEXT)
"""Read as text, and by readers that have such a type as JSON."""
_PRIMITIVES = {"string": _TEXT, "long": pa.int64(), "double": pa.float64()}
_STORAGES = {"string": _TEXT, "long": pa.int64(), "double": pa.float64(), "json": _JSON}


def parquet(rows: ExportedRows) -> Iterator[bytes]:
    """A Parquet file of the rows of a part, which are sorted by reference id; the file says so."""
    frames = (piece.frame for piece in rows.pieces(GROUP_ROWS))
    return parquet_pieces(frames, rows.group, rows.fields, rows.facts, sorted_by="reference_id")


def parquet_pieces(
    frames: Iterable[pl.DataFrame],
    group: Group,
    fields: Mapping[str, StoredFieldJson],
    facts: Mapping[str, str],
    *,
    sorted_by: str | None = None,
) -> Iterator[bytes]:
    """The bytes of a Parquet file, a row group at a time; the same for the same frames and release of pyarrow.

    Compressed with zstd, with statistics. Small frames share a row group; one beyond a GiB has several.

    Args:
        frames: Published rows (`kernels.publish.rows.Published.frame`), at most GROUP_ROWS each.
        group: Their group.
        fields: The `fields` of the group in `schema.json`.
        facts: What the metadata of the file say: name to text.
        sorted_by: The column that the rows of each row group are sorted by, if any.
    """
    schema, places = parquet_schema(group, fields), places_of(fields)
    order = None if sorted_by is None else [pq.SortingColumn(schema.get_field_index(sorted_by))]
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd", sorting_columns=order) as writer:
        for table in _row_groups(_table(frame, schema, places) for frame in frames):
            writer.write_table(table, row_group_size=GROUP_ROWS)
            yield sink.taken()
        writer.add_key_value_metadata(dict(facts))
    yield sink.taken()


def parquet_schema(group: Group, fields: Mapping[str, StoredFieldJson]) -> pa.Schema:
    """The columns of a group: those of its Avro rows, metadata a struct by original keys; left out if it has none."""
    found = [pa.field(name, _JSON if name in JSON_COLUMNS else _arrow(kind)) for name, kind in COLUMNS[group]]
    names, stored = names_of(fields), stored_fields(fields)
    members = [pa.field(names[at], _STORAGES[stored[at][2]]) for at in places_of(fields)]
    if members:
        found.append(pa.field(METADATA, pa.struct(members)))
    return pa.schema([*found, pa.field("extra", _JSON), pa.field("source", _arrow(SOURCE))])


def names_of(fields: Mapping[str, StoredFieldJson]) -> list[str]:
    r"""The member of each metadata field: its key. A NUL, which ends a name for some readers, is `\0` in two letters.

    >>> field = {"type": "numerical", "storage": "long", "column": "a", "minimum": 0, "maximum": 0}
    >>> names_of({"a.b": field, "a\0": field, "a\\0": field})
    ['a.b', 'a\\0_', 'a\\0']
    """
    keys = [key for key, _, _ in stored_fields(fields)]
    taken = set(keys)
    names = []
    for key in keys:
        name = key
        if "\0" in key:
            name = key.replace("\0", "\\0")
            while name in taken:
                name += "_"
            taken.add(name)
        names.append(name)
    return names


def places_of(fields: Mapping[str, StoredFieldJson]) -> list[int]:
    """The place among the stored fields of each member of the struct: the empty key, the first of them, comes last.

    DuckDB below 2.0 takes a struct that begins with an empty name for one without names.
    """
    keys = [key for key, _, _ in stored_fields(fields)]
    return sorted(range(len(keys)), key=lambda at: keys[at] == "")


def _arrow(kind: JsonValue, name: str = "") -> pa.DataType:
    """The type of Arrow for a type of `transforms.rules.avro_schema`."""
    match kind:
        case str():
            return _JSON if name == METADATA else _PRIMITIVES[kind]
        case ["null", of]:
            return _arrow(of, name)
        case {"type": "array", "items": of}:
            return pa.list_(_arrow(of))
        case {"type": "record", "fields": [*fields]}:
            members = [(f"{field['name']}", field["type"]) for field in fields if isinstance(field, dict)]
            return pa.struct([pa.field(member, _arrow(of, member)) for member, of in members])
        case _:
            raise TypeError(f"expected a type of published rows, got {kind}")


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    divided = (part for table in tables for part in _divided(table))
    yield from map(pa.concat_tables, gathered(divided, _size, most_rows=GROUP_ROWS, most_bytes=_GROUP_BYTES))


def _divided(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of a table as tables of at most _MOST_BYTES, or of one row."""
    if table.num_rows <= 1 or table.nbytes <= _MOST_BYTES:
        yield table
        return
    half = table.num_rows // 2
    yield from _divided(table.slice(0, half))
    yield from _divided(table.slice(half))


def _size(table: pa.Table) -> tuple[int, int]:
    return table.num_rows, table.nbytes


def _table(frame: pl.DataFrame, schema: pa.Schema, places: Sequence[int]) -> pa.Table:
    columns = []
    for field in schema:
        if field.name == METADATA:
            values = frame[METADATA].struct.unnest().get_columns()
            members = [_as(values[at], of.type) for at, of in zip(places, field.type, strict=True)]
            columns.append(pa.StructArray.from_arrays(members, fields=list(field.type)))
        else:
            columns.append(_as(frame[field.name], field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _as(values: pl.Series, kind: pa.DataType) -> pa.Array:
    array = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    return _cast(array, kind)


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The array in a type of the same shape; pyarrow itself casts no text inside of a list to JSON."""
    if kind == _JSON:
        return pa.ExtensionArray.from_storage(_JSON, array.cast(_TEXT))
    if pa.types.is_struct(kind):
        members = [_cast(array.field(at), kind.field(at).type) for at in range(kind.num_fields)]
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind):
        return _list(array, kind)
    return array.cast(kind)


def _list(array: pa.Array, kind: pa.DataType) -> pa.Array:
    narrow = array.cast(pa.list_(array.type.value_type))
    values = _cast(narrow.values, kind.value_type)
    return pa.ListArray.from_arrays(narrow.offsets, values, type=kind, mask=narrow.is_null())


class _Sink(io.RawIOBase):
    """A file to write to, whose bytes are taken away while it grows."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
