"""A whole job in any mode, and a backfill (U1-U4, T6, D1, R5, P4, P5)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from support.oracle import irregular
from support.oracle.declared import declare
from support.oracle.framing import read
from support.oracle.records import GROUPS, Published, Reading, Record
from support.oracle.resolving import resolve, schema_of
from support.oracle.schema import stored
from support.oracle.updates import decide, duplicates

Exports = Sequence[tuple[str, str, Path]]
"""(group, model run or "", path), in the order of the job."""
OPTIONS = {
    "mode": ("append", "replace", "merge"),
    "on_conflict": ("fail", "quarantine", "null"),
    "on_duplicate": ("reject", "last"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome of a job.

    Attributes:
        outcome: published, unchanged or failed.
        published: whether there is a new version.
        counts: per group read, created, updated, ignored, unchanged and rejected {code: n}.
        rejections: code, group, export, line, offset, reference_id, field; first those
            that a record has from itself, then those that it has from others, then one for each value that was cleared.
        conflicts: group, field and kinds {kind: n} of every field with more than one kind, before they were settled.
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


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a history: what a `[[job]]` table says."""

    exports: Exports
    mode: str = "append"
    on_duplicate: str = "reject"


def run(
    exports: Exports,
    *,
    existing: Published | None = None,
    mode: str = "append",
    on_conflict: str = "fail",
    on_duplicate: str = "reject",
    declared: dict[str, Any] | None = None,
    max_fields: int = 2000,
) -> Run:
    """Ingest exports into a dataset.

    Args:
        exports: the job's input.
        existing: the dataset as an earlier run left it; None for a new one.
        mode: ``append`` leaves known records as they are, ``replace`` overwrites them, ``merge`` lays metadata over
            theirs (U1-U3).
        on_conflict: what becomes of fields with more than one kind (T6).
        on_duplicate: ``reject`` keeps the first record of an identity, ``last`` the last (I3).
        declared: what the file of ``--declare`` holds (D1).
        max_fields: metadata keys that a group may have (R5).
    """
    for name, value in (("mode", mode), ("on_conflict", on_conflict), ("on_duplicate", on_duplicate)):
        if value not in OPTIONS[name]:
            raise ValueError(f"expected one of {OPTIONS[name]} for {name}, got {value!r}")
    before = existing or Published()
    after = replace(before, declared=declare(before.declared, declared))
    records, rejections = _read(exports, Reading(is_merge=mode == "merge", declared=after.declared))
    read_of = Counter([record.group for record in records] + [rejection["group"] for rejection in rejections])

    # From here on a record is known by its place in ``records``: export order, then position (I3).
    lost = duplicates(records, keep_last=on_duplicate == "last")
    resolved = resolve(
        lambda refused, cleared: decide(
            records, before.records, mode=mode, lost=lost, refused=refused, cleared=cleared
        ),
        before,
        after,
        policy=on_conflict,
    )
    decided = resolved.decided
    rejections += [_rejection(code, records[n], decided.fields.get(n)) for n, code in sorted(decided.fate.items())]

    schema = {group: schema_of(group, decided.after, after) for group in GROUPS}
    crowded = [group for group in GROUPS if len(schema[group]["fields"]) > max_fields]
    is_failed = resolved.is_failed or bool(crowded)
    is_changed = bool(decided.made) or after.declared != before.declared
    is_published = is_changed and not is_failed  # nothing new: nothing is published (P4)
    dataset = replace(after, records=decided.after, text=_text(before, schema)) if is_published else before
    done = Counter((records[n].group, end) for n, end in decided.done.items())
    if is_failed:  # nothing is
        done = Counter({key: n for key, n in done.items() if key[1] not in ("created", "updated")})
    counts = {group: _counts(group, read_of, done, rejections) for group in GROUPS}
    # These stand beside the counts: the values are gone, the records are not.
    cleared = [(n, key) for n, keys in sorted(resolved.cleared.items()) for key in sorted(keys)]
    warnings = Counter(code for record in records for code in record.draft.metadata.warnings)
    for record in records:
        warnings.update(irregular.codes(record.draft, record.group, is_merge=mode == "merge"))
    warnings.update({"cleared_value": len(cleared)} if cleared else {})
    return Run(
        outcome="failed" if is_failed else "published" if is_published else "unchanged",
        published=is_published,
        counts=counts,
        rejections=rejections
        + [_rejection("type_conflict", records[n], key) for n, key in cleared]
        + [_rejection("too_many_fields", None, None) | {"group": group} for group in crowded],
        conflicts=resolved.conflicts,
        warnings=dict(warnings),
        schema=schema,
        rows=_rows(dataset),
        cache_urls=_cache_urls(dataset),
        dataset=dataset,
    )


