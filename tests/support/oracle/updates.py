"""What becomes of each record of a job, next to the other ones and to what is published (I3, I4, U1, U2, U3)."""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from support.oracle.items import Draft
from support.oracle.merges import merged_over, with_metadata
from support.oracle.metadata import RejectedError, accept, uncast
from support.oracle.records import REFERENCED, Record

# Columns of doubles: 1 and 1.0 say the same there.
DOUBLES = ("width", "height", "frame_rate", "confidence")


@dataclass(slots=True)
class Decided:
    """What became of the records of a job; a record is known by its place among them.

    Attributes:
        after: what the dataset would hold.
        fate: to the code of the rejection.
        fields: to the path of the fault, for rejections that have one.
        done: to created, updated, unchanged or ignored.
        made: to what it made: the records that were created or updated.
    """

    after: tuple[Record, ...] = ()
    fate: dict[int, str] = field(default_factory=dict)
    fields: dict[int, str | None] = field(default_factory=dict)
    done: dict[int, str] = field(default_factory=dict)
    made: dict[int, Record] = field(default_factory=dict)


def decide(
    records: Sequence[Record],
    published: Sequence[Record],
    *,
    mode: str,
    lost: AbstractSet[int],
    refused: AbstractSet[int] = frozenset(),
    cleared: Mapping[int, AbstractSet[str]] | None = None,
) -> Decided:
    """The dataset after a job.

    Args:
        records: of the job, in the order of the exports.
        published: of the dataset.
        mode: append, replace or merge.
        lost: those that lose to another one of their identity (`duplicates`).
        refused: those that hold a value of a losing kind, under the policy ``quarantine`` (T6).
        cleared: to the keys that are cleared of those, under the policy ``null``.
    """
    decided = Decided(fate=dict.fromkeys(lost, "duplicate_id") | dict.fromkeys(refused, "type_conflict"))
    given = [
        _without(record, (cleared or {}).get(number, frozenset()), mode=mode) for number, record in enumerate(records)
    ]
    now = {record.identity: record for record in published}  # in order; what replaces a record takes its place
    known = frozenset(now)
    referenced = {record.reference_id for record in published if record.group in REFERENCED}
    # Targets before what refers to them, masks before their segments.
    order = sorted(range(len(given)), key=lambda n: (given[n].group not in REFERENCED, given[n].mask is not None))
    created = []
    for number in order:
        record = given[number]
        if number in decided.fate:
            continue
        if record.identity in known:
            _meet(decided, number, record, now, mode=mode)
        elif mode == "append" and record.mask is not None and given[record.mask].identity in known:
            decided.done[number] = "ignored"  # the published mask is left as it is, with its segments
        elif mode == "merge" or (record.group not in REFERENCED and record.reference_id not in referenced):
            decided.fate[number] = "unknown_reference"  # (U3, I4); a segment has its mask's target
        else:
            decided.done[number] = "created"
            decided.made[number] = record
            created.append(number)
            if record.group in REFERENCED:
                referenced.add(record.reference_id)
    if mode == "replace":
        _drop_segments(decided, given, now)
    decided.after = (*now.values(), *(given[number] for number in sorted(created)))
    return decided


def duplicates(records: Sequence[Record], *, keep_last: bool) -> set[int]:
    """The numbers of the records that lose to another one of their identity (I3); a mask takes its segments along."""
    order = list(enumerate(records))
    if keep_last:
        order.reverse()
    lost: set[int] = set()
    kept: set[tuple[Any, ...]] = set()
    for number, record in order:
        if record.mask is None:
            (lost.add(number) if record.identity in kept else kept.add(record.identity))
    for number, record in order:
        if record.mask is not None:
            is_lost = record.identity in kept or record.mask in lost
            (lost.add(number) if is_lost else kept.add(record.identity))
    return lost


def _meet(decided: Decided, number: int, record: Record, now: dict[tuple[Any, ...], Record], *, mode: str) -> None:
    """A record that is published already."""
    if mode == "append":
        decided.done[number] = "ignored"
        return
    before = now[record.identity]
    if mode == "merge":
        try:
            record = replace(record, draft=merged_over(before.draft, record.draft))
        except RejectedError as error:
            decided.fate[number], decided.fields[number] = error.code, error.field
            return
    if _said(record.draft) == _said(before.draft):
        decided.done[number] = "unchanged"  # and its source stays the old one
        return
    decided.done[number] = "updated"
    decided.made[number] = now[record.identity] = record


def _said(draft: Draft) -> str:
    """Everything that a row says, but for where it comes from; 1, 1.0 and true are three values in its metadata."""
    row = draft.row | {"metadata": uncast(draft.metadata), "camera": draft.camera}
    row |= {key: float(row[key]) for key in DOUBLES if row.get(key) is not None}
    return json.dumps(row, sort_keys=True)


def _drop_segments(decided: Decided, given: Sequence[Record], now: dict[tuple[Any, ...], Record]) -> None:
    """Takes away the published segments that a replaced mask has no longer (U2)."""
    for number, mask in enumerate(given):
        if mask.draft.row.get("type") != "mask" or decided.done.get(number) not in ("updated", "unchanged"):
            continue
        # A segment that is quarantined is still one of the mask's: the published one stays (T6).
        named = {record.identity for record in given if record.mask == number}
        gone = [
            identity
            for identity, record in now.items()
            if record.draft.row.get("type") == "segment" and _mask_of(record) == mask.identity and identity not in named
        ]
        for identity in gone:
            del now[identity]
        if gone and decided.done[number] == "unchanged":
            decided.done[number] = "updated"
            decided.made[number] = now[mask.identity] = mask


def _mask_of(segment: Record) -> tuple[Any, ...]:
    """The identity of the mask that a segment belongs to."""
    group, _, *mask, _ = segment.identity
    return (group, "mask", *mask)


def _without(record: Record, keys: AbstractSet[str], *, mode: str) -> Record:
    """The record without these metadata keys."""
    if not keys:
        return record
    rest = {key: value for key, value in uncast(record.draft.metadata).items() if key not in keys}
    # What is left of it was normalised when it was read; an update is, once it is merged.
    return replace(record, draft=with_metadata(record.draft, accept(rest, is_located=mode != "merge")))
