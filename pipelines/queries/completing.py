"""What `suggest` and `completion` print."""

import argparse
import json
import sys

from pipelines.json_output import print_object
from pipelines.queries.shells import script
from pipelines.queries.suggestions import suggestions
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonValue


def suggest(dataset: str, field: str, prefix: str | None, *, group: Group, as_json: bool = False) -> int:
    """Prints what completes a field or a category, one a line with what it is behind a tab; returns the exit code.

    At a terminal the columns are aligned. A value with a tab or a line end in it is printed as a JSON string.

    Raises:
        UsageError: There is no dataset, or a category is asked of no field.
    """
    found = suggestions(dataset, field, prefix, group)
    if as_json:
        listed: list[JsonValue] = [{"name": name, "what": what} for name, what in found.found]
        print_object({"suggestions": listed, "note": found.note})
        return 0
    rows = [(_plain(name), what) for name, what in found.found]
    width = max((len(name) for name, _ in rows), default=0) if sys.stdout.isatty() else 0
    sys.stdout.write("".join(f"{name:<{width}}{'  ' if width else chr(9)}{what}\n" for name, what in rows))
    sys.stdout.flush()
    if found.note:
        sys.stderr.write(f"metadata-etl: {found.note}\n")
    return 0


def completion(shell: str, parser: argparse.ArgumentParser) -> int:
    """Prints the script that makes a shell complete; returns the exit code."""
    sys.stdout.write(script(shell, parser))
    sys.stdout.flush()
    return 0


def _plain(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)
