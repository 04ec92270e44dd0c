"""Reads parts of a version in threads ahead of who consumes them, and in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 2
"""Partitions that are read at the same time."""
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def ahead(make: Callable[[_Given], _Made], given: Iterable[_Given]) -> Generator[_Made, None, None]:
    """What is made of each, in order; AT_ONCE at the same time, also if the results are consumed slowly."""
    workers = ThreadPoolExecutor(AT_ONCE)
    try:
        under_way: deque[Future[_Made]] = deque()
        for each in given:
            under_way.append(workers.submit(make, each))
            if len(under_way) == AT_ONCE:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        # An iterator that is left before its end may be closed in one of the threads, which cannot wait for itself.
        workers.shutdown(wait=False, cancel_futures=True)
