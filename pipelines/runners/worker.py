"""Runs a worker process of the local runner: Beam's own harness, silent unless something is wrong.

Most workers are forked by the fork server; without one, a worker is started as a new process. Each has a connection to
the launching process, and exits when that connection closes, even while it starts.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

from pipelines.runners.imports import fast_imports
from pipelines.runners.interrupts import ignore_signals
from pipelines.streams import LogFormatter
from transforms.errors import StepErrorFilter

HELLO = b"\1"
"""Sent by a worker when it starts."""
_END = b"\0\0"
"""Terminates an environment message, whose variables are separated by NUL."""
_PART_BYTES = 65_536


def main() -> None:
    """Runs a started worker; the first argument is the descriptor of its connection."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _exit_with(connection)
    connection.sendall(HELLO)
    ignore_signals()
    log_errors_only()
    for library in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(library, "1")  # there is a worker for each core
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # as in a command
    load()
    _run_harness()


def environment_message(environment: Mapping[str, str]) -> bytes:
    """The first message to a forked worker: the environment variables to set."""
    return os.fsencode("\0".join(f"{name}={value}" for name, value in environment.items())) + _END


def run_forked(connection: socket.socket) -> NoReturn:
    """Turns a freshly forked process into a worker, with the environment received over its connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sent = b""
    while not sent.endswith(_END):
        part = connection.recv(_PART_BYTES)
        if not part:
            os._exit(1)
        sent += part
    connection.sendall(HELLO)
    _exit_with(connection)
    os.environ.clear()
    for variable in sent.removesuffix(_END).split(b"\0"):
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    sys.argv = sys.argv[:1]
    _run_harness()


def log_errors_only() -> None:
    """Logs only errors; called before Beam is imported, which logs warnings on import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)  # on the handler: Beam sets the level of the root logger
    handler.addFilter(StepErrorFilter())
    handler.setFormatter(LogFormatter())
    logging.getLogger().handlers = [handler]


def load(*, buckets: bool = True) -> None:
    """Imports everything that a worker needs; `buckets` as in `fast_imports`."""
    with fast_imports(buckets=buckets):
        import apache_beam.runners.worker.sdk_worker_main  # noqa: F401, PLC0415 - takes long
        import numpy.ma  # noqa: F401, PLC0415 - pyarrow imports it at the first use of an array
        import pyarrow.compute  # noqa: F401, PLC0415 - passing frames on imports it at first use

        import pipelines.ingest.graph  # noqa: F401, PLC0415 - imports all steps


def _run_harness() -> NoReturn:
    """Runs Beam's harness until the runner ends it, then exits."""
    import grpc  # noqa: PLC0415 - loaded before
    from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - likewise

    from pipelines.runners.worker_channels import mute_worker_logs  # noqa: PLC0415 - likewise

    # The runner passes no options to its workers; without this each of them logs every connection it makes.
    os.environ["PIPELINE_OPTIONS"] = json.dumps({"options": {"default_sdk_harness_log_level": "ERROR"}})
    mute_worker_logs()
    try:
        sdk_worker_main.main(sys.argv)
    except grpc.RpcError:  # the launching process has ended: a traceback would tell nobody anything
        os._exit(1)
    os._exit(0)


def _exit_with(connection: socket.socket) -> None:
    """Exits this process when the launching one ends or closes the connection."""
    threading.Thread(target=_exit_when_closed, args=(connection,), daemon=True).start()


def _exit_when_closed(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.recv(1)  # nothing is ever sent: this returns when the connection closes
    os._exit(1)


if __name__ == "__main__":
    main()
