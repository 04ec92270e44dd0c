r"""Prints all text but tables (`pipelines.cli.console`), and escapes data that a terminal would act on.

Data may hold characters that move the cursor, set the title of a window, reverse the direction of text, or are
invisible; a stream may have an encoding that lacks others. They are printed as escapes (`\x1b`, `\u202e`), so that
what is seen is what is there. Formats for machines are UTF-8 and exact, except at a terminal.
"""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TextIO

JOB_LOG = "metadata-etl.job"
"""Name of the logger of jobs, shown with `--verbose`."""
_NAME = "metadata-etl"
_LOG = "%(levelname)s %(name)s: %(message)s"
_NOT_ASCII = re.compile(r"[^\n -~]")


class PrintError(OSError):
    """Standard output does not take what is printed; where its reader has gone that is a BrokenPipeError instead."""


def prepare() -> None:
    """Makes standard output and standard error escape characters that their encoding lacks, instead of failing.

    This also covers the output of libraries: the help of argparse, log lines, tracebacks.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not for the streams of tests and notebooks, or a closed one
            stream.reconfigure(errors="backslashreplace")


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""The text on one line: characters that are not printable or not in the encoding are escaped.

    >>> printable("a\tb\x1b[31m\u202e"), printable("Zürich", "ascii")
    ('a\\tb\\x1b[31m\\u202e', 'Z\\xfcrich')
    """
    if not text.isprintable():
        text = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)


def json_text(text: str) -> str:
    r"""The text as a JSON string, in which unprintable characters are escaped.

    >>> json_text("東京\u202e")
    '"東京\\u202e"'
    """
    return _json_printable(json.dumps(text, ensure_ascii=False), "utf-8")


@contextmanager
def printing() -> Iterator[None]:
    """What the block writes goes to standard output, and no other file.

    Raises:
        PrintError: Standard output does not take it.
        BrokenPipeError: Its reader has gone.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PrintError(error.errno, error.strerror or f"{error}") from error


def say(*lines: str, stderr: bool = False) -> None:
    """Prints lines of text for a person; line ends within a line are escaped.

    Raises:
        PrintError: As `printing`, and likewise all that prints to standard output.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream is not None:  # None if the process was started with a closed stream
        text = "".join(f"{printable(line, _encoding(stream))}\n" for line in lines)
        with nullcontext() if stderr else printing():
            _write(stream, text)


def emit_text(text: str) -> None:
    """Prints text of this program, as it is."""
    if sys.stdout is not None:
        with printing():
            _write(sys.stdout, text)


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()  # so that a closed pipe and a full disk are noticed here


def complain(*lines: str) -> None:
    """Prints a warning or an error to standard error; the first line names this program."""
    first, *others = lines
    say(f"{_NAME}: {first}", *others, stderr=True)


@contextmanager
def told_afterwards() -> Iterator[None]:
    """What is printed in the block tells of what was done, and decides nothing (R4).

    What standard output does not take is left out, with one line on standard error unless its reader has gone.
    """
    try:
        yield
    except OSError as error:
        if sys.stdout is not None:
            with suppress(OSError):  # a stream of tests and notebooks has no descriptor
                _discard(sys.stdout.fileno())  # or Python fails when it flushes what is left at its end
        if not isinstance(error, BrokenPipeError):
            with suppress(OSError):
                complain(f"done, but standard output does not take what is said of it: {error.strerror or error}")


def _discard(descriptor: int) -> None:
    """Has a descriptor lead to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def emit(data: bytes) -> None:
    """Writes lines for a machine to standard output, byte for byte; at a terminal they are escaped."""
    _emit(data, printable)


def emit_json(document: object, *, indent: int | None = None) -> None:
    """Writes a JSON document and a line end to standard output, as `emit_json_lines` does.

    Text that is not UTF-8, such as a file name in another encoding, is escaped.
    """
    emit_json_lines(json_bytes(document, indent=indent) + b"\n")


def json_bytes(document: object, *, indent: int | None = None) -> bytes:
    """A JSON document as UTF-8, whatever the locale is; text that is not UTF-8 is escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return text.encode(errors="backslashreplace")  # for a surrogate this equals the escape of JSON


def emit_json_lines(data: bytes) -> None:
    r"""Writes JSON to standard output as `emit` does, with the escapes of JSON (`\u001b`), so that it stays valid."""
    _emit(data, _json_printable)


def _emit(data: bytes, escaped: Callable[[str, str], str]) -> None:
    if sys.stdout is None:
        return
    if sys.stdout.isatty() or not hasattr(sys.stdout, "buffer"):
        lines = data.decode(errors="backslashreplace").split("\n")
        emit_text("\n".join(escaped(line, _encoding(sys.stdout)) for line in lines))
        return
    with printing():
        sys.stdout.flush()  # what was printed before
        sys.stdout.buffer.write(data)
        sys.stdout.flush()


def _json_printable(text: str, encoding: str) -> str:
    def escape(found: re.Match[str]) -> str:
        each = found[0]
        if each.isprintable() and printable(each, encoding) == each:
            return each
        units = each.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

    return _NOT_ASCII.sub(escape, text)


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


@contextmanager
def job_log() -> Iterator[None]:
    """Prints the log of a job to standard error during the block, each line with its time in UTC (`--verbose`)."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = LogFormatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log = logging.getLogger(JOB_LOG)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        log.propagate = True


class LogFormatter(logging.Formatter):
    """Formats log entries with escaped data; further lines are indented, so that data cannot fake an entry."""

    def __init__(self, form: str = _LOG, times: str | None = None) -> None:
        super().__init__(form, times)

    def format(self, record: logging.LogRecord) -> str:
        """The text of an entry."""
        return "\n  ".join(printable(line, _encoding(sys.stderr)) for line in super().format(record).splitlines())
