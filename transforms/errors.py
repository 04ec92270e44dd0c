"""Errors in the steps of a job that concern a person, and how one is recognized after a runner has passed it on (R4).

A step raises a `StepError`. What the launching process gets of it depends on the runner: the exception itself, which
Beam has made anew with the name of the step behind its text, or only the text of a traceback in a RuntimeError. So an
error of this kind is one argument, one line of text, and the name of its class: `step_error` finds it in both.

This module needs nothing but the standard library: the console script imports it before Beam.
"""

import logging
import re
from collections.abc import Iterator

_IN_TRACEBACK = re.compile(rf"^{re.escape(__name__)}\.(\w+): (.*)$", re.MULTILINE)
_LOGGED = re.compile(rf"(?:\n|\\n){re.escape(__name__)}\.\w+: ")
"""A traceback as workers log it, and as the runner logs what they log, which is an entry with its line ends escaped."""
_STEP_NAME = re.compile(r" \[while running '[^\n]*'\]$")
"""What Beam adds to the text of an error."""


class StepError(Exception):
    """A step of a job cannot go on, and a person can do something about it. Its only argument is one line of text.

    Subclasses take the same argument and add no constructor: Beam makes them anew from it.
    """

    @property
    def message(self) -> str:
        """The line for a person, without what Beam added."""
        return _STEP_NAME.sub("", f"{self}")


class DamagedFileError(StepError):
    """A file of the dataset is not what the version says of it (P7).

    Attributes:
        uri: Of the file; empty where a runner has passed the error on as text.
        reason: What is wrong with it; likewise.
    """

    uri: str = ""
    reason: str = ""


class ChangedExportError(StepError):
    """An export is not there any more, or is not what it was when the job was planned."""


class OutOfSpaceError(StepError):
    """What a step writes has no room: the disk is full, or a quota is reached."""


class OutOfMemoryError(StepError):
    """A step needs more memory than there is."""


def one_line(text: str) -> str:
    r"""The text with whatever does not print escaped, so that it stays one line.

    >>> print(one_line("a\nb"))
    a\nb
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def step_error(error: BaseException) -> StepError | None:
    """The error of a step that a runner passed on, None where it is none.

    Args:
        error: What the runner raised: the error itself, one that it caused, or one with its traceback as text.
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
    """Keeps tracebacks of errors that concern a person out of the log: the launching process prints their line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be logged."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and step_error(error) is not None:
            return False
        return _LOGGED.search(record.getMessage()) is None
