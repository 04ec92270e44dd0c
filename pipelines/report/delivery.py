"""Writes the insights page of a dataset, or of the outcome of a job, to a file."""

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path

from pipelines.dataset.own_places import is_own_place
from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.ingest.outcome import Outcome
from pipelines.json_output import JsonOutput
from pipelines.report.page import page
from pipelines.report.page_data import name_of, of_run, of_version
from transforms.storage.stored_files import is_local, local_path, write_bytes

_GENERATOR = b'<meta name="generator" content="metadata-etl">'
_HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Delivered:
    """A written page.

    Attributes:
        path: Path or URI of the file.
        version: Number of the version that it shows, None for a run that published nothing.
        bytes: Size of the file.
    """

    path: str
    version: int | None
    bytes: int


def deliver(dataset: str, out: str | None, number: int | None = None) -> Delivered:
    """Writes the page of a version of a dataset; by default of the current one, to NAME.html in the current folder.

    Raises:
        UsageError: There is no dataset or no such version, or the page cannot be written to this path.
    """
    path = checked(out, dataset) if out else _unused(default_path(dataset))
    there = Dataset.at(dataset)
    version = there.version(number)
    return _write(path, of_version(there, version), version.number)


def deliver_outcome(outcome: Outcome, out: str) -> Delivered:
    """Writes the page of a finished job: of the current version, or of the run if it failed or was a dry run."""
    shows_version = outcome.verdict.outcome in ("published", "unchanged") and outcome.version is not None
    if not shows_version or outcome.version is None:
        return _write(out, of_run(outcome), None)
    there = Dataset.at(outcome.dataset)
    version = there.version(outcome.version)
    conflicts = outcome.tally.conflicts if outcome.verdict.outcome == "published" else ()
    return _write(out, of_version(there, version, conflicts), version.number)


def default_path(dataset: str) -> str:
    """The default path: NAME.html in the current folder."""
    return f"{name_of(str(Path(local_path(dataset)).resolve()) if is_local(dataset) else dataset)}.html"


def checked(path: str, dataset: str) -> str:
    """Checks the path of a page before the job starts; returns it, or the target of a symbolic link.

    Raises:
        UsageError: It is a folder, a device or a pipe, belongs to the dataset, or has a file that is no page (P6).
    """
    path, dataset = (local_path(each) if is_local(each) else each for each in (path, dataset))
    if not posixpath.basename(path) or (is_local(path) and Path(path).is_dir()):
        raise UsageError(f"the page is one file, but {path or 'nothing'} is a folder; name a file such as report.html")
    if is_own_place(path, dataset):
        raise UsageError(f"{path} belongs to the dataset, which the page would damage; name a file elsewhere")
    if not is_local(path):
        return path
    target = Path(path).resolve()
    if os.path.lexists(target):
        if not target.is_file():
            raise UsageError(f"the page is one file, and {path} is no regular file; name another one")
        if not _may_be_replaced(target):
            raise UsageError(f"{path} exists and is no page of this tool; name another file, or remove it first")
    return f"{target}" if Path(path).is_symlink() else path


def _unused(path: str) -> str:
    """Checks the default path of a page, which may replace an earlier page.

    Raises:
        UsageError: Something other than a page is there (P6).
    """
    there = Path(path)
    if os.path.lexists(path) and not (there.is_file() and not there.is_symlink() and _may_be_replaced(there)):
        raise UsageError(f"{path} exists and is no page of this tool; name another file with --out")
    return path


def _may_be_replaced(file: Path) -> bool:
    """Whether a file is a page, or empty: one that was made to reserve its name."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:  # it cannot be read, and so is not known to be one
        return False
    return not head or _GENERATOR in head


def _write(path: str, document: JsonOutput, version: int | None) -> Delivered:
    data = page(document)
    write_bytes(path, data)
    return Delivered(path, version, len(data))
