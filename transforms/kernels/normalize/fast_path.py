"""The fast path: records of the most frequent form go from bytes to columns, without a parser and the rule."""

import numpy as np
import polars as pl

from transforms.kernels.normalize import native_json
from transforms.kernels.normalize.native_json import Shredded
from transforms.kernels.urls.canonical import canonical_column
from transforms.raw_records import RawRecords
from transforms.rules.crowds import MAX_RECORD_KEYS
from transforms.rules.export_rows import Group


def shredded(
    raw: RawRecords, group: Group, model_run: str | None, most_fields: int = MAX_RECORD_KEYS
) -> Shredded | None:
    """The columns of image items or boxes that need no parser; None if there are none.

    `most_fields` as in `native_json.items`.
    """
    match group:
        case "items":
            found = native_json.items(raw, most_fields=most_fields)
            return None if found is None else with_canonical_urls(raw, found, most_fields)
        case "annotations" | "predictions":
            found = native_json.boxes(raw, prediction=group == "predictions", most_fields=most_fields)
            if found is not None:
                runs = pl.Series([model_run], dtype=pl.String).new_from_index(0, len(found.places))
                found.columns["model_run"] = runs
            return found
        case "scenes":
            return None


def with_canonical_urls(raw: RawRecords, found: Shredded, most_fields: int = MAX_RECORD_KEYS) -> Shredded | None:
    """Items shredded from raw records with their column `url`, without those whose URL needs the rule."""
    canonical, errors = canonical_column(found.columns["image_url"])
    if errors.null_count() < len(errors):
        skip = np.zeros(len(raw), np.bool_)
        skip[found.places[errors.is_not_null().to_numpy()]] = True
        again = native_json.items(raw, skip=skip, most_fields=most_fields)
        if again is None:
            return None
        found = again
        canonical, _ = canonical_column(found.columns["image_url"])
    found.columns["url"] = canonical.set(canonical == found.columns["image_url"], None)
    return found
