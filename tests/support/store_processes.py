"""Stores in processes of their own, which hold locks and die; they load no Beam, and so start at once."""

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.dataset.documents.paths import CURRENT
from pipelines.dataset.store.base import Run, VersionFile
from pipelines.dataset.store.folders import Folder
from pipelines.dataset.store.local import LocalStore
from pipelines.dataset.store.locks import exclusive


@contextmanager
def written(store: LocalStore, text: str) -> Iterator[Run]:
    """A run that has written a version which says whose it is."""
    with store.run(None) as run:
        Path(run.root, "manifest.json").write_text(json.dumps({"format": 4, "files": [], "who": text}))
        yield run


def manifest_of(run: Run) -> list[VersionFile]:
    """The files of that version."""
    return [VersionFile(f"{run.root}/manifest.json", "manifest.json")]


def die_before_the_pointer_is_replaced(root: str) -> None:
    """Publishes, and kills this process before anybody sees it."""
    move = Folder.move

    def die(self: Folder, name: str, to: Folder, new: str) -> None:
        if name == CURRENT:
            os.kill(os.getpid(), signal.SIGKILL)
        move(self, name, to, new)

    store = LocalStore(root)
    with written(store, "dead") as run:
        Folder.move = die  # type: ignore[method-assign] # of this process, which ends with it
        store.publish(run, 1, None, manifest_of(run))


def hold(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    """Holds a lock until this process is killed."""
    with exclusive(path):
        ready.set()
        ready.wait(60)
        multiprocessing.Event().wait(60)
