"""Defines the errors of queries, shown with the query, a caret below the place, and advice."""

from collections.abc import Iterable
from typing import TypedDict

from rich.cells import cell_len

from pipelines.errors import UsageError
from pipelines.queries.syntax import Span

SHOWN_CELLS = 100
"""Cells of a long line that an error shows."""


class QueryFault(Exception):  # noqa: N818 - becomes an error when it is shown
    """A mistake at one place of a query; `query_error` makes the error to show.

    Attributes:
        message: What was expected.
        span: The place.
        advice: What to do next.
        hints: Texts that could stand in the place instead, the most likely one first.
    """

    def __init__(self, message: str, span: Span, advice: str, hints: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.advice = advice
        self.hints = tuple(hints)


class FaultJson(TypedDict):
    """A mistake for programs.

    Attributes:
        message: What was expected and what to do, on one line.
        position: The first character of the place, from 0.
        length: Number of characters of the place; 0 at the end of the query.
        hints: Texts that could stand there instead, the most likely one first.
    """

    message: str
    position: int
    length: int
    hints: list[str]


class QueryError(UsageError):
    """A query that cannot be answered (exit code 2).

    Attributes:
        position: Character of the query at which the mistake is, from 0.
        document: The mistake for programs.
    """

    def __init__(self, text: str, document: FaultJson) -> None:
        super().__init__(text)
        self.position = document["position"]
        self.document = document

    @property
    def lines(self) -> tuple[str, ...]:
        """The mistake, the line of the query, a caret below it, and the advice."""
        return tuple(str(self).split("\n"))


def query_error(text: str, fault: QueryFault) -> QueryError:
    r"""The error that shows a mistake in the text of a query.

    >>> print(query_error("metadata.speed =", QueryFault("expected a value", Span(16, 16), "write one")))
    expected a value at character 17
      metadata.speed =
                      ^
    write one
    """
    start = min(fault.span.start, len(text))
    line_start = text.rfind("\n", 0, start) + 1
    line_stop = text.find("\n", start)
    line = text[line_start : len(text) if line_stop < 0 else line_stop]
    before, underlined = line[: start - line_start], line[start - line_start : fault.span.stop - line_start]
    if cell_len(line) > SHOWN_CELLS:
        half = SHOWN_CELLS // 2
        cut = "…" if len(before) > half else ""
        before = f"{cut}{before[-half:]}"
        remaining = line[start - line_start :]
        line = f"{before}{remaining[:half]}{'…' if len(remaining) > half else ''}"
        underlined = underlined[:half]
    carets = "^" * max(1, cell_len(_printable(underlined)))
    lines = [
        f"{fault.message} at character {start + 1}",
        f"  {_printable(line)}".rstrip(),
        f"  {' ' * cell_len(_printable(before))}{carets}",
        fault.advice,
    ]
    return QueryError("\n".join(lines), fault_document(text, fault))


def fault_document(text: str, fault: QueryFault) -> FaultJson:
    """A mistake in the text of a query for programs.

    >>> fault_document("a =", QueryFault("expected a value", Span(3, 4), "write one"))
    {'message': 'expected a value; write one', 'position': 3, 'length': 0, 'hints': []}
    """
    start, stop = (min(each, len(text)) for each in (fault.span.start, fault.span.stop))
    return {
        "message": f"{fault.message}; {fault.advice}",
        "position": start,
        "length": max(0, stop - start),
        "hints": list(fault.hints),
    }


def did_you_mean(names: Iterable[str], otherwise: str) -> str:
    """The advice that suggests near names, or else another advice.

    >>> did_you_mean(["weather"], "look it up"), did_you_mean([], "look it up")
    ('did you mean `weather`?', 'look it up')
    """
    found = [f"`{name}`" for name in names]
    if not found:
        return otherwise
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"
    return f"did you mean {listed}?"


def _printable(text: str) -> str:
    """The text on one line; unprintable characters become spaces."""
    return "".join(each if each.isprintable() else " " for each in text)
