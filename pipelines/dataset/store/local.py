"""Stores a dataset in a directory: file locks, renames, hard links, and leases for detached runs."""

import os
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.paths import CURRENT, MANIFEST, REPORT, record_path, version_folder
from pipelines.dataset.documents.writing import pointer, record
from pipelines.dataset.store import local_runs, staging
from pipelines.dataset.store.base import BASE, LEASE, Removable, Run, VersionFile, new_run_id, removed_after_an_error
from pipelines.dataset.store.durable import fsync_folders
from pipelines.dataset.store.folders import Folder, read_regular
from pipelines.dataset.store.guards import LOCK, check_free
from pipelines.dataset.store.local_runs import CONTROL_FILES, LEASED, PLACED, STAGED
from pipelines.dataset.store.locks import exclusive
from pipelines.dataset.store.marker import MARKER, dataset_id
from pipelines.dataset.store.names import version_number
from pipelines.dataset.store.owned import RUNS, VERSIONS, Owned
from pipelines.errors import AnotherJobPublishedError, JobError, RunLostError, UsageError
from transforms.storage.stored_files import join

UNFLUSHED = "unflushed"
"""File of the private folder from a version that was published without a flush to the next one that is flushed."""


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A dataset in a directory.

    Attributes:
        root: Its path.
    """

    root: str

    def pointer(self) -> bytes | None:
        """See `Store`."""
        return read_regular(Path(self.root, CURRENT))

    def identity(self) -> str | None:
        """See `Store`."""
        data = read_regular(Path(self.root, MARKER))
        return None if data is None else dataset_id(data, self.root)

    def manifest_record(self, number: int) -> bytes | None:
        """See `Store`."""
        return read_regular(Path(self.root, record_path(number)))

    def check_free(self) -> None:
        """See `Store`."""
        path = Path(self.root)
        if path.is_dir():
            with Folder.opened(path) as root:
                check_free(root)
        elif path.exists():
            raise UsageError(f"--dataset expects a directory, got the file {self.root}")

    def version_numbers(self) -> list[int]:
        """See `Store`."""
        folder = Path(self.root, VERSIONS)
        found = (version_number(entry.name) for entry in folder.iterdir()) if folder.is_dir() else ()
        return sorted(number for number in found if number is not None and self._is_whole(number))

    def next_number(self, number: int) -> int:
        """See `Store`."""
        number += 1
        while os.path.lexists(join(self.root, version_folder(number))) and not self._is_recorded(number):
            number += 1
        return number

    def foreign(self) -> list[str]:
        """See `Store`."""
        try:
            with Owned.shared(self.root) as owned:
                return list(owned.foreign())
        except (FileNotFoundError, NotADirectoryError, JobError):
            return []

    def reported_runs(self) -> list[str]:
        """See `Store`."""
        found = []
        with suppress(FileNotFoundError, NotADirectoryError, JobError), Owned.shared(self.root) as owned:
            for name in owned.runs():
                with owned.run(name) as folder:
                    if folder is not None and folder.read(REPORT) is not None:
                        found.append(name)
        return found

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        run = self._named(new_run_id())
        with ExitStack() as locks:
            # Under the lock of the dataset, so that no sweep finds a run whose own lock is not taken yet.
            with Owned.locked(self.root, create=True) as owned:
                local_runs.sweep(owned)
                folder = owned.start_run(run.id)
                locks.enter_context(exclusive(LOCK, folder=folder.descriptor))
                folder.write(BASE, _reads(base))
                owned.place_run(run.id)
            with removed_after_an_error(run, self.remove):
                yield run
            self._close_run(run)

    @contextmanager
    def detach(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        run = self._named(new_run_id())
        with Owned.locked(
            self.root, create=True
        ) as owned:  # under the lock, so that no sweep finds a run without its lease
            local_runs.sweep(owned)
            folder = owned.start_run(run.id)
            folder.write(BASE, _reads(base))
            folder.write(LEASED, str(LEASE.total_seconds()).encode())
            owned.place_run(run.id)
        with removed_after_an_error(run, self.remove):
            yield run

    def renew(self, run: str) -> bool:
        """See `Store`."""
        if self.identity() is None:
            return False
        try:
            with Owned.shared(self.root) as owned, owned.run(run) as folder:
                if folder is None:
                    return False
                os.utime(LEASED, dir_fd=folder.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def finishing(self, run: str) -> Iterator[Run]:
        """See `Store`."""
        if self.identity() is None:
            raise RunLostError(run)
        with Owned.locked(self.root):
            is_alive = self.renew(run)
        if not is_alive:
            raise RunLostError(run)
        yield self._named(run, secrets.token_hex(4))

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """See `Store`."""
        with Owned.shared(self.root) as owned:
            local_runs.clear(owned, run.id, keep)

    def release(self, run: Run) -> None:
        """See `Store`. The lease is removed last: if this is interrupted, a sweep completes it."""
        with Owned.shared(self.root) as owned:
            local_runs.release(owned, run.id)

    def publish(
        self, run: Run, version: int, expected: bytes | None, files: Sequence[VersionFile], *, fsync: bool = True
    ) -> None:
        """See `Store`.

        The files are moved to their final names, which no reader uses yet; then CURRENT is replaced. A job that dies in
        between leaves the dataset unchanged, and a folder that the next job removes. The files of a detached run are
        linked instead of moved, so that another attempt finds them.
        """
        with Owned.locked(self.root) as owned, owned.run(run.id) as here:
            if here is None:
                raise RunLostError(run.id)
            if here.has(PLACED) and not here.has(CURRENT):
                return
            here.remove(PLACED)
            if self.pointer() != expected:
                raise AnotherJobPublishedError(
                    f"another job published a version of {self.root} meanwhile; run this job again on top of it"
                )
            staging.discard_unpublished(owned, version)
            here.remove_tree(STAGED)  # left by an attempt that was killed
            staging.stage(run, files, Path(run.root, STAGED), fsync=fsync)
            with here.inner(STAGED) as staged:
                owned.record(version, record(version, staged.read(MANIFEST) or b""), fsync=fsync)
            versions = owned.ensure_area(VERSIONS)
            here.move(STAGED, versions, version_folder(version).rpartition("/")[2])
            # Written in the folder of the run, which a sweep removes if this process dies now.
            here.write(CURRENT, pointer(version), fsync=fsync)
            if not fsync:
                owned.private.write(UNFLUSHED)
            elif owned.private.has(UNFLUSHED):
                os.sync()  # a version before was not flushed, and this one may share its files
            if fsync:
                fsync_folders([*staging.folders(version, files, self.root), *(each.path for each in owned.written())])
            if run.attempt:
                here.write(PLACED)
            here.move(CURRENT, owned.root, CURRENT)
            if fsync:
                owned.root.fsync()
                owned.private.remove(UNFLUSHED)

    def sweep(self) -> list[str]:
        """See `Store`."""
        with Owned.locked(self.root) as owned:
            return local_runs.sweep(owned)

    def removable(self, keep: Collection[int]) -> Removable:
        """See `Store`."""
        with Owned.locked(self.root) as owned:
            others = [number for number in self.version_numbers() if number not in keep]
            return local_runs.removable(owned, others, self._current())

    def prune(self, numbers: Collection[int]) -> list[int]:
        """See `Store`."""
        with Owned.locked(self.root) as owned:
            local_runs.sweep(owned)
            chosen = [number for number in self.version_numbers() if number in numbers]
            removed = local_runs.removable(owned, chosen, self._current()).versions
            for number in removed:
                owned.discard_version(number)
            return list(removed)

    def keep_rejections(self, name: str, data: bytes) -> None:
        """See `Store`."""
        with Owned.locked(self.root) as owned:
            folder = owned.ensure_area("open_rejections")
            folder.write(name, data, fsync=True)
            for changed in (folder, owned.private):
                changed.fsync()

    def remove(self, uri: str) -> None:
        """See `Store`."""
        name = self._run_at(uri)
        with suppress(FileNotFoundError), Owned.locked(self.root) as owned:
            owned.discard_run(name)

    def _close_run(self, run: Run) -> None:
        """Removes the lock of an ended run, or all of it if it left no files."""
        with suppress(FileNotFoundError), Owned.locked(self.root) as owned:
            with owned.run(run.id) as folder:
                if folder is None:
                    return
                left = set(folder.names()) - CONTROL_FILES
                if left:
                    folder.remove(BASE)
                    folder.remove(LOCK)
            if not left:
                owned.discard_run(run.id, is_over=True)

    def _named(self, run: str, attempt: str = "") -> Run:
        return Run(run, join(self.root, RUNS, run), attempt)

    def _run_at(self, uri: str) -> str:
        parent, _, name = uri.rpartition("/")
        if parent != join(self.root, RUNS):
            raise ValueError(f"{uri} is no run of {self.root}")  # a programming error
        return name

    def _current(self) -> int:
        return reading.pointer(self.pointer(), self.root)

    def _is_recorded(self, number: int) -> bool:
        return Path(self.root, record_path(number)).is_file()

    def _is_whole(self, number: int) -> bool:
        return self._is_recorded(number) and Path(self.root, version_folder(number), MANIFEST).is_file()


def _reads(base: int | None) -> bytes:
    return b"" if base is None else str(base).encode()
