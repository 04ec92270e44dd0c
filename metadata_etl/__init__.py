"""The package that other programs import: opens datasets, and ingests exports into them.

It loads in a tenth of a second; polars, pyarrow and Beam are imported when they are first needed.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from pipelines.version import __version__

if TYPE_CHECKING:
    from pipelines.errors import FailedJobError, JobError, UsageError
    from pipelines.handle.dataset import Dataset
    from pipelines.handle.fields import Field
    from pipelines.handle.frames import Rows
    from pipelines.handle.ingest import ingest

__all__ = ["Dataset", "FailedJobError", "Field", "JobError", "Rows", "UsageError", "__version__", "ingest", "open"]

_LAZY = {
    "Dataset": "pipelines.handle.dataset",
    "FailedJobError": "pipelines.errors",
    "Field": "pipelines.handle.fields",
    "JobError": "pipelines.errors",
    "Rows": "pipelines.handle.frames",
    "UsageError": "pipelines.errors",
    "ingest": "pipelines.handle.ingest",
}
"""Names that are imported when they are first used, each with its module."""


def open(dataset: str | os.PathLike[str]) -> "Dataset":  # noqa: A001 - `metadata_etl.open`, as `gzip.open`
    """Opens the current version of a dataset.

    Args:
        dataset: A directory, or `gs://BUCKET/FOLDER`.

    Raises:
        UsageError: There is no dataset.
        DamagedDatasetError: It is damaged; the text says what to do.

    Examples:
        >>> import metadata_etl
        >>> metadata_etl.open("/nowhere")
        Traceback (most recent call last):
        pipelines.errors.UsageError: /nowhere is no dataset: nothing is published there; `metadata-etl ingest` makes one
    """
    from pipelines.handle.dataset import Dataset  # noqa: PLC0415 - see above

    return Dataset.at(dataset)


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
