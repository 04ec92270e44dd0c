"""Reads parts of a version in threads ahead of who consumes them, and in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 2
"""Partitions that are read at the same time."""
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def ahead(make: Callable[[_Given], _Made], given: Iterable[_Given]) -> Iterator[_Made]:
    """What is made of each, in order; AT_ONCE at the same time, also if the results are consumed slowly."""
    with ThreadPoolExecutor(AT_ONCE) as workers:
        under_way: deque[Future[_Made]] = deque()
        for each in given:
            under_way.append(workers.submit(make, each))
            if len(under_way) == AT_ONCE:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
