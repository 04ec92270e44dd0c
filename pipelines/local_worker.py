"""A worker process of the local runner: Beam's own, but silent unless something is wrong, and gone with its job.

Beam takes seconds to import. So one process does it for all workers, while the launching process still reads the
arguments of the job, and the workers are forked from it: `--serve SOCKET` is that process, and what the runner starts
as a worker only asks it for one.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

SERVER = "METADATA_ETL_WORKERS"
"""Environment variable of a job: the socket of the process that its workers are forked from."""
_WATCH_SECONDS = 0.2
_ANSWER_BYTES = 16


def main() -> None:
    """Becomes a worker, with the log level that the launching process has, as long as that lives."""
    # An interrupt at the terminal reaches all processes: the launching one ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if len(sys.argv) > 2 and sys.argv[1] == "--serve":  # noqa: PLR2004 - the flag and its value
        _serve(sys.argv[2])
        return
    server = os.environ.get(SERVER)
    if server is not None and _ask(server):
        return
    _load()
    _work(os.getppid())


def _load() -> None:
    # The runner hands no options to its workers; without this each of them reports every connection it makes.
    os.environ["PIPELINE_OPTIONS"] = json.dumps({"options": {"default_sdk_harness_log_level": "ERROR"}})
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)  # on the handler: Beam sets the level of the root logger
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    # Beam takes long to import, and warns while it is: the level has to be set before.
    import apache_beam.runners.worker.sdk_worker_main  # noqa: F401, PLC0415 - see above

    import pipelines.ingest_graph  # noqa: F401, PLC0415 - all that the steps need


def _work(parent: int) -> None:
    """Works for the runner until that goes, or the process `parent`."""
    # A worker for each core: threads of polars beside it would only wait for each other. It reads this at first use.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    folder = os.environ.get("METADATA_ETL_SPILL")
    if folder is not None:
        Path(folder, f"{os.getpid()}.worker").touch()  # by this an interrupted job finds its workers
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - loaded before

    sdk_worker_main.main(sys.argv)


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _ask(server: str) -> bool:
    """Has a worker forked that has the environment of this process, and waits for its end; False if nobody answers.

    The worker ends when this process does: that closes the connection.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(server)
            connection.sendall(json.dumps(dict(os.environ)).encode() + b"\n")
            while connection.recv(_ANSWER_BYTES):
                pass
    except OSError:
        return False
    return True


def _serve(path: str) -> None:
    """Loads all that a worker needs and forks one for each connection, as long as the launching process lives."""
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()  # who asks before all is loaded waits
        listening.settimeout(_WATCH_SECONDS)
        _load()
        while os.getppid() == parent:
            with suppress(ChildProcessError):  # there are none yet
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            with connection:
                # Polars warns of forks, which may copy the locks of its threads: there are none, nothing has run yet.
                warnings.filterwarnings("ignore", category=RuntimeWarning, message=".*fork.*")
                if os.fork() == 0:
                    listening.close()
                    _forked(connection)


def _forked(connection: socket.socket) -> None:
    connection.settimeout(None)
    with connection.makefile("rb") as stream:
        os.environ.clear()
        os.environ.update(json.loads(stream.readline()))
    sys.argv = sys.argv[:1]
    threading.Thread(target=_leave_after, args=(connection,), daemon=True).start()
    _work(os.getppid())
    os._exit(0)


def _leave_after(connection: socket.socket) -> None:
    connection.recv(_ANSWER_BYTES)  # nothing ever comes: it ends when the one who asked does
    os._exit(1)


if __name__ == "__main__":
    main()
