"""Gathers small tables into larger ones, for readers and files that have a fixed cost for each."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_T = TypeVar("_T")


def gathered(
    tables: Iterable[_T], size: Callable[[_T], tuple[int, int]], *, most_rows: int, most_bytes: int
) -> Iterator[list[_T]]:
    """Tables that follow each other, as long as they have few rows and bytes; a larger one stands alone.

    Args:
        tables: The tables.
        size: The rows and bytes of a table.
        most_rows: The most rows of tables that are gathered.
        most_bytes: A table is added to others of at most so many bytes.

    >>> list(gathered(["ab", "c", "defg"], lambda text: (len(text), 1), most_rows=4, most_bytes=8))
    [['ab', 'c'], ['defg']]
    """
    found: list[_T] = []
    rows, data = 0, 0
    for table in tables:
        height, length = size(table)
        if found and (rows + height > most_rows or data > most_bytes):
            yield found
            found, rows, data = [], 0, 0
        found.append(table)
        rows, data = rows + height, data + length
    if found:
        yield found
