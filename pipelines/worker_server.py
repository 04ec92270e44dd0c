"""The process that local workers are forked from, started before anything slow is imported (see `local_worker`)."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pipelines import workload
from pipelines.config import JobConfig
from pipelines.local_worker import SERVER


@contextmanager
def warming_up(config: JobConfig) -> Iterator[None]:
    """Has a process load what workers need, if a job is likely to have workers."""
    if workload.expected(config) < workload.PARALLEL_BYTES:
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
