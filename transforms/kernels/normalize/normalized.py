"""Holds what becomes of a chunk of raw records, for the steps that look at its rows once more."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from transforms.kernels.batch.batch import Batch
from transforms.kernels.normalize.columns import Origin, Rejected
from transforms.rules.export_rows import Group
from transforms.rules.key_limits import MAX_RECORD_KEYS
from transforms.rules.rejections import Fault


@dataclass(slots=True)
class Normalized:
    """The result of a chunk.

    Attributes:
        batches: Accepted rows, of one or (scenes and their frames) two groups.
        rejected: Rejected records and parts of records.
        read: Records, frames and segments read, by group (U4).
        warnings: Warning to the number of its occurrences.
        most_fields: Metadata keys of a batch beyond which only hashes of keys are kept (R5).
    """

    batches: list[Batch] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    read: Counter[Group] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    most_fields: int = MAX_RECORD_KEYS

    def reject_rows(self, number: int, faults: Mapping[int, Fault], origin: Origin) -> None:
        """Rejects accepted rows of a batch.

        Args:
            number: Of the batch among the batches.
            faults: Row to its fault.
            origin: The places of the records of the chunk.
        """
        if not faults:
            return
        batch, rows = self.batches[number], np.array(sorted(faults), np.int64)
        exports = np.broadcast_to(origin.export, origin.offsets.shape).tolist()
        places = {place: position for position, place in enumerate(zip(exports, origin.offsets.tolist(), strict=True))}
        for row, (export, offset, name) in zip(
            rows.tolist(), batch.rows.select("export", "offset", "reference_id")[rows].iter_rows(), strict=True
        ):
            self.rejected.append(Rejected(batch.group, places[export, offset], name, faults[row]))
        self.batches[number] = batch.take(np.setdiff1d(np.arange(batch.rows.height), rows))
