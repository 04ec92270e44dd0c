"""Normalizes annotations and predictions of each type column by column (I2; FORMATS 1.6 to 1.8)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from transforms.kernels.batch.metadata_columns import Shapes, json_text
from transforms.kernels.normalize.derived_ids import derived_ids
from transforms.kernels.normalize.geometries import geometry_texts, wrong_geometries
from transforms.kernels.normalize.masks import urls_and_segments
from transforms.kernels.normalize.selection import NOTHING, Candidates, Columns, Selection
from transforms.rules.annotations import GEOMETRIC, MASK, STRINGS, TYPES, columns_of, core_keys_of
from transforms.rules.identity import REFERENCE_ID
from transforms.rules.values import JsonObject, Record


def selected_annotations(records: Sequence[Record], *, prediction: bool, exclude: Collection[int] = ()) -> Selection:
    """The annotations of any type that their rule accepts; none at the positions `exclude`."""
    by_type: defaultdict[str, list[int]] = defaultdict(list)
    for place, kind in enumerate([record.get("type") for record in records]):
        if isinstance(kind, str) and place not in exclude:
            by_type[kind].append(place)
    found: list[Selection] = []
    for kind in sorted(TYPES.intersection(by_type)):
        places = by_type[kind]
        candidates = Candidates(places, [records[place] for place in places])
        found += _selected(candidates, kind, prediction=prediction)
    return joined([selection for selection in found if selection.places])


def _selected(found: Candidates, kind: str, *, prediction: bool) -> Sequence[Selection]:
    """The annotations of one type; also the segments of masks."""
    found.check((REFERENCE_ID, *core_keys_of(kind, prediction=prediction)))
    found.require("reference_id")
    if kind == MASK:
        urls, segments = urls_and_segments(found)
        columns = annotation_columns(found, kind, prediction=prediction) | urls
        # A mask has no metadata of its own (G3).
        count = len(found.places)
        return Selection(found.places, columns, [{}] * count, {(): [*range(count)]}), segments
    if kind in GEOMETRIC:
        found.drop(wrong_geometries(found.column("geometry"), kind))
    return (found.select(annotation_columns(found, kind, prediction=prediction)),)


def annotation_columns(found: Candidates, kind: str, *, prediction: bool) -> Columns:
    """The columns of checked annotations of one type."""
    columns: Columns = {"reference_id": found.column("reference_id"), "type": [kind] * len(found.places)}
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
    if not selections:
        return NOTHING
    if len(selections) == 1:
        return selections[0]
    names = dict.fromkeys(name for selection in selections for name in selection.columns)
    columns: Columns = {}
    for name in names:
        values: list[object] = []
        for selection in selections:
            column = selection.columns.get(name)
            values += [None] * len(selection.places) if column is None else column
        columns[name] = values
    parts: list[int] | None = None
    if any(selection.parts for selection in selections):
        parts = [part for each in selections for part in each.parts or [0] * len(each.places)]
    metadata: list[JsonObject] = [each for selection in selections for each in selection.metadata]
    places = [place for selection in selections for place in selection.places]
    warnings = sum((selection.warnings for selection in selections), Counter[str]())
    return Selection(places, columns, metadata, _joined_shapes(selections), warnings, parts)


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
