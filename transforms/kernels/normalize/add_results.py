"""Adds rows and rejections to what becomes of a chunk, as the rules and the checks of columns find them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from transforms.kernels.normalize.columns import Origin, Rejected, batch
from transforms.kernels.normalize.normalized import Normalized
from transforms.kernels.normalize.pieces import Pieces
from transforms.kernels.normalize.selection import Selection
from transforms.rules.annotations import Annotation
from transforms.rules.export_rows import Group
from transforms.rules.identity import reference_id
from transforms.rules.items import Item
from transforms.rules.metadata import Metadata
from transforms.rules.rejections import Code, Fault
from transforms.rules.scenes import Scene
from transforms.rules.updates import MetadataUpdate
from transforms.rules.values import JsonObject, Objects, Record

_Row = TypeVar("_Row", Item, Scene, Annotation, MetadataUpdate)


def judged(
    pieces: Pieces,
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
    positions: list[int] = pieces.positions[np.asarray(places, np.int64)].tolist()
    for place, position in zip(places, positions, strict=True):
        record = pieces.records[place]
        row = faults.get(place) or rule(record)
        if isinstance(row, Fault):
            name = None if row.code is Code.INVALID_REFERENCE_ID else known(record)
            done.rejected.append(Rejected(group, position, name, row))
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


def add_selection(group: Group, selection: Selection, pieces: Pieces, *, origin: Origin, done: Normalized) -> None:
    """Adds the batch of the records that were checked column by column, and what is rejected of them."""
    for place, fault in selection.rejected:
        done.read[group] += 1
        done.rejected.append(Rejected(group, pieces.position(place), known(pieces.records[place]), fault))
    if selection.places:
        if selection.parts is not None:
            done.read[group] += sum(map(bool, selection.parts))
        source = pieces.source(selection.places, selection.parts, origin)
        metadata, shapes = selection.metadata, selection.shapes
        done.batches.append(batch(group, selection.columns, metadata, source, shapes, most_fields=done.most_fields))
        done.warnings.update(selection.warnings)


def add(
    group: Group,
    columns: Mapping[str, Sequence[object] | pl.Series],
    metadata: Objects,
    source: list[pl.Series],
    done: Normalized,
) -> None:
    """Adds the batch of rows that rules made one by one, given as columns; `source` are its SOURCE columns."""
    done.batches.append(batch(group, dict(columns), metadata, source, most_fields=done.most_fields))
