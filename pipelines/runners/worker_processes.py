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
"""How long to wait for a worker that was told to end: one in the middle of a long native call ends after that."""


class WorkerProcess:
    """A worker process, which lives as long as its connection to this one."""

    def __init__(self, environment: Mapping[str, str], on_loss: Callable[[str], None]) -> None:
        """Takes what it will need; `start` starts it.

        Args:
            environment: Its variables.
            on_loss: What is called, from another thread, with what happened, if it ends before it is told to.
        """
        self._environment, self._on_loss = environment, on_loss
        self._connection: socket.socket | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._exited = threading.Event()

    def start(self) -> None:
        """Has the worker forked, or else starts one, which takes a few seconds longer; does not wait for it."""
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Tells the worker to end, which it does at once, whatever it is at."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                with suppress(OSError):  # it has ended by itself
                    self._connection.shutdown(socket.SHUT_WR)

    def wait_for_exit(self) -> None:
        """Waits for its end, for a few seconds."""
        self._exited.wait(_EXIT_SECONDS)

    def _run(self) -> None:
        reason = "a worker process ended before its work was done"
        try:
            if not self._run_forked() and not self._closed:
                self._run_started()
        except OSError as error:
            reason = f"a worker process cannot be started: {error}"
        finally:  # whatever else may happen: the job does not wait for a worker that is not there
            self._exited.set()
            if not self._closed:
                self._on_loss(reason)

    def _run_forked(self) -> bool:
        """Waits for the end of a forked worker; False if none began."""
        here, there = socket.socketpair()
        with self._connected(here):
            with there:
                if not fork_worker(there):
                    return False
            with suppress(OSError):  # nobody forks any more, or the worker was told to end
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
    """Waits until a worker has closed its end of a connection, as its death does; whether it had begun."""
    began = False
    with suppress(OSError):
        while connection.recv(len(HELLO)):
            began = True
    return began
