"""Normalizes updates of the metadata of items and scenes column by column (U3; FORMATS 1.9)."""

from collections.abc import Collection, Sequence

from transforms.kernels.batch.metadata_columns import json_text, shapes
from transforms.kernels.normalize.selection import Candidates, Selection
from transforms.rules.identity import REFERENCE_ID
from transforms.rules.irregularities import unknown_keys
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.updates import with_camera
from transforms.rules.values import Record


def selected_updates(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Selection:
    """The updates that their rule accepts; none at the positions `exclude`. Coordinates are left as they are."""
    places = [place for place in range(len(records)) if place not in exclude]
    found = Candidates(places, [records[place] for place in places])
    if CAMERA_PARAMS in found.keys:
        found = Candidates(places, [{**record, "metadata": with_camera(record)} for record in found.records])
    found.check((REFERENCE_ID,))
    found.require("reference_id")
    return found.select({"reference_id": found.column("reference_id")}, locate=False)


def unknown_texts(records: Sequence[Record], forms: Sequence[str]) -> list[str | None]:
    """The JSON of the keys of each update that no rule knows, to be named (R7); None where there are none.

    An update keeps nothing but identity and metadata: the merge leaves these aside.

    Args:
        records: The updates.
        forms: The form of each (`transforms.rules.irregularities`).
    """
    texts: list[str | None] = [None] * len(records)
    unknown_of: dict[tuple[str, ...], list[str]] = {}
    for keys, positions in shapes(records).items():
        for position in positions:
            shape = (forms[position], *keys)
            unknown = unknown_of.get(shape)
            if unknown is None:
                unknown = unknown_of[shape] = unknown_keys(keys, forms[position])
            if not unknown:
                continue
            record = records[position]
            found = {key: record[key] for key in unknown if record[key] is not None}
            texts[position] = json_text(found) if found else None
    return texts
