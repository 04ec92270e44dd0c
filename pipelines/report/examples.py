"""Reads a few values of fields without a chart from the first rows of a version, and the first rejections."""

import io
from collections.abc import Iterable, Iterator, Mapping

import fastavro

from pipelines.dataset.rejections import lines
from pipelines.dataset.versions import Version
from transforms.damage import damaged_file
from transforms.rules.avro_schema import AvroSchema, row_schema
from transforms.rules.export_rows import Group
from transforms.rules.rejection_json import RejectionJson
from transforms.rules.schema_json import FieldJson, StoredFieldJson
from transforms.storage.stored_files import Piece, StoredFile
from transforms.storage.verified_files import verified

SHOWN = 5
"""Number of distinct values that are shown of a field."""
_TYPES = ("text", "other", "reserved")
_PARTS = 3
_ROWS = 2_000
_BYTES = 16 * 1024 * 1024
_REJECTED_BYTES = 4 * 1024 * 1024


def examples(version: Version, group: Group, fields: Mapping[str, FieldJson]) -> dict[str, list[str]]:
    """Field to its first distinct values as text; lists and objects as JSON.

    Only the first rows of the first parts are read, so a field that rarely has a value may get none.
    """
    wanted = {
        key: field
        for key, field in fields.items()
        if field["type"] in _TYPES and field["column"] is not None and field["present"]
    }
    found: dict[str, dict[str, None]] = {key: {} for key in wanted}
    lacking = set(wanted)
    if wanted:
        schema = _projection(group, wanted)
        columns = {key: str(field["column"]) for key, field in wanted.items()}
        parts = sorted(version.files(group).items())[:_PARTS]
        for metadata in _rows((file for _, file in parts), schema):
            for key in tuple(lacking):
                value = metadata.get(columns[key])
                if value is not None:
                    found[key].setdefault(value)
                    if len(found[key]) == SHOWN:
                        lacking.remove(key)
            if not lacking:
                break
    return {key: list(values) for key, values in found.items() if values}


def first_rejections(parts: Iterable[tuple[str, Piece]]) -> dict[tuple[str, str], RejectionJson]:
    """(group, code) to the first of its rejections that stands within the first megabytes of these parts.

    Args:
        parts: URI and bytes of each.
    """
    found: dict[tuple[str, str], RejectionJson] = {}
    left = _REJECTED_BYTES
    for uri, data in parts:
        read = bytes(data[:left])
        left -= len(read)
        whole, _, _ = read.rpartition(b"\n")  # each line ends with one; what follows the last was cut off
        for rejection in lines(uri, whole):
            found.setdefault((rejection["group"], rejection["code"]), rejection)
        if left <= 0:
            break
    return found


def _projection(group: Group, fields: Mapping[str, StoredFieldJson]) -> AvroSchema:
    """The Avro schema of the rows, but with the metadata of these fields alone: a reader skips the rest."""
    row = row_schema(group, fields)
    members = row["fields"]
    if not isinstance(members, list):  # the schema of a record has a list
        raise TypeError(f"expected the fields of a record, got {members!r}")
    return {**row, "fields": [each for each in members if isinstance(each, dict) and each["name"] == "metadata"]}


def _rows(files: Iterable[StoredFile], schema: AvroSchema) -> Iterator[dict[str, str | None]]:
    """The metadata of the first rows."""
    left = _ROWS
    for file in files:
        stream = io.BytesIO(verified(file))
        try:
            for row in fastavro.reader(stream, reader_schema=schema):
                if left == 0 or stream.tell() > _BYTES:
                    return
                left -= 1
                yield row["metadata"] or {}
        except (ValueError, KeyError, IndexError, EOFError, TypeError) as error:  # right bytes that are no rows
            raise damaged_file(file.uri, f"{error}") from error
