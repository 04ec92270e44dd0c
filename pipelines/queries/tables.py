"""Rows that a query finds, as a table for a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.queries.answers import Answer
from pipelines.queries.evaluation import Matches
from pipelines.queries.listings import objects, published
from transforms.rules.export_rows import Group

SHOWN_ROWS = 50
"""Rows of a table, where nobody says how many."""
SHOWN_CHARACTERS = 200
"""Of a value, at a terminal."""
REST = "other metadata"
COLUMNS: Mapping[Group, Sequence[str]] = {
    "items": ("reference_id",),
    "scenes": ("reference_id", "type"),
    "annotations": ("reference_id", "type", "label"),
    "predictions": ("reference_id", "model_run", "type", "label", "confidence"),
}


def print_answer(answer: Answer, limit: int | None, console: Console) -> None:
    """The rows that are found, no more than `limit` of them, and how many there are."""
    mentioned = answer.mentioned()
    table = Table()
    for name in COLUMNS[answer.group]:
        table.add_column(name, overflow="fold")
    for name in mentioned:
        table.add_column(Text(printable(name)), overflow="fold")
    table.add_column(REST, no_wrap=console.is_terminal, overflow="ellipsis")
    most = SHOWN_ROWS if limit is None else limit
    total = 0
    for found in answer.matches():
        if total < most:
            for row in _rows(answer, found.head(most - total)):
                metadata = cast("dict[str, object]", row["metadata"])
                cells = [
                    *(row[name] for name in COLUMNS[answer.group]),
                    *(metadata.pop(key, None) for key in mentioned),
                ]
                rest = ", ".join(f"{key}: {_text(value)}" for key, value in metadata.items())
                table.add_row(*(Text(_cut(_text(cell), console)) for cell in cells), Text(_cut(rest, console)))
        total += len(found.positions)
    if table.row_count:
        console.print(table)
    shown = (
        f"{table.row_count:,} of {total:,} {answer.group}" if table.row_count < total else f"{total:,} {answer.group}"
    )
    more = "; more with --limit, all with --format ndjson" if limit is None and table.row_count < total else ""
    console.print(Text(f"{shown}{more}"))


def _rows(answer: Answer, found: Matches) -> Iterator[dict[str, object]]:
    for frame in published(answer, found):
        yield from objects(answer, frame)


def _text(value: object) -> str:
    if value is None:
        return ""
    return printable(value if isinstance(value, str) else orjson.dumps(value).decode())


def _cut(text: str, console: Console) -> str:
    if not console.is_terminal or len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}…"


def printable(text: str) -> str:
    r"""The text on one line, without what moves a cursor or turns the writing.

    >>> printable("a\tb\x1b[31m")
    'a\\tb\\x1b[31m'
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
