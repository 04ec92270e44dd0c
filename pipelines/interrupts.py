"""What a SIGINT does to a job: it ends at once, and says what it leaves (P1)."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

_INTERRUPTED = 130
_NO_SIGNAL = b"\0"


@contextmanager
def ending_at_once_when_interrupted() -> Iterator[None]:
    """Ends the process when SIGINT comes, wherever it is.

    The runner would first wait for what its workers have in hand. And its main thread sleeps in a lock, where it does
    not notice a signal that another thread took: so a thread of its own waits for the signal's number.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handler = signal.signal(signal.SIGINT, lambda *_: None)
    wakeup = signal.set_wakeup_fd(writing)
    waiting = threading.Thread(target=_wait_for_interrupt, args=(reading,), daemon=True)
    waiting.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGINT, handler)
        os.write(writing, _NO_SIGNAL)  # closing it would not do: a forked process may hold it as well
        waiting.join()
        os.close(writing)
        os.close(reading)


def _wait_for_interrupt(reading: int) -> None:
    while (number := os.read(reading, 1)) != _NO_SIGNAL:
        if number[0] == signal.SIGINT:
            _interrupted()


def _interrupted() -> NoReturn:
    """Ends the job at once, as a kill would: nothing is published, and the next job puts away what is left (P1)."""
    for worker in Path(os.environ.get("METADATA_ETL_SPILL", os.devnull)).glob("*.worker"):
        with suppress(ProcessLookupError):
            os.kill(int(worker.stem), signal.SIGKILL)
    show_cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""  # the progress bar hides it
    sys.stderr.write(f"{show_cursor}metadata-etl: interrupted; nothing was published\n")
    sys.stderr.flush()
    os._exit(_INTERRUPTED)
