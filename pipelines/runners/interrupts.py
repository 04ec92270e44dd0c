"""Ends a command at SIGINT, SIGTERM or SIGHUP: at once, with cleanup, and saying what it published (P1, R4)."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_NO_SIGNAL = b"\0"
_SIGNALS: dict[int, str] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "the terminal was closed",
}
"""The signals that end a command, and the text that reports each."""
_SIGNAL_EXIT_CODE = 128
"""Added to the number of a signal to get the exit code, as shells do: 130 and 143 (R4), 129 for SIGHUP."""


@dataclass(slots=True)
class _Command:
    """State of the command that this process runs, for the handler of signals.

    Attributes:
        watched: Whether a thread waits for signals.
        publishing: Locked while a version becomes current, and permanently once a signal ends the command.
        published: Whether the command has made a version current.
        exiting: Whether a signal is ending the process; it publishes nothing from then on.
        cleanups: Called before the process exits, the last first.
        as_object: Makes the line of `--json` from an exit code and a message; None without `--json`.
    """

    watched: bool = False
    publishing: threading.Lock = field(default_factory=threading.Lock)
    published: bool = False
    exiting: bool = False
    cleanups: list[Callable[[], object]] = field(default_factory=list)
    as_object: Callable[[int, str], bytes] | None = None


_command = _Command()


def watch_command() -> None:
    """Makes signals end this process from now on, if it is the console script; called before other imports.

    A process that only imports this package keeps its own signal handlers.
    """
    if _is_console_script():
        _watch()


@contextmanager
def exit_on_signal() -> Iterator[None]:
    """Ends the process at SIGINT, SIGTERM or SIGHUP, whatever it is doing; a signal that is ignored stays ignored.

    Without this the runner would first wait for the current bundles of its workers. Its main thread also sleeps in a
    lock, where it does not notice a signal that another thread received: so a separate thread waits for signals.
    """
    _command.published = False
    if _command.watched or threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = _watch()
    try:
        yield
    finally:
        stop()


def print_json_on_signal(as_object: Callable[[int, str], bytes] | None) -> None:
    """Makes a signal that ends the process print the line of `--json` on standard output; None for a line of text."""
    _command.as_object = as_object


@contextmanager
def cleanup_on_signal(cleanup: Callable[[], object]) -> Iterator[None]:
    """Makes a signal that ends the process in the block call this first; an OSError that it raises is ignored."""
    _command.cleanups.append(cleanup)
    try:
        yield
    finally:
        _command.cleanups.remove(cleanup)


@contextmanager
def publishing() -> Iterator[None]:
    """Delays signals while a version becomes current, so that the message about publishing is true (P1).

    A signal that arrives in the block is handled after it. If a version was published by then, the command completes
    normally with its own exit code, because the exit codes of signals say that nothing was published (R4).
    """
    with _command.publishing:
        yield
        _command.published = True


@contextmanager
def own_signals() -> Iterator[None]:
    """Leaves the signals in the block to what runs there, such as a server with handlers of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wakeup = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)


def ignore_signals() -> None:
    """Ignores signals in a worker: at a terminal they reach its parent too, which ends it."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _is_console_script() -> bool:
    """Whether the process was started as `metadata-etl` or `python -m pipelines.cli`."""
    words = sys.orig_argv
    as_module = "-m" in words and words[words.index("-m") + 1 :][:1] == ["pipelines.cli"]
    return as_module or os.path.basename(sys.argv[0] if sys.argv else "") == "metadata-etl"  # noqa: PTH119 - importing pathlib takes as long as all of this


def _watch() -> Callable[[], None]:
    """Starts a thread that waits for signals; returns a function that stops it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # as nohup has it
    handlers = {number: signal.signal(number, lambda *_: None) for number in numbers}
    wakeup = signal.set_wakeup_fd(writing)
    waiting = threading.Thread(target=_wait_for_signals, args=(reading,), daemon=True)
    waiting.start()
    _command.watched = True

    def stop() -> None:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.write(writing, _NO_SIGNAL)  # closing it would not do: a forked process may hold it as well
        waiting.join()
        os.close(writing)
        os.close(reading)
        _command.watched = False

    return stop


def _wait_for_signals(reading: int) -> None:
    asked = False
    while (number := os.read(reading, 1)) != _NO_SIGNAL:
        if number[0] not in _SIGNALS:
            continue
        word, code = _SIGNALS[number[0]], _SIGNAL_EXIT_CODE + number[0]
        if asked:  # the second signal: the user does not want to wait
            _exit_now(word, code)
        asked = True
        threading.Thread(target=_exit, args=(word, code), daemon=True).start()


def _exit(word: str, code: int) -> None:
    """Ends the process unless it has published; nothing is published after this, and the next job cleans up."""
    with _command.publishing:
        if _command.published:
            _say(f"{word} after the version was published; finishing")
            return
        _command.exiting = True
        _say(f"{word}; nothing was published", code)
        for cleanup in reversed(_command.cleanups):
            with suppress(OSError):
                cleanup()
        os._exit(code)


def _exit_now(word: str, code: int) -> None:
    """Ends the process at the second signal without waiting for anything."""
    if _command.published:
        os._exit(os.EX_OK)
    if not _command.exiting:
        _say(f"{word} while a version was being published; `metadata-etl versions DATASET` says whether it was")
    os._exit(code)


def _say(text: str, code: int | None = None) -> None:
    """Writes a line, or the object of `--json`, to the descriptor: another thread may hold the lock of Python's stream.

    There is no progress bar, which hides the cursor, with `--json`.
    """
    if code is not None and _command.as_object is not None and (out := sys.__stdout__) is not None and not out.closed:
        with suppress(OSError):
            os.write(out.fileno(), _command.as_object(code, text) + b"\n")
        return
    stream = sys.__stderr__
    if stream is None or stream.closed:
        return
    with suppress(OSError):  # the terminal was closed
        show_cursor = "\x1b[?25h\n" if stream.isatty() else ""  # the progress bar hides it
        os.write(stream.fileno(), f"{show_cursor}metadata-etl: {text}\n".encode())
