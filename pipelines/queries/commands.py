"""What `query` prints: rows go to standard output as they are found."""

import sys

from pipelines.arguments import Color
from pipelines.consoles import console
from pipelines.dataset import Dataset
from pipelines.errors import UsageError
from pipelines.queries.answers import Answer
from pipelines.queries.listings import csv, ids, ndjson
from pipelines.queries.tables import print_answer
from transforms.rules.export_rows import Group

_LINES = {"ndjson": ndjson, "csv": csv, "ids": ids}


def query(
    dataset: str, expression: str, *, group: Group, form: str, count: bool, limit: int | None, color: Color
) -> int:
    """Prints the rows of a group that an expression finds, or how many; returns the exit code, 0 also if none.

    Raises:
        QueryError: The expression is none that this dataset can answer.
        UsageError: There is no dataset.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"--limit expects a number of at least 0, got {limit}")
    answer = Answer.to(expression, Dataset.at(dataset), group)
    if count:
        sys.stdout.write(f"{sum(len(found.positions) for found in answer.matches(limit))}\n")
    elif form == "table":
        print_answer(answer, limit, console(color))
    else:
        for lines in _LINES[form](answer, limit):
            sys.stdout.buffer.write(lines)
    sys.stdout.flush()  # here a reader who has gone is noticed in time
    return 0
