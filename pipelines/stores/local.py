"""A dataset in a directory: locks of the system, renames, hard links."""

import json
import secrets
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.config import UsageError
from pipelines.stores.locks import exclusive, is_held
from pipelines.stores.store import (
    BASE,
    CURRENT,
    MANIFEST,
    REPORT,
    AnotherJobPublishedError,
    Placed,
    Run,
    join,
    version_folder,
)

LOCK = ".lock"


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

    def check_free(self) -> None:
        """See `Store`."""
        path = Path(self.root)
        if path.exists() and not path.is_dir():
            raise UsageError(f"--dataset expects a directory, got the file {self.root}")
        known = {"runs", "versions", LOCK}
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
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        run = Run(name, join(self.root, "runs", name))
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

    def publish(self, run: Run, version: int, seen: bytes | None, files: Sequence[Placed]) -> None:
        """See `Store`.

        The files go under their final name, which nobody reads yet; then the pointer is replaced. Whoever dies in
        between leaves the dataset as it was, and a folder that the next job to publish this version puts away.
        """
        root = Path(self.root)
        with exclusive(root / LOCK, wait=True):
            if self.pointer() != seen:
                raise AnotherJobPublishedError(
                    f"another job published a version of {self.root} meanwhile; run this job again on top of it"
                )
            target = root / version_folder(version)
            self.remove(target.as_posix())
            staged = root / "versions" / f".{run.id}"
            for file in files:
                _place(Path(file.source), staged / file.path, move=file.source.startswith(f"{run.root}/"))
            staged.rename(target)
            pointer = {"version": version, "manifest": f"{version_folder(version)}/{MANIFEST}"}
            # Made ready in the folder of the run, which a sweep takes along if this process dies now.
            ready = Path(run.root, CURRENT)
            ready.write_text(json.dumps(pointer))
            ready.replace(root / CURRENT)

    def sweep(self) -> list[str]:
        """See `Store`."""
        with exclusive(Path(self.root) / LOCK, wait=True):
            return self._sweep()

    def prune(self, keep: Collection[int]) -> list[int]:
        """See `Store`."""
        with exclusive(Path(self.root) / LOCK, wait=True):
            self._sweep()
            alive = [folder for folder in Path(self.root).glob("runs/*") if is_held(folder / LOCK)]
            bases = [(folder / BASE).read_text() for folder in alive if (folder / BASE).exists()]
            kept = {*keep, *(int(base) for base in bases if base)}
            removed = [number for number in self.numbers() if number not in kept]
            for number in removed:
                # Gone in one step for those who look; what a kill leaves of the rest, the next sweep takes.
                hidden = Path(self.root, "versions", f".{number}.pruned")
                Path(self.root, version_folder(number)).rename(hidden)
                shutil.rmtree(hidden)
            return removed

    def remove(self, uri: str) -> None:
        """See `Store`."""
        path = Path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _sweep(self) -> list[str]:
        """Removes the runs that ended without a word: no report, and no process that holds their lock."""
        dead = [
            folder
            for folder in sorted(Path(self.root).glob("runs/*"))
            if not (folder / REPORT).exists() and not is_held(folder / LOCK)
        ]
        for folder in [*dead, *self._unpublished()]:
            shutil.rmtree(folder)
        return [folder.name for folder in dead]

    def _unpublished(self) -> Iterator[Path]:
        """What somebody died over while publishing it: now this process alone has the lock to publish."""
        pointer = self.pointer()
        published = 0 if pointer is None else int(json.loads(pointer)["version"])
        for folder in Path(self.root).glob("versions/*"):
            if folder.name.startswith(".") or (folder.name.isdigit() and int(folder.name) > published):
                yield folder


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
