"""WriteRejections: rejected records as NDJSON that can be fed in again, byte for byte (R1)."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from transforms.elements import Export, Rejection
from transforms.errors import ChangedExportError, one_line
from transforms.exports import RANGE_BYTES, read_again
from transforms.rules.values import JsonObject
from transforms.stage_metrics import Stage
from transforms.steps import Packed, StepFn, call
from transforms.stored_files import StoredFile, store

BUCKET_BYTES = 256 * 1024 * 1024
"""Rejections from about so many bytes of exports make one part file."""


class WriteRejections(beam.PTransform):
    """PCollection[Rejection] to StoredFile, with the first line of each stretch as side input.

    Part files stand in the order of the exports; within one, rejections by export and position.
    """

    def __init__(
        self,
        *,
        root: str,
        exports: Sequence[Export],
        first_lines: beam.PCollection[object],
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        """Takes where to write, the exports in their order, and what FirstLines gives; `range_bytes` as ReadExports."""
        super().__init__()
        self._first_lines = first_lines
        ends = []
        total = 0
        for export in exports:
            total += export.size
            ends.append(total)
        self._starts = [end - export.size for end, export in zip(ends, exports, strict=True)]
        self._sizes = [export.size for export in exports]
        self._buckets = max(1, -(-total // BUCKET_BYTES))
        self._write = _WriteBucketFn(root, list(exports), self._buckets, range_bytes)

    def expand(self, rejections: beam.PCollection[Rejection]) -> beam.PCollection[StoredFile]:
        """One part for each stretch of BUCKET_BYTES that has rejections."""
        return (
            rejections
            | "KeyByPlace" >> call(self._keyed).with_output_types(tuple[int, Rejection])
            | "GroupByPlace" >> beam.GroupByKey()
            | "WriteRejectionParts"
            >> beam.ParDo(self._write, beam.pvalue.AsDict(self._first_lines)).with_output_types(StoredFile)
        )

    def _keyed(self, rejection: Rejection) -> tuple[int, Rejection]:
        # A compressed export has larger offsets than bytes: what lies beyond belongs to its end.
        within = min(rejection.offset or 0, max(self._sizes[rejection.export] - 1, 0))
        place = self._starts[rejection.export] + within
        return min(place // BUCKET_BYTES, self._buckets - 1), rejection


class _WriteBucketFn(StepFn):
    def __init__(self, root: str, exports: list[Export], buckets: int, range_bytes: int) -> None:
        self._root = root
        self._exports = Packed(exports)
        self._buckets = buckets
        self._range_bytes = range_bytes
        self._stage = Stage("write_rejections")

    def process(
        self, element: tuple[int, Iterable[Rejection]], first_lines: Mapping[tuple[int, int], int]
    ) -> Iterator[StoredFile]:
        yield from self._stage.timed(self._written(element, first_lines))

    def _written(
        self, element: tuple[int, Iterable[Rejection]], first_lines: Mapping[tuple[int, int], int]
    ) -> Iterator[StoredFile]:
        number, found = element
        rejections = sorted(found, key=lambda each: (each.export, each.offset or 0, each.part, each.group, each.code))
        raw = self._raw(rejections)
        lines = []
        for rejection in rejections:
            line = rejection.line
            if line is not None and rejection.chunk >= 0:
                line += first_lines[rejection.export, rejection.chunk]
            name = self._exports.value[rejection.export].name
            data = rejection.raw if rejection.raw is not None else raw.get((rejection.export, rejection.offset or 0))
            if data is None:
                raise ChangedExportError(
                    f"{one_line(name)}: the record at byte {rejection.offset} is not there any more when it is to be "
                    "rejected; run the job again when nothing writes to the export"
                )
            lines.append(_line(rejection, name, line, data))
        path = f"rejections/part-{number:05d}-of-{self._buckets:05d}.ndjson"
        file = store(self._root, path, "".join(lines).encode(), records=len(lines))
        self._stage.count(records=file.records, byte_count=file.bytes)
        yield file

    def _raw(self, rejections: Sequence[Rejection]) -> dict[tuple[int, int], bytes]:
        """The bytes of the records that were found wanting only after they had been read: read once more."""
        wanted: dict[int, set[int]] = {}
        for rejection in rejections:
            if rejection.raw is None:
                wanted.setdefault(rejection.export, set()).add(rejection.offset or 0)
        found: dict[tuple[int, int], bytes] = {}
        for number, offsets in wanted.items():
            for record in read_again(self._exports.value[number], offsets, range_bytes=self._range_bytes):
                found[number, record.offset] = record.raw
        return found


def _line(rejection: Rejection, uri: str, line: int | None, raw: bytes) -> str:
    """One rejection as a line of NDJSON (R1)."""
    try:
        text, encoding = raw.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(raw).decode(), "base64"
    members: JsonObject = {
        "code": rejection.code,
        "message": rejection.message,
        "field": rejection.field,
        "export": uri,
        "line": line,
        "offset": rejection.offset,
        "group": rejection.group,
        "reference_id": rejection.reference_id,
        "raw": text,
        "encoding": encoding,
    }
    if rejection.length is not None:
        members |= {"raw_truncated": True, "raw_bytes": rejection.length}
    return json.dumps(members, ensure_ascii=False) + "\n"
