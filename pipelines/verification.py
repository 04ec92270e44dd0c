"""What `verify` does: every file of a dataset, compared with the digest that it was published with (P7)."""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

from apache_beam.io.filesystems import FileSystems

from pipelines import documents
from pipelines.arguments import Color
from pipelines.consoles import console
from pipelines.dataset import Dataset, Version
from pipelines.document_types import SHAPES
from pipelines.errors import DamagedDatasetError, ExitCode, UsageError
from pipelines.json_output import print_object
from pipelines.stores.marker import MARKER
from pipelines.stores.store import MANIFEST, join, version_folder
from pipelines.streams import complain, say
from transforms.damage import damage, damaged_file
from transforms.errors import DamagedFileError, one_line
from transforms.rules.values import JsonObject, JsonValue
from transforms.stored_files import StoredFile, is_local
from transforms.verified_files import fault_of

_AT_ONCE = 8
"""Files that are read at the same time."""
_FOREIGN = 10
"""Files that no version lists of which so many are named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is damaged.

    Attributes:
        path: Below the dataset.
        versions: Numbers of the versions that have it.
        reason: What is wrong.
        affects: What it holds.
        advice: What to do.
    """

    path: str
    versions: Sequence[int]
    reason: str
    affects: str
    advice: str

    def document(self) -> JsonObject:
        """As `--json` has it."""
        return {
            "path": self.path,
            "versions": list(self.versions),
            "reason": self.reason,
            "affects": self.affects,
            "advice": self.advice,
        }

    def __str__(self) -> str:
        """One line for a person."""
        return one_line(f"{self.path} is damaged: {self.reason}; it holds {self.affects}. {self.advice}")


@dataclass(slots=True)
class Verification:
    """What was found.

    Attributes:
        versions: Numbers of those that were verified.
        files: How many files, each counted once however many versions share it.
        bytes: Of them.
        foreign: Paths of files in the folders of versions that no version lists.
    """

    versions: list[int] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    damaged: list[Finding] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def verify(dataset: str, *, version: int | None, every: bool, as_json: bool, color: Color = "auto") -> int:
    """Prints what is damaged; returns the exit code.

    Args:
        dataset: Its URI.
        version: Which one; None for the current one.
        every: Whether all versions are verified.
        as_json: Whether one JSON object is printed and nothing else.
        color: Of the progress.

    Raises:
        UsageError: There is no dataset, or no such version.
    """
    there = Dataset.at(dataset)
    found = verified(there, version=version, every=every, show=not as_json and sys.stderr.isatty(), color=color)
    code = ExitCode.DAMAGED if found.damaged else ExitCode.OK
    message = _message(dataset, found)
    if as_json:
        document: JsonObject = {
            "outcome": "damaged" if found.damaged else "sound",
            "exit_code": int(code),
            "dataset": dataset,
            "versions": list[JsonValue](found.versions),
            "files": found.files,
            "bytes": found.bytes,
            "damaged": [each.document() for each in found.damaged],
            "foreign": list[JsonValue](found.foreign),
            "message": message,
        }
        print_object(document)
        return int(code)
    for each in found.damaged:
        say(f"{each}")
    if found.foreign:
        named = ", ".join(one_line(path) for path in found.foreign[:_FOREIGN])
        more = len(found.foreign) - _FOREIGN
        say(f"Not of this dataset, and left alone: {named}{f' and {more} more' if more > 0 else ''}")
    if found.damaged:
        complain(message)
    else:
        say(f"{message[0].upper()}{message[1:]}.")
    return int(code)


def verified(
    dataset: Dataset, *, version: int | None = None, every: bool = False, show: bool = False, color: Color = "auto"
) -> Verification:
    """Verifies one version of a dataset, or all; nothing is written.

    Args:
        dataset: To be verified.
        version: Its number; None for the current one.
        every: Whether all versions are.
        show: Whether progress is shown on standard error.
        color: Of the progress.

    Raises:
        UsageError: There is no dataset, or no such version.
    """
    found = Verification()
    found.damaged += _marker(dataset)
    versions = []
    for number in _numbers(dataset, version, found, every=every):
        found.versions.append(number)
        try:
            versions.append(dataset.at_number(number, None))
        except DamagedFileError as error:
            found.damaged.append(_finding(dataset.root, error, [number]))
    _verify_files(versions, found, show=show, color=color)
    for each in versions:
        _verify_documents(each, found)
        found.foreign += _foreign(each)
    found.damaged.sort(key=lambda each: each.path)
    return found


def _marker(dataset: Dataset) -> Iterator[Finding]:
    """What is wrong with the marker, by which a place is known for a dataset (P6)."""
    advice = "Restore it from a copy, or build the dataset in another directory with `metadata-etl backfill`"
    try:
        reason = "it is not there" if dataset.store.identity() is None else None
    except DamagedDatasetError:
        reason = "it does not name a dataset"
    if reason is not None and dataset.store.pointer() is not None:
        yield Finding(MARKER, [], reason, "what a dataset is known by; without it nothing is published here", advice)


