"""Normalizes annotations and predictions of each type column by column (I2; FORMATS 1.6 to 1.8)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import chain

import polars as pl

from transforms.kernels.batch.metadata_columns import Shapes, json_text
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.normalize.derived_ids import derived_ids
from transforms.kernels.normalize.geometries import faults_of_geometries, geometry_texts
from transforms.kernels.normalize.masks import masks_alone, urls_and_segments
from transforms.kernels.normalize.selection import NOTHING, Candidates, Columns, Selection, constant
from transforms.rules.annotations import GEOMETRIC, MASK, STRINGS, TYPES, columns_of, keys_around_geometry
from transforms.rules.values import JsonObject, Record


def selected_annotations(records: Sequence[Record], *, prediction: bool, exclude: Collection[int] = ()) -> Selection:
    """The annotations of any type that their rule accepts; none at the positions `exclude`."""
    by_type: defaultdict[str, list[int]] = defaultdict(list)
    kinds = [record.get("type") for record in records]
    if records and not exclude and isinstance(kinds[0], str) and kinds.count(kinds[0]) == len(kinds):
        by_type[kinds[0]] = [*range(len(kinds))]
    else:
        for place, kind in enumerate(kinds):
            if isinstance(kind, str) and place not in exclude:
                by_type[kind].append(place)
    found: list[Selection] = []
    for kind in sorted(TYPES.intersection(by_type)):
        places = by_type[kind]
        alone = records if len(places) == len(records) else [records[place] for place in places]
        candidates = Candidates(places, alone)
        found += _selected(candidates, kind, prediction=prediction)
    return joined(found)


def _selected(found: Candidates, kind: str, *, prediction: bool) -> Sequence[Selection]:
    """The annotations of one type; also the segments of masks."""
    first, behind = keys_around_geometry(kind, prediction=prediction)
    found.identify()
    found.judge(first)
    if kind in GEOMETRIC:
        found.reject(faults_of_geometries(found.column("geometry"), kind))
    found.judge(behind)
    if kind == MASK:
        urls, of_masks, rejected = urls_and_segments(found)
        columns = annotation_columns(found, kind, prediction=prediction) | urls
        return masks_alone(found, columns, rejected), of_masks
    return (found.select(annotation_columns(found, kind, prediction=prediction)),)


def annotation_columns(found: Candidates, kind: str, *, prediction: bool) -> Columns:
    """The columns of checked annotations of one type."""
    columns: Columns = {"reference_id": found.column("reference_id"), "type": constant(kind, len(found.places))}
    for key in found.keys & {"label", *STRINGS}:
        columns[key] = found.column(key)
    for key in found.keys & ({"labels", "class_pdf"} if prediction else {"labels"}):
        columns[key] = [None if value is None else json_text(value) for value in found.column(key)]
    if "geometry" in found.keys:
        texts = geometry_texts(found.column("geometry"))
        columns["geometry"] = texts
        if kind in GEOMETRIC and None in found.column("annotation_id"):
            columns["annotation_id"] = derived_ids(found, kind, texts)
    if prediction and "confidence" in found.keys:
        columns["confidence"] = found.doubles("confidence")
    extra = found.extra_texts(columns_of(kind, prediction=prediction))
    if extra is not None:
        columns["extra"] = extra
    return columns


def joined(selections: Sequence[Selection]) -> Selection:
    """The rows of several selections, one after the other."""
    if len(selections) == 1:
        return selections[0]
    faults = {place: fault for each in selections for place, fault in each.faults.items()}
    rejected = [part for each in selections for part in each.rejected]
    selections = [each for each in selections if each.places]
    if not selections:
        return replace(NOTHING, faults=faults, rejected=rejected)
    if len(selections) == 1:
        return replace(selections[0], faults=faults, rejected=rejected)
    names = dict.fromkeys(name for selection in selections for name in selection.columns)
    columns: Columns = {
        name: _joined_column([(each.columns.get(name), len(each.places)) for each in selections]) for name in names
    }
    parts: list[int] | None = None
    if any(selection.parts for selection in selections):
        parts = [part for each in selections for part in each.parts or [0] * len(each.places)]
    metadata: list[JsonObject] = [each for selection in selections for each in selection.metadata]
    places = [place for selection in selections for place in selection.places]
    warnings = sum((selection.warnings for selection in selections), Counter[str]())
    return Selection(places, columns, metadata, _joined_shapes(selections), warnings, parts, faults, rejected)


def _joined_column(parts: Sequence[tuple[Sequence[object] | pl.Series | None, int]]) -> Sequence[object] | pl.Series:
    """The values of a column of several selections, each with its length; None is a column without a value."""
    dtype = next((part.dtype for part, _ in parts if isinstance(part, pl.Series)), None)
    if dtype is None:
        return list(chain.from_iterable([None] * count if part is None else part for part, count in parts))
    return pl.concat(
        null_column("", dtype, count) if part is None else pl.Series(values=part, dtype=dtype).alias("")
        for part, count in parts
    )


def _joined_shapes(selections: Sequence[Selection]) -> Shapes | None:
    """The shapes of the metadata of all selections."""
    found: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    start = 0
    for selection in selections:
        if selection.shapes is None:
            return None
        for keys, positions in selection.shapes.items():
            found[keys] += [position + start for position in positions] if start else positions
        start += len(selection.places)
    return found
