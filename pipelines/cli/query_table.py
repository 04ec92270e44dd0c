"""Prints the rows that a query finds as a table."""

from collections.abc import Iterator, Mapping, Sequence

import orjson
import polars as pl

from pipelines.cli.console import DataConsole
from pipelines.cli.table_layout import Column, Sheet, ellipsis
from pipelines.queries.answers import Answer
from pipelines.queries.listings import in_order, listed_rows, published
from transforms.rules.export_rows import Group

SHOWN_ROWS = 50
"""Rows of a table without `--limit`."""
SHOWN_CHARACTERS = 200
"""Characters of a value that are shown at a terminal."""
LEAST_ID = 24
"""Least width in cells of a folded identity."""
OTHER_METADATA = "other metadata"
COLUMNS: Mapping[Group, Sequence[str]] = {
    "items": ("reference_id",),
    "scenes": ("reference_id", "type"),
    "annotations": ("reference_id", "type", "label"),
    "predictions": ("reference_id", "model_run", "type", "label", "confidence"),
}


def print_answer(answer: Answer, limit: int | None, console: DataConsole) -> None:
    """Prints the matching rows, at most `limit` of them, and their number."""
    mentioned = answer.mentioned()
    core = COLUMNS[answer.group]
    columns = [
        Column(core[0], "identity", LEAST_ID),
        *(Column(name, "value") for name in (*core[1:], *mentioned)),
        Column(OTHER_METADATA, "remaining", len(OTHER_METADATA)),
    ]
    sheet = Sheet(columns, hint="--format ndjson prints all")
    most = SHOWN_ROWS if limit is None else limit
    total = 0
    for frame, count in _shown(answer, most):
        total += count
        for row in () if frame is None else listed_rows(answer, frame):
            cells = [
                *(row.columns[name] for name in core),
                *(row.metadata.pop(key, None) for key in mentioned),
            ]
            remaining = ", ".join(f"{key}: {_text(value)}" for key, value in row.metadata.items())
            identity, *others = map(_text, cells)
            sheet.add(identity, *(_cut(each, console) for each in (*others, remaining)))
    rows = len(sheet.rows)
    if rows:
        sheet.print(console)
    shown = f"{rows:,} of {total:,} {answer.group}" if rows < total else f"{total:,} {answer.group}"
    more = "; more with --limit, all with --format ndjson" if limit is None and rows < total else ""
    console.say(f"{shown}{more}")


def _shown(answer: Answer, most: int) -> Iterator[tuple[pl.DataFrame | None, int]]:
    """The first rows as they are published, frame by frame, and in between how many are found."""
    if answer.order is not None:
        rows = answer.ordered()
        yield None, rows.height
        for frame in in_order(answer, rows.head(most)):
            yield frame, 0
        return
    left = most
    for found in answer.matches():
        yield None, len(found.positions)
        if left:
            taken = found.head(left)
            left -= len(taken.positions)
            for frame in published(answer, taken):
                yield frame, 0


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _cut(text: str, console: DataConsole) -> str:
    if not console.is_terminal or len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}{ellipsis(console.encoding)}"
