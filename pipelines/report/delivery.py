"""From a dataset, or from how a job ended, to a page in a file."""

import posixpath
from dataclasses import dataclass
from pathlib import Path

from pipelines.dataset import Dataset
from pipelines.errors import UsageError
from pipelines.outcome import Outcome
from pipelines.report.contents import name_of, of_run, of_version
from pipelines.report.page import page
from transforms.rules.values import JsonObject
from transforms.stored_files import is_local, write_bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """A page that was written.

    Attributes:
        path: Path or URI of the file.
        version: That it shows, None for a run that published nothing.
        bytes: Its size.
    """

    path: str
    version: int | None
    bytes: int


def deliver(dataset: str, out: str | None) -> Delivered:
    """Writes the page of the current version of a dataset, by default to NAME.html in the current folder.

    Raises:
        UsageError: There is no dataset, or the file cannot be one.
    """
    path = checked(out or default_path(dataset))
    there = Dataset.at(dataset)
    version = there.published()
    return _write(path, of_version(there, version), version.number)


def deliver_outcome(outcome: Outcome, out: str) -> Delivered:
    """Writes the page of what a job left: of the current version, or of the run if it failed or was a dry run."""
    shows_version = outcome.verdict.outcome in ("published", "unchanged") and outcome.version is not None
    if not shows_version or outcome.version is None:
        return _write(out, of_run(outcome), None)
    there = Dataset.at(outcome.dataset)
    version = there.version(outcome.version)
    conflicts = outcome.tally.conflicts if outcome.verdict.outcome == "published" else ()
    return _write(out, of_version(there, version, conflicts), version.number)


def default_path(dataset: str) -> str:
    """NAME.html in the current folder."""
    return f"{name_of(str(Path(dataset).resolve()) if is_local(dataset) else dataset)}.html"


def checked(path: str) -> str:
    """The path of a page that is to be written, before anything is done.

    Raises:
        UsageError: It is a folder.
    """
    if not posixpath.basename(path) or (is_local(path) and Path(path).is_dir()):
        raise UsageError(f"the page is one file, but {path or 'nothing'} is a folder; name a file such as report.html")
    return path


def _write(path: str, document: JsonObject, version: int | None) -> Delivered:
    data = page(document)
    write_bytes(path, data)
    return Delivered(path, version, len(data))
