"""Beam counters of records, bytes and busy time for each stage of a job, which every runner adds up."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from apache_beam.metrics import Metrics

NAMESPACE = "stages"
"""Of the counters `STAGE.records`, `STAGE.bytes` and `STAGE.microseconds`."""
RECORDS, BYTES, MICROSECONDS = "records", "bytes", "microseconds"

_Each = TypeVar("_Each")


class Stage:
    """The counters of one stage; made where a DoFn is made, and used in its `process`."""

    def __init__(self, name: str) -> None:
        """Takes the name of the stage, as `--json` has it."""
        self._records = Metrics.counter(NAMESPACE, f"{name}.{RECORDS}")
        self._bytes = Metrics.counter(NAMESPACE, f"{name}.{BYTES}")
        self._microseconds = Metrics.counter(NAMESPACE, f"{name}.{MICROSECONDS}")

    def count(self, *, records: int = 0, byte_count: int = 0) -> None:
        """Counts records and bytes that the stage has processed."""
        if records:
            self._records.inc(records)
        if byte_count:
            self._bytes.inc(byte_count)

    def timed(self, found: Iterable[_Each]) -> Iterator[_Each]:
        """The same elements; the time to make them counts as busy time, the time of later steps does not.

        Beam runs the next steps while a generator waits at its `yield`.
        """
        spent = 0
        elements = iter(found)
        while True:
            began = time.perf_counter_ns()
            try:
                each = next(elements)
            except StopIteration:
                break
            finally:
                spent += time.perf_counter_ns() - began
            yield each
        self._microseconds.inc(spent // 1000)
