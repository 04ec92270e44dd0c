"""Finds, writes and removes a dataset's own files in a directory; foreign files are never touched (P6)."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pipelines.dataset.documents.paths import CURRENT, MANIFEST, PRIVATE, record_path, version_folder
from pipelines.dataset.documents.reading import DocumentError, parsed
from pipelines.dataset.documents.types import RecordJson
from pipelines.dataset.store.folders import TEMPORARY, Folder
from pipelines.dataset.store.guards import (
    LOCK,
    MARKER_NAME,
    check_free,
    check_regular,
    make_directory,
    marker,
    no_dataset_message,
    opened_area,
)
from pipelines.dataset.store.locks import exclusive
from pipelines.dataset.store.marker import FORGOTTEN_AFTER, dataset_id, new_marker
from pipelines.dataset.store.names import is_run_id, is_version_file, version_number
from pipelines.errors import UsageError

RUNS, VERSIONS = "runs", "versions"


@dataclass(frozen=True, slots=True)
class Owned:
    """The open directory of a dataset, to read and write its own files.

    Attributes:
        root: The directory that the user named.
        private: Its folder for this tool alone.
        identity: The id of the dataset.
        clock: Descriptor of the lock file of the dataset while this process has it locked, else None.
    """

    root: Folder
    private: Folder
    identity: str
    clock: int | None
    _opened: dict[str, Folder] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    @classmethod
    @contextmanager
    def locked(cls, root: str, *, create: bool = False) -> Iterator[Self]:
        """Opens a dataset and locks it against other writers during the block.

        Args:
            root: Path of the directory.
            create: Whether an empty directory becomes a dataset.

        Raises:
            UsageError: The directory is no dataset and cannot become one, or a link takes the name of its folders.
            DamagedDatasetError: The marker is damaged.
        """
        if create:
            make_directory(Path(root))
        with Folder.opened(Path(root)) as folder:
            if create:
                check_free(folder)  # before anything is written
            elif marker(folder) is None:
                raise UsageError(no_dataset_message(folder))
            check_regular(folder, CURRENT)
            check_regular(folder, LOCK)
            with exclusive(LOCK, wait=True, folder=folder.descriptor) as clock:
                if create and marker(folder) is None:
                    check_free(folder)
                    folder.make(PRIVATE)
                    with opened_area(folder, PRIVATE) as private:
                        private.write(MARKER_NAME, new_marker(), fsync=True)
                        private.fsync()
                    folder.fsync()
                with cls._of(folder, clock) as owned:
                    yield owned

    @classmethod
    @contextmanager
    def shared(cls, root: str) -> Iterator[Self]:
        """Opens a dataset without a lock; raises as `locked`."""
        with Folder.opened(Path(root)) as folder, cls._of(folder, None) as owned:
            yield owned

    @classmethod
    @contextmanager
    def _of(cls, root: Folder, clock: int | None) -> Iterator[Self]:
        data = marker(root)
        if data is None:
            raise UsageError(no_dataset_message(root))
        with opened_area(root, PRIVATE) as private, ExitStack() as closing:
            owned = cls(root, private, dataset_id(data, str(root.path)), clock, _closing=closing)
            for name in (RUNS, VERSIONS):  # before anything is written, so that a link in place of them is an error
                owned.area(name)
            yield owned

    def area(self, name: str, *, make: bool = False) -> Folder | None:
        """`runs` or `versions`, or a folder below the private one; None if it does not exist.

        Raises:
            UsageError: Something other than a directory has its name.
        """
        if name not in self._opened:
            parent = self.root if name in (RUNS, VERSIONS) else self.private
            if make:
                parent.make(name)
            if not parent.has(name):
                return None
            self._opened[name] = self._closing.enter_context(opened_area(parent, name))
        return self._opened[name]

    def ensure_area(self, name: str) -> Folder:
        """An area, made if it does not exist."""
        area = self.area(name, make=True)
        assert area is not None  # noqa: S101 - for mypy
        return area

    def now(self) -> float:
        """The time in seconds by the clock of the file system, which on a shared disk is not that of this machine."""
        assert self.clock is not None  # noqa: S101 - a programming error
        os.utime(self.clock)
        return os.fstat(self.clock).st_mtime

    def runs(self) -> list[str]:
        """The ids of its own runs, including removed ones that a worker has written to again."""
        runs = self.area(RUNS)
        return [] if runs is None else [name for name in runs.names() if self._is_run(runs, name)]

    @contextmanager
    def run(self, name: str) -> Iterator[Folder | None]:
        """Opens the folder of one of its runs; None if there is none."""
        runs = self.area(RUNS)
        if runs is None or not self._is_run(runs, name):
            yield None
            return
        with runs.inner(name) as folder:
            yield folder

    def start_run(self, name: str) -> "Folder":
        """Makes a folder for a new run, which `place_run` moves into place; until then `tidy` removes it."""
        removed = self.ensure_area("removed")
        removed.make(f"{name}.new")
        folder = self._closing.enter_context(removed.inner(f"{name}.new"))
        folder.write(PRIVATE, self.identity.encode())
        return folder

    def place_run(self, name: str) -> None:
        """Moves the folder of a new run into place."""
        self.ensure_area("removed").move(f"{name}.new", self.ensure_area(RUNS), name)

    def versions(self) -> list[int]:
        """The numbers of its own versions, ascending, including unpublished and incomplete ones."""
        versions = self.area(VERSIONS)
        numbers = [] if versions is None else [version_number(name) for name in versions.names()]
        return sorted(number for number in numbers if number is not None and self.is_version(number))

    def is_version(self, number: int) -> bool:
        """Whether the folder of a version is the dataset's own, which has a record of its manifest."""
        versions, records = self.area(VERSIONS), self.area("manifests")
        status = None if versions is None else versions.status(_folder_name(number))
        return (
            status is not None
            and stat.S_ISDIR(status.st_mode)
            and records is not None
            and records.read(_record_name(number)) is not None
        )

    def is_unpublished(self, number: int) -> bool:
        """Whether a version after the current one matches its record and contains no foreign files."""
        versions, records = self.area(VERSIONS), self.area("manifests")
        if versions is None or records is None or not self.is_version(number) or self.foreign_files(number):
            return False
        with versions.inner(_folder_name(number)) as folder:
            data, recorded = folder.read(MANIFEST), records.read(_record_name(number))
        try:
            expected = parsed(recorded or b"", RecordJson)["sha256"]
        except DocumentError:
            return False
        return data is not None and hashlib.sha256(data).hexdigest() == expected

    def foreign_files(self, number: int) -> list[str]:
        """Paths below the dataset of foreign files in the folder of a version."""
        versions = self.area(VERSIONS)
        if versions is None:
            return []
        start = _folder_name(number)
        with versions.inner(start) as folder:
            found = [path for path in folder.paths() if not is_version_file(path)]
        return [f"{VERSIONS}/{start}/{path}" for path in found]

    def record(self, number: int, data: bytes, *, fsync: bool) -> None:
        """Writes the record of the manifest of a version."""
        self.ensure_area("manifests").write(_record_name(number), data, fsync=fsync)

    def written(self) -> list[Folder]:
        """The folders whose entries change when a version is published, except its own and that of the dataset."""
        return [self.ensure_area(VERSIONS), self.ensure_area("manifests"), self.private]

    def discard_run(self, name: str, *, is_over: bool = False) -> None:
        """Removes one of its runs; unless it is over, notes the removal, because a worker of it may still write."""
        with self.run(name) as folder:
            status = None if folder is None else folder.status()
        if status is not None:
            if not is_over:
                self.ensure_area("removed").write(name)
            self._discard(self.ensure_area(RUNS), name, status)
        self.root.remove_empty(RUNS)
        self._forget(RUNS)

    def discard_version(self, number: int) -> None:
        """Removes one of its versions, atomically for readers, and its record."""
        versions = self.ensure_area(VERSIONS)
        status = versions.status(_folder_name(number))
        if status is not None and self.is_version(number):
            self._discard(versions, _folder_name(number), status)
        self.ensure_area("manifests").remove(_record_name(number))

    def tidy(self) -> None:
        """Completes interrupted removals, and deletes temporary files and records without a version."""
        removed, records, now = self.ensure_area("removed"), self.ensure_area("manifests"), self.now()
        for name in removed.names():
            status = removed.status(name)
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                removed.remove_tree(name)
            elif now - status.st_mtime > FORGOTTEN_AFTER.total_seconds():
                removed.remove(name)
        for folder in (self.private, records, *filter(None, [self.area("open_rejections")])):
            for name in folder.names():
                if name.endswith(TEMPORARY):
                    folder.remove(name)
        there = {_record_name(number) for number in self.versions()}
        for name in records.names():
            if name not in there and version_number(name.removesuffix(".json")) is not None:
                records.remove(name)

    def foreign(self) -> Iterator[str]:
        """Paths below the dataset of foreign files and folders in its folders."""
        runs, versions = self.area(RUNS), self.area(VERSIONS)
        if runs is not None:
            yield from (f"{RUNS}/{name}" for name in runs.names() if not self._is_run(runs, name))
        if versions is not None:
            for name in versions.names():
                number = version_number(name)
                if number is None or not self.is_version(number):
                    yield f"{VERSIONS}/{name}"

    def _is_run(self, runs: Folder, name: str) -> bool:
        """Whether a folder is a run of this dataset: by the form of its name and its owner file."""
        if not is_run_id(name):
            return False
        try:
            with runs.inner(name) as folder:
                owner = folder.read(PRIVATE)
        except OSError:  # a link, a file, or an unreadable folder: not ours
            return False
        if owner is not None:
            return owner == self.identity.encode()
        removed = self.area("removed")
        return removed is not None and removed.has(name)

    def _discard(self, parent: Folder, name: str, status: os.stat_result) -> None:
        """Moves a folder away atomically, then deletes it, if it is still the one with this status.

        Raises:
            OSError: Another folder has taken its place; that one is moved back.
        """
        removed, hidden = self.ensure_area("removed"), f"{name}.{secrets.token_hex(4)}"
        parent.move(name, removed, hidden)
        moved = removed.status(hidden)
        if moved is None or not os.path.samestat(moved, status):
            removed.move(hidden, parent, name)
            raise OSError(f"{parent.path / name} was replaced during its removal; it is kept, run this again")
        removed.remove_tree(hidden)

    def _forget(self, name: str) -> None:
        """Closes a cached area that no longer exists."""
        if not self.root.has(name):
            self._opened.pop(name, None)


def _folder_name(number: int) -> str:
    return version_folder(number).rpartition("/")[2]


def _record_name(number: int) -> str:
    return record_path(number).rpartition("/")[2]
