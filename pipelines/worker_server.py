"""The process that local workers are forked from, started before anything slow is imported (see `local_worker`)."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.config import JobStep
from pipelines.local_worker import SERVER

PARALLEL_BYTES = 96 * 1024 * 1024
"""From so many bytes of exports on, processes of their own earn the seconds that they take to start."""


@contextmanager
def warming_up(steps: Iterable[JobStep]) -> Iterator[None]:
    """Has a process load what workers need, if these exports are likely to be read by workers."""
    if _local_bytes(steps) < PARALLEL_BYTES:
        yield
        return
    folder = tempfile.mkdtemp(prefix="metadata-etl-")
    address = os.path.join(folder, "workers")  # noqa: PTH118 - a socket has no more than a hundred characters of path
    command = [sys.executable, "-m", "pipelines.local_worker", "--serve", address]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - our own module
    os.environ[SERVER] = address
    try:
        yield
    finally:
        del os.environ[SERVER]
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _local_bytes(steps: Iterable[JobStep]) -> int:
    """About how large the exports are that lie on this machine; whoever reads them looks more closely."""
    total = 0
    for step in steps:
        for source in step.sources:
            for path in glob.iglob(source.pattern):  # noqa: PTH207 - patterns may be absolute
                with suppress(OSError):
                    total += Path(path).stat().st_size
    return total
