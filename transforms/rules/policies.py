"""Policies of a job for updates, duplicates and conflicts. Imports nothing, to keep `--help` fast."""

from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["append", "replace", "merge"]
"""How records update published ones (U1 to U3)."""
OnDuplicate = Literal["reject", "last"]
"""Which record of an identity is kept, the first or the last (I3)."""
OnConflict = Literal["fail", "quarantine", "null"]
"""How type conflicts are resolved (T6)."""
CacheKeyMode = Literal["canonical", "raw"]
"""What is hashed for cache keys: the canonical form of a URL, or the URL as it is in the export (K1)."""
ExportFormat = Literal["parquet", "ndjson", "csv", "avro", "nucleus", "coco"]
"""The formats of `export`."""
EXPORT_FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
MODES: tuple[Mode, ...] = get_args(Mode)
ON_DUPLICATE: tuple[OnDuplicate, ...] = get_args(OnDuplicate)
ON_CONFLICT: tuple[OnConflict, ...] = get_args(OnConflict)
CACHE_KEY_MODES: tuple[CacheKeyMode, ...] = get_args(CacheKeyMode)
DEFAULT_MODE: Mode = "append"
DEFAULT_ON_DUPLICATE: OnDuplicate = "reject"
DEFAULT_ON_CONFLICT: OnConflict = "fail"


@dataclass(frozen=True, slots=True)
class Step:
    """The policies of one job: an ingest has one step, a backfill one for each job of its history.

    Attributes:
        mode: How its records update those of earlier steps and of the dataset.
        on_duplicate: Which record of an identity in the step is kept (I3).
    """

    mode: Mode = DEFAULT_MODE
    on_duplicate: OnDuplicate = DEFAULT_ON_DUPLICATE
