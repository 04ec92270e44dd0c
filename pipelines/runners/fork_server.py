"""Forks the local workers from a process that has imported everything once.

The fork server is a fork of the launching process. Importing Beam and the steps takes more than a second of a core, and
this way all workers share it. The processes are connected by unnamed sockets: nobody else can reach them, and each
process notices the end of the other at once, however it ends.
"""

import os
import signal
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from pipelines.runners import worker
from pipelines.runners.interrupts import ignore_signals

_WORKER_WANTED = b"w"
_WAITS, _WAIT_SECONDS = 100, 0.01
"""How often, and at what distance, it is looked whether the process has ended that was told to."""
_servers: list[socket.socket] = []
"""The connections of this process to those that it has workers forked by: one in a job, none in others."""


@contextmanager
def serving_workers() -> Iterator[None]:
    """Has a process from which workers are forked; to be entered before there are threads that hold locks.

    That is: after the imports, and before any channel or polars operation. Who asks before all is loaded waits.
    """
    here, there = socket.socketpair()
    with here:
        with there:
            server = _fork()
            if server == 0:
                here.close()
                _serve(there)
        _servers.append(here)
        try:
            yield
        finally:
            _servers.remove(here)
            here.shutdown(socket.SHUT_WR)
            _wait_for_exit(server)


def fork_worker(connection: socket.socket) -> bool:
    """Has a worker forked that takes this end of a connection over; False if nobody forks any.

    That a process forks is not certain even then: who does has `worker.HELLO` sent over the connection.
    """
    if not _servers:
        return False
    try:
        socket.send_fds(_servers[-1], [_WORKER_WANTED], [connection.fileno()])
    except OSError:  # it died
        return False
    return True


def _wait_for_exit(server: int) -> None:
    """Waits for the end of a process that was told to end; nobody else has its id before it is waited for."""
    for _ in range(_WAITS):
        if os.waitpid(server, os.WNOHANG)[0]:
            return
        time.sleep(_WAIT_SECONDS)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


def _reap(*_: object) -> None:
    """Puts dead workers away, whose time at work counts as that of the job then."""
    with suppress(ChildProcessError):  # there are none any more
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Polars and Python warn of forks, which may copy locks: the only other thread here waits for a signal.
        warnings.filterwarnings("ignore", message=".*fork.*")
        return os.fork()


def _serve(launcher: socket.socket) -> NoReturn:
    """Forks a worker for each connection that comes, as long as the launching process lives."""
    try:
        ignore_signals()
        signal.signal(signal.SIGCHLD, _reap)
        worker.log_errors_only()
        worker.load(buckets=False)  # which the launching process has loaded, if the job has any
        while socket_of_worker := _next_worker(launcher):
            with socket_of_worker:
                if _fork() == 0:
                    launcher.close()
                    worker.run_forked(socket_of_worker)
        _reap()
    except BaseException:  # noqa: BLE001 - what is above belongs to the launching process
        traceback.print_exc()
    os._exit(1)


def _next_worker(launcher: socket.socket) -> socket.socket | None:
    """The connection of the next worker, None when the launching process has gone."""
    asked, descriptors, _, _ = socket.recv_fds(launcher, len(_WORKER_WANTED), 1)
    return socket.socket(fileno=descriptors[0]) if asked else None
