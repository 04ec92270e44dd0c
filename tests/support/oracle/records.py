"""The records that a raw record holds, and what a dataset holds (G2, G3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from support.oracle import merges
from support.oracle.annotations import annotation, segment
from support.oracle.declared import Declaration, check_choices
from support.oracle.framing import Raw
from support.oracle.items import Draft, Frame, frames_of, item, scene
from support.oracle.metadata import RejectedError

GROUPS = ("items", "scenes", "annotations", "predictions")
REFERENCED = ("items", "scenes")  # what annotations and predictions refer to (I4)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a job or a dataset: a draft and where it came from. A segment knows its mask's number."""

    group: str
    draft: Draft
    export: str
    line: int
    offset: int
    mask: int | None = None

    @property
    def identity(self) -> tuple[Any, ...]:
        """Unique in a dataset (I1, I2)."""
        return (self.group, *self.draft.identity)

    @property
    def reference_id(self) -> str:
        """Its own id, or that of its target."""
        return str(self.draft.row["reference_id"])


@dataclass(frozen=True, slots=True)
class Published:
    """What a dataset holds.

    Attributes:
        records: in order.
        text: per group the fields that are text for good (T2).
        declared: per group what was declared of its fields (D1).
    """

    records: tuple[Record, ...] = ()
    text: dict[str, frozenset[str]] = field(default_factory=dict)
    declared: dict[str, dict[str, Declaration]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """How the exports of a job are read: whole records, or updates of metadata (U3), against a declaration (D2)."""

    is_merge: bool = False
    declared: dict[str, dict[str, Declaration]] = field(default_factory=dict)

    def drafted(
        self, group: str, model_run: str, export: str, raw: Raw, mask: int
    ) -> Iterator[Record | dict[str, Any]]:
        """One raw record as the records that it holds, or as a rejection; ``mask`` is its number should it be one."""

        def reject(group: str, code: str, reference: Any, field: str | None) -> dict[str, Any]:
            place = {"group": group, "export": export, "line": raw.line, "offset": raw.offset}
            return {"code": code, **place, "reference_id": _known(reference), "field": field}

        def attempt(group: str, reference: Any, build: Callable[[], Draft]) -> Record | dict[str, Any]:
            try:
                draft = build()
                check_choices(draft.metadata, self.declared.get(group, {}))
            except RejectedError as error:
                return reject(group, error.code, reference, error.field)
            return Record(group, draft, export, raw.line, raw.offset)

        if raw.fault is not None:
            known = raw.fault == "non_finite_number" and isinstance(raw.value, dict)  # whose it is (R1)
            yield reject(group, raw.fault, _reference_of(raw.value) if known else None, None)
            return
        value = raw.value
        whole = attempt(group, _reference_of(value), partial(self._draft, value, group, model_run))
        yield whole
        if group == "scenes":  # whatever became of the scene, each frame has a fate of its own (G2)
            for frame in frames_of(value):
                yield attempt("items", _reference_of(frame.record), partial(self._frame_draft, frame))
        if isinstance(whole, Record) and whole.draft.row.get("type") == "mask":  # a segment is a row of its group (G3)
            of_segment = merges.segment if self.is_merge else segment
            for position, entry in enumerate(value.get("annotations") or []):
                build = partial(of_segment, entry, position, whole.draft, group, model_run)
                part = attempt(group, whole.draft.row["reference_id"], build)
                yield replace(part, mask=mask) if isinstance(part, Record) else part

    def _draft(self, value: dict[str, Any], group: str, model_run: str) -> Draft:
        if group == "items":
            return merges.item(value) if self.is_merge else item(value)
        if group == "scenes":
            return merges.scene(value) if self.is_merge else scene(value)
        return (merges.annotation if self.is_merge else annotation)(value, group, model_run)

    def _frame_draft(self, frame: Frame) -> Draft:
        if not isinstance(frame.record, dict):
            raise RejectedError("not_an_object")
        return merges.item(frame.record) if self.is_merge else item(frame.record, frame)


def _reference_of(record: Any) -> Any:
    if not isinstance(record, dict):
        return None
    inner = record.get("scene")
    holder = inner if isinstance(inner, dict) and "reference_id" not in record else record
    return holder.get("reference_id") or holder.get("ref_id")


def _known(reference: Any) -> str | None:
    return reference if isinstance(reference, str) and reference else None
