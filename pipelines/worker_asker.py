"""What the local runner starts as a worker: it has one forked by the process that has loaded all (`worker_server`).

Run by its path, isolated and without `site`. A job waits for it, so it loads next to nothing.
"""

import os
import signal
import socket
import sys

SERVER = "METADATA_ETL_WORKERS"
"""Environment variable of a job: the socket of the process that its workers are forked from."""
END = b"\0\0"
"""Ends what is asked: the variables of an environment, with a NUL between any two."""
_ANSWER_BYTES = 16


def main() -> None:
    """Waits for the end of the forked worker; becomes a worker itself if nobody forks one."""
    # An interrupt at the terminal reaches all processes: the launching one ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = os.environ.get(SERVER)
    if server is None or not _ask(server):
        os.execv(sys.executable, [sys.executable, "-m", "pipelines.local_worker"])  # noqa: S606 - our own module


def _ask(server: str) -> bool:
    """Has a worker forked that has the environment of this process, and waits for its end; False if nobody answers.

    The worker ends when this process does: that closes the connection.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(server)
            connection.sendall(b"\0".join(name + b"=" + value for name, value in os.environb.items()) + END)
            while connection.recv(_ANSWER_BYTES):
                pass
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
