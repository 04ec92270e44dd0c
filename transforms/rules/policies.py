"""What a job is told to do with records: modes, duplicates, conflicts. Imports nothing, so that `--help` is quick."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["append", "replace", "merge"]
"""How records meet what is held (U1 to U3)."""
OnDuplicate = Literal["reject", "last"]
"""Which of two records with one identity stays, the first or the last (I3)."""
OnConflict = Literal["fail", "quarantine", "null"]
"""What becomes of a type conflict (T6)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One job, as records are decided: an ingest is one step, a backfill has one for each job of its history.

    Attributes:
        mode: How its records meet those of the steps before and of the dataset.
        on_duplicate: Which of two records with one identity in the step stays (I3).
    """

    mode: Mode = "append"
    on_duplicate: OnDuplicate = "reject"
