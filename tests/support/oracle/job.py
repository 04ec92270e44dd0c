"""A whole job in the mode ``append`` (I3, I4, U1, U4, T4, T6 with the policy ``fail``, R5, P4)."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from support.oracle.annotations import annotation, segment
from support.oracle.framing import Raw, read
from support.oracle.items import Draft, Frame, frames_of, item, scene
from support.oracle.metadata import RejectedError
from support.oracle.schema import describe, stored

GROUPS = ("items", "scenes", "annotations", "predictions")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a job or a dataset: a draft and where it came from. A segment knows its mask's number."""

    group: str
    draft: Draft
    export: str
    line: int
    offset: int
    mask: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a dataset holds: its records in order, and per group the fields that are text for good (T2)."""

    records: tuple[Record, ...] = ()
    text: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of a job.

    Attributes:
        outcome: published, unchanged or failed.
        published: whether there is a new version.
        counts: per group read, created, updated, ignored, unchanged and rejected {code: n}.
        rejections: code, group, export, line, offset, reference_id, field; first those
            that a record has from itself, then those that it has from others.
        conflicts: group, field and kinds {kind: n} of every field with more than one kind.
        warnings: {code: n} over the records that passed the checks of a single record.
        schema: per group records and fields; of a failed run as it would have been published.
        rows: per group the rows that the dataset holds after the job, numbers as they are stored.
        cache_urls: (url as given, kind, reference id) of all that these rows would fetch, in order.
        dataset: what to give as ``existing`` to the next run.
    """

    outcome: str
    published: bool
    counts: dict[str, dict[str, Any]]
    rejections: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    warnings: dict[str, int]
    schema: dict[str, dict[str, Any]]
    rows: dict[str, list[dict[str, Any]]]
    cache_urls: list[tuple[str, str, str]]
    dataset: Published


def run(
    exports: Sequence[tuple[str, str, Path]],
    *,
    existing: Published | None = None,
    on_duplicate: str = "reject",
    max_fields: int = 2000,
) -> Run:
    """Ingest exports, given as (group, model run or "", path) in the job's order, into a dataset.

    Args:
        exports: the job's input.
        existing: the dataset as an earlier run left it; None for a new one.
        on_duplicate: ``reject`` keeps the first record of an identity, ``last`` the last (I3).
        max_fields: metadata keys that a group may have (R5).
    """
    if on_duplicate not in ("reject", "last"):
        raise ValueError(f"expected reject or last, got {on_duplicate!r}")
    before = existing or Published()
    read_of: Counter[str] = Counter()
    records: list[Record] = []
    rejections: list[dict[str, Any]] = []
    for group, model_run, path in exports:
        for raw in read(path):
            for outcome in _interpret(group, model_run, path.name, raw, mask=len(records)):
                if isinstance(outcome, Record):
                    records.append(outcome)
                    read_of[outcome.group] += 1
                else:
                    rejections.append(outcome)
                    read_of[outcome["group"]] += 1

    # From here on a record is known by its place in ``records``: export order, then position (I3).
    fate: dict[int, str] = dict.fromkeys(_duplicates(records, keep_last=on_duplicate == "last"), "duplicate_id")
    ignored = _held(records, before) - fate.keys()  # (U1)
    accepted = [record for record in before.records if record.group in ("items", "scenes")]
    accepted += [record for n, record in enumerate(records) if n not in fate and record.group in ("items", "scenes")]
    references = {record.draft.row["reference_id"] for record in accepted}
    for number, record in enumerate(records):
        is_free = number not in fate and number not in ignored
        if is_free and record.group not in ("items", "scenes") and record.draft.row["reference_id"] not in references:
            fate[number] = "unknown_reference"  # (I4); a segment has its mask's reference, and so its fate
    created = [record for n, record in enumerate(records) if n not in fate and n not in ignored]
    rejections += [
        _rejection(code, records[n], records[n].draft.row["reference_id"]) for n, code in sorted(fate.items())
    ]

    after = (*before.records, *created)
    schema = {group: describe(_of(after, group), before.text.get(group, frozenset())) for group in GROUPS}
    conflicts = [
        {"group": group, "field": name, "kinds": about["kinds"]}
        for group in GROUPS
        for name, about in schema[group]["fields"].items()
        if about["type"] == "conflict"
    ]
    crowded = [group for group in GROUPS if len(schema[group]["fields"]) > max_fields]
    rejections += [_rejection("too_many_fields", None, None) | {"group": group} for group in crowded]
    is_failed = bool(conflicts or crowded)
    is_published = bool(created) and not is_failed  # nothing new: nothing is published (P4)
    dataset = Published(after, _text(before, schema)) if is_published else before
    rows = {group: _rows(dataset, group) for group in GROUPS}
    return Run(
        outcome="failed" if is_failed else "published" if is_published else "unchanged",
        published=is_published,
        counts=_counts(read_of, created if is_published else [], [records[n] for n in ignored], rejections),
        rejections=rejections,
        conflicts=conflicts,
        warnings=dict(Counter(code for record in records for code in record.draft.metadata.warnings)),
        schema=schema,
        rows=rows,
        cache_urls=[
            (url, kind, record.draft.row["reference_id"])
            for record in dataset.records
            for url, kind in record.draft.urls
        ],
        dataset=dataset,
    )


