"""Normalizes dataset items column by column: image items with a URL, metadata and perhaps a size (I1, K4)."""

from collections.abc import Collection, Sequence

import polars as pl

from transforms.kernels.batch.metadata_columns import shapes
from transforms.kernels.normalize.selection import NOTHING, Candidates, Columns, Selection
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.identity import REFERENCE_ID
from transforms.rules.items import CORE_KEYS, IMAGE_URL
from transforms.rules.values import Record

_NEEDED = frozenset({"reference_id", "image_url"})
_KEYS = frozenset({"reference_id", "image_url", "metadata", "width", "height"})


def selected_items(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Selection:
    """Image items with a URL under `image_url`, a metadata object and perhaps a size, and nothing else.

    `exclude` are positions that must not be selected.
    """
    alike = [places for keys, places in shapes(records).items() if _NEEDED <= frozenset(keys) <= _KEYS]
    places = sorted(place for each in alike for place in each if place not in exclude)
    if not places:
        return NOTHING
    found = Candidates(places, [records[place] for place in places])
    found.check((REFERENCE_ID, IMAGE_URL, *CORE_KEYS))
    found.require("reference_id")
    found.require("image_url")
    given = pl.Series("image_url", found.column("image_url"), pl.String)
    canonical, errors = canonical_column(given)
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        found.drop((~fine).arg_true().to_list())
        given, canonical = given.filter(fine), canonical.filter(fine)
    columns: Columns = {
        "reference_id": found.column("reference_id"),
        "image_url": given,
        "url": canonical.set(canonical == given, None),
    }
    for key in found.keys & {"width", "height"}:
        columns[key] = found.doubles(key)
    return found.select(columns)
