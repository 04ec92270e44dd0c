"""Starts and ends the worker processes of a job; each is known by its connection, never by a process id."""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from pipelines.runners.fork_server import fork_worker
from pipelines.runners.worker import HELLO, environment_message

_EXIT_SECONDS = 5.0
"""How long to wait for a worker to exit; one in a long native call exits after the call."""


class WorkerProcess:
    """A worker process, which exits when its connection to this process closes."""

    def __init__(self, environment: Mapping[str, str], on_loss: Callable[[str], None]) -> None:
        """Prepares a worker; `start` starts it.

        Args:
            environment: Its environment variables.
            on_loss: Called from another thread with a reason if it ends before `close`.
        """
        self._environment, self._on_loss = environment, on_loss
        self._connection: socket.socket | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._exited = threading.Event()

    def start(self) -> None:
        """Forks the worker, or starts a new process if there is no fork server, which takes seconds; does not wait."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Closes the connection, at which the worker exits."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                with suppress(OSError):  # it has ended by itself
                    self._connection.shutdown(socket.SHUT_WR)

    def wait_for_exit(self) -> None:
        """Waits a few seconds for the worker to exit."""
        self._exited.wait(_EXIT_SECONDS)

    def _run(self) -> None:
        reason = "a worker process ended before its work was done"
        try:
            if not self._run_forked() and not self._closed:
                self._run_started()
        except OSError as error:
            reason = f"a worker process cannot be started: {error}"
        finally:  # in any case, or the job would wait for a worker that is not there
            self._exited.set()
            if not self._closed:
                self._on_loss(reason)

    def _run_forked(self) -> bool:
        """Runs a forked worker to its end; False if none started."""
        here, there = socket.socketpair()
        with self._connected(here):
            with there:
                if not fork_worker(there):
                    return False
            with suppress(OSError):  # the fork server ended, or the worker was closed
                here.sendall(environment_message(self._environment))
            return _wait_for_close(here)

    def _run_started(self) -> None:
        here, there = socket.socketpair()
        with self._connected(here):
            with there:
                # It finds what this process finds, and nothing in the working directory beside that.
                script = f"import sys; sys.path[:] = {sys.path!r}; from pipelines.runners import worker; worker.main()"
                process = subprocess.Popen(  # noqa: S603 - this interpreter, and our own module
                    [sys.executable, "-P", "-c", script, f"{there.fileno()}"],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[there.fileno()],
                )
            _wait_for_close(here)
        process.wait()

    @contextmanager
    def _connected(self, connection: socket.socket) -> Iterator[None]:
        with connection:
            with self._lock:
                self._connection = connection
                if self._closed:
                    connection.shutdown(socket.SHUT_WR)
            try:
                yield
            finally:
                with self._lock:
                    self._connection = None


def _wait_for_close(connection: socket.socket) -> bool:
    """Waits until the worker's end of a connection closes; returns whether the worker had started."""
    began = False
    with suppress(OSError):
        while connection.recv(len(HELLO)):
            began = True
    return began
