"""Commands in processes of their own, forked from one that has loaded what jobs need: loading it takes 2 s of CPU each.

Such a process has the arguments, streams, environment, session and signals that `subprocess.Popen` would give it, and
ends as any other. Commands of whose start something is looked at are started anew: `support.runs.COMMAND`.
"""

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

_LONGEST = 1 << 20
"""Bytes of a message."""
WORKERS = """
import sys
from pipelines.cli.main import main
from pipelines.runners import estimate
estimate.PARALLEL_BYTES = 0
sys.exit(main(sys.argv[1:]))
"""
"""A script in the place of `metadata-etl` whose jobs fork their workers, as large ones do, however small they are."""


class Command:
    """A command that runs."""

    def __init__(self, *words: str, script: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Starts it, in a session of its own.

        Args:
            words: Its arguments.
            script: Runs in the place of `metadata-etl`, as `python -c` would run it.
            environment: In the place of ours.
        """
        self._server = server()
        given = dict(os.environ if environment is None else environment)
        request = {"words": words, "script": script, "environment": given, "folder": f"{Path.cwd()}"}
        (out, its_out), (error, its_error) = os.pipe(), os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        self.pid = self._server.start(json.dumps(request).encode(), [nothing, its_out, its_error])
        for descriptor in (nothing, its_out, its_error):
            os.close(descriptor)
        self.stdout: TextIO = os.fdopen(out, encoding="utf-8")
        self.stderr: TextIO = os.fdopen(error, encoding="utf-8")

    def poll(self) -> int | None:
        """How it ended, that of a signal as a negative number; None as long as it has not."""
        return self._server.code(self.pid, 0)

    returncode = property(poll)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end."""
        code = self._server.code(self.pid, timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Waits for its end; what it printed, and what it said (less than a pipe takes)."""
        with self:
            self.wait(timeout)
            return self.stdout.read(), self.stderr.read()

    def send_signal(self, number: signal.Signals) -> None:
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stdout.close()
        self.stderr.close()


def command(*words: str, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    running = Command(*words, script=script)
    out, error = running.communicate()
    return subprocess.CompletedProcess(words, running.wait(), out, error)


class Server:
    """The process that forks commands, which lives as long as this one."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there:
            # Without the folder of this file on the path, in which modules have the names of others.
            words = [sys.executable, "-P", __file__, str(there.fileno())]
            # As the command has it: a process that forks has no threads.
            without = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
            self._process = subprocess.Popen(words, pass_fds=[there.fileno()], env=without)
        atexit.register(self._end)
        self._codes: dict[int, int] = {}

    def _end(self) -> None:
        self._here.close()
        self._process.wait()

    def start(self, request: bytes, streams: list[int]) -> int:
        """Has a command started, and returns its process id."""
        socket.send_fds(self._here, [request], streams)
        while (answer := self._answer(None)) is not None:
            if answer[1] is None:
                return answer[0]
        raise ConnectionError("the server of preloaded commands has ended")

    def code(self, pid: int, timeout: float | None) -> int | None:
        """How a process ended, as soon as it has, or None after so many seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while pid not in self._codes:
            left = None if end is None else max(0.0, end - time.monotonic())
            if self._answer(left) is None:
                break
        return self._codes.get(pid)

    def _answer(self, timeout: float | None) -> tuple[int, int | None] | None:
        """(process, how it ended or None if it has begun), or None if there is no answer in time."""
        if not select.select([self._here], [], [], timeout)[0]:
            return None
        answer = self._here.recv(_LONGEST)
        if not answer:
            raise ConnectionError("the server of preloaded commands has ended")
        pid, code = json.loads(answer)
        if code is not None:
            self._codes[pid] = code
        return pid, code


server = cache(Server)


def _load() -> None:
    """Loads what jobs on this machine do."""
    from pipelines.cli.main import _quiet_libraries  # noqa: PLC0415 - of the server, not of the tests
    from pipelines.runners.imports import fast_imports  # noqa: PLC0415

    _quiet_libraries()
    with fast_imports(dataflow=False):
        import pipelines.cli.export_command  # noqa: PLC0415
        import pipelines.cli.ingest_command  # noqa: F401, PLC0415
    from pipelines.cli import job_commands  # noqa: PLC0415

    job_commands.may_fork = lambda: True  # here Beam was loaded, and no thread has been started


def _serve(asked: socket.socket) -> dict[str, Any]:
    """Forks a process for each request, and returns that request there; ends with whoever asks."""
    running: dict[int, int] = {}
    """Descriptor of a process to its id."""
    while True:
        for ready in select.select([asked, *running], [], [])[0]:
            if ready is not asked:
                _, status = os.waitpid(pid := running.pop(ready), 0)
                os.close(ready)
                asked.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())
                continue
            request, streams, _, _ = socket.recv_fds(asked, _LONGEST, 3)
            if not request:
                os._exit(0)
            child = os.fork()
            if child == 0:
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                os.closerange(3, asked.fileno())
                for descriptor in (*running, *streams):
                    if descriptor > asked.fileno():
                        os.close(descriptor)
                os.setsid()
                asked.send(json.dumps([os.getpid(), None]).encode())
                asked.close()
                return dict(json.loads(request))
            running[os.pidfd_open(child)] = child
            for stream in streams:
                os.close(stream)


def _run(request: dict[str, Any]) -> None:
    """Runs what is asked for; the process then ends as any other."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Those of the server know what its own streams can do.
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = ["metadata-etl" if request["script"] is None else "-c", *request["words"]]
    if request["script"] is None:
        runpy.run_module("pipelines.cli", run_name="__main__", alter_sys=True)
    else:
        exec(compile(request["script"], "<string>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # that of a terminal is for the tests
    _load()
    _run(_serve(socket.socket(fileno=int(sys.argv[1]))))
