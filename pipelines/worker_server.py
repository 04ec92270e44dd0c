"""The process that local workers are forked from: itself a fork of the launching one, when that has loaded all.

Beam and what the steps need take more than a second of a core to import. So this is done once for all processes.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from pipelines import local_worker
from pipelines.worker_asker import END, SERVER

_WATCH_SECONDS = 0.2
_ASKED_BYTES = 65_536


@contextmanager
def serving_workers() -> Iterator[None]:
    """Has a process from which workers are forked; to be entered before there are threads that hold locks.

    That is: after the imports, and before any channel or polars operation. Who asks before all is loaded waits.
    """
    folder = tempfile.mkdtemp(prefix="metadata-etl-")
    address = os.path.join(folder, "workers")  # noqa: PTH118 - a socket has no more than a hundred characters of path
    parent = os.getpid()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        server = _fork()
        if server == 0:
            _serve(listening, parent)
    os.environ[SERVER] = address
    try:
        yield
    finally:
        del os.environ[SERVER]
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        shutil.rmtree(folder, ignore_errors=True)


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Polars and Python warn of forks, which may copy locks: the only other thread here waits for an interrupt.
        warnings.filterwarnings("ignore", message=".*fork.*")
        return os.fork()


def _serve(listening: socket.socket, parent: int) -> NoReturn:
    """Forks a worker for each connection, as long as the launching process lives."""
    try:
        # An interrupt at the terminal reaches all processes: the launching one ends its workers itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        local_worker.quiet()
        local_worker.load(buckets=False)  # which the launching process has loaded, if the job has any
        listening.settimeout(_WATCH_SECONDS)
        while os.getppid() == parent:
            with suppress(ChildProcessError):  # there are none yet
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                if _fork() == 0:
                    listening.close()
                    _become_worker(connection)
    except BaseException:  # noqa: BLE001 - what is above belongs to the launching process
        traceback.print_exc()
    os._exit(1)


def _become_worker(connection: socket.socket) -> None:
    """Works with the environment of the one who asked, and no longer than that lives."""
    connection.settimeout(None)
    asked = b""
    while not asked.endswith(END):
        part = connection.recv(_ASKED_BYTES)
        if not part:
            return
        asked += part
    os.environ.clear()
    for variable in asked.removesuffix(END).split(b"\0"):
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    sys.argv = sys.argv[:1]
    local_worker.work(os.getppid(), connection)
    os._exit(0)
