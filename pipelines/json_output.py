"""Prints the objects of `--json` for all commands: one JSON object on one line of standard output."""

from collections.abc import Mapping
from typing import TypeAlias

from pipelines.streams import emit_json, emit_json_lines, json_bytes

JsonOutput: TypeAlias = Mapping[str, object]
"""The object of `--json` of a command: it is printed, and nothing here reads it."""


def print_object(document: JsonOutput) -> None:
    """Prints the object.

    Raises:
        OSError: The reader has closed the pipe.
    """
    emit_json(document)


def encoded(document: JsonOutput) -> bytes:
    """The object as UTF-8, whatever the locale is; paths that are not UTF-8 are escaped."""
    return json_bytes(document)


def write_line(data: bytes) -> None:
    """Writes a line of JSON to standard output as bytes; does nothing if that was closed at the start."""
    emit_json_lines(data + b"\n")
