"""Speeds up the import of two thousand modules, by pausing the garbage collector and skipping connectors."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_MONGO_DB = ("bson", "pymongo")
_DATAFLOW, _BUCKETS = "google.cloud.dataflow", "google.cloud.storage"
_SELDOM = (50_000, 20, 20)
"""When the collector looks for garbage from then on: summaries of thousands of fields are many objects, none of them
in a cycle."""


@contextmanager
def fast_imports(*, dataflow: bool = True, buckets: bool = True) -> Iterator[None]:
    """Imports in the block make no garbage, and what they make is never looked at again.

    Workers that are forked afterwards go on to share its memory: the collector writes into all that it looks at.
    Beam does without libraries that are not there; those of connectors that no job has are kept from it, which saves a
    tenth of the time.
    In a process that has Beam already nothing is different, but that it gets what it went without and needs now: what
    else it holds may be garbage some day.

    Args:
        dataflow: Whether the job may be one for Dataflow, and Beam needs the library for that.
        buckets: Whether anything of it lies in a bucket, likewise.
    """
    if "apache_beam" in sys.modules:
        if buckets:  # which a job before this one may have gone without
            import apache_beam.io.gcp.gcsfilesystem  # noqa: F401, PLC0415 - by which Beam finds what is in buckets
        yield
        return
    needless = (*_MONGO_DB, *(() if dataflow else (_DATAFLOW,)), *(() if buckets else (_BUCKETS,)))
    kept = [name for name in needless if name not in sys.modules]
    was = gc.isenabled()
    gc.disable()
    sys.modules.update(dict.fromkeys(kept))  # with None there, an import finds nothing
    try:
        yield
    finally:
        for name in kept:
            del sys.modules[name]
        gc.freeze()
        gc.set_threshold(*_SELDOM)
        if was:
            gc.enable()
