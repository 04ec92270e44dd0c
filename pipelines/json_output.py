"""What `--json` prints: one JSON object on one line of standard output, of every command."""

import json
import sys

from transforms.rules.values import JsonObject


def print_object(document: JsonObject) -> None:
    """Prints the object.

    Raises:
        OSError: Nobody reads it.
    """
    write_line(encoded(document))


def encoded(document: JsonObject) -> bytes:
    """The object in UTF-8, whatever the locale is; with escapes where it has a path that is not UTF-8."""
    try:
        return json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(document).encode()


def write_line(data: bytes) -> None:
    """Writes a line to standard output as bytes; nothing where it was closed from the start."""
    if sys.stdout is None:
        return
    if (buffer := getattr(sys.stdout, "buffer", None)) is not None:
        sys.stdout.flush()
        buffer.write(data + b"\n")
    else:  # replaced by a text stream, as in tests
        sys.stdout.write(data.decode() + "\n")
    sys.stdout.flush()
