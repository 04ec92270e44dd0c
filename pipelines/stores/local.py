"""A dataset in a directory: locks of the system, renames, hard links; leases where no process stays to hold a lock."""

import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import AnotherJobPublishedError, RunLostError, UsageError
from pipelines.stores.locks import exclusive, is_held
from pipelines.stores.marker import MANIFESTS, PRIVATE, record, record_path
from pipelines.stores.store import (
    BASE,
    CURRENT,
    LEASE,
    LEFT,
    MANIFEST,
    REPORT,
    Placed,
    Run,
    join,
    new_run_id,
    version_folder,
)

LOCK = ".lock"
LEASED = ".lease"
"""File of a detached run: for how many seconds after it was last touched the run lives."""
PLACED = ".placed"
"""File of a detached run that is there before its CURRENT moves, which then is the sign that it has published."""
_ITS_OWN = {BASE, LOCK, LEASED, PLACED, CURRENT}
"""What says of a run that it lives and how far it is."""


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A dataset in a directory.

    Attributes:
        root: Its path.
    """

    root: str

    def pointer(self) -> bytes | None:
        """See `Store`."""
        path = Path(self.root, CURRENT)
        return path.read_bytes() if path.exists() else None

    def recorded(self, number: int) -> bytes | None:
        """See `Store`."""
        try:
            return Path(self.root, record_path(number)).read_bytes()
        except FileNotFoundError:
            return None

    def check_free(self) -> None:
        """See `Store`."""
        path = Path(self.root)
        if path.exists() and not path.is_dir():
            raise UsageError(f"--dataset expects a directory, got the file {self.root}")
        known = {"runs", "versions", LOCK, PRIVATE}
        if path.is_dir() and any(entry.name not in known for entry in path.iterdir()):
            raise UsageError(
                f"{self.root} holds files but no dataset ({CURRENT} is missing): name an empty or a new directory"
            )

    def numbers(self) -> list[int]:
        """See `Store`."""
        folders = Path(self.root).glob("versions/*")
        return sorted(int(each.name) for each in folders if each.name.isdigit() and (each / MANIFEST).exists())

    @contextmanager
    def run(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        run = self._named(new_run_id())
        folder = Path(run.root)
        try:
            with ExitStack() as held:
                # One job at a time, so that no sweep meets a folder whose lock is not taken yet.
                with exclusive(Path(self.root) / LOCK, wait=True):
                    self._sweep()
                    held.enter_context(exclusive(folder / LOCK))
                    (folder / BASE).write_text("" if base is None else str(base))
                yield run
        except BaseException:  # an interrupted job too takes its traces along
            self.remove(run.root)
            raise
        finally:
            for name in (BASE, LOCK):
                (folder / name).unlink(missing_ok=True)
            _remove_empty(folder)

    @contextmanager
    def detach(self, base: int | None) -> Iterator[Run]:
        """See `Store`."""
        run = self._named(new_run_id())
        folder = Path(run.root)
        with exclusive(Path(self.root) / LOCK, wait=True):  # no sweep meets a run without its lease
            self._sweep()
            folder.mkdir(parents=True)
            (folder / BASE).write_text("" if base is None else str(base))
            (folder / LEASED).write_text(str(LEASE.total_seconds()))
        try:
            yield run
        except BaseException:
            self.remove(run.root)
            raise

    def renew(self, run: str) -> bool:
        """See `Store`."""
        try:
            os.utime(Path(self._named(run).root, LEASED))
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def concluding(self, run: str) -> Iterator[Run]:
        """See `Store`."""
        if not Path(self.root).is_dir():
            raise RunLostError(run)
        with exclusive(Path(self.root) / LOCK, wait=True):
            lives = self.renew(run)
        if not lives:
            raise RunLostError(run)
        yield self._named(run, secrets.token_hex(4))

    def clear(self, run: Run, keep: Collection[str]) -> None:
        """See `Store`."""
        for entry in Path(run.root).glob("*"):
            if entry.name not in keep and entry.name not in _ITS_OWN:
                self.remove(entry.as_posix())

    def release(self, run: Run) -> None:
        """See `Store`. The lease goes last: whoever dies in between leaves a run that a sweep releases."""
        for name in (PLACED, CURRENT, BASE, LOCK, LEASED):
            Path(run.root, name).unlink(missing_ok=True)

    def publish(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> None:
        """See `Store`.

        The files go under their final name, which nobody reads yet; then the pointer is replaced. Whoever dies in
        between leaves the dataset as it was, and a folder that the next job to publish this version puts away. Of a
        detached run they stay where they are too, for the next try.
        """
        root, ready, placed = Path(self.root), Path(run.root, CURRENT), Path(run.root, PLACED)
        with exclusive(root / LOCK, wait=True):
            if placed.exists() and not ready.exists():
                return
            placed.unlink(missing_ok=True)
            if self.pointer() != seen:
                raise AnotherJobPublishedError(
                    f"another job published a version of {self.root} meanwhile; run this job again on top of it"
                )
            target = root / version_folder(version)
            self.remove(target.as_posix())
            staged = root / "versions" / f".{run.id}"
            self.remove(staged.as_posix())  # what a try left that was killed
            for file in files:
                own = not run.attempt and file.source.startswith(f"{run.root}/")
                _place(Path(file.source), staged / file.path, move=own)
            self._record(version, (staged / MANIFEST).read_bytes())
            staged.rename(target)
            pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
            # Made ready in the folder of the run, which a sweep takes along if this process dies now.
            ready.write_text(json.dumps(pointer))
            if run.attempt:
                placed.touch()
            ready.replace(root / CURRENT)

    def sweep(self) -> list[str]:
        """See `Store`."""
        with exclusive(Path(self.root) / LOCK, wait=True):
            return self._sweep()

    def prune(self, keep: Collection[int]) -> list[int]:
        """See `Store`."""
        with exclusive(Path(self.root) / LOCK, wait=True):
            self._sweep()
            now = self._now()
            alive = [folder for folder in Path(self.root).glob("runs/*") if _lives(folder, now)]
            bases = [(folder / BASE).read_text() for folder in alive if (folder / BASE).exists()]
            kept = {*keep, *(int(base) for base in bases if base)}
            removed = [number for number in self.numbers() if number not in kept]
            for number in removed:
                # Gone in one step for those who look; what a kill leaves of the rest, the next sweep takes.
                hidden = Path(self.root, "versions", f".{number}.pruned")
                Path(self.root, version_folder(number)).rename(hidden)
                shutil.rmtree(hidden)
                Path(self.root, record_path(number)).unlink(missing_ok=True)
            return removed

    def remove(self, uri: str) -> None:
        """See `Store`."""
        path = Path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _sweep(self) -> list[str]:
        """Removes the runs that ended without a word: no report, no process that holds their lock, no lease.

        And what one of them left that died while it cleared up after itself.
        """
        now = self._now()
        over = [folder for folder in sorted(Path(self.root).glob("runs/*")) if not _lives(folder, now)]
        dead = [folder for folder in over if not (folder / REPORT).exists()]
        for folder in [*dead, *self._unpublished()]:
            shutil.rmtree(folder)
        for path in self._unused_records():
            path.unlink()
        for folder in over:
            if (folder / LEASED).exists():
                self.clear(self._named(folder.name), LEFT)
                self.release(self._named(folder.name))
        return [folder.name for folder in dead]

    def _record(self, number: int, manifest: bytes) -> None:
        path = Path(self.root, record_path(number))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(record(number, manifest))
        temporary.replace(path)

    def _unused_records(self) -> list[Path]:
        """What is recorded of versions that are not there."""
        there = {Path(record_path(number)).name for number in self.numbers()}
        return [path for path in Path(self.root, MANIFESTS).glob("*") if path.name not in there]

    def _named(self, run: str, attempt: str = "") -> Run:
        return Run(run, join(self.root, "runs", run), attempt)

    def _now(self) -> float:
        """The time by the clock that dates the files here, which on a shared disk is not that of this machine."""
        lock = Path(self.root) / LOCK
        os.utime(lock)
        return lock.stat().st_mtime

    def _unpublished(self) -> Iterator[Path]:
        """What somebody died over while publishing it: now this process alone has the lock to publish."""
        pointer = self.pointer()
        published = 0 if pointer is None else int(json.loads(pointer)["version"])
        for folder in Path(self.root).glob("versions/*"):
            if folder.name.startswith(".") or (folder.name.isdigit() and int(folder.name) > published):
                yield folder


def _lives(folder: Path, now: float) -> bool:
    """Whether a process holds the lock of a run, or its lease is not over."""
    if is_held(folder / LOCK):
        return True
    try:
        leased = folder / LEASED
        return now - leased.stat().st_mtime <= float(leased.read_text())
    except FileNotFoundError:
        return False


def _place(source: Path, target: Path, *, move: bool) -> None:
    """Puts a file where the version has it; one of an earlier version stays there too, as one file with two names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if move:
        source.rename(target)
        return
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links, or too many of one file
        shutil.copyfile(source, target)


def _remove_empty(folder: Path) -> None:
    for place in (folder, folder.parent, folder.parent.parent):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
