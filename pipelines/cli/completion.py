"""Implements the commands `suggest` and `completion`."""

import argparse
import sys
from contextlib import suppress

from pipelines.cli.shell_words import words
from pipelines.cli.shells import script
from pipelines.errors import JobError
from pipelines.json_output import print_object
from pipelines.queries.suggestions import Suggestions, suggestions
from pipelines.streams import complain, emit, json_text
from transforms.errors import StepError
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonValue


def suggest(
    dataset: str,
    field: str,
    prefix: str | None,
    *,
    version: int | None = None,
    group: Group,
    as_json: bool = False,
) -> int:
    """Prints completions of a field or a category, one per line with a tab and a description; returns the exit code.

    At a terminal they are a table. A value with a tab, a line end or another control character is a JSON string.

    Raises:
        UsageError: There is no dataset or no such version, or categories are asked of an unknown field.
    """
    found = suggestions(dataset, field, prefix, group, version)
    if as_json:
        listed: list[JsonValue] = [{"name": each.written(), "what": each.what} for each in found.found]
        print_object({"suggestions": listed, "note": found.note})
        return 0
    if sys.stdout.isatty():
        _print_table(found)
    else:
        emit("".join(f"{_one_line(each.written())}\t{each.what}\n" for each in found.found).encode())
    if found.note:
        complain(found.note)
    return 0


def _print_table(found: Suggestions) -> None:
    # Imported only here: shell completion does not wait for the library of tables.
    from pipelines.cli.console import console  # noqa: PLC0415 - see above
    from pipelines.cli.table_layout import Column, Sheet  # noqa: PLC0415 - see above

    sheet = Sheet((Column("suggestion", "identity"), Column("is")))
    for each in found.found:
        sheet.add(_one_line(each.written()), each.what)
    if sheet.rows:
        sheet.print(console())


def complete(
    dataset: str, field: str, prefix: str | None, *, version: int | None = None, group: Group, within: str
) -> int:
    """Prints the words that complete the last argument of a command line, for the scripts of `completion`.

    Errors are ignored, because the person is typing a line.
    """
    with suppress(JobError, StepError, OSError):
        found = words(dataset, field, prefix, group, within, version)
        emit("".join(f"{word}\n" for word in found if word.isprintable()).encode())
    return 0


def completion(shell: str, parser: argparse.ArgumentParser) -> int:
    """Prints the completion script for a shell; returns the exit code."""
    emit(script(shell, parser).encode())
    return 0


def _one_line(text: str) -> str:
    return text if text.isprintable() else json_text(text)
