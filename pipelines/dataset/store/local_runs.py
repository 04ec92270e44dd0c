"""Tracks the runs of a dataset in a directory: which are alive, which are abandoned, what may be removed."""

from collections.abc import Collection, Sequence

from pipelines.dataset.documents import reading
from pipelines.dataset.store.base import BASE, CURRENT, KEPT_FILES, LEASE, REPORT, Removable
from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.guards import LOCK
from pipelines.dataset.store.locks import is_locked
from pipelines.dataset.store.marker import PRIVATE
from pipelines.dataset.store.owned import Owned

LEASED = ".lease"
"""File of a detached run: for how many seconds after it was last touched the run lives."""
PLACED = ".placed"
"""File of a detached run that is there before its CURRENT moves, which then is the sign that it has published."""
STAGED = ".staged"
"""Folder of a run in which a version is put together."""
CONTROL_FILES = {PRIVATE, BASE, LOCK, LEASED, PLACED, STAGED, CURRENT}
"""What says of a run whose it is, that it lives, and how far it is."""


def sweep(owned: Owned) -> list[str]:
    """Removes the runs that ended without a word: no report, no process that holds their lock, no lease.

    And what one of them left that died while it cleared up after itself, or while it published: this process alone
    has the lock to publish now.
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
    """The ids of the runs that ended without a word."""
    now, abandoned = owned.now(), []
    for name in owned.runs():
        with owned.run(name) as folder:
            if folder is not None and not is_alive(folder, now) and not folder.has(REPORT):
                abandoned.append(name)
    return abandoned


def removable(owned: Owned, keep: Collection[int], there: Sequence[int], current: int) -> Removable:
    """What a prune would remove of the versions that are there, whole."""
    now, kept = owned.now(), set(keep)
    for name in owned.runs():
        with owned.run(name) as folder:
            if folder is not None and is_alive(folder, now) and (base := folder.read(BASE) or b"").isdigit():
                kept.add(int(base))
    old = [number for number in there if number < current and number not in kept and owned.is_version(number)]
    foreign_files = {number: owned.foreign_files(number) for number in old}
    return Removable(
        versions=tuple(number for number in old if not foreign_files[number]),
        runs=tuple(abandoned_runs(owned)),
        blocked=tuple(path for paths in foreign_files.values() for path in paths),
    )


def _published(owned: Owned) -> int:
    pointer = owned.root.read(CURRENT)
    return 0 if pointer is None else reading.pointer(pointer, f"{owned.root.path}")


def is_alive(folder: Folder, now: float) -> bool:
    """Whether a process holds the lock of a run, or its lease is not over."""
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
    """Removes what a run wrote, but for these, and for what says that it lives."""
    with owned.run(run) as folder:
        for name in () if folder is None else folder.names():
            if folder is not None and name not in keep and name not in CONTROL_FILES:
                folder.remove_tree(name)


def release(owned: Owned, run: str) -> None:
    """Takes from a run what says that it lives, its lease at last."""
    with owned.run(run) as folder:
        if folder is not None:
            folder.remove_tree(STAGED)
            for name in (PLACED, CURRENT, BASE, LOCK, LEASED):
                folder.remove(name)
