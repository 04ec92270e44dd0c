"""Speeds up the import of two thousand modules, by pausing the garbage collector and skipping connectors."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_CONNECTORS = ("bson", "pymongo", "apache_beam.io.gcp.bigquery", "pandas")
"""What connects Beam to MongoDB, to BigQuery and Pub/Sub, and to data frames of pandas: no job has to do with these."""
_DATAFLOW, _BUCKETS = "google.cloud.dataflow", "google.cloud.storage"
_SELDOM = (50_000, 20, 20)
"""Thresholds of the garbage collector after the imports: summaries of thousands of fields are many objects, none of
them in a cycle."""


@contextmanager
def uncollected_imports() -> Iterator[None]:
    """Makes imports in the block fast: the garbage collector is paused.

    The imported objects are frozen, so that the collector never visits them again and forked workers keep sharing their
    memory, into which the collector would write.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        _freeze()
        if was:
            gc.enable()


@cache
def _freeze() -> None:
    """What exists stays, and is collected no more; once in a process, as later it would keep garbage for ever."""
    gc.freeze()
    gc.set_threshold(*_SELDOM)


@contextmanager
def fast_imports(*, dataflow: bool = True, buckets: bool = True) -> Iterator[None]:
    """Makes imports of Beam in the block fast: as `uncollected_imports`, and unused connectors are not imported.

    Beam works without libraries that are not installed; hiding those of connectors that no job uses saves a tenth of
    the time. In a process that has imported Beam before, only a bucket filesystem that was skipped then is imported.

    Args:
        dataflow: Whether the job may run on Dataflow, so that Beam needs its client.
        buckets: Whether the job reads or writes a bucket, so that Beam needs the client of Cloud Storage.
    """
    if "apache_beam" in sys.modules:
        if buckets:  # an earlier job in this process may have skipped it
            import apache_beam.io.gcp.gcsfilesystem  # noqa: F401, PLC0415 - by which Beam finds what is in buckets
        yield
        return
    needless = (*_CONNECTORS, *(() if dataflow else (_DATAFLOW,)), *(() if buckets else (_BUCKETS,)))
    kept = [name for name in needless if name not in sys.modules]
    import polars  # noqa: F401, ICN001, PLC0415 - looks for pandas when it is imported, and remembers what it found

    with uncollected_imports():
        sys.modules.update(dict.fromkeys(kept))  # with None there, an import finds nothing
        try:
            yield
        finally:
            for name in kept:
                del sys.modules[name]
