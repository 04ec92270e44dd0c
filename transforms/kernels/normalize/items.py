"""Normalizes dataset items column by column: images and point clouds, alone or as frames of a scene (I1, K4, G6)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from transforms.kernels.batch.metadata_columns import Shapes, json_text, shapes
from transforms.kernels.normalize.selection import Candidates, Columns, Selection
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.items import (
    COLUMNS,
    CORE_KEYS,
    EITHER_URL_KEYS,
    POINTCLOUD,
    POINTCLOUD_EXTENSION,
    POINTCLOUD_URL_KEYS,
    URL_KEYS,
)
from transforms.rules.metadata import CAMERA_PARAMS
from transforms.rules.rejections import Code, Fault
from transforms.rules.values import Record


def selected_items(records: Sequence[Record], *, exclude: Collection[int] = ()) -> Iterator[Selection]:
    """The items that their rule accepts, by the key of their URL; none at the positions `exclude`."""
    known = shapes(records)
    for key, places in sorted(_by_url_key(records, known).items()):
        if len(places) == len(records) and not exclude:
            yield _selected(Candidates(places, records, known), key)
            continue
        chosen = [place for place in places if place not in exclude]
        if chosen:
            yield _selected(Candidates(chosen, [records[place] for place in chosen]), key)


def _by_url_key(records: Sequence[Record], known: Shapes) -> dict[str, list[int]]:
    """The key that each record has its URL under to the positions, ascending, of the records; those without are left.

    Of several keys the first with a value counts (K4).
    """
    found: defaultdict[str, list[int]] = defaultdict(list)
    for keys, positions in known.items():
        given = [key for key in URL_KEYS if key in keys]
        if len(given) == 1:
            found[given[0]] += positions
        elif given:
            for position in positions:
                record = records[position]
                used = next((key for key in given if record[key] is not None and record[key] != ""), None)
                if used is not None:
                    found[used].append(position)
    return {key: sorted(positions) for key, positions in found.items()}


def _selected(found: Candidates, key: str) -> Selection:
    """The items whose URL is under a key."""
    found.identify()
    found.judge(CORE_KEYS)
    wrong = [place for place, url in enumerate(found.column(key)) if not isinstance(url, str) or not url]
    found.drop(wrong)
    given = pl.Series(key, found.column(key), pl.String)
    canonical, errors = canonical_column(given)
    if errors.null_count() < len(errors):
        fine = errors.is_null()
        wrong = (~fine).arg_true().to_list()
        texts = errors.drop_nulls().to_list()
        faults = (Fault(Code.INVALID_URL, f"{error} at {key}", key) for error in texts)
        found.reject(dict(zip(wrong, faults, strict=True)))
        given, canonical = given.filter(fine), canonical.filter(fine)
    columns: Columns = {"reference_id": found.column("reference_id"), "url": canonical.set(canonical == given, None)}
    if key in EITHER_URL_KEYS:
        columns |= locations(given, pl.Series("type", found.column("type"), pl.String))
    else:
        columns["pointcloud_url" if key in POINTCLOUD_URL_KEYS else "image_url"] = given
    for name in found.keys & {"width", "height"}:
        columns[name] = found.doubles(name)
    if CAMERA_PARAMS in found.keys:
        columns[CAMERA_PARAMS] = [None if each is None else json_text(each) for each in found.column(CAMERA_PARAMS)]
    extra = found.extra_texts(COLUMNS | {key})
    if extra is not None:
        columns["extra"] = extra
    return found.select(columns)


def locations(given: pl.Series, kinds: pl.Series) -> dict[str, pl.Series]:
    """URLs under a key of either kind as the columns of images and of point clouds, those that have a value.

    Args:
        given: String array of shape (N,), nulls allowed.
        kinds: String array of shape (N,), the type of each item, null where it has none.
    """
    is_cloud = (pl.col("type") == POINTCLOUD).fill_null(pl.col("given").str.ends_with(POINTCLOUD_EXTENSION))
    split = pl.DataFrame({"given": given, "type": kinds}).select(
        image_url=pl.when(~is_cloud).then("given"), pointcloud_url=pl.when(is_cloud).then("given")
    )
    return {column.name: column for column in split.iter_columns() if column.null_count() < len(column)}
