"""Tells a process that can read no frames, because it was forked by one that has read some, before it waits for ever.

The threads of polars are not there in such a process, and whatever is given to them is never done.
"""

import os

from pipelines.errors import UsageError

_readers: set[int] = set()
"""Ids of this process, if it has read frames, and of those that forked it, if they had."""


def note_reader() -> None:
    """Notes that this process reads frames."""
    _readers.add(os.getpid())


def check_reader() -> None:
    """Raises UsageError if this process was forked by one that had read frames."""
    if _readers and os.getpid() not in _readers:
        raise UsageError(
            "this process was forked by one that has read frames, and would wait for ever for the threads of polars: "
            'start it by multiprocessing.get_context("forkserver"), of a DataLoader by '
            'multiprocessing_context="forkserver"'
        )
