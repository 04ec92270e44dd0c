"""Normalizes updates of the metadata of items and scenes column by column (U3; FORMATS 1.9)."""

from collections.abc import Collection, Sequence

from transforms.kernels.normalize.selection import Candidates, Selection
from transforms.rules.identity import REFERENCE_ID
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