def _numbers(dataset: Dataset, version: int | None, found: Verification, *, every: bool) -> list[int]:
    """Which versions are verified; where CURRENT is damaged all that are there, unless one is named."""
    pointer = dataset.store.pointer()
    if pointer is None:
        dataset.published()  # says what is wrong
        return []
    numbers = dataset.store.numbers()
    try:
        current = documents.pointer(pointer, dataset.root)
    except DamagedFileError as error:
        found.damaged.append(_finding(dataset.root, error, []))
        return [version] if version in numbers else numbers
    numbers = [number for number in numbers if number < current] + [current]
    if version is not None and version not in numbers:
        raise UsageError(f"{dataset.root} has no version {version}; it has {', '.join(map(str, reversed(numbers)))}")
    return numbers if every else [current if version is None else version]


def _verify_files(versions: Sequence[Version], found: Verification, *, show: bool, color: Color) -> None:
    """Hashes all files of versions, those that several share once."""
    shared: dict[tuple[object, ...], list[tuple[StoredFile, int]]] = {}
    for version in reversed(versions):
        for files in version.parts.values():
            for file in files.values():
                shared.setdefault(_identity(file), []).append((file, version.number))
    found.files, found.bytes = len(shared), sum(same[0][0].bytes for same in shared.values())
    with ThreadPoolExecutor(_AT_ONCE) as workers, _Progress(found.bytes, color) if show else nullcontext() as progress:
        faults = workers.map(fault_of, (same[0][0] for same in shared.values()))
        for same, fault in zip(shared.values(), faults, strict=True):
            if progress is not None:
                progress.advance(same[0][0].bytes)
            if fault is not None:
                numbers = sorted(number for _, number in same)
                found.damaged.append(_finding(versions[0].root, damaged_file(same[0][0].uri, fault), numbers))


def _identity(file: StoredFile) -> tuple[object, ...]:
    """What is the same of one file under several names."""
    if is_local(file.uri):
        try:
            status = os.stat(file.uri, follow_symlinks=False)  # noqa: PTH116 - a Path for each of thousands takes longer
        except OSError:
            pass  # it is said later that it is not there
        else:
            return status.st_dev, status.st_ino, file.sha256, file.bytes
    return (file.uri,)


def _verify_documents(version: Version, found: Verification) -> None:
    """Parses the documents of a version whose bytes are right by their types."""
    known = {each.path for each in found.damaged}
    for name in SHAPES:
        if f"{version_folder(version.number)}/{name}" not in known:
            try:
                version.document(name)
            except DamagedFileError as error:
                found.damaged.append(_finding(version.root, error, [version.number]))


def _finding(root: str, error: DamagedFileError, versions: Sequence[int]) -> Finding:
    told = damage(error.uri, error.reason)
    path = error.uri.removeprefix(root).removeprefix("/")
    return Finding(path, versions, told.reason, told.affects, told.advice.partition("; `metadata-etl verify")[0])


def _foreign(version: Version) -> Iterator[str]:
    """Paths of files in the folder of a version that it does not list."""
    folder = version_folder(version.number)
    listed = {file.uri for files in version.parts.values() for file in files.values()}
    listed.add(join(version.root, folder, MANIFEST))
    for uri in sorted(_files_below(join(version.root, folder))):
        if uri not in listed:
            yield uri.removeprefix(version.root).removeprefix("/")


def _files_below(folder: str) -> Iterator[str]:
    if is_local(folder):
        for place, folders, names in os.walk(folder):
            links = [name for name in folders if Path(place, name).is_symlink()]
            yield from (os.path.join(place, name) for name in (*names, *links))  # noqa: PTH118 - as URIs are joined
    else:
        found = FileSystems.match([join(folder, "**")])[0].metadata_list
        yield from (cast("str", each.path) for each in found)


def _message(dataset: str, found: Verification) -> str:
    versions = f"version {found.versions[0]}" if len(found.versions) == 1 else f"{len(found.versions)} versions"
    what = f"{versions} of {dataset}"
    if found.damaged:
        files, are = ("1 file", "is") if len(found.damaged) == 1 else (f"{len(found.damaged)} files", "are")
        return one_line(f"{files} of {what} {are} damaged; {found.files} were verified")
    be = "is" if len(found.versions) == 1 else "are"
    return one_line(f"{what} {be} sound: {found.files} files, {found.bytes / 1_000_000:.1f} MB")


class _Progress:
    """A bar on standard error."""

    def __init__(self, total: int, color: Color) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - takes long, and is for a terminal

        columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console(color, stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self, count: int) -> None:
        """Shows that so many more bytes were verified."""
        self._bar.advance(self._task, count)
