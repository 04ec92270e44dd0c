"""The fast path: records of the most frequent form go from bytes to columns, without a parser and the rule."""

from collections.abc import Collection

import numpy as np
import polars as pl

from transforms.kernels.batch.metadata_columns import FORMS, json_text
from transforms.kernels.batch.null_columns import null_column
from transforms.kernels.batch.value_columns import ValueColumn
from transforms.kernels.normalize import native_json
from transforms.kernels.normalize.attachments import unusual_texts
from transforms.kernels.normalize.degrees import with_degrees
from transforms.kernels.normalize.items import locations
from transforms.kernels.normalize.native_json import Shredded
from transforms.kernels.urls.canonical import canonical_column
from transforms.raw_records import RawRecords
from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.export_rows import Group
from transforms.rules.key_limits import MAX_RECORD_KEYS
from transforms.rules.metadata import RESERVED

_URLS = ("image_url", "pointcloud_url", "url")
"""The keys of URLs that the extension takes."""


def shredded(
    raw: RawRecords, group: Group, model_run: str | None, most_fields: int = MAX_RECORD_KEYS
) -> Shredded | None:
    """The columns of items or boxes that need no parser; None if there are none.

    `most_fields` as in `native_json.items`.
    """
    match group:
        case "items":
            return items(raw, most_fields)
        case "annotations" | "predictions":
            found = native_json.boxes(raw, prediction=group == "predictions", most_fields=most_fields)
            if found is not None and (found := _in_degrees(found)) is not None:
                runs = pl.Series([model_run], dtype=pl.String).new_from_index(0, len(found.places))
                found.columns["model_run"] = runs
            return found
        case "scenes":
            return None


def items(raw: RawRecords, most_fields: int = MAX_RECORD_KEYS) -> Shredded | None:
    """The columns of items, alone or in frames, without those whose URL or reserved keys need the rule."""
    found = native_json.items(raw, most_fields=most_fields)
    if found is not None:
        found = found.without(_unusual_reserved(found))
    if found is not None:
        found = _in_degrees(found)
    return None if found is None else _located(found)


def _in_degrees(found: Shredded) -> Shredded | None:
    """Records with coordinates as numbers; None if all of them need the rule for theirs."""
    dense, odd = with_degrees(found.dense)
    return found._replace(dense=dense).without(odd)


def _located(found: Shredded) -> Shredded | None:
    """Items with the columns of their URLs and of `extra`; None if all of them need the rule for their URL."""
    given = [found.columns[key] for key in _URLS if key in found.columns]
    if not given:
        return None
    url = given[0].alias("given")
    if len(given) > 1 or url.null_count():  # an item has one URL, under one key (K4)
        table = pl.DataFrame(given)
        is_one = table.select(pl.sum_horizontal(pl.all().is_not_null()) == 1).to_series()
        url = table.select(given=pl.coalesce(pl.all())).to_series().set(~is_one, None)
    canonical, errors = canonical_column(url)
    is_sound = url.is_not_null() & errors.is_null()
    if not is_sound.all():
        kept = found.without((~is_sound).arg_true().to_list())
        if kept is None:
            return None
        found, url, canonical = kept, url.filter(is_sound), canonical.filter(is_sound)
    columns = found.columns
    kinds = columns.pop("type", None)
    either = columns.pop("url", None)
    if either is not None:
        by_kind = locations(either, null_column("type", pl.String(), len(either)) if kinds is None else kinds)
        for name, urls in by_kind.items():
            columns[name] = pl.select(pl.coalesce(columns[name], urls)).to_series() if name in columns else urls
    if kinds is not None:
        names = kinds.drop_nulls().unique()
        texts = pl.Series([json_text({"type": name}) for name in names], dtype=pl.String)
        columns["extra"] = kinds.replace_strict(names, texts, default=None, return_dtype=pl.String)
    columns["url"] = canonical.set(canonical == url, None)
    return found


def _unusual_reserved(found: Shredded) -> set[int]:
    """The items with a reserved key that the rule rejects or changes (A1, A2)."""
    unusual: set[int] = set()
    for key in RESERVED:
        for form in FORMS:
            values = found.dense.get(ValueColumn(form, key).name)
            if values is None or form == "null":
                continue
            rows = np.flatnonzero(values.is_not_null().to_numpy())
            wrong: Collection[int]
            if form != "json":
                wrong = range(len(rows))
            elif key == ATTACHMENTS:
                wrong = unusual_texts(values.drop_nulls().to_list())
            else:
                wrong = (~values.drop_nulls().str.starts_with("{")).arg_true().to_list()
            unusual.update(rows[list(wrong)].tolist())
    return unusual
