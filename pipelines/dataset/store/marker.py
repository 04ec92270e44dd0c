"""Makes and reads the marker that identifies a dataset (P6)."""

import json
import uuid
from contextlib import suppress
from datetime import timedelta

from pipelines.dataset.documents.paths import PRIVATE
from pipelines.dataset.documents.reading import parsed
from pipelines.dataset.documents.types import MarkerJson
from pipelines.errors import DamagedDatasetError

MARKER = f"{PRIVATE}/dataset.json"
REMOVED = f"{PRIVATE}/removed"
"""Folder of a dataset for what is being removed, and for notes on removed runs that may still be written to."""
FORGOTTEN_AFTER = timedelta(days=30)
"""How long the note on a removed run is kept: a worker that was cut off may go on writing until it notices."""


def new_marker() -> bytes:
    """The marker of a new dataset; it is written once and never changed."""
    document: MarkerJson = {"tool": "metadata-etl", "format": 1, "dataset": str(uuid.uuid4())}
    return f"{json.dumps(document)}\n".encode()


def dataset_id(marker: bytes, root: str) -> str:
    """The id of the dataset that a marker names.

    Raises:
        DamagedDatasetError: The marker is damaged.
    """
    with suppress(ValueError):  # it is no marker, or names no UUID
        document = parsed(marker, MarkerJson)
        if document.keys() == MarkerJson.__required_keys__:
            return str(uuid.UUID(document["dataset"]))
    raise DamagedDatasetError(
        f"{root}/{MARKER} is damaged: it does not name a dataset of metadata-etl; nothing can be published here until "
        "it is restored from a copy. Or build the dataset in another directory with `metadata-etl backfill`"
    )
