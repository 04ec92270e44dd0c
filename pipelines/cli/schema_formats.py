"""Translates the schema of a group to Avro, BigQuery and JSON Schema, for `schema --format`."""

import fastavro

from pipelines.streams import complain
from transforms.rules.avro_schema import AvroSchema, row_schema
from transforms.rules.bigquery_schema import refused_names, table_schema
from transforms.rules.export_rows import Group
from transforms.rules.json_schema import JsonSchema, metadata_schema
from transforms.rules.schema_json import GroupJson
from transforms.rules.values import JsonValue


def described(form: str, group: Group, of: GroupJson) -> JsonSchema | AvroSchema | list[JsonValue]:
    """A group of `schema.json` in a schema language; what that cannot express is reported on standard error."""
    if form == "json-schema":
        return metadata_schema(group, of)
    row = row_schema(group, of["fields"])
    fastavro.parse_schema(dict(row))  # what is printed is a schema
    if form == "avro":
        return row
    columns = table_schema(row)
    for path, reason in refused_names(columns):
        complain(f"BigQuery will refuse the column {path} of {group}: it {reason}")
    return columns
