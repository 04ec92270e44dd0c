"""Writes published rows as text: NDJSON and CSV, for the commands `query` and `export`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import orjson
import polars as pl

from transforms.kernels.writers.rows import JSON_COLUMNS, ExportedRows
from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.avro_schema import COLUMNS, stored_fields
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import StoredFieldJson

AT_A_TIME = 20_000
"""Rows that are formatted at a time."""
_LISTS = frozenset({ATTACHMENTS, "labels"})
_RECORDS: Mapping[str, tuple[str, ...]] = {"location": ("latitude", "longitude"), "source": ("export", "offset")}


Members: TypeAlias = dict[str, object]
"""Name to value of an object that orjson writes; stored JSON texts are fragments, which it copies."""


class ListedRow(NamedTuple):
    """A published row for orjson.

    Attributes:
        columns: Name to value, of all columns but the metadata.
        metadata: Key to value; keys without a value are left out.
    """

    columns: Members
    metadata: Members


def ndjson(rows: ExportedRows) -> Iterator[bytes]:
    """A line for each row, as `ndjson_lines`."""
    for piece in rows.pieces(AT_A_TIME):
        yield from ndjson_lines(piece.frame, rows.fields)


def csv(rows: ExportedRows) -> Iterator[bytes]:
    """A header and a line for each row, as `csv_lines`."""
    yield csv_header(rows.group, rows.fields)
    for piece in rows.pieces(AT_A_TIME):
        yield csv_lines(piece.frame, rows.group, rows.fields)


def ndjson_lines(frame: pl.DataFrame, fields: Mapping[str, StoredFieldJson]) -> Iterator[bytes]:
    """A JSON object for each row: its columns, and its metadata by the original keys, without those that are null.

    Args:
        frame: Published rows (`kernels.publish.rows.Published.frame`).
        fields: The `fields` of their group in `schema.json`.
    """
    for row in listed_rows(frame, fields):
        yield orjson.dumps(row.columns | {"metadata": row.metadata}) + b"\n"


def listed_rows(frame: pl.DataFrame, fields: Mapping[str, StoredFieldJson]) -> Iterator[ListedRow]:
    """Published rows, their JSON texts as fragments that orjson copies."""
    columns = {name: list(_listed(frame[name], name)) for name in frame.columns if name != "metadata"}
    for row, metadata in enumerate(_metadata(frame, fields)):
        yield ListedRow({name: values[row] for name, values in columns.items()}, metadata)


def csv_header(group: Group, fields: Mapping[str, StoredFieldJson]) -> bytes:
    """The line with the names of the columns."""
    return pl.DataFrame(schema=dict.fromkeys(_header(group, fields), pl.String)).write_csv().encode()


def csv_lines(frame: pl.DataFrame, group: Group, fields: Mapping[str, StoredFieldJson]) -> bytes:
    """A line for each row, with a column for each field; lists and objects are JSON texts.

    A missing value is empty, an empty string is in quotes.
    """
    return _flattened(frame, _header(group, fields), fields).write_csv(include_header=False).encode()


def _header(group: Group, fields: Mapping[str, StoredFieldJson]) -> list[str]:
    """The columns of CSV: core columns, parts of records as `location.latitude`, fields as `metadata.KEY`."""
    core = (name for name, _ in COLUMNS[group])
    metadata = (f"metadata.{key}" for key, _, _ in stored_fields(fields))
    return [*_parts(core), *metadata, *_parts(("extra", "source"))]


def _parts(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from (f"{name}.{part}" for part in _RECORDS[name]) if name in _RECORDS else (name,)


def _metadata(frame: pl.DataFrame, fields: Mapping[str, StoredFieldJson]) -> list[Members]:
    """The metadata of each row, built field by field, because a row has few of many fields."""
    found: list[Members] = [{} for _ in range(frame.height)]
    stored = stored_fields(fields)
    columns = frame["metadata"].struct.unnest() if stored else frame
    for key, name, storage in stored:
        values = columns.get_column(name)
        if values.null_count() == frame.height:
            continue
        for row, value in enumerate(values.to_list()):
            if value is not None:
                found[row][key] = _fragment(value) if storage == "json" else value
    return found


def _flattened(frame: pl.DataFrame, names: list[str], fields: Mapping[str, StoredFieldJson]) -> pl.DataFrame:
    """Published rows with a column for each name of `_header`; lists are JSON texts."""
    stored = {f"metadata.{key}": name for key, name, _ in stored_fields(fields)}
    metadata = frame["metadata"].struct.unnest() if stored else frame
    columns = []
    for name in names:
        record, _, part = name.partition(".")
        if name in stored:
            values = metadata.get_column(stored[name])
        elif part:
            values = frame[record].struct[part]
        elif name in _LISTS:
            texts = [None if each is None else orjson.dumps(each).decode() for each in _listed(frame[name], name)]
            values = pl.Series(texts, dtype=pl.String)
        else:
            values = frame[name]
        columns.append(values.alias(name))
    return pl.DataFrame(columns)


def _listed(values: pl.Series, name: str) -> Iterator[object]:
    """The values of a column for orjson."""
    for each in values.to_list():
        if each is None:
            yield None
        elif name == ATTACHMENTS:
            yield [{**one, "metadata": _fragment(one["metadata"])} for one in each]
        else:
            yield _fragment(each) if name in JSON_COLUMNS else each


def _fragment(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
