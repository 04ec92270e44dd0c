"""Writes rejected records as NDJSON with their raw bytes, so that they can be re-ingested (R1)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np
import polars as pl

from transforms.errors import ChangedExportError, one_line
from transforms.kernels.batch.hashing import partitions_of
from transforms.stages.cascades import IS_CASCADED, cascaded, related_and_others
from transforms.stages.elements import Export, WrittenRejections
from transforms.stages.exports import read_again
from transforms.stages.rejection_lines import FirstLines, rejection_lines
from transforms.stages.rejections import Rejections, series
from transforms.storage.stored_files import store

BUCKET_BYTES = 256 * 1024 * 1024
"""Approximate bytes of exports whose rejections are one part file."""
_ORDER = ("export", pl.col("offset").fill_null(0), "part", "group", "code")


class RejectionParts:
    """The part files of the rejections of a job, in the order of its exports.

    Attributes:
        count: How many there may be: one for each BUCKET_BYTES of exports.
    """

    def __init__(self, root: str, exports: Sequence[Export]) -> None:
        """Takes the folder of the files, and the exports of the job in order."""
        self._root = root
        self._exports = list(exports)
        self._steps = [(export.step, export.mode) for export in exports]
        *self._starts, total = accumulate((export.size for export in exports), initial=0)
        self.count = max(1, -(-total // BUCKET_BYTES))

    def by_part(self, rejections: Rejections) -> Iterator[tuple[int, Rejections]]:
        """(number of a part file, the rejections that it has)."""
        if self.count == 1 or not len(rejections):
            yield from [(0, rejections)] * bool(len(rejections))
            return
        exports = rejections.frame["export"].to_numpy()
        offsets = rejections.frame["offset"].fill_null(0).to_numpy()
        # Offsets in a compressed export exceed its size: those beyond the size belong to its end.
        last = np.array([max(export.size - 1, 0) for export in self._exports], np.int64)
        places = np.array(self._starts, np.int64)[exports] + np.minimum(offsets, last[exports])
        yield from rejections.split(np.minimum(places // BUCKET_BYTES, self.count - 1))

    def by_reference_id(self, rejections: Rejections) -> Iterator[tuple[int, Rejections]]:
        """(a number, the rejections that may be related to others of that number), of all that may be (I4)."""
        found, _ = related_and_others(rejections)
        if len(found):
            yield from found.split(partitions_of(found.frame["reference_id"], self.count))

    def related(self, parts: Iterable[Rejections]) -> Rejections:
        """The rejections; one of an annotation whose item or scene was rejected in the same job names that (I4)."""
        return cascaded(Rejections.joined(parts), self._steps)

    def write(self, number: int, found: Iterable[Rejections], first_lines: FirstLines) -> WrittenRejections:
        """Writes one part file, ordered by export and position.

        Args:
            number: Of the part.
            found: Its rejections; of several parts those that `related` gives.
            first_lines: The result of `line_numbers`.

        Raises:
            ChangedExportError: A raw record that is read again is not there any more.
        """
        rejections = self.related(found) if self.count == 1 else Rejections.joined(found)
        rejections = Rejections(rejections.frame.sort(*_ORDER, maintain_order=True))
        lines = rejection_lines(self._whole(rejections), self._exports, first_lines)
        path = f"rejections/part-{number:05d}-of-{self.count:05d}.ndjson"
        file = store(self._root, path, lines, records=len(lines))
        return WrittenRejections(file, Counter(rejections.frame.filter(IS_CASCADED)["group"].to_list()))

    def _whole(self, rejections: Rejections) -> Rejections:
        """The rejections with their raw bytes; those that were dropped before are read from the exports again.

        Raises:
            ChangedExportError: As `write`.
        """
        raw: list[bytes] = rejections.frame["raw"].to_list()
        dropped = rejections.frame["raw"].is_null()
        if not dropped.any():
            return rejections
        records: list[bytes | None] = rejections.frame["record"].to_list()
        places = dropped.arg_true().to_list()
        wanted = rejections.frame.filter(dropped).select("export", pl.col("offset").fill_null(0)).rows()
        offsets: dict[int, set[int]] = {}
        for export, offset in wanted:
            offsets.setdefault(export, set()).add(offset)
        found = {
            (number, record.offset): record
            for number, own in offsets.items()
            for record in read_again(self._exports[number], own)
        }
        for place, (export, offset) in zip(places, wanted, strict=True):
            if (export, offset) not in found:
                name = one_line(self._exports[export].name)
                raise ChangedExportError(
                    f"{name}: the record at byte {offset} is not there any more when it is to be rejected; "
                    "run the job again when nothing writes to the export"
                )
            record = found[export, offset]
            raw[place], records[place] = record.raw, record.record
        return Rejections(rejections.frame.with_columns(series("raw", raw), series("record", records)))
