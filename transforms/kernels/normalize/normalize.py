"""Turns a chunk of raw records of one group into batches of rows and rejections (G, V, C, A, I1, K4).

Records of the most frequent form go from bytes to columns (`fast_path`). The others are parsed, and checked column by
column, kind by kind (`items`, `scenes`, `annotations`, `updates`); what a check of columns does not accept is left to
the rule, record by record. All ways have the same results, which property tests compare.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from transforms.kernels.batch.batch import Positions
from transforms.kernels.batch.exact_json import parse
from transforms.kernels.normalize import fast_path, native_json
from transforms.kernels.normalize.annotations import selected_annotations
from transforms.kernels.normalize.columns import (
    Origin,
    Rejected,
    annotation_columns,
    assembled,
    batch,
    item_columns,
    scene_columns,
)
from transforms.kernels.normalize.frames import Frames, frames_of
from transforms.kernels.normalize.items import selected_items
from transforms.kernels.normalize.normalized import Normalized
from transforms.kernels.normalize.pieces import Piece, pieces_of
from transforms.kernels.normalize.scenes import selected_scenes
from transforms.kernels.normalize.selection import NOTHING, Selection
from transforms.kernels.normalize.updates import selected_updates, unknown_texts
from transforms.raw_records import RawRecords
from transforms.rules import annotations as annotation_rules
from transforms.rules import items as item_rules
from transforms.rules import scenes as scene_rules
from transforms.rules import updates as update_rules
from transforms.rules.annotations import MASK, Annotation
from transforms.rules.crowds import MAX_RECORD_KEYS, most_fields
from transforms.rules.export_rows import Group
from transforms.rules.identity import reference_id
from transforms.rules.items import Item
from transforms.rules.metadata import Metadata
from transforms.rules.policies import Mode
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.scenes import Scene
from transforms.rules.updates import MetadataUpdate
from transforms.rules.values import JsonObject, Objects, Record

_Row = TypeVar("_Row", Item, Scene, Annotation, MetadataUpdate)


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
    exact = {place for place, piece in enumerate(pieces) if piece.position in may_be_large}
    match group:
        case "items":
            _items(pieces, None, exact=exact, origin=origin, done=done, mode=mode)
        case "scenes":
            _scenes(pieces, exact=exact, origin=origin, done=done, mode=mode)
        case "annotations" | "predictions":
            _annotations(pieces, group, model_run, exact=exact, origin=origin, done=done, mode=mode)
    return done


def _shred(raw: RawRecords, group: Group, model_run: str | None, origin: Origin, done: Normalized) -> Sequence[int]:
    """Adds the batch of the records that need no parser and no rule; returns the positions of the others."""
    found = fast_path.shredded(raw, group, model_run, done.most_fields)
    if found is None:
        return range(len(raw))
    source = origin.columns(found.places, np.zeros(len(found.places), np.int64))
    done.batches.append(assembled(group, found.columns, (found.dense, found.cells), source))
    done.read[group] += len(found.places)
    return _left(found.places, len(raw))


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
        _add_selection("items", selection, pieces, origin=origin, done=done)
        selected += selection.places
        faults.update(selection.faults)
    others = Selection(selected, {}, ()).others(len(pieces))
    kept, rows = _judged(pieces, others, item_rules.item, "items", done, faults)
    if not rows:
        return
    columns = {**item_columns(rows), **(frames.columns(kept) if frames is not None else {})}
    fields = _fields([row.metadata for row in rows], done)
    _add("items", columns, fields, [pieces[place] for place in kept], origin=origin, done=done)


def _updates(
    pieces: Sequence[Piece], group: Group, *, exact: Collection[int], origin: Origin, done: Normalized
) -> None:
    """Items or scenes that update metadata only (U3)."""
    records = [piece.record for piece in pieces]
    unknown = unknown_texts(records, [group] * len(records))
    selection = selected_updates(records, exclude=exact)
    selection.columns["extra"] = [unknown[place] for place in selection.places]
    _add_selection(group, selection, pieces, origin=origin, done=done)
    others = selection.others(len(pieces))
    kept, rows = _judged(pieces, others, update_rules.metadata_update, group, done, selection.faults)
    if rows:
        columns: dict[str, Sequence[object] | pl.Series] = {
            "reference_id": [row.reference_id for row in rows],
            "extra": [unknown[place] for place in kept],
        }
        fields = [row.metadata.fields for row in rows]
        _add(group, columns, fields, [pieces[place] for place in kept], origin=origin, done=done)


def _scenes(pieces: Sequence[Piece], *, exact: Collection[int], origin: Origin, done: Normalized, mode: Mode) -> None:
    large = {pieces[place].position for place in exact}
    if mode == "merge":
        _updates(pieces, "scenes", exact=exact, origin=origin, done=done)
        _frames(pieces, large=large, origin=origin, done=done, mode=mode)
        return
    selection = selected_scenes([piece.record for piece in pieces], exclude=exact)
    _add_selection("scenes", selection, pieces, origin=origin, done=done)
    kept, rows = _judged(pieces, selection.others(len(pieces)), scene_rules.scene, "scenes", done, selection.faults)
    if rows:
        fields = _fields([row.metadata for row in rows], done)
        _add("scenes", scene_columns(rows), fields, [pieces[place] for place in kept], origin=origin, done=done)
    _frames(pieces, large=large, origin=origin, done=done, mode=mode)


def _frames(pieces: Sequence[Piece], *, large: Collection[int], origin: Origin, done: Normalized, mode: Mode) -> None:
    """The items in the frames of scenes (G2); scenes at the positions `large` may have integers of over 64 bits."""
    every = frames_of([piece.record for piece in pieces])
    if not every.records:
        return
    done.read["items"] += len(every.records)
    found = every if mode == "merge" else every.at(_shred_frames(pieces, every, large=large, origin=origin, done=done))
    records, frames, others = found.objects()
    for place in others:
        at = f"frames[{found.indexes[place]}]"
        fault = expected(Code.NOT_AN_OBJECT, "an object", found.records[place], at=at)
        done.rejected.append(Rejected("items", pieces[found.owners[place]].position, None, fault))
    if records:
        positions = [pieces[owner].position for owner in frames.owners]
        frame_pieces = list(map(Piece, positions, frames.parts, records))
        exact = {place for place, position in enumerate(positions) if position in large} if large else ()
        _items(frame_pieces, frames, exact=exact, origin=origin, done=done, mode=mode)


def _shred_frames(
    pieces: Sequence[Piece], frames: Frames, *, large: Collection[int], origin: Origin, done: Normalized
) -> Sequence[int]:
    """As `_shred`, of the items in frames: written once more, they take the way of items in half the time."""
    if not native_json.is_built():
        return range(len(frames.records))
    without = {owner for owner, piece in enumerate(pieces) if piece.position in large} if large else ()
    found = fast_path.items(frames.raw(without=without), done.most_fields)
    if found is None:
        return range(len(frames.records))
    places = found.places.tolist()
    positions = np.array([piece.position for piece in pieces], np.int64)[np.array(frames.owners, np.int64)[places]]
    source = origin.columns(positions, np.array(frames.parts, np.int64)[places])
    columns = {**found.columns, **frames.columns(places)}
    done.batches.append(assembled("items", columns, (found.dense, found.cells), source))
    return _left(found.places, len(frames.records))


def _left(places: Positions, count: int) -> list[int]:
    """The other ones of `count` positions."""
    is_left = np.ones(count, np.bool_)
    is_left[places] = False
    left: list[int] = np.flatnonzero(is_left).tolist()
    return left


def _annotations(
    pieces: Sequence[Piece],
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
    objects = [piece.record for piece in pieces]
    selection = NOTHING if merging else selected_annotations(objects, prediction=prediction, exclude=exact)
    if selection.places:
        selection.columns["model_run"] = pl.Series([model_run], dtype=pl.String).new_from_index(
            0, len(selection.places)
        )
    _add_selection(group, selection, pieces, origin=origin, done=done)

    def rule(record: Record) -> Annotation | Fault:
        if merging:
            return update_rules.annotation_update(record)
        return annotation_rules.annotation(record, prediction=prediction)

    kept, rows = _judged(pieces, selection.others(len(pieces)), rule, group, done, selection.faults)
    kept_pieces = [pieces[place] for place in kept]
    unknown = unknown_texts([piece.record for piece in kept_pieces], [row.type for row in rows]) if merging else []
    masks = [piece for piece, row in zip(kept_pieces, rows, strict=True) if row.type == MASK]
    for mask in masks:
        for index, segment in enumerate(annotation_rules.segments(mask.record, merging=merging)):
            done.read[group] += 1
            if isinstance(segment, Fault):
                done.rejected.append(Rejected(group, mask.position, _known(mask.record), segment))
            else:
                rows.append(segment)
                # Parts of an export row are below 2**32: segments of different masks never share a part.
                kept_pieces.append(Piece(mask.position, (mask.part << 32) + index + 1, mask.record))
    if rows:
        fields = _fields([row.metadata for row in rows], done)
        columns = annotation_columns(rows, model_run)
        columns["extra"] = [*unknown, *columns["extra"][len(unknown) :]]
        _add(group, columns, fields, kept_pieces, origin=origin, done=done)


def _judged(
    pieces: Sequence[Piece],
    places: Sequence[int],
    rule: Callable[[Record], _Row | Fault],
    group: Group,
    done: Normalized,
    faults: Mapping[int, Fault],
) -> tuple[list[int], list[_Row]]:
    """The places whose records the rule accepts, and their rows; the others are rejected.

    `faults` are those that are known already, by place.
    """
    kept: list[int] = []
    rows: list[_Row] = []
    for place in places:
        piece = pieces[place]
        row = faults[place] if place in faults else rule(piece.record)
        if isinstance(row, Fault):
            done.rejected.append(Rejected(group, piece.position, _known(piece.record), row))
        else:
            kept.append(place)
            rows.append(row)
    return kept, rows


def _known(record: Record) -> str | None:
    """The reference id of a rejected record if it has one (R1)."""
    identity = reference_id(record)
    return None if isinstance(identity, Fault) else identity


def _fields(metadata: Sequence[Metadata], done: Normalized) -> list[JsonObject]:
    for each in metadata:
        done.warnings.update(each.warnings)
    return [each.fields for each in metadata]


def _add_selection(
    group: Group, selection: Selection, pieces: Sequence[Piece], *, origin: Origin, done: Normalized
) -> None:
    """Adds the batch of the records of the fast path, if there are any."""
    if selection.places:
        chosen = [pieces[place] for place in selection.places]
        parts = [piece.part for piece in chosen]
        if selection.parts is not None:
            done.read[group] += sum(map(bool, selection.parts))
            # Parts of an export row are below 2**32: segments of different masks never share a part.
            parts = [
                (part << 32) + inner if inner else part for part, inner in zip(parts, selection.parts, strict=True)
            ]
        source = origin.columns([piece.position for piece in chosen], parts)
        metadata, known = selection.metadata, selection.shapes
        done.batches.append(batch(group, selection.columns, metadata, source, known, most_fields=done.most_fields))
        done.warnings.update(selection.warnings)


def _add(
    group: Group,
    columns: Mapping[str, Sequence[object] | pl.Series],
    metadata: Objects,
    pieces: Sequence[Piece],
    *,
    origin: Origin,
    done: Normalized,
) -> None:
    source = origin.columns([piece.position for piece in pieces], [piece.part for piece in pieces])
    done.batches.append(batch(group, dict(columns), metadata, source, most_fields=done.most_fields))
