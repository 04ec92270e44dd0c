"""The schema of a BigQuery table for the Avro parts of a group, as a schema file for `bq load`.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-avro, and schemas#column_names beside it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from transforms.rules.avro_schema import AvroSchema
from transforms.rules.values import JsonValue

Column: TypeAlias = dict[str, JsonValue]
LONGEST_NAME = 300
"""Characters of a column name."""
LONGEST_DESCRIPTION = 1024
"""Characters."""
_RESERVED = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier")
"""Prefixes that no column name may have, in any case."""
_TYPES = {"string": "STRING", "long": "INTEGER", "double": "FLOAT"}


def table_schema(row: AvroSchema) -> list[JsonValue]:
    """The columns of the table, given the Avro schema of the rows (`avro_schema.row_schema`).

    Everything is NULLABLE, arrays are REPEATED. A record without fields has no column, which BigQuery does not have.

    >>> table_schema({"fields": [{"name": "width", "type": ["null", "double"]}]})
    [{'name': 'width', 'type': 'FLOAT', 'mode': 'NULLABLE'}]
    """
    columns = [_column(field) for field in _members(row)]
    return [column for column in columns if column is not None]


def refused_names(columns: list[JsonValue], at: str = "") -> Iterator[tuple[str, str]]:
    """(path, reason) of the columns whose names BigQuery does not take.

    >>> list(refused_names([{"name": "Speed"}, {"name": "speed"}]))
    [('speed', 'differs from Speed by case alone')]
    """
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for column in columns:
        if not isinstance(column, dict):
            continue
        name = str(column["name"])
        path = f"{at}{name}"
        if len(name) > LONGEST_NAME:
            yield path, f"is longer than {LONGEST_NAME} characters"
        if name.casefold().startswith(_RESERVED):
            yield path, "begins with a reserved word"
        if seen[name.casefold()]:
            yield path, f"differs from {seen[name.casefold()][0]} by case alone"
        seen[name.casefold()].append(name)
        members = column.get("fields")
        if isinstance(members, list):
            yield from refused_names(members, f"{path}.")


def _column(field: AvroSchema) -> Column | None:
    of, mode = _value(field["type"]), "NULLABLE"
    if isinstance(of, dict) and of["type"] == "array":
        of, mode = _value(of["items"]), "REPEATED"
    column: Column = {"name": field["name"], "type": "RECORD", "mode": mode}
    if "doc" in field:
        column["description"] = str(field["doc"])[:LONGEST_DESCRIPTION]
    if not isinstance(of, dict):
        return {**column, "type": _TYPES[str(of)]}
    members = table_schema(of)
    return {**column, "fields": members} if members else None


def _value(of: JsonValue) -> JsonValue:
    """The type of a union with null."""
    return next(each for each in of if each != "null") if isinstance(of, list) else of


def _members(record: AvroSchema) -> Iterator[AvroSchema]:
    fields = record["fields"]
    if isinstance(fields, list):
        yield from (field for field in fields if isinstance(field, dict))
