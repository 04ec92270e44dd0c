"""How two thousand modules are imported: without the garbage collector, which would look everywhere for nothing."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Imports in the block make no garbage, and what they make is never looked at again.

    Workers that are forked afterwards go on to share its memory: the collector writes into all that it looks at.
    In a process that has Beam already nothing is different: what else it holds may be garbage some day.
    """
    if "apache_beam" in sys.modules:
        yield
        return
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was:
            gc.enable()
