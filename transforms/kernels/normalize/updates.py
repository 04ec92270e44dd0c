"""Normalizes updates of metadata column by column, of items and scenes, and of annotations and predictions (U3)."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.normalize.annotations import joined
from transforms.kernels.normalize.derived_ids import derived_ids
from transforms.kernels.normalize.geometries import geometry_texts
from transforms.kernels.normalize.masks import masks_alone, segments
from transforms.kernels.normalize.selection import Candidates, Columns, Selection, constant
from transforms.rules.annotations import GEOMETRIC, MASK
from transforms.rules.export_rows import Group
from transforms.rules.irregularities import unknown_keys
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.updates import identity_keys_of, type_of, with_camera
from transforms.rules.values import JsonObject, Record


def selected_updates(records: Sequence[Record], group: Group, *, exclude: Collection[int] = ()) -> Selection:
    """The updates of items or scenes that their rule accepts; none at the positions `exclude`.

    Coordinates are left as they are.
    """
    places = [place for place in range(len(records)) if place not in exclude]
    found = _with_camera(Candidates(places, [records[place] for place in places]))
    found.identify()
    return found.select({"reference_id": found.column("reference_id")} | _extra(found, group), locate=False)


def selected_annotation_updates(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Selection:
    """The updates of annotations or predictions that their rule accepts, and segments; as `selected_updates`."""
    by_type: defaultdict[str, list[int]] = defaultdict(list)
    for place, record in enumerate(records):
        kind = type_of(record)
        if isinstance(kind, str) and place not in exclude:
            by_type[kind].append(place)
    found: list[Selection] = []
    for kind, places in sorted(by_type.items()):
        found += _selected(Candidates(places, [records[place] for place in places]), kind)
    return joined(found)


def unknown_text(record: Record, form: str) -> str | None:
    """The JSON of the keys of an update that no rule knows, to be named (R7); None where there are none.

    An update keeps nothing but identity and metadata: the merge leaves these aside.

    Args:
        record: The update.
        form: Its form (`transforms.rules.irregularities`).
    """
    return _member_text(record, unknown_keys(record, form))


def _selected(found: Candidates, kind: str) -> Sequence[Selection]:
    """The updates of annotations of one type; also the segments of masks, which have all of the metadata (G3)."""
    if kind != MASK:
        found = _with_camera(found)
    found.identify()
    found.judge(identity_keys_of(kind))
    if kind in GEOMETRIC:
        _require_identity(found)
    of_masks, rejected = segments(found, merging=True) if kind == MASK else (None, [])
    columns: Columns = {"reference_id": found.column("reference_id"), "type": constant(kind, len(found.places))}
    columns |= {key.name: found.column(key.name) for key in identity_keys_of(kind)} if kind != MASK else {}
    if kind in GEOMETRIC and None in found.column("annotation_id"):
        columns["annotation_id"] = derived_ids(found, kind, _texts_without_id(found))
    columns |= _extra(found, kind)
    if of_masks is None:
        return (found.select(columns, locate=False),)
    return masks_alone(found, columns, rejected), of_masks


def _with_camera(found: Candidates) -> Candidates:
    """The updates with the camera parameters beside their metadata in it."""
    if CAMERA_PARAMS not in found.keys:
        return found
    return Candidates(found.places, [{**record, "metadata": with_camera(record)} for record in found.records])


def _require_identity(found: Candidates) -> None:
    """Drops the updates that have neither an id nor what it is derived from."""
    given = found.column("annotation_id")
    if None in given:
        content = zip(given, found.column("label"), found.column("geometry"), strict=True)
        found.drop(
            [
                place
                for place, (identity, label, geometry) in enumerate(content)
                if identity is None and not (isinstance(label, str) and isinstance(geometry, dict))
            ]
        )


def _texts_without_id(found: Candidates) -> list[str | None]:
    """The canonical JSON of the geometries of which an id is derived; None for those of the others."""
    pairs = zip(found.column("annotation_id"), found.column("geometry"), strict=True)
    return geometry_texts([geometry if identity is None else None for identity, geometry in pairs])


def _extra(found: Candidates, form: str) -> Columns:
    """The column of the keys of each update that no rule knows (`unknown_text`), if there are any."""
    if not unknown_keys(found.keys, form):
        return {}
    texts: list[str | None] = [None] * len(found.records)
    for keys, positions in found.shapes().items():
        unknown = unknown_keys(keys, form)
        for position in positions if unknown else ():
            texts[position] = _member_text(found.records[position], unknown)
    return {"extra": texts}


def _member_text(record: Record, keys: Sequence[str]) -> str | None:
    found: JsonObject = {key: record[key] for key in keys if record[key] is not None}
    return json_text(found) if found else None
