"""A worker process of the local runner: Beam's own, but silent unless something is wrong, and gone with its job."""

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

_WATCH_SECONDS = 0.2


def main() -> None:
    """Runs Beam's worker with the log level that the launching process has, as long as that lives."""
    # An interrupt at the terminal reaches all processes: the launching one ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = os.environ.get("METADATA_ETL_SPILL")
    if folder is not None:
        Path(folder, f"{os.getpid()}.worker").touch()  # by this an interrupted job finds its workers
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()
    # The runner hands no options to its workers; without this each of them reports every connection it makes.
    os.environ["PIPELINE_OPTIONS"] = json.dumps({"options": {"default_sdk_harness_log_level": "ERROR"}})
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)  # on the handler: Beam sets the level of the root logger
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    # Beam takes long to import, and warns while it is: the level has to be set before.
    from apache_beam.runners.worker import sdk_worker_main  # noqa: PLC0415 - see above

    sdk_worker_main.main(sys.argv)


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
