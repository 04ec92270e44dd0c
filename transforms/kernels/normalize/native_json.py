"""Shreds raw records of the most frequent form directly into columns, with a C extension if present.

The extension accepts a record, with the same columns as the parser, `fast_path` and `metadata_columns`, or declines it:
unusual records are left to those modules. Without the extension all records are declined.
"""

from collections.abc import Collection
from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa

from transforms import native
from transforms.kernels.batch.arrow_arrays import series_of
from transforms.kernels.batch.batch import Positions, cells_at
from transforms.kernels.batch.exact_json import exact_json_values
from transforms.kernels.batch.metadata_columns import FORMS, Found, columns_and_cells, json_text, spread
from transforms.raw_records import RawRecords
from transforms.rules.coordinates import LATITUDE_LIMIT, LONGITUDE_LIMIT, PAIRS
from transforms.rules.key_limits import MAX_RECORD_KEY_CHARACTERS, MAX_RECORD_KEYS
from transforms.rules.limits import MAX_URL_CHARACTERS
from transforms.rules.metadata import RESERVED

_TEXT, _STRING, _STRING_OR_NULL, _NUMBER_OR_NULL, _NOTHING, _METADATA, _BOX, _LITERAL = range(8)
_LONG_BYTES = min(MAX_RECORD_KEY_CHARACTERS, MAX_URL_CHARACTERS)
"""Bytes of the longest record that cannot be beyond a limit of its keys, URLs or values (R8); longer ones go to the
rules."""
_FORM_NAMES = ("null", "bool", "int", "float", "string", "json")
_Core: TypeAlias = tuple[tuple[str, int, str], ...]
"""Key, required type of its value (the numbers of the extension), and the value of a literal."""

_ITEM: _Core = (
    ("reference_id", _TEXT, ""),
    ("image_url", _STRING_OR_NULL, ""),
    ("metadata", _METADATA, ""),
    ("width", _NUMBER_OR_NULL, ""),
    ("height", _NUMBER_OR_NULL, ""),
    ("url", _STRING_OR_NULL, ""),
    ("type", _STRING_OR_NULL, ""),
    ("pointcloud_url", _STRING_OR_NULL, ""),
)
_MARK: _Core = (
    ("reference_id", _TEXT, ""),
    ("type", _LITERAL, "box"),
    ("label", _STRING, ""),
    ("geometry", _BOX, ""),
    ("annotation_id", _TEXT, ""),
    ("metadata", _METADATA, ""),
    ("task_id", _STRING_OR_NULL, ""),
    ("track_reference_id", _STRING_OR_NULL, ""),
    ("embedding_vector", _NOTHING, ""),
)
_PREDICTED: _Core = (*_MARK, ("confidence", _NUMBER_OR_NULL, ""))
_COORDINATES = tuple(
    (key, limit) for pair in PAIRS for key, limit in zip(pair, (LATITUDE_LIMIT, LONGITUDE_LIMIT), strict=True)
)


class Shredded(NamedTuple):
    """The accepted records.

    Attributes:
        places: Their positions among the given records, ascending: int64[M].
        columns: Their values, a column of shape (M,) for each key with a value.
        dense: The columns of their metadata, as in `metadata_columns.tabulated`.
        cells: The rare values of their metadata.
    """

    places: Positions
    columns: dict[str, pl.Series]
    dense: dict[str, pl.Series]
    cells: pl.DataFrame

    def without(self, odd: Collection[int]) -> "Shredded | None":
        """The records but those at these positions among them; None if there are no others."""
        if not odd:
            return self
        keep = np.delete(np.arange(len(self.places)), list(odd))
        if not len(keep):
            return None
        columns, dense = (
            {name: values.gather(keep) for name, values in of.items()} for of in (self.columns, self.dense)
        )
        there = {name: values for name, values in dense.items() if values.null_count() < len(keep)}
        return Shredded(self.places[keep], columns, there, cells_at(self.cells, keep))


def is_built() -> bool:
    """Whether the extension is present."""
    return native.kernels is not None


def items(records: RawRecords, *, most_fields: int = MAX_RECORD_KEYS) -> Shredded | None:
    """Items with a metadata object and perhaps URLs, a type and a size; None if there are none.

    URLs, reserved keys of the metadata and coordinates that are strings are not validated. Records with other metadata
    keys than the first `most_fields` are declined (R5, R8).
    """
    return _shredded(records, _ITEM, (), most_fields)


def boxes(records: RawRecords, *, prediction: bool, most_fields: int = MAX_RECORD_KEYS) -> Shredded | None:
    """Box annotations with an id and four numbers; None if there are none.

    Coordinates that are strings are not validated.
    """
    return _shredded(records, _PREDICTED if prediction else _MARK, tuple(sorted(RESERVED)), most_fields)


def _shredded(records: RawRecords, core: _Core, declined: tuple[str, ...], most_fields: int) -> Shredded | None:
    """The records with these core keys; none with one of the `declined` metadata keys."""
    if native.kernels is None or not records:
        return None
    long = records.ends - records.starts > _LONG_BYTES
    skipped = long.astype(np.uint8).tobytes() if long.any() else b""
    block = (records.data, records.starts.tobytes(), records.ends.tobytes())
    most = min(most_fields, MAX_RECORD_KEYS)
    given, found, fields = native.kernels.shred(*block, core, declined, _COORDINATES, skipped, most)
    places = np.frombuffer(given, np.int64)
    if not len(places):
        return None
    columns = {}
    for (name, kind, literal), (rows, values, data) in zip(core, found, strict=True):
        if kind == _LITERAL:
            columns[name] = pl.Series(name, [literal], pl.String).new_from_index(0, len(places))
        elif values:
            series = _texts(values, data) if kind != _NUMBER_OR_NULL else pl.Series(values=np.frombuffer(values))
            columns[name] = spread(series, _rows(rows, len(places)), len(places))
    dense, cells = columns_and_cells((_found(field, len(places)) for field in fields), len(places))
    return Shredded(places, columns, dense, cells)


def _rows(given: bytes | None, count: int) -> Positions:
    """The row of each value; by default one value in each of `count` rows."""
    return np.arange(count) if given is None else np.frombuffer(given, np.int64)


def _found(field: tuple[str, int, tuple[bytes | None, bytes, bytes]], count: int) -> Found:
    """The values of one key in one form, in `count` rows."""
    key, number, (rows, values, data) = field
    form = _FORM_NAMES[number]
    where = _rows(rows, count)
    match form:
        case "int":
            series = pl.Series(values=np.frombuffer(values, np.int64))
        case "float":
            series = pl.Series(values=np.frombuffer(values))
        case "string":
            series = _texts(values, data)
        case "json":
            series = _canonical(_texts(values, data))
        case _:
            series = pl.Series(values=np.frombuffer(values, np.bool_))
    return key, form, where, series.cast(FORMS[form])


def _texts(offsets: bytes, data: bytes) -> pl.Series:
    """N strings in valid UTF-8; the N + 1 int64 are their offsets in `data`."""
    count = len(offsets) // 8 - 1
    array = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
    return series_of(array)


def _canonical(raw: pl.Series) -> pl.Series:
    """JSON values as canonical text; equal texts, where they are frequent, are converted once."""
    distinct = raw.unique(maintain_order=True)
    if 2 * len(distinct) > len(raw):
        return _written(raw)
    return raw.replace_strict(distinct, _written(distinct), return_dtype=pl.String)


def _written(raw: pl.Series) -> pl.Series:
    return pl.Series(values=list(map(json_text, exact_json_values(raw.to_list()))), dtype=pl.String)
