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
"""How many times, and how many seconds apart, the end of the server is checked before it is killed."""
_servers: list[socket.socket] = []
"""Connections to the fork servers of this process: one during a job, otherwise none."""


@contextmanager
def serving_workers() -> Iterator[None]:
    """Runs a fork server during the block; must be entered before any thread holds a lock.

    That is after the imports, and before any channel or polars operation. Requests wait until the server is ready.
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
    """Asks the fork server for a worker that takes over this end of a connection; False if there is no server.

    The server may still fail to fork: a worker that starts sends `worker.HELLO` over the connection.
    """
    if not _servers:
        return False
    try:
        socket.send_fds(_servers[-1], [_WORKER_WANTED], [connection.fileno()])
    except OSError:  # it died
        return False
    return True


def _wait_for_exit(server: int) -> None:
    """Waits for the server to exit, and kills it if it does not; its id is not reused before it is waited for."""
    for _ in range(_WAITS):
        if os.waitpid(server, os.WNOHANG)[0]:
            return
        time.sleep(_WAIT_SECONDS)
    os.kill(server, signal.SIGKILL)
    os.waitpid(server, 0)


def _reap(*_: object) -> None:
    """Reaps workers that have exited, so that their CPU time counts as that of the job."""
    with suppress(ChildProcessError):  # there are none any more
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Polars and Python warn that forks may copy locks: the only other thread here waits for a signal.
        warnings.filterwarnings("ignore", message=".*fork.*")
        return os.fork()


def _serve(launcher: socket.socket) -> NoReturn:
    """Forks a worker for each connection received, until the launching process ends."""
    try:
        ignore_signals()
        signal.signal(signal.SIGCHLD, _reap)
        worker.log_errors_only()
        worker.load(buckets=False)  # the launching process has loaded it, if the job needs it
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
    """The connection of the next worker; None when the launching process has ended."""
    asked, descriptors, _, _ = socket.recv_fds(launcher, len(_WORKER_WANTED), 1)
    return socket.socket(fileno=descriptors[0]) if asked else None
