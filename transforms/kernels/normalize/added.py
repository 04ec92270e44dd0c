"""Adds rows and rejections to what becomes of a chunk, as the rules and the checks of columns find them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import polars as pl

from transforms.kernels.normalize.columns import Origin, Rejected, batch
from transforms.kernels.normalize.normalized import Normalized
from transforms.kernels.normalize.pieces import Piece
from transforms.kernels.normalize.selection import Selection
from transforms.rules.annotations import Annotation
from transforms.rules.export_rows import Group
from transforms.rules.identity import reference_id
from transforms.rules.items import Item
from transforms.rules.metadata import Metadata
from transforms.rules.rejections import Fault
from transforms.rules.scenes import Scene
from transforms.rules.updates import MetadataUpdate
from transforms.rules.values import JsonObject, Objects, Record

_Row = TypeVar("_Row", Item, Scene, Annotation, MetadataUpdate)


def judged(
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
            done.rejected.append(Rejected(group, piece.position, known(piece.record), row))
        else:
            kept.append(place)
            rows.append(row)
    return kept, rows


def known(record: Record) -> str | None:
    """The reference id of a rejected record if it has one (R1)."""
    identity = reference_id(record)
    return None if isinstance(identity, Fault) else identity


def fields_of(metadata: Sequence[Metadata], done: Normalized) -> list[JsonObject]:
    """The fields of the metadata of rows, whose warnings are counted."""
    for each in metadata:
        done.warnings.update(each.warnings)
    return [each.fields for each in metadata]


def add_selection(
    group: Group, selection: Selection, pieces: Sequence[Piece], *, origin: Origin, done: Normalized
) -> None:
    """Adds the batch of the records that were checked column by column, and what is rejected of them."""
    for place, fault in selection.rejected:
        done.read[group] += 1
        done.rejected.append(Rejected(group, pieces[place].position, known(pieces[place].record), fault))
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
        metadata, shapes = selection.metadata, selection.shapes
        done.batches.append(batch(group, selection.columns, metadata, source, shapes, most_fields=done.most_fields))
        done.warnings.update(selection.warnings)


def add(
    group: Group,
    columns: Mapping[str, Sequence[object] | pl.Series],
    metadata: Objects,
    pieces: Sequence[Piece],
    *,
    origin: Origin,
    done: Normalized,
) -> None:
    """Adds the batch of rows that rules made one by one, given as columns."""
    source = origin.columns([piece.position for piece in pieces], [piece.part for piece in pieces])
    done.batches.append(batch(group, dict(columns), metadata, source, most_fields=done.most_fields))
