"""What `--json` prints: one JSON object on one line of standard output, of every command."""

import json
import sys

from transforms.rules.values import JsonObject


def print_object(document: JsonObject) -> None:
    """Prints the object, encoded as UTF-8 whatever the locale is; an id with a lone surrogate is escaped.

    Raises:
        OSError: Nobody reads it.
    """
    text = json.dumps(document, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # of a path that is not UTF-8
        data = json.dumps(document).encode()
    write_line(data)


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
