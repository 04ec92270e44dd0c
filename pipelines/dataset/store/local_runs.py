"""Tracks the runs of a dataset in a directory: which are alive, which are abandoned, what may be removed."""

from collections.abc import Collection

from pipelines.dataset.documents import reading
from pipelines.dataset.documents.paths import CURRENT, PRIVATE, REPORT
from pipelines.dataset.store.base import BASE, KEPT_FILES, LEASE, Removable
from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.guards import LOCK
from pipelines.dataset.store.locks import is_locked
from pipelines.dataset.store.owned import Owned

LEASED = ".lease"
"""File of a detached run: the seconds for which the run is considered alive after the file was last touched."""
PLACED = ".placed"
"""File of a detached run, made before its CURRENT is moved away: with it and without CURRENT, it has published."""
STAGED = ".staged"
"""Folder of a run in which a version is assembled."""
CONTROL_FILES = {PRIVATE, BASE, LOCK, LEASED, PLACED, STAGED, CURRENT}
"""Files of a run that hold its owner, its lock or lease, and its progress in publishing."""


def sweep(owned: Owned) -> list[str]:
    """Removes abandoned runs: those without a report, whose lock is free and whose lease, if any, is over.

    Also completes the cleanup of runs that died during it, and removes versions that were never published: only this
    process has the lock of the dataset now.
    """
    abandoned = abandoned_runs(owned)
    for name in abandoned:
        owned.discard_run(name)
    now = owned.now()
    for name in owned.runs():
        with owned.run(name) as folder:
            over = folder is not None and folder.has(LEASED) and not is_alive(folder, now)
        if over:
            clear(owned, name, KEPT_FILES)
            release(owned, name)
    published = _published(owned)
    for number in owned.versions():
        if number > published and owned.is_unpublished(number):
            owned.discard_version(number)
    owned.tidy()
    return abandoned


def abandoned_runs(owned: Owned) -> list[str]:
    """The ids of abandoned runs."""
    now, abandoned = owned.now(), []
    for name in owned.runs():
        with owned.run(name) as folder:
            if folder is not None and not is_alive(folder, now) and not folder.has(REPORT):
                abandoned.append(name)
    return abandoned


def removable(owned: Owned, numbers: Collection[int], current: int) -> Removable:
    """What a prune of some versions would remove.

    Args:
        owned: The dataset.
        numbers: Of these complete versions, ascending.
        current: Number of the current version.
    """
    now, kept = owned.now(), set[int]()
    for name in owned.runs():
        with owned.run(name) as folder:
            if folder is not None and is_alive(folder, now) and (base := folder.read(BASE) or b"").isdigit():
                kept.add(int(base))
    old = [number for number in numbers if number < current and number not in kept and owned.is_version(number)]
    foreign_files = {number: owned.foreign_files(number) for number in old}
    return Removable(
        versions=tuple(number for number in old if not foreign_files[number]),
        runs=tuple(abandoned_runs(owned)),
        blocked=tuple(path for paths in foreign_files.values() for path in paths),
    )


def _published(owned: Owned) -> int:
    return reading.pointer(owned.root.read(CURRENT), f"{owned.root.path}")


def is_alive(folder: Folder, now: float) -> bool:
    """Whether a process has the lock of a run, or its lease is not over."""
    if is_locked(LOCK, folder=folder.descriptor):
        return True
    status, lease = folder.status(LEASED), folder.read(LEASED)
    return status is not None and lease is not None and now - status.st_mtime <= _seconds(lease)


def _seconds(lease: bytes) -> float:
    try:
        return float(lease)
    except ValueError:  # damaged
        return LEASE.total_seconds()


def clear(owned: Owned, run: str, keep: Collection[str]) -> None:
    """Removes the files of a run, except those to keep and the control files."""
    with owned.run(run) as folder:
        for name in () if folder is None else folder.names():
            if folder is not None and name not in keep and name not in CONTROL_FILES:
                folder.remove_tree(name)


def release(owned: Owned, run: str) -> None:
    """Removes the control files of a run, its lease last."""
    with owned.run(run) as folder:
        if folder is not None:
            folder.remove_tree(STAGED)
            for name in (PLACED, CURRENT, BASE, LOCK, LEASED):
                folder.remove(name)
