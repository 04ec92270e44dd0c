"""Writes rejected records as NDJSON with their raw bytes, so that they can be re-ingested (R1)."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Literal

from transforms.errors import ChangedExportError, one_line
from transforms.rules.rejection_json import RejectionJson
from transforms.stages.cascades import cascaded, is_cascaded, is_referenced, lacks_referenced
from transforms.stages.elements import Export, Rejection, WrittenRejections
from transforms.stages.exports import RANGE_BYTES, read_again
from transforms.storage.stored_files import store

BUCKET_BYTES = 256 * 1024 * 1024
"""Approximate bytes of exports whose rejections are one part file."""
_encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make one for each line


class RejectionParts:
    """The part files of the rejections of a job, in the order of its exports.

    Attributes:
        count: How many there may be: one for each BUCKET_BYTES of exports.
    """

    def __init__(self, root: str, exports: Sequence[Export], *, range_bytes: int = RANGE_BYTES) -> None:
        """Takes the folder of the files, the exports of the job in order, and how they were read."""
        self._root = root
        self._exports = list(exports)
        self._names = [export.name for export in exports]
        self._range_bytes = range_bytes
        self._steps = [(export.step, export.mode) for export in exports]
        *self._starts, total = accumulate((export.size for export in exports), initial=0)
        self.count = max(1, -(-total // BUCKET_BYTES))

    def part_of(self, rejection: Rejection) -> int:
        """The number of the part file of a rejection."""
        # Offsets in a compressed export exceed its size: those beyond the size belong to its end.
        within = min(rejection.offset or 0, max(self._exports[rejection.export].size - 1, 0))
        return min((self._starts[rejection.export] + within) // BUCKET_BYTES, self.count - 1)

    def related(self, rejections: Iterable[Rejection]) -> list[Rejection]:
        """The rejections; one of an annotation whose item or scene was rejected in the same job names that (I4)."""
        return cascaded(rejections, self._steps)

    def write(
        self, number: int, found: Iterable[Rejection], first_lines: Mapping[tuple[int, int], int]
    ) -> WrittenRejections:
        """Writes one part file, ordered by export and position.

        Args:
            number: Of the part.
            found: Its rejections; of several parts those that `related` gives.
            first_lines: The result of `line_numbers`.

        Raises:
            ChangedExportError: A raw record that is read again is not there any more.
        """
        if self.count == 1:
            found = self.related(found)
        rejections = sorted(found, key=lambda each: (each.export, each.offset or 0, each.part, each.group, each.code))
        raw = self._raw(rejections)
        lines = []
        for rejection in rejections:
            line = _numbered(rejection.export, rejection.chunk, rejection.line, first_lines)
            export = self._exports[rejection.export]
            data = rejection.raw if rejection.raw is not None else raw.get((rejection.export, rejection.offset or 0))
            if data is None:
                raise ChangedExportError(
                    f"{one_line(export.name)}: the record at byte {rejection.offset} is not there any more when it is "
                    "to be rejected; run the job again when nothing writes to the export"
                )
            message = self._message(rejection, first_lines)
            lines.append(_line(rejection, export, self._names[rejection.export], message, line, data))
        path = f"rejections/part-{number:05d}-of-{self.count:05d}.ndjson"
        file = store(self._root, path, "".join(lines).encode(), records=len(lines))
        return WrittenRejections(file, Counter(each.group for each in rejections if is_cascaded(each)))

    def _message(self, rejection: Rejection, first_lines: Mapping[tuple[int, int], int]) -> str:
        """The message, with the place of the other record if it refers to one."""
        if rejection.relation is None or rejection.other_export is None:
            return rejection.message
        uri = self._exports[rejection.other_export].name
        line = _numbered(rejection.other_export, rejection.other_chunk or 0, rejection.other_line, first_lines)
        place = uri if line is None else f"line {line} of {uri}"
        return rejection.message + rejection.relation.replace("{}", place)

    def _raw(self, rejections: Sequence[Rejection]) -> dict[tuple[int, int], bytes]:
        """The raw bytes of records whose rejection came after their bytes were dropped, read from the exports again."""
        wanted: dict[int, set[int]] = {}
        for rejection in rejections:
            if rejection.raw is None:
                wanted.setdefault(rejection.export, set()).add(rejection.offset or 0)
        found: dict[tuple[int, int], bytes] = {}
        for number, offsets in wanted.items():
            for record in read_again(self._exports[number], offsets, range_bytes=self._range_bytes):
                found[number, record.offset] = record.raw
        return found


def may_be_related(rejection: Rejection) -> bool:
    """Whether another rejection may follow from this one, or this one from another (I4)."""
    return rejection.reference_id is not None and (is_referenced(rejection) or lacks_referenced(rejection))


def _numbered(export: int, chunk: int, line: int | None, first_lines: Mapping[tuple[int, int], int]) -> int | None:
    """The 1-based line of a record in its export; None if it has none."""
    return line if line is None or chunk < 0 else line + first_lines[export, chunk]


def _line(rejection: Rejection, export: Export, name: str, message: str, line: int | None, raw: bytes) -> str:
    """One rejection as a line of NDJSON (R1); `name` is that of its export."""
    encoding: Literal["utf-8", "base64"] = "utf-8"
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(raw).decode(), "base64"
    members: RejectionJson = {
        "code": rejection.code,
        "message": message,
        "field": rejection.field,
        "export": name,
        "line": line,
        "offset": rejection.offset,
        "group": rejection.group,
        "reference_id": rejection.reference_id,
        "raw": text,
        "encoding": encoding,
    }
    if rejection.group != export.group:  # a frame of a scene: its record is the scene
        members["export_group"] = export.group
    if export.model_run is not None:
        members["model_run"] = export.model_run
    if rejection.length is not None:
        members["raw_truncated"], members["raw_bytes"] = True, rejection.length
    return _encode(members) + "\n"