def _interpret(group: str, model_run: str, export: str, raw: Raw, mask: int) -> Iterator[Record | dict[str, Any]]:
    """One raw record as the records that it holds, or as a rejection. ``mask`` is its number should it be one."""

    def reject(group: str, code: str, reference: Any, field: str | None) -> dict[str, Any]:
        place = {"group": group, "export": export, "line": raw.line, "offset": raw.offset}
        return {"code": code, **place, "reference_id": _known(reference), "field": field}

    def attempt(group: str, reference: Any, build: Callable[[], Draft]) -> Record | dict[str, Any]:
        try:
            return Record(group, build(), export, raw.line, raw.offset)
        except RejectedError as error:
            return reject(group, error.code, reference, error.field)

    if raw.fault is not None:
        yield reject(group, raw.fault, None, None)
        return
    value = raw.value
    whole = attempt(group, _reference_of(value), partial(_draft, value, group, model_run))
    yield whole
    if group == "scenes":  # whatever became of the scene, each frame has a fate of its own (G2)
        for frame in frames_of(value):
            yield attempt("items", _reference_of(frame.record), partial(_frame_draft, frame))
    if isinstance(whole, Record) and whole.draft.row.get("type") == "mask":  # a segment is a row of its group (G3)
        for position, entry in enumerate(value.get("annotations") or []):
            build = partial(segment, entry, position, whole.draft, group, model_run)
            part = attempt(group, whole.draft.row["reference_id"], build)
            yield replace(part, mask=mask) if isinstance(part, Record) else part


def _draft(value: dict[str, Any], group: str, model_run: str) -> Draft:
    if group == "items":
        return item(value)
    return scene(value) if group == "scenes" else annotation(value, group, model_run)


def _frame_draft(frame: Frame) -> Draft:
    if not isinstance(frame.record, dict):
        raise RejectedError("not_an_object")
    return item(frame.record, frame)


def _reference_of(record: Any) -> Any:
    if not isinstance(record, dict):
        return None
    inner = record.get("scene")
    holder = inner if isinstance(inner, dict) and "reference_id" not in record else record
    return holder.get("reference_id") or holder.get("ref_id")


def _known(reference: Any) -> str | None:
    return reference if isinstance(reference, str) and reference else None


def _rejection(code: str, record: Record | None, reference: str | None) -> dict[str, Any]:
    at = {key: getattr(record, key, None) for key in ("group", "export", "line", "offset")}
    return {"code": code, **at, "reference_id": reference, "field": None}


def _duplicates(records: list[Record], *, keep_last: bool) -> set[int]:
    """The numbers of the records that lose to another one of their identity (I3); a mask takes its segments along."""
    order = list(enumerate(records))
    if keep_last:
        order.reverse()
    lost: set[int] = set()
    kept: set[tuple[Any, ...]] = set()
    for number, record in order:
        if record.mask is None:
            key = (record.group, *record.draft.identity)
            (lost.add(number) if key in kept else kept.add(key))
    for number, record in order:
        if record.mask is not None:
            key = (record.group, *record.draft.identity)
            (lost.add(number) if key in kept or record.mask in lost else kept.add(key))
    return lost


def _held(records: list[Record], dataset: Published) -> set[int]:
    """The numbers of the records whose identity the dataset holds; a held mask is left as it is with its segments."""
    identities = {(record.group, *record.draft.identity) for record in dataset.records}
    held = {n for n, record in enumerate(records) if (record.group, *record.draft.identity) in identities}
    return held | {n for n, record in enumerate(records) if record.mask in held}


def _of(records: Sequence[Record], group: str) -> list[Any]:
    return [record.draft.metadata for record in records if record.group == group]


def _text(before: Published, schema: dict[str, dict[str, Any]]) -> dict[str, frozenset[str]]:
    return {
        group: before.text.get(group, frozenset())
        | {name for name, about in schema[group]["fields"].items() if about["type"] == "text"}
        for group in GROUPS
    }


def _rows(dataset: Published, group: str) -> list[dict[str, Any]]:
    fields = describe(_of(dataset.records, group))["fields"]
    rows = []
    for record in dataset.records:
        if record.group == group:
            row = record.draft.row
            values = {key: stored(value, fields[key]["storage"]) for key, value in row["metadata"].items()}
            rows.append(row | {"metadata": values, "source": {"export": record.export, "offset": record.offset}})
    return rows


def _counts(
    read_of: Counter[str],
    created: list[Record],
    ignored: list[Record],
    rejections: list[dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """What a job reports (U4). A group with too many fields is no record, and not counted as one."""
    return {
        group: {
            "read": read_of[group],
            "created": sum(record.group == group for record in created),
            "updated": 0,  # append updates nothing, and compares nothing with what is held (U1)
            "ignored": sum(record.group == group for record in ignored),
            "unchanged": 0,
            "rejected": dict(Counter(r["code"] for r in rejections if r["group"] == group and r["export"] is not None)),
        }
        for group in GROUPS
    }
