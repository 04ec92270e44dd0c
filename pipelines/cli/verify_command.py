"""Implements `verify`: prints every damaged file of a dataset, and what to do (P7)."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from pipelines.cli.console import console
from pipelines.cli.strict_parser import Color
from pipelines.dataset.verification import Verification, verified
from pipelines.dataset.versions import Dataset
from pipelines.errors import ExitCode
from pipelines.json_output import JsonOutput, print_object
from pipelines.streams import complain, say, told_afterwards
from transforms.errors import one_line

_FOREIGN = 10
"""Number of foreign files that are named."""


def verify(dataset: str, *, version: int | None, every: bool, as_json: bool, color: Color = "auto") -> int:
    """Prints what is damaged; returns the exit code.

    Args:
        dataset: URI of the dataset.
        version: Its number; None for the current one.
        every: Whether all versions are verified.
        as_json: Whether one JSON object is printed and nothing else.
        color: Whether the progress bar has colours.

    Raises:
        UsageError: There is no dataset, or no such version.
    """
    there = Dataset.at(dataset)
    shown = not as_json and sys.stderr.isatty()
    bar = partial(_bar, color=color) if shown else None
    found = verified(there, version=version, every=every, progress=bar)
    code = ExitCode.DAMAGED if found.damaged else ExitCode.OK
    message = _message(dataset, found)
    if as_json:
        document: JsonOutput = {
            "outcome": "damaged" if found.damaged else "sound",
            "exit_code": int(code),
            "dataset": dataset,
            "versions": found.versions,
            "files": found.files,
            "bytes": found.bytes,
            "damaged": [each.document() for each in found.damaged],
            "foreign": found.foreign,
            "message": message,
        }
        with told_afterwards():
            print_object(document)
    else:
        with told_afterwards():
            _print(found, message)
    return int(code)


def _print(found: Verification, message: str) -> None:
    for each in found.damaged:
        say(f"{each}")
    if found.foreign:
        named = ", ".join(one_line(path) for path in found.foreign[:_FOREIGN])
        more = len(found.foreign) - _FOREIGN
        say(f"Not part of this dataset, and left alone: {named}{f' and {more} more' if more > 0 else ''}")
    if found.damaged:
        complain(message)
    else:
        say(f"{message[0].upper()}{message[1:]}.")


def _message(dataset: str, found: Verification) -> str:
    versions = f"version {found.versions[0]}" if len(found.versions) == 1 else f"{len(found.versions)} versions"
    what = f"{versions} of {dataset}"
    if found.damaged:
        files, are = ("1 file", "is") if len(found.damaged) == 1 else (f"{len(found.damaged)} files", "are")
        return one_line(f"{files} of {what} {are} damaged; {found.files} were verified")
    be = "is" if len(found.versions) == 1 else "are"
    return one_line(f"{what} {be} sound: {found.files} files, {found.bytes / 1_000_000:.1f} MB")


@contextmanager
def _bar(total: int, color: Color) -> Iterator[Callable[[int], None]]:
    """Shows a progress bar on standard error for `total` bytes; yields a function that advances it."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - takes long, and is for a terminal

    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(color, stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.advance(task, count)
