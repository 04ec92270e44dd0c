"""Turns a chunk of raw records of one group into batches of rows and rejections (G, V, C, A, I1, K4).

Records of the most frequent form go from bytes to columns (`fast_path`). The others are parsed, and checked column by
column, kind by kind (`items`, `scenes`, `annotations`, `updates`); what a check of columns does not accept is left to
the rule, record by record. All ways have the same results, which property tests compare.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.exact_json import parse
from transforms.kernels.normalize import fast_path, native_json
from transforms.kernels.normalize.add_results import add, add_selection, fields_of, judged, known
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
from transforms.kernels.normalize.opened_scenes import open_scenes
from transforms.kernels.normalize.pieces import Pieces, pieces_of
from transforms.kernels.normalize.scenes import selected_scenes
from transforms.kernels.normalize.selection import Selection
from transforms.kernels.normalize.uniform_records import UniformRecords, divided
from transforms.kernels.normalize.updates import selected_annotation_updates, selected_updates, unknown_text
from transforms.raw_records import RawRecords
from transforms.rules import annotations as annotation_rules
from transforms.rules import items as item_rules
from transforms.rules import scenes as scene_rules
from transforms.rules import updates as update_rules
from transforms.rules.annotations import MASK, Annotation
from transforms.rules.export_rows import Group
from transforms.rules.key_limits import MAX_RECORD_KEYS, most_fields
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
    done.read[group] += len(pieces.records) + len(others)
    may_be_large = {left[place] for place in parsed.exact}
    for each in divided(pieces, group, model_run):
        exact = each.pieces.places_of(may_be_large)
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
    """Adds the batches of the records that need no parser and no rule; returns the positions of the others."""
    if group == "scenes":
        return _open(raw, origin, done)
    found = fast_path.shredded(raw, group, model_run, done.most_fields)
    if found is None:
        return range(len(raw))
    source = origin.columns(found.places, np.zeros(len(found.places), np.int64))
    done.batches.append(assembled(group, found.columns, (found.dense, found.cells), source))
    done.read[group] += len(found.places)
    return _left(found.places, len(raw))


def _open(raw: RawRecords, origin: Origin, done: Normalized) -> Sequence[int]:
    """As `_shred`, of scenes, whose items take the way of items, from bytes to columns."""
    if not native_json.is_built():
        return range(len(raw))
    unsure: set[int] = set()
    while True:  # at most twice
        opened = open_scenes(raw, (position for position in range(len(raw)) if position not in unsure))
        found = fast_path.items(opened.items, done.most_fields)
        left = range(len(opened.items)) if found is None else _left(found.places, len(opened.items))
        parsed = parse([opened.items[place] for place in left])
        wrong = {int(opened.frames.owners[left[place]]) for place in parsed.exact.union(parsed.faults)}
        if not wrong:
            break
        unsure.update(opened.positions[owner] for owner in wrong)
    if not opened.positions:
        return range(len(raw))
    scenes = Pieces(opened.records, np.array(opened.positions, np.int64), np.zeros(len(opened.records), np.int64))
    done.read["scenes"] += len(opened.records)
    done.read["items"] += len(opened.items)
    _add_scenes(scenes, None, exact=(), origin=origin, done=done)
    if found is not None:
        positions = scenes.positions[opened.frames.owners[found.places]]
        source = origin.columns(positions, opened.frames.parts[found.places])
        columns = {**found.columns, **opened.frames.columns(found.places)}
        done.batches.append(assembled("items", columns, (found.dense, found.cells), source))
    others = replace(opened.frames.at(left), records=parsed.values)
    _frame_items(scenes, others, large=(), origin=origin, done=done, mode="append")
    return _left(scenes.positions, len(raw))


def _items(
    pieces: Pieces,
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
    for selection in selected_items(pieces.records, exclude=exact):
        if frames is not None:
            selection.columns.update(frames.columns(selection.places))
        add_selection("items", selection, pieces, origin=origin, done=done)
        selected += selection.places
        faults.update(selection.faults)
    others = Selection(selected, {}, ()).others(len(pieces.records))
    kept, rows = judged(pieces, others, item_rules.item, "items", done, faults)
    if not rows:
        return
    columns = {**item_columns(rows), **(frames.columns(kept) if frames is not None else {})}
    fields = fields_of([row.metadata for row in rows], done)
    add("items", columns, fields, pieces.source(kept, None, origin), done)


def _updates(pieces: Pieces, group: Group, *, exact: Collection[int], origin: Origin, done: Normalized) -> None:
    """Items or scenes that update metadata only (U3)."""
    selection = selected_updates(pieces.records, group, exclude=exact)
    add_selection(group, selection, pieces, origin=origin, done=done)
    others = selection.others(len(pieces.records))
    kept, rows = judged(pieces, others, update_rules.metadata_update, group, done, selection.faults)
    if rows:
        columns: dict[str, Sequence[object] | pl.Series] = {
            "reference_id": [row.reference_id for row in rows],
            "extra": [unknown_text(pieces.records[place], group) for place in kept],
        }
        fields = [row.metadata.fields for row in rows]
        add(group, columns, fields, pieces.source(kept, None, origin), done)


def _scenes(alike: UniformRecords, *, exact: Collection[int], origin: Origin, done: Normalized, mode: Mode) -> None:
    pieces = alike.pieces
    if mode == "merge":
        _updates(pieces, "scenes", exact=exact, origin=origin, done=done)
    else:
        _add_scenes(pieces, alike.frame_counts, exact=exact, origin=origin, done=done)
    found = frames_of(pieces.records)
    done.read["items"] += len(found.records)
    large = {pieces.position(place) for place in exact}
    _frame_items(pieces, found, large=large, origin=origin, done=done, mode=mode)


def _add_scenes(
    pieces: Pieces, counts: list[int | None] | None, *, exact: Collection[int], origin: Origin, done: Normalized
) -> None:
    """Adds scenes, without their frames; `counts` are the numbers of these where they are rows of their own."""
    selection = selected_scenes(pieces.records, exclude=exact)
    if counts is not None:
        selection.columns["frame_count"] = [counts[place] for place in selection.places]
    add_selection("scenes", selection, pieces, origin=origin, done=done)
    others = selection.others(len(pieces.records))
    kept, rows = judged(pieces, others, scene_rules.scene, "scenes", done, selection.faults)
    if rows:
        columns, fields = scene_columns(rows), fields_of([row.metadata for row in rows], done)
        if counts is not None:
            columns["frame_count"] = [counts[place] for place in kept]
        add("scenes", columns, fields, pieces.source(kept, None, origin), done)


def _frame_items(
    pieces: Pieces, found: Frames, *, large: Collection[int], origin: Origin, done: Normalized, mode: Mode
) -> None:
    """The items in frames of scenes (G2); at the positions `large` integers may be beyond the range of double."""
    records, frames, others = found.objects()
    for place in others:
        at = f"frames[{found.indexes[place]}]"
        fault = expected(Code.NOT_AN_OBJECT, "an object", found.records[place], at=at)
        done.rejected.append(Rejected("items", pieces.position(int(found.owners[place])), None, fault))
    if records:
        positions = pieces.positions[frames.owners]
        own = Pieces(records, positions, frames.parts)
        _items(own, frames, exact=own.places_of(large), origin=origin, done=done, mode=mode)


def _left(places: Positions, count: int) -> list[int]:
    """The other ones of `count` positions."""
    is_left = np.ones(count, np.bool_)
    is_left[places] = False
    left: list[int] = np.flatnonzero(is_left).tolist()
    return left


def _annotations(
    pieces: Pieces,
    group: Group,
    model_run: str | None,
    *,
    exact: Collection[int],
    origin: Origin,
    done: Normalized,
    mode: Mode,
) -> None:
    prediction = group == "predictions"
    merging = mode == "merge"
    if merging:
        selection = selected_annotation_updates(pieces.records, exclude=exact)
    else:
        selection = selected_annotations(pieces.records, prediction=prediction, exclude=exact)
    if selection.places:
        selection.columns["model_run"] = pl.Series([model_run], dtype=pl.String).new_from_index(
            0, len(selection.places)
        )
    add_selection(group, selection, pieces, origin=origin, done=done)

    def rule(record: Record) -> Annotation | Fault:
        if merging:
            return update_rules.annotation_update(record)
        return annotation_rules.annotation(record, prediction=prediction)

    kept, rows = judged(pieces, selection.others(len(pieces.records)), rule, group, done, selection.faults)
    unknown = [unknown_text(pieces.records[place], row.type) for place, row in zip(kept, rows, strict=True)]
    inner = [0] * len(kept)
    for place in [place for place, row in zip(kept, rows, strict=True) if row.type == MASK]:
        mask = pieces.records[place]
        for index, segment in enumerate(annotation_rules.segments(mask, merging=merging)):
            done.read[group] += 1
            if isinstance(segment, Fault):
                done.rejected.append(Rejected(group, pieces.position(place), known(mask), segment))
            else:
                rows.append(segment)
                kept.append(place)
                inner.append(index + 1)
    if rows:
        fields = fields_of([row.metadata for row in rows], done)
        columns = annotation_columns(rows, model_run)
        if merging:
            columns["extra"] = [*unknown, *columns["extra"][len(unknown) :]]
        add(group, columns, fields, pieces.source(kept, inner, origin), done)


def _segments(alike: UniformRecords, group: Group, *, origin: Origin, done: Normalized, mode: Mode) -> None:
    """Segments that are records of their own: published rows."""
    rule = partial(published_segment, merging=mode == "merge")
    kept, rows = judged(alike.pieces, range(len(alike.pieces.records)), rule, group, done, {})
    if rows:
        columns, fields = annotation_columns(rows, alike.model_run), fields_of([row.metadata for row in rows], done)
        add(group, columns, fields, alike.pieces.source(kept, None, origin), done)
