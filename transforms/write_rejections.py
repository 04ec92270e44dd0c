"""WriteRejections: writes rejected records as NDJSON with their raw bytes, so that they can be re-ingested (R1)."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam

from transforms.beam.stage_metrics import Stage
from transforms.beam.steps import Packed, StepFn, call, call_each
from transforms.errors import ChangedExportError, one_line
from transforms.rules.values import JsonObject
from transforms.stages.cascades import cascaded, is_cascaded, is_referenced, lacks_referenced
from transforms.stages.elements import Export, Rejection, WrittenRejections
from transforms.stages.exports import RANGE_BYTES, read_again
from transforms.storage.stored_files import store

BUCKET_BYTES = 256 * 1024 * 1024
"""Approximate bytes of exports whose rejections are one part file."""


class WriteRejections(beam.PTransform):
    """PCollection[Rejection] to WrittenRejections, with the first line of each byte range as side input.

    Part files are in the order of the exports, and rejections within one by export and position. The rejection of an
    annotation whose item or scene was rejected in the same job names that rejection (I4): with one part file it is
    found while the file is written; with several the rejections are grouped by reference id first.
    """

    def __init__(
        self,
        *,
        root: str,
        exports: Sequence[Export],
        first_lines: beam.PCollection[object],
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        """Takes where to write, the exports in order, and the output of LineNumbers; `range_bytes` as ReadExports."""
        super().__init__()
        self._first_lines = first_lines
        ends = []
        total = 0
        for export in exports:
            total += export.size
            ends.append(total)
        self._starts = [end - export.size for end, export in zip(ends, exports, strict=True)]
        self._sizes = [export.size for export in exports]
        self._steps = Packed([(export.step, export.mode) for export in exports])
        self._buckets = max(1, -(-total // BUCKET_BYTES))
        self._write = _WriteBucketFn(root, list(exports), self._buckets, range_bytes)

    def expand(self, rejections: beam.PCollection[Rejection]) -> beam.PCollection[WrittenRejections]:
        """One part for each BUCKET_BYTES of exports that have rejections."""
        if self._buckets > 1:
            related = (
                rejections
                | "KeyByReferenceId" >> call_each(_by_reference_id).with_output_types(tuple[str, Rejection])
                | "GroupByReferenceId" >> beam.GroupByKey()
                | "RelateToCauses" >> call_each(self._related).with_output_types(Rejection)
            )
            others = rejections | "LeaveUnrelated" >> call_each(_unrelated).with_output_types(Rejection)
            rejections = (related, others) | "FlattenRelated" >> beam.Flatten()
        return (
            rejections
            | "KeyByPlace" >> call(self._keyed).with_output_types(tuple[int, Rejection])
            | "GroupByPlace" >> beam.GroupByKey()
            | "WriteRejectionParts"
            >> beam.ParDo(self._write, beam.pvalue.AsDict(self._first_lines)).with_output_types(WrittenRejections)
        )

    def _related(self, grouped: tuple[str, Iterable[Rejection]]) -> list[Rejection]:
        return cascaded(grouped[1], self._steps.value)

    def _keyed(self, rejection: Rejection) -> tuple[int, Rejection]:
        # Offsets in a compressed export exceed its size: those beyond the size belong to its end.
        within = min(rejection.offset or 0, max(self._sizes[rejection.export] - 1, 0))
        place = self._starts[rejection.export] + within
        return min(place // BUCKET_BYTES, self._buckets - 1), rejection


class _WriteBucketFn(StepFn):
    def __init__(self, root: str, exports: list[Export], buckets: int, range_bytes: int) -> None:
        self._root = root
        self._exports = Packed(exports)
        self._steps = Packed([(export.step, export.mode) for export in exports])
        self._buckets = buckets
        self._range_bytes = range_bytes
        self._stage = Stage("write_rejections")

    def process(
        self, element: tuple[int, Iterable[Rejection]], first_lines: Mapping[tuple[int, int], int]
    ) -> Iterator[WrittenRejections]:
        yield from self._stage.timed(self._written(element, first_lines))

    def _written(
        self, element: tuple[int, Iterable[Rejection]], first_lines: Mapping[tuple[int, int], int]
    ) -> Iterator[WrittenRejections]:
        number, found = element
        if self._buckets == 1:
            found = cascaded(found, self._steps.value)
        rejections = sorted(found, key=lambda each: (each.export, each.offset or 0, each.part, each.group, each.code))
        raw = self._raw(rejections)
        lines = []
        for rejection in rejections:
            line = _numbered(rejection.export, rejection.chunk, rejection.line, first_lines)
            export = self._exports.value[rejection.export]
            data = rejection.raw if rejection.raw is not None else raw.get((rejection.export, rejection.offset or 0))
            if data is None:
                raise ChangedExportError(
                    f"{one_line(export.name)}: the record at byte {rejection.offset} is not there any more when it is "
                    "to be rejected; run the job again when nothing writes to the export"
                )
            lines.append(_line(rejection, export, self._message(rejection, first_lines), line, data))
        path = f"rejections/part-{number:05d}-of-{self._buckets:05d}.ndjson"
        file = store(self._root, path, "".join(lines).encode(), records=len(lines))
        self._stage.count(records=file.records, byte_count=file.bytes)
        yield WrittenRejections(file, Counter(each.group for each in rejections if is_cascaded(each)))

    def _message(self, rejection: Rejection, first_lines: Mapping[tuple[int, int], int]) -> str:
        """The message, with the place of the other record if it refers to one."""
        if rejection.relation is None or rejection.other_export is None:
            return rejection.message
        uri = self._exports.value[rejection.other_export].name
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
            for record in read_again(self._exports.value[number], offsets, range_bytes=self._range_bytes):
                found[number, record.offset] = record.raw
        return found


def _numbered(export: int, chunk: int, line: int | None, first_lines: Mapping[tuple[int, int], int]) -> int | None:
    """The 1-based line of a record in its export; None if it has none."""
    return line if line is None or chunk < 0 else line + first_lines[export, chunk]


def _line(rejection: Rejection, export: Export, message: str, line: int | None, raw: bytes) -> str:
    """One rejection as a line of NDJSON (R1)."""
    try:
        text, encoding = raw.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(raw).decode(), "base64"
    members: JsonObject = {
        "code": rejection.code,
        "message": message,
        "field": rejection.field,
        "export": export.name,
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
        members |= {"raw_truncated": True, "raw_bytes": rejection.length}
    return json.dumps(members, ensure_ascii=False) + "\n"


def _by_reference_id(rejection: Rejection) -> Iterator[tuple[str, Rejection]]:
    if _is_related(rejection):
        yield str(rejection.reference_id), rejection


def _unrelated(rejection: Rejection) -> Iterator[Rejection]:
    if not _is_related(rejection):
        yield rejection


def _is_related(rejection: Rejection) -> bool:
    return rejection.reference_id is not None and (is_referenced(rejection) or lacks_referenced(rejection))
