"""Implements `query`; rows are printed as they are found."""

import json

from pipelines.cli.strict_parser import Color
from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.json_output import write_line
from pipelines.queries.answers import Answer
from pipelines.queries.listings import csv, ids, ndjson
from pipelines.streams import complain, emit, emit_json_lines, say
from transforms.rules.export_rows import Group

_LINES = {"ndjson": ndjson, "csv": csv, "ids": ids}


def query(
    dataset: str,
    expression: str,
    *,
    version: int | None,
    group: Group,
    form: str,
    count: bool,
    limit: int | None,
    color: Color,
) -> int:
    """Prints the rows of a group that match an expression, or their number; returns the exit code, 0 also if none.

    Raises:
        QueryError: The expression is wrong, or names something that the dataset does not have.
        UsageError: There is no dataset, or no such version.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"--limit expects a number of at least 0, got {limit}")
    answer = Answer.to(expression, Dataset.at(dataset), group, version)
    for slip in answer.slips:
        complain(slip["message"])
    if form == "json":
        _print_object(answer, limit, count=count)
    elif count:
        say(f"{answer.count(limit)}")
    elif form == "table":
        # Imported only here: other formats do not wait for the library of tables.
        from pipelines.cli.console import console  # noqa: PLC0415 - see above
        from pipelines.cli.query_table import print_answer  # noqa: PLC0415 - see above

        print_answer(answer, limit, console(color))
    else:
        write = emit_json_lines if form == "ndjson" else emit
        for lines in _LINES[form](answer, limit):
            write(lines)
    return 0


def _print_object(answer: Answer, limit: int | None, *, count: bool) -> None:
    """Prints one object with the rows as in `--format ndjson`, after all are found, so that it is never partial."""
    number = 0
    rows: list[bytes] = []
    if count:
        number = answer.count(limit)
    else:
        rows = [line.rstrip(b"\n") for line in ndjson(answer, limit)]
        number = len(rows)
    head = json.dumps({"version": answer.version.number, "group": answer.group, "count": number}).encode()
    write_line(head if count else head[:-1] + b', "records": [' + b", ".join(rows) + b"]}")
