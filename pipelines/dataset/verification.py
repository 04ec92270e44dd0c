"""Compares every file of a dataset with the digest that it was published with (P7)."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.paths import INSIGHTS, MANIFEST, SCHEMA, version_folder
from pipelines.dataset.store.marker import MARKER
from pipelines.dataset.versions import Dataset, Version
from pipelines.errors import DamagedDatasetError, UsageError
from pipelines.json_output import JsonOutput
from transforms.damage import damage, damaged_file
from transforms.errors import DamagedFileError, one_line
from transforms.storage.stored_files import StoredFile, files_below, is_local, join
from transforms.storage.verified_files import fault_of

_AT_ONCE = 8
"""Files that are read at the same time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A damaged file.

    Attributes:
        path: Path below the dataset.
        versions: Numbers of the versions that contain it.
        reason: What is wrong.
        affects: What the file contains.
        advice: What to do.
    """

    path: str
    versions: Sequence[int]
    reason: str
    affects: str
    advice: str

    def document(self) -> JsonOutput:
        """As in `--json`."""
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
    """The result of a verification.

    Attributes:
        versions: Numbers of the verified versions.
        files: Number of files; one that several versions share counts once.
        bytes: Their size in bytes.
        damaged: The damaged files.
        foreign: Paths of files in the folders of versions that no version lists.
    """

    versions: list[int] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    damaged: list[Finding] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def verified(
    dataset: Dataset,
    *,
    version: int | None = None,
    every: bool = False,
    progress: Callable[[int], AbstractContextManager[Callable[[int], None]]] | None = None,
) -> Verification:
    """Verifies one version of a dataset, or all; nothing is written.

    Args:
        dataset: The dataset to verify.
        version: Its number; None for the current one.
        every: Whether all versions are verified.
        progress: Called with the total number of bytes; yields a function that is called with each further number.

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
    _verify_files(versions, found, progress or _unseen)
    for each in versions:
        _verify_documents(each, found)
        found.foreign += _foreign(each)
    if found.damaged:
        _exclude_removed(dataset, found)
    found.damaged.sort(key=lambda each: each.path)
    return found


def _exclude_removed(dataset: Dataset, found: Verification) -> None:
    """Leaves out the versions that were pruned while they were verified: their files are removed, not damaged.

    Raises:
        UsageError: There is no other version among them.
    """
    try:
        removed = [number for number in found.versions if dataset.numbers_without(number)]
    except DamagedFileError:  # CURRENT is: which versions are published is not known
        return
    left = [number for number in found.versions if number not in removed]
    if removed and not left:
        dataset.version(removed[0])  # raises the right error
    found.versions = left
    damaged = ((each, [number for number in each.versions if number in left]) for each in found.damaged)
    found.damaged = [replace(each, versions=numbers) for each, numbers in damaged if numbers or not each.versions]


def _marker(dataset: Dataset) -> Iterator[Finding]:
    """A finding if the marker, which identifies a dataset, is missing or damaged (P6)."""
    advice = "Restore it from a copy, or build the dataset in another directory with `metadata-etl backfill`"
    try:
        reason = "it is not there" if dataset.store.identity() is None else None
    except DamagedDatasetError:
        reason = "it does not name a dataset"
    if reason is not None and dataset.store.pointer() is not None:
        yield Finding(
            MARKER, [], reason, "the identity of the dataset; without it nothing can be published here", advice
        )


def _numbers(dataset: Dataset, version: int | None, found: Verification, *, every: bool) -> list[int]:
    """The numbers of the versions to verify; all that exist if CURRENT is damaged and none is named."""
    pointer = dataset.store.pointer()
    if pointer is None:
        dataset.published()  # raises the right error
        return []
    numbers = dataset.store.version_numbers()
    try:
        current = reading.pointer(pointer, dataset.root)
    except DamagedFileError as error:
        found.damaged.append(_finding(dataset.root, error, []))
        return [version] if version in numbers else numbers
    numbers = [number for number in numbers if number < current] + [current]
    if version is not None and version not in numbers:
        raise UsageError(f"{dataset.root} has no version {version}; it has {', '.join(map(str, reversed(numbers)))}")
    return numbers if every else [current if version is None else version]


@contextmanager
def _unseen(_: int) -> Iterator[Callable[[int], None]]:
    """Shows no progress."""
    yield lambda _: None


def _verify_files(
    versions: Sequence[Version],
    found: Verification,
    progress: Callable[[int], AbstractContextManager[Callable[[int], None]]],
) -> None:
    """Hashes all files of versions; a file that several versions share once."""
    shared: dict[tuple[object, ...], list[tuple[StoredFile, int]]] = {}
    for version in reversed(versions):
        for files in version.parts.values():
            for file in files.values():
                shared.setdefault(_identity(file), []).append((file, version.number))
    found.files, found.bytes = len(shared), sum(same[0][0].bytes for same in shared.values())
    with ThreadPoolExecutor(_AT_ONCE) as workers, progress(found.bytes) as advance:
        faults = workers.map(fault_of, (same[0][0] for same in shared.values()))
        for same, fault in zip(shared.values(), faults, strict=True):
            advance(same[0][0].bytes)
            if fault is not None:
                numbers = sorted(number for _, number in same)
                found.damaged.append(_finding(versions[0].root, damaged_file(same[0][0].uri, fault), numbers))


def _identity(file: StoredFile) -> tuple[object, ...]:
    """A key that is the same for all names of one file."""
    if is_local(file.uri):
        try:
            status = os.stat(file.uri, follow_symlinks=False)  # noqa: PTH116 - a Path for each of thousands takes longer
        except OSError:
            pass  # reported later as missing
        else:
            return status.st_dev, status.st_ino, file.sha256, file.bytes
    return (file.uri,)


def _verify_documents(version: Version, found: Verification) -> None:
    """Validates the undamaged documents of a version against their types."""
    known = {each.path for each in found.damaged}
    for name, read in ((SCHEMA, version.schema), (INSIGHTS, version.insights)):
        if f"{version_folder(version.number)}/{name}" not in known:
            try:
                read()
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
    for uri in files_below(join(version.root, folder)):
        if uri not in listed:
            yield uri.removeprefix(version.root).removeprefix("/")
