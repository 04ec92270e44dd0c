"""Turns a chunk of raw records of one group into batches of rows and rejections (G, V, C, A, I1, K4).

Records of the most frequent form go from bytes to columns (`fast_path`). The others are parsed, and checked column by
column, kind by kind (`items`, `scenes`, `annotations`, `updates`); what a check of columns does not accept is left to
the rule, record by record. All ways have the same results, which property tests compare.
"""

from collections.abc import Collection, Sequence
from functools import partial

import numpy as np
import polars as pl

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.normalize import fast_path
from transforms.kernels.normalize.added import add, add_selection, fields_of, judged, known
from transforms.kernels.normalize.alike import Alike, divided
from transforms.kernels.normalize.annotations import selected_annotations
from transforms.kernels.normalize.columns import (
    Origin,
    Rejected,
    annotation_columns,
    assembled,
    item_columns,
    scene_columns,
)
from transforms.kernels.normalize.frames import Frames, frames_of
from transforms.kernels.normalize.items import selected_items
from transforms.kernels.normalize.normalized import Normalized
from transforms.kernels.normalize.pieces import Piece, pieces_of
from transforms.kernels.normalize.scenes import selected_scenes
from transforms.kernels.normalize.selection import Selection
from transforms.kernels.normalize.updates import selected_annotation_updates, selected_updates, unknown_text
from transforms.raw_records import RawRecords
from transforms.rules import annotations as annotation_rules
from transforms.rules import items as item_rules
from transforms.rules import scenes as scene_rules
from transforms.rules import updates as update_rules
from transforms.rules.annotations import MASK, Annotation
from transforms.rules.crowds import MAX_RECORD_KEYS, most_fields
from transforms.rules.export_rows import Group
from transforms.rules.policies import Mode
from transforms.rules.published_rows import published_segment
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import Record


def normalize(
    raw: RawRecords,
    *,
    group: Group,
    model_run: str | None,
    origin: Origin,
    mode: Mode = "append",
    max_fields: int | None = None,
) -> Normalized:
    """Validates the raw records of a chunk and turns them into rows.

    `model_run` is that of predictions. In mode `merge` the rows have only identity and metadata (U3). Of far more
    metadata keys than `max_fields` only their number is kept (R5).
    """
    done = Normalized(most_fields=MAX_RECORD_KEYS if max_fields is None else most_fields(max_fields))
    left = range(len(raw)) if mode == "merge" else _shred(raw, group, model_run, origin, done)
    if not left:
        return done
    parsed = parse(list(raw) if len(left) == len(raw) else [raw[position] for position in left])
    done.rejected += (
        Rejected(group, left[place], parsed.known.get(place), fault) for place, fault in parsed.faults.items()
    )
    done.read[group] += len(parsed.faults)
    pieces, others = pieces_of(parsed.values, left, parsed.faults, group)
    done.rejected += others
    done.read[group] += len(pieces) + len(others)
    may_be_large = {left[place] for place in parsed.exact}
    for each in divided(pieces, group, model_run):
        exact = {place for place, piece in enumerate(each.pieces) if piece.position in may_be_large}
        match group:
            case "items":
                _items(each.pieces, each.frames, exact=exact, origin=origin, done=done, mode=mode)
            case "scenes":
                _scenes(each, exact=exact, origin=origin, done=done, mode=mode)
            case "annotations" | "predictions" if each.are_segments:
                _segments(each, group, origin=origin, done=done, mode=mode)
            case "annotations" | "predictions":
                _annotations(each.pieces, group, each.model_run, exact=exact, origin=origin, done=done, mode=mode)
    return done


def _shred(raw: RawRecords, group: Group, model_run: str | None, origin: Origin, done: Normalized) -> Sequence[int]:
    """Adds the batch of the records that need no parser and no rule; returns the positions of the others."""
    found = fast_path.shredded(raw, group, model_run, done.most_fields)
    if found is None:
        return range(len(raw))
    source = origin.columns(found.places, np.zeros(len(found.places), np.int64))
    done.batches.append(assembled(group, found.columns, (found.dense, found.cells), source))
    done.read[group] += len(found.places)
    is_left = np.ones(len(raw), np.bool_)
    is_left[found.places] = False
    left: list[int] = np.flatnonzero(is_left).tolist()
    return left


def _items(
    pieces: Sequence[Piece],
    frames: Frames | None,
    *,
    exact: Collection[int],
    origin: Origin,
    done: Normalized,
    mode: Mode,
) -> None:
    """Items of an items export, or (with `frames`, one for each piece) of the frames of scenes."""
    if mode == "merge":
        _updates(pieces, "items", exact=exact, origin=origin, done=done)
        return
    selected: list[int] = []
    faults: dict[int, Fault] = {}
    for selection in selected_items([piece.record for piece in pieces], exclude=exact):
        if frames is not None:
            selection.columns.update(frames.columns(selection.places))
        add_selection("items", selection, pieces, origin=origin, done=done)
        selected += selection.places
        faults.update(selection.faults)
    others = Selection(selected, {}, ()).others(len(pieces))
    kept, rows = judged(pieces, others, item_rules.item, "items", done, faults)
    if not rows:
        return
    columns = {**item_columns(rows), **(frames.columns(kept) if frames is not None else {})}
    fields = fields_of([row.metadata for row in rows], done)
    add("items", columns, fields, [pieces[place] for place in kept], origin=origin, done=done)


def _updates(
    pieces: Sequence[Piece], group: Group, *, exact: Collection[int], origin: Origin, done: Normalized
) -> None:
    """Items or scenes that update metadata only (U3)."""
    records = [piece.record for piece in pieces]
    unknown = unknown_texts(records, [group] * len(records))
    selection = selected_updates(records, exclude=exact)
    selection.columns["extra"] = [unknown[place] for place in selection.places]
    add_selection(group, selection, pieces, origin=origin, done=done)
