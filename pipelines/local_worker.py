"""A worker process of the local runner: Beam's own, but silent unless something is wrong, and gone with its job.

Most are forked from a process that has loaded everything (`worker_server`); where that is not there, one is started.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from pipelines.loading import loading
from transforms.errors import StepErrorFilter

_WATCH_SECONDS = 0.2


def main() -> None:
    """Becomes a worker, as long as the launching process lives."""
    # An interrupt at the terminal reaches all processes: the launching one ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet()
    for library in ("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(library, "1")  # there is a worker for each core
    load()
    work(os.getppid())


def quiet() -> None:
    """Lets only errors through; to be called before Beam is imported, which warns while it is."""
    # The runner hands no options to its workers; without this each of them reports every connection it makes.
    os.environ["PIPELINE_OPTIONS"] = json.dumps({"options": {"default_sdk_harness_log_level": "ERROR"}})
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)  # on the handler: Beam sets the level of the root logger
    handler.addFilter(StepErrorFilter())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]


def load(*, buckets: bool = True) -> None:
    """Imports all that a worker needs; `buckets` as in `loading`."""
    with loading(buckets=buckets):
        import apache_beam.runners.worker.sdk_worker_main  # noqa: F401, PLC0415 - takes long
        import numpy.ma  # noqa: F401, PLC0415 - what pyarrow needs at the first use of an array
        import pyarrow.compute  # noqa: F401, PLC0415 - what frames that are handed on need at first use

        import pipelines.ingest_graph  # noqa: F401, PLC0415 - all that the steps need


def work(parent: int, asked: socket.socket | None = None) -> None:
    """Works for the runner until that goes, or the process `parent`, or the one who holds the other end of `asked`."""
    folder = os.environ.get("METADATA_ETL_SPILL")
    if folder is not None:
        Path(folder, f"{os.getpid()}.worker").touch()  # by this an interrupted job finds its workers
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    if asked is not None:
        threading.Thread(target=_leave_after, args=(asked,), daemon=True).start()
    from apache_beam.runners.worker import sdk_worker, sdk_worker_main  # noqa: PLC0415 - loaded before

    # Beam prints the traceback of every error beside logging it; the log has it, but for errors that concern a person.
    sdk_worker.print = lambda *_, **__: None
    sdk_worker_main.main(sys.argv)


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _leave_after(asked: socket.socket) -> None:
    asked.recv(1)  # nothing ever comes: it ends when the one who asked does
    os._exit(1)


if __name__ == "__main__":
    main()
