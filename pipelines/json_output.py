"""Prints the objects of `--json` for all commands: one JSON object on one line of standard output."""

from pipelines.streams import emit_json, emit_json_lines, json_bytes
from transforms.rules.values import JsonObject


def print_object(document: JsonObject) -> None:
    """Prints the object.

    Raises:
        OSError: The reader has closed the pipe.
    """
    emit_json(document)


def encoded(document: JsonObject) -> bytes:
    """The object as UTF-8, whatever the locale is; paths that are not UTF-8 are escaped."""
    return json_bytes(document)


def write_line(data: bytes) -> None:
    """Writes a line of JSON to standard output as bytes; does nothing if that was closed at the start."""
    emit_json_lines(data + b"\n")
