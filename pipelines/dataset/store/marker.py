"""Makes and reads the marker that identifies a dataset, and the records of its manifests (P6, P7)."""

import hashlib
import json
import uuid
from datetime import timedelta
from pathlib import PurePosixPath

from pipelines.dataset.store.base import MANIFEST, version_folder
from pipelines.errors import DamagedDatasetError

PRIVATE = ".metadata-etl"
"""Folder of a dataset that is for this tool alone; in a run the file that says whose run it is."""
MARKER = f"{PRIVATE}/dataset.json"
MANIFESTS = f"{PRIVATE}/manifests"
REMOVED = f"{PRIVATE}/removed"
"""Folder of a dataset: what is on its way out, and what was removed although somebody may still write to it."""
FORGOTTEN_AFTER = timedelta(days=30)
"""How long it is known that a run was removed: a worker of it that was cut off may write on until it notices."""
_TOOL = "metadata-etl"
_FORMAT = 1
_MEMBERS = {"tool", "format", "dataset"}


def new_marker() -> bytes:
    """The marker of a new dataset; it is never written a second time."""
    document = {"tool": _TOOL, "format": _FORMAT, "dataset": str(uuid.uuid4())}
    return f"{json.dumps(document)}\n".encode()


def dataset_id(marker: bytes, root: str) -> str:
    """The id of the dataset that a marker names.

    Raises:
        DamagedDatasetError: It is not what this tool writes.
    """
    try:
        document = json.loads(marker)
        if document.keys() == _MEMBERS and (document["tool"], document["format"]) == (_TOOL, _FORMAT):
            return str(uuid.UUID(document["dataset"]))
    except (ValueError, AttributeError, TypeError, RecursionError):
        pass
    raise DamagedDatasetError(
        f"{root}/{MARKER} is damaged: it does not name a dataset of {_TOOL}; nothing can be published here until it is "
        "restored from a copy. Or build the dataset in another directory with `metadata-etl backfill`"
    )


def record_path(number: int) -> str:
    """Path below the dataset of what it recorded of the manifest of a version."""
    return f"{MANIFESTS}/{PurePosixPath(version_folder(number)).name}.json"


def record(number: int, manifest: bytes) -> bytes:
    """What a dataset records of the manifest of a version before the version becomes current."""
    document = {
        "version": number,
        "manifest": f"{version_folder(number)}/{MANIFEST}",
        "bytes": len(manifest),
        "sha256": hashlib.sha256(manifest).hexdigest(),
    }
    return f"{json.dumps(document)}\n".encode()