def backfill(steps: Sequence[Step], *, declared: dict[str, Any] | None = None, max_fields: int = 2000) -> Run:
    """The dataset that a history of jobs gives (P5): one after the other, and only then what is text (T2).

    Raises:
        ValueError: one of the jobs fails; what a backfill makes of such a history is not said here.
    """
    runs: list[Run] = []
    for number, step in enumerate(steps, start=1):
        run_one = partial(run, step.exports, mode=step.mode, on_duplicate=step.on_duplicate, max_fields=max_fields)
        existing = runs[-1].dataset if runs else None
        runs.append(run_one(existing=existing, declared=declared if number == 1 else None))
        if runs[-1].outcome == "failed":
            raise ValueError(f"job {number} fails: {runs[-1].conflicts or runs[-1].rejections[-1]}")
    last = replace(runs[-1].dataset, text={})
    schema = {group: schema_of(group, last.records, last) for group in GROUPS}
    dataset = replace(last, text=_text(last, schema))
    is_published = any(each.published for each in runs)
    warnings: Counter[str] = sum((Counter(each.warnings) for each in runs), Counter())
    return Run(
        outcome="published" if is_published else "unchanged",
        published=is_published,
        counts={group: _summed([each.counts[group] for each in runs]) for group in GROUPS},
        rejections=[rejection for each in runs for rejection in each.rejections],
        conflicts=[],
        warnings=dict(warnings),
        schema=schema,
        rows=_rows(dataset),
        cache_urls=_cache_urls(dataset),
        dataset=dataset,
    )


def _read(exports: Exports, reading: Reading) -> tuple[list[Record], list[dict[str, Any]]]:
    """All records of the exports, and the rejections that they have from themselves."""
    records: list[Record] = []
    rejections: list[dict[str, Any]] = []
    for group, model_run, path in exports:
        for raw in read(path):
            for outcome in reading.drafted(group, model_run, path.name, raw, mask=len(records)):
                if isinstance(outcome, Record):
                    records.append(outcome)
                else:
                    rejections.append(outcome)
    return records, rejections


def _rejection(code: str, record: Record | None, field: str | None) -> dict[str, Any]:
    at = {key: getattr(record, key, None) for key in ("group", "export", "line", "offset", "reference_id")}
    return {"code": code, **at, "field": field}


def _text(before: Published, schema: dict[str, dict[str, Any]]) -> dict[str, frozenset[str]]:
    return {
        group: before.text.get(group, frozenset())
        | {name for name, about in schema[group]["fields"].items() if about["type"] == "text"}
        for group in GROUPS
    }


def _rows(dataset: Published) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for group in GROUPS:
        fields = schema_of(group, dataset.records, dataset)["fields"]
        of_group = rows.setdefault(group, [])
        for record in dataset.records:
            if record.group == group:
                row = record.draft.row
                values = {key: stored(value, fields[key]["storage"]) for key, value in row["metadata"].items()}
                of_group.append(
                    row | {"metadata": values, "source": {"export": record.export, "offset": record.offset}}
                )
    return rows


def _cache_urls(dataset: Published) -> list[tuple[str, str, str]]:
    return [(url, kind, record.reference_id) for record in dataset.records for url, kind in record.draft.urls]


def _counts(
    group: str, read_of: Counter[str], done: Counter[tuple[str, str]], rejections: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a job reports (U4)."""
    return {
        "read": read_of[group],
        **{end: done[group, end] for end in ("created", "updated", "ignored", "unchanged")},
        "rejected": dict(Counter(r["code"] for r in rejections if r["group"] == group)),
    }


def _summed(counts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rejected: Counter[str] = sum((Counter(each["rejected"]) for each in counts), Counter())
    names = ("read", "created", "updated", "ignored", "unchanged")
    return {name: sum(each[name] for each in counts) for name in names} | {"rejected": dict(rejected)}
