"""Errors of a job's steps that a person can act on, and their recovery from the exception of a runner (R4).

A step raises a `StepError`. The runner decides how it reaches the launching process: as the exception itself, which
Beam re-creates with the name of the step appended to its text, or as the text of a traceback in a RuntimeError. Such an
error is therefore one argument, one line of text, and the name of its class, and `step_error` finds it in both forms.

This module needs nothing but the standard library: the console script imports it before Beam.
"""

import logging
import re
from collections.abc import Iterator

_IN_TRACEBACK = re.compile(rf"^{re.escape(__name__)}\.(\w+): (.*)$", re.MULTILINE)
_LOGGED = re.compile(rf"(?:\n|\\n){re.escape(__name__)}\.\w+: ")
"""A traceback in the log of a worker, or in the log of the runner, which repeats it with escaped line ends."""
_STEP_NAME = re.compile(r" \[while running '[^\n]*'\]$")
"""The name of the step that Beam appends to the text of an error."""


class StepError(Exception):
    """A step cannot continue, and a person can remedy the cause. The only argument is one line of text.

    Subclasses take the same argument and have no constructor of their own: Beam re-creates them from it.
    """

    @property
    def message(self) -> str:
        """The line for a person, without the name of the step that Beam appends."""
        return _STEP_NAME.sub("", f"{self}")


class DamagedFileError(StepError):
    """A file of the dataset differs from the version's description of it (P7).

    Attributes:
        uri: URI of the file; empty if a runner passed the error on as text.
        reason: The fault; likewise.
    """

    uri: str = ""
    reason: str = ""


class ChangedExportError(StepError):
    """An export was deleted or changed since the job was planned."""


class OutOfSpaceError(StepError):
    """A step cannot write: the disk is full, or a quota is exhausted."""


class OutOfMemoryError(StepError):
    """A step needs more memory than is available."""


def one_line(text: str) -> str:
    r"""The text as one line: every character that is not printable is escaped.

    >>> print(one_line("a\nb"))
    a\nb
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def step_error(error: BaseException) -> StepError | None:
    """The StepError behind the exception of a runner, None if there is none.

    Args:
        error: The exception of the runner: the error itself, one that it caused, or one with its traceback as text.
    """
    kinds = {kind.__name__: kind for kind in _kinds(StepError)}
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, StepError):
            return type(seen)(seen.message)
        found = [kinds[name](text) for name, text in _IN_TRACEBACK.findall(f"{seen}") if name in kinds]
        if found:
            return type(found[-1])(found[-1].message)
        seen = seen.__cause__ or seen.__context__
    return None


def _kinds(kind: type[StepError]) -> Iterator[type[StepError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


class StepErrorFilter(logging.Filter):
    """Keeps tracebacks of StepErrors out of the log: the launching process prints their line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and step_error(error) is not None:
            return False
        return _LOGGED.search(record.getMessage()) is None
