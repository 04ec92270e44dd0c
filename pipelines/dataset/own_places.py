"""Tells the places of a dataset's own files from all others, for commands that write files elsewhere (P6)."""

import os

from pipelines.dataset.documents.paths import CURRENT, PRIVATE
from pipelines.dataset.store.guards import LOCK
from pipelines.dataset.store.owned import RUNS, VERSIONS
from transforms.storage.stored_files import is_local, local_path

_NAMES = (CURRENT, LOCK, PRIVATE, RUNS, VERSIONS)


def is_own_place(path: str, dataset: str) -> bool:
    """Whether a path, which need not exist, is that of a file or a folder of a dataset, or below such a folder.

    Args:
        path: A path or URI; symbolic links on the way are followed.
        dataset: The path or URI of the dataset.
    """
    place, root = (
        os.path.realpath(local_path(each)) if is_local(each) else each.rstrip("/") for each in (path, dataset)
    )
    inner = place.removeprefix(f"{root.rstrip('/')}/")
    return inner != place and inner.partition("/")[0] in _NAMES
