"""Applies a map file to the rows of a table column by column, where it only renames, fills in and leaves out.

It gives the records that `record_maps` gives row by row, which a property test compares.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.formats.chunks import Chunk, SetAside
from transforms.mapping.expressions import Constant, Expression, Members, Template, fields_of
from transforms.mapping.json_columns import JsonTexts, json_form, json_texts, lines_of, object_texts, typed_texts
from transforms.mapping.paths import Path
from transforms.mapping.record_maps import NUMERIC, RecordMap, typed
from transforms.mapping.tables import TableBatch
from transforms.rules.rejections import shown


class _RowByRow(Exception):  # noqa: N818 - it says what is to be done
    """The map, or the batch, needs more than whole columns."""


def chunk_of_columns(batch: TableBatch, record_map: RecordMap) -> Chunk | None:
    """The records of a batch; None if each row has to be looked at.

    Args:
        batch: The rows.
        record_map: The map, with the types of the columns.
    """
    columns = _Columns(batch, dict(record_map.metadata.types), record_map.decimal)
    try:
        if record_map.joins:
            return None
        core = {key: columns.texts_of(key, each) for key, each in record_map.fields}
        metadata, set_aside = _metadata(batch, record_map, columns)
    except _RowByRow:
        return None
    return Chunk(
        records=lines_of({key: each for key, each in core.items() if each is not None}, metadata, len(batch)),
        offsets=batch.offsets,
        lines=batch.lines,
        first_line=0,
        line_count=0,
        byte_count=batch.byte_count,
        refused=batch.refused,
        sources=batch.sources,
        set_aside=set_aside,
    )


def _metadata(
    batch: TableBatch, record_map: RecordMap, columns: "_Columns"
) -> tuple[dict[str, JsonTexts], tuple[SetAside, ...]]:
    names, rename = record_map.metadata, dict(record_map.metadata.rename)
    set_aside: tuple[SetAside, ...] = ()
    if names.include is None:
        left_out = record_map.taken() | {*names.exclude}
        included = [name for name in batch.columns if name not in left_out]
    else:
        if any("." in name and name not in batch.columns for name in names.include):
            raise _RowByRow
        included = [name for name in names.include if name in batch.columns]
        known = record_map.known()
        others = {name: values for name, values in batch.columns.items() if name not in known}
        types, decimal = dict(names.types), record_map.decimal
        set_aside = tuple(
            _set_aside(batch, name, values, types.get(name), decimal)
            for name, values in others.items()
            if values.count()
        )
    found = {rename.get(name, name): columns.texts(name) for name in included}
    if len(found) < len(included):
        raise _RowByRow
    return found, set_aside


def _set_aside(batch: TableBatch, name: str, values: pl.Series, kind: str | None, decimal: str) -> SetAside:
    first = int(np.flatnonzero(values.is_not_null().to_numpy())[0])
    value = values[first] if kind is None else typed(values[first], kind, decimal)
    return SetAside(name, values.count(), int(batch.lines[first]), int(batch.offsets[first]), shown(json_form(value)))


class _Columns:
    """The columns of a batch as JSON texts, with their types."""

    def __init__(self, batch: TableBatch, types: Mapping[str, str], decimal: str) -> None:
        self._batch, self._types, self._decimal = batch, types, decimal

    def texts(self, name: str, kind: str | None = None) -> JsonTexts:
        """The texts of a column, by the type of the map or else by `kind`."""
        values = self._batch.columns[name]
        kind = self._types.get(name, kind)
        if kind is None or values.dtype != pl.String:
            return json_texts(values)
        return typed_texts(values, kind, self._decimal)

    def texts_of(self, key: str, expression: Expression) -> JsonTexts | None:
        """The texts of a field; None if no record has a value."""
        count = len(self._batch)
        match expression:
            case Path(text):
                if not text.isidentifier():
                    raise _RowByRow
                if text not in self._batch.columns:
                    return None
                is_number = self._batch.is_text and key in NUMERIC
                if is_number and self._types.get(text, "number") != "number":
                    raise _RowByRow
                return self.texts(text, "number" if is_number else None)
            case Constant(text):
                if self._batch.is_text and key in NUMERIC:
                    raise _RowByRow
                return JsonTexts(pl.Series([text], dtype=pl.String).new_from_index(0, count))
            case Template(text):
                return self._template(text, key)
            case Members(members):
                found = {name: self.texts_of(name, each) for name, each in members}
                return object_texts({name: each for name, each in found.items() if each is not None})

    def _template(self, text: str, key: str) -> JsonTexts:
        pieces: list[pl.Expr] = []
        for literal, name, spec in fields_of(text):
            pieces.append(pl.lit(literal))
            if name is None:
                continue
            values = self._batch.columns.get(name)
            if values is None or values.null_count() or spec or values.dtype != pl.String or name in self._types:
                raise _RowByRow
            pieces.append(pl.lit(values))
        if key in NUMERIC or not any(name for _, name, _ in fields_of(text)):
            raise _RowByRow
        return json_texts(pl.select(pl.concat_str(pieces)).to_series())
